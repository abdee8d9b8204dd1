"""Officer tokens: a strict reader over PyJWT (RFC 7519, RFC 7515; bound to a certificate by RFC 8705, section 3).

PyJWT alone accepts duplicate members, `exp` as text, any `typ` and tokens of megabytes (FACT-10).
`OfficerTokens.verify` therefore does, in this order:

1. size: at most 8 KiB, three base64url parts in their one spelling
2. head: strict JSON, exactly `alg`, `typ`, `kid`; `alg` is ES256 and `typ` is `liaison-officer+jwt`
3. key: `kid` is one of the listed ids; nothing in the token brings or locates a key
4. signature: 64 bytes r || s over the exact text
5. claims: strict JSON, a closed list, each of its type
6. audience: this node and no other
7. time: `iat` not in the future, `exp` after it by at most ten minutes, and not reached
8. binding: `cnf.x5t#S256` is the hash of the certificate of the calling system
9. person: ids are ids, purposes are purposes of the closed list, the office is one of this member
10. revoked: the identity provider's list names neither the person nor the token (`revocations`)
11. training: it has not run out, by `training_until` or by the list of persons

`duty` may name the roles of the desk in which the officer is on duty, and until when; `on_duty` is told of it.

Each check has its test in tests/security/test_tokens.py.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gateway.clock import Clock
from gateway.desk.people.directory import check_training
from gateway.errors import LiaisonError, Malformed, Misconfigured, Unauthenticated
from gateway.model.desk.work import Role
from gateway.model.names import identifier
from gateway.model.purpose import Purpose
from gateway.model.requester import Officer
from gateway.signing.jws import MAX_TOKEN, PublicKey, admitted, refused_token, signed_claims

MAX_LIFETIME_S = 600
"""The most seconds between `iat` and `exp`: for so long an officer's removal can go unseen where the identity provider
keeps no list of revocations (CASE-D12)."""

FUTURE_S = 5
"""The most seconds that the identity provider's clock may be ahead of ours."""

MAX_SHIFT_S = 86_400
"""The most seconds of duty that one token tells."""

TYPE = "liaison-officer+jwt"

_REQUIRED = {"aud", "iat", "exp", "sub", "role", "office", "agency", "purposes", "cnf"}
_OPTIONAL = {"iss", "jti", "on_behalf_of", "training_until", "duty"}
_LAST_SECOND = 253_402_300_799  # the end of the year 9999
_CACHED = 4096


@dataclass(frozen=True, slots=True)
class _Shown:
    """A token as one calling system shows it: its SHA-256, that system's certificate and name."""

    digest: bytes
    thumbprint: str
    client: str


@dataclass(frozen=True, slots=True)
class _Cached:
    officer: Officer
    issued: int
    expires: int
    epoch: int
    trained_us: int | None
    duty: tuple[frozenset[Role], int] | None


def audience(member: str) -> str:
    """Return the `aud` of tokens for the node of `member`."""
    return f"liaison:{member}"


def load_token_key(file: Path) -> PublicKey:
    """Return a P-256 public key from PEM (a key or a certificate), or raise `Misconfigured`."""
    try:
        data = file.read_bytes()
        key = x509.load_pem_x509_certificate(data).public_key() if b"CERTIFICATE" in data else load_pem_public_key(data)
    except (OSError, ValueError) as error:
        raise Misconfigured("not a public key in PEM", where=str(file), remedy="see [[token_key]]") from error
    return admitted(key, str(file))


class OfficerTokens:
    """Verifies officer tokens of one country. Thread-safe.

    `keys` maps each listed `kid` to its key; `epoch` grows when trust changes, which empties the cache. `refuse` raises
    for a person or a token (its SHA-256) that the identity provider revoked, or whose training is over, each time.
    `on_duty` and `trained` learn what a token says of its officer's duty and training.
    """

    def __init__(
        self,
        member: str,
        keys: Mapping[str, PublicKey],
        clock: Clock,
        epoch: Callable[[], int] = lambda: 0,
        refuse: Callable[[str, bytes], None] = lambda _person, _digest: None,
        on_duty: Callable[[Officer, frozenset[Role], int], None] = lambda _officer, _roles, _until_us: None,
        trained: Callable[[str, int], None] = lambda _person, _until_us: None,
    ) -> None:
        self._on_duty = on_duty
        self._trained = trained
        self._refuse = refuse
        self._member = member
        self._renewals = 0
        self._clock = clock
        self._trust_epoch = epoch
        self._cache: OrderedDict[_Shown, _Cached] = OrderedDict()
        self._keys: dict[str, PublicKey] = {}
        self._lock = threading.Lock()
        self.renew(keys)

    def renew(self, keys: Mapping[str, PublicKey]) -> bool:
        """Accept tokens of these keys and of no others from now on; tell whether they differ from those before.

        What was verified with the keys before is verified again.
        """
        numbers = {kid: admitted(key, f"token key `{kid}`").public_numbers() for kid, key in keys.items()}
        if numbers == {kid: key.public_numbers() for kid, key in self._keys.items()}:
            return False
        self._keys = dict(keys)
        self._renewals += 1  # after the keys: what is verified meanwhile is not remembered
        return True

    def verify(self, token: str, thumbprint: str, client: str) -> Officer:
        """Return the officer whom `token` names, who asks through the system `client` with that certificate.

        `thumbprint` is `x5t#S256` of the certificate. Raises `Unauthenticated` for every fault.
        """
        if len(token) > MAX_TOKEN:
            raise refused_token("token-too-large", f"more than {MAX_TOKEN} bytes")
        shown = _Shown(hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest(), thumbprint, client)
        found = self._recall(shown)
        known = found is not None
        if found is not None:
            _check_time(found.issued, found.expires, self._now_s())
        else:
            found = self._read(token, shown)
            self._remember(shown, found)
        if found.trained_us is not None:
            check_training(found.trained_us, self._clock.now_us())
            self._trained(found.officer.person, found.trained_us)
        self.check(found.officer)
        if found.duty is not None and not known:
            self._on_duty(found.officer, *found.duty)
        return found.officer

    @property
    def keys(self) -> Mapping[str, PublicKey]:
        """The listed keys by their ids."""
        return self._keys

    def check(self, officer: Officer) -> None:
        """Raise `Unauthenticated` where the officer, or the token by which we know the officer, was revoked."""
        self._refuse(officer.person, officer.token_hash)

    def _epoch(self) -> int:
        """Return a number that grows when trust changes, and when the keys do."""
        return self._trust_epoch() + self._renewals

    def _now_s(self) -> int:
        return self._clock.now_us() // 1_000_000

    def _recall(self, shown: _Shown) -> _Cached | None:
        with self._lock:
            found = self._cache.get(shown)
            if found is None or found.epoch != self._epoch():
                return None
            self._cache.move_to_end(shown)
            return found

    def _remember(self, shown: _Shown, item: _Cached) -> None:
        """Keep a token that passed all checks, for the system that showed it and for no other (CASE-D9)."""
        with self._lock:
            self._cache[shown] = item
            if len(self._cache) > _CACHED:
                self._cache.popitem(last=False)

    def _read(self, token: str, shown: _Shown) -> _Cached:
        try:
            return self._checked(token, shown)
        except Unauthenticated:
            raise
        except LiaisonError as error:
            raise refused_token("bad-token", error.message) from error
        except Exception as error:  # a verification that fails in an unforeseen way is a refusal (CASE-C14)
            raise refused_token("bad-token", "it cannot be verified") from error

    def _checked(self, token: str, shown: _Shown) -> _Cached:
        epoch = self._epoch()
        claims = signed_claims(token, TYPE, self._keys)
        _check_claims(claims)
        if claims["aud"] != audience(self._member):
            raise refused_token("token-audience", "it is for another node")
        _check_time(claims["iat"], claims["exp"], self._now_s())
        _check_binding(claims["cnf"]["x5t#S256"], shown.thumbprint)
        officer = self._officer(claims, shown)
        trained = claims["training_until"] * 1_000_000 if "training_until" in claims else None
        duty = _duty(claims["duty"], claims["iat"]) if "duty" in claims else None
        return _Cached(officer, claims["iat"], claims["exp"], epoch, trained, duty)

    def _officer(self, claims: dict[str, Any], shown: _Shown) -> Officer:
        office = identifier(claims["office"], "office")
        if not office.startswith(f"{self._member}."):
            raise refused_token("token-office", "its office is not one of this member")
        return Officer(
            person=identifier(claims["sub"], "sub"),
            role=identifier(claims["role"], "role"),
            office=office,
            agency=identifier(claims["agency"], "agency"),
            purposes=_purposes(claims["purposes"]),
            token_hash=shown.digest,
            client=shown.client,
            on_behalf_of=identifier(claims["on_behalf_of"], "on_behalf_of") if "on_behalf_of" in claims else "",
        )


def _check_claims(claims: dict[str, Any]) -> None:
    if missing := _REQUIRED - set(claims):
        raise refused_token("token-claims", f"it lacks `{min(missing)}`")
    if set(claims) - _REQUIRED - _OPTIONAL:
        raise refused_token("token-claims", "it holds a claim that is not known here")
    texts = (_REQUIRED | _OPTIONAL) - {"iat", "exp", "purposes", "cnf", "training_until", "duty"}
    for name in sorted(texts & set(claims)):
        if not isinstance(claims[name], str):
            raise refused_token("token-claims", f"`{name}` must be text")
    for name in ("iat", "exp", *({"training_until"} & set(claims))):
        if type(claims[name]) is not int or not 0 <= claims[name] <= _LAST_SECOND:
            raise refused_token("token-claims", f"`{name}` must be whole seconds")
    cnf = claims["cnf"]
    if not isinstance(cnf, dict) or set(cnf) != {"x5t#S256"} or not isinstance(cnf["x5t#S256"], str):
        raise refused_token("token-binding", "it is not bound to a certificate (`cnf`, `x5t#S256`)")


def _check_time(issued: int, expires: int, now: int) -> None:
    if issued > now + FUTURE_S:
        raise refused_token("token-time", "it is dated in the future", "check the clocks of both systems")
    if not issued < expires <= issued + MAX_LIFETIME_S:
        raise refused_token("token-time", f"it must live for at most {MAX_LIFETIME_S // 60} minutes")
    if expires <= now:
        raise refused_token("token-expired", "it has expired")


def _check_binding(bound: str, thumbprint: str) -> None:
    if not hmac.compare_digest(bound.encode(), thumbprint.encode()):
        raise refused_token("token-binding", "it is bound to another system's certificate")


def _duty(value: object, issued: int) -> tuple[frozenset[Role], int]:
    """Return the roles in which an officer is on duty, and until when in microseconds."""
    if not isinstance(value, dict) or set(value) != {"roles", "until"}:
        raise refused_token("token-claims", "`duty` has `roles` and `until`")
    roles, until = value["roles"], value["until"]
    if not isinstance(roles, list) or not roles or not set(map(str, roles)) <= set(Role):
        raise refused_token("token-claims", "`duty` names roles of the desk")
    if type(until) is not int or not issued < until <= issued + MAX_SHIFT_S:
        raise refused_token("token-claims", "`duty.until` must be whole seconds, at most a day after `iat`")
    return frozenset(Role(role) for role in roles), until * 1_000_000


def _purposes(value: object) -> frozenset[str]:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise refused_token("token-claims", "`purposes` must be a list of purposes")
    known = {item.value for item in Purpose}
    if not set(value) <= known or len(set(value)) != len(value):
        raise Malformed("`purposes` names an unknown purpose, or one twice")
    return frozenset(value)
