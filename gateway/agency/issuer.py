"""The trial issuer: makes officer tokens from a key in the home, in place of a national identity provider.

`liaison doctor` warns of it and `liaison serve --production` refuses it: a reader of the home can pose as any officer.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from certs.keyfiles import key_id, load_key, spki
from certs.profile import thumbprint_of
from gateway.agency.tokens import ALGORITHM, MAX_LIFETIME_S, TYPE, PublicKey, audience
from gateway.clock import Clock
from gateway.errors import Misconfigured

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


class TrialIssuer:
    """Signs officer tokens for trials with the key of the home."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, member: str, clock: Clock, kid: str = TRIAL_KEY) -> None:
        self.kid = kid
        self._key = key
        self._member = member
        self._clock = clock

    @classmethod
    def load(cls, file: Path, member: str, clock: Clock) -> TrialIssuer:
        """Return the issuer of a home (`keys/token-issuer.key`); raise `Misconfigured` for a key of another kind."""
        key = load_key(file)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise Misconfigured("the trial issuer's key must be on P-256", where=str(file))
        return cls(key, member, clock, f"{TRIAL_KEY}-{key_id(spki(key.public_key()))[:8]}")

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies its tokens."""
        return self._key.public_key()

    def issue(self, profile: Profile, client_certificate: bytes, lifetime_s: int = 300) -> str:
        """Return a token for `profile`, bound to the client certificate (DER) of the system that will present it."""
        now = self._clock.now_us() // 1_000_000
        claims = {
            "iss": f"liaison-trial:{self._member}",
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
