"""Issuers of officer tokens with a key of the home, in place of a national identity provider.

The trial issuer makes a token for anybody: `liaison doctor` warns of it and `liaison serve --production` refuses it.
The console's issuer makes one for a person of the lists who signed in there by a passkey or a card.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from certs.keyfiles import key_id, load_key, spki
from certs.profile import thumbprint_of
from gateway.agency.officer_tokens.tokens import MAX_LIFETIME_S, TYPE, audience
from gateway.clock import Clock
from gateway.errors import Misconfigured
from gateway.signing.jws import ALGORITHM, PublicKey

TRIAL_KEY = "trial"
"""The `kid` of tokens of the trial issuer, with the beginning of its key's id behind it where a home holds the key."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The officer that a token is for."""

    person: str
    role: str
    office: str
    agency: str
    purposes: tuple[str, ...]


class HomeIssuer:
    """Signs officer tokens with a key of the home. `name` begins the `kid` of its key, and stands in `iss`."""

    name: ClassVar[str]

    def __init__(self, key: ec.EllipticCurvePrivateKey, member: str, clock: Clock, kid: str = "") -> None:
        self.kid = kid or self.name
        self._key = key
        self._member = member
        self._clock = clock

    @classmethod
    def load(cls, file: Path, member: str, clock: Clock) -> Self:
        """Return the issuer whose key is in this file; raise `Misconfigured` for a key of another kind."""
        key = load_key(file)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise Misconfigured("the key of an issuer of officer tokens must be on P-256", where=str(file))
        return cls(key, member, clock, f"{cls.name}-{key_id(spki(key.public_key()))[:8]}")

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies its tokens."""
        return self._key.public_key()

    def issue(self, profile: Profile, client_certificate: bytes, lifetime_s: int = 300) -> str:
        """Return a token for `profile`, bound to the client certificate (DER) of the system that will present it."""
        now = self._clock.now_us() // 1_000_000
        claims = {
            "iss": f"liaison-{self.name}:{self._member}",
            "aud": audience(self._member),
            "iat": now,
            "exp": now + min(lifetime_s, MAX_LIFETIME_S),
            "jti": secrets.token_hex(16),
            "sub": profile.person,
            "role": profile.role,
            "office": profile.office,
            "agency": profile.agency,
            "purposes": sorted(set(profile.purposes)),
            "cnf": {"x5t#S256": thumbprint_of(client_certificate)},
        }
        return jwt.encode(claims, self._key, ALGORITHM, headers={"typ": TYPE, "kid": self.kid})


class TrialIssuer(HomeIssuer):
    """Signs officer tokens for trials (`keys/token-issuer.key`)."""

    name = TRIAL_KEY


class ConsoleIssuer(HomeIssuer):
    """Signs officer tokens of persons who signed in at the console (`keys/console-issuer.key`)."""

    name = "console"
