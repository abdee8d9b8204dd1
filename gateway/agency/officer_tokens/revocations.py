"""Officers and tokens that the country's identity provider revoked, from a list that it signs (CASE-D12).

A JWS of a key of `[[token_key]]`, `typ` `liaison-revocations+jwt`, with exactly the claims `aud`, `iat`, `exp`,
`persons` (their ids) and `tokens` (SHA-256 of each, hexadecimal). The newest `iat` counts, and no older list takes its
place. It comes as a file (`tokens.revocations`) that is looked at each second, or by `PUT /v1/revocations`. The list in
force lies in the home, so that every process has it, also after a restart.

What a list revokes stays revoked after its `exp`. Where the settings demand a list, no token counts after it.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.agency.officer_tokens.tokens import FUTURE_S, audience
from gateway.clock import Clock
from gateway.config.file_marks import FileMarks
from gateway.errors import LiaisonError, Malformed, Misconfigured, Stale, StorageBroken, TooLarge, Unauthenticated
from gateway.host.durable import PRIVATE, replace
from gateway.model.names import identifier
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.signing import strict_json
from gateway.signing.jws import PublicKey, signed_claims

TYPE = "liaison-revocations+jwt"
FILE = "revocations.jwt"
"""The list in force, in the home."""

FROZEN = "frozen.json"
"""The accounts that two persons of our own have frozen, in the home: for commands that work without a node."""

MAX_LIST = 1024 * 1024
"""The most bytes in a list."""

_CLAIMS = {"aud", "exp", "iat", "persons", "tokens"}
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A list whose signature was verified; times are seconds since 1970."""

    issued: int
    expires: int
    persons: frozenset[str]
    tokens: frozenset[bytes]
    data: bytes


def read_list(data: bytes, member: str, keys: Mapping[str, PublicKey]) -> RevocationList:
    """Return the list in a JWS. Raises `Unauthenticated`, `Malformed`, `TooLarge`."""
    if len(data) > MAX_LIST:
        raise TooLarge("a list of revocations has at most {limit} bytes", code="body-too-large", limit=MAX_LIST)
    claims = signed_claims(data.strip().decode("ascii", "replace"), TYPE, keys, MAX_LIST)
    persons, tokens, times = claims.get("persons"), claims.get("tokens"), (claims.get("iat"), claims.get("exp"))
    if set(claims) != _CLAIMS or claims["aud"] != audience(member) or any(type(each) is not int for each in times):
        raise _bad("it has `aud` for this node, `iat`, `exp`, `persons`, `tokens`, and nothing else")
    if not isinstance(persons, list) or not isinstance(tokens, list) or not claims["iat"] < claims["exp"]:
        raise _bad("`persons` and `tokens` are lists, and `exp` is after `iat`")
    if not all(isinstance(each, str) and _HASH.fullmatch(each) for each in tokens):
        raise _bad("`tokens` are SHA-256, hexadecimal")
    if not all(isinstance(each, str) for each in persons):
        raise _bad("`persons` are ids")
    ids = frozenset(identifier(each, "persons") for each in persons)
    return RevocationList(claims["iat"], claims["exp"], ids, frozenset(map(bytes.fromhex, tokens)), data.strip())


class Revocations:
    """The list in force of one home. Thread-safe."""

    def __init__(
        self,
        member: str,
        home: Path,
        keys: Callable[[], Mapping[str, PublicKey]],
        clock: Clock,
        source: Path | None = None,
        *,
        required: bool = False,
    ) -> None:
        self._member = member
        self._held = home / FILE
        self._frozen_file = home / FROZEN
        self._keys = keys
        self._clock = clock
        self._source = source
        self._required = required
        self._lock = threading.Lock()
        self._marks = {path: FileMarks(clock.monotonic) for path in (self._held, source) if path is not None}
        self._list: RevocationList | None = None
        self._told: tuple[str, str] = ("", "")
        self._noted = 0
        self._first: list[EntryDraft] = []
        self._frozen: frozenset[str] | None = None

    def start(self) -> None:
        """Read the files before the first token is checked; the first round writes what is to be said of them."""
        self._first = list(self.round())

    def bars(self, person: str) -> bool:
        """Tell whether the account of a person is frozen, or revoked by the identity provider."""
        held = self._list
        return person in (self._frozen or ()) or (held is not None and person in held.persons)

    def refuse(self, person: str, digest: bytes) -> None:
        """Raise `Unauthenticated` for a frozen person, for a revoked person or token, and for all without a list where
        one is demanded."""
        held = self._list
        if person in (self._frozen or ()):
            raise Unauthenticated(
                "the officer token is not accepted: the account of its officer is frozen",
                code="account-frozen",
                where="token",
                remedy="ask the security officer",
            )
        if held is not None and (person in held.persons or digest in held.tokens):
            raise Unauthenticated(
                "the officer token is not accepted: it, or its officer, was revoked",
                code="token-revoked",
                where="token",
                remedy="ask the identity provider",
            )
        if self._required and (held is None or self._now_s() >= held.expires):
            raise Unauthenticated(
                "no officer token is accepted, since there is no list of revocations that is in its time",
                code="revocations-missing",
                where="token",
                remedy="the identity provider sends its list: PUT /v1/revocations, or the file of tokens.revocations",
            )

    def take(self, data: bytes) -> RevocationList:
        """Put a list in force, durably. Raises `Stale` for one that is not newer, or from the future."""
        new = read_list(data, self._member, self._keys())
        with self._lock:
            held = self._list
            if held is not None and new.data == held.data:
                return held
            if held is not None and new.issued <= held.issued:
                raise Stale("the list of revocations is not newer than the one in force", code="rollback")
            if new.issued > self._now_s() + FUTURE_S:
                raise Stale("the list of revocations is dated in the future", code="from-the-future")
            replace(self._held, new.data + b"\n", PRIVATE)
            self._list = new
        return new

    def freeze(self, persons: frozenset[str]) -> None:
        """Refuse these persons from now on, and no others as frozen, beside those that the provider has revoked."""
        with self._lock:
            if persons == self._frozen:
                return
            self._frozen = persons
            if persons or self._frozen_file.exists():
                replace(self._frozen_file, json.dumps(sorted(persons)).encode() + b"\n", PRIVATE)

    def read_frozen(self) -> None:
        """Refuse the persons whom a node of this home has written down as frozen. Raises `Misconfigured`."""
        file = self._frozen_file
        try:
            persons = strict_json.loads(file.read_bytes(), MAX_LIST) if file.exists() else []
            if not isinstance(persons, list) or not all(isinstance(each, str) for each in persons):
                raise Malformed("the ids of frozen persons are a list of texts", code="bad-frozen", where=FROZEN)
            self._frozen = frozenset(identifier(each, "persons") for each in persons)
        except (OSError, Malformed, TooLarge) as error:
            raise Misconfigured(
                "the list of frozen accounts cannot be read",
                code="bad-frozen",
                where=file.name,
                remedy="start the node, which writes it anew: liaison serve",
            ) from error

    def round(self) -> Iterator[EntryDraft]:
        """Read the files that have changed; yield the entry of a new list, and an alarm for one that does not count."""
        yield from self._first
        self._first = []
        for path, marks in self._marks.items():
            if marks.look([path]):
                yield from self._look(path, marks)
        if (held := self._list) is not None and held.issued != self._noted:
            self._noted = held.issued
            yield events.REVOCATIONS.draft(persons=len(held.persons), tokens=len(held.tokens), until_s=held.expires)

    def _look(self, path: Path, marks: FileMarks) -> Iterator[EntryDraft]:
        try:
            if path.exists():
                self._take_file(path)
            marks.read()
        except (OSError, StorageBroken):
            marks.failed()
        except LiaisonError as error:
            marks.read()
            told = (error.code, str(path))
            if error.code != "rollback" and told != self._told:
                self._told = told
                yield events.ALARM.draft(code="revocations-refused", detail=f"{path.name}: {error}"[:500])

    def _take_file(self, path: Path) -> None:
        with path.open("rb") as file:
            data = file.read(MAX_LIST + 1)
        if path != self._held:
            self.take(data)
            return
        found = read_list(data, self._member, self._keys())
        with self._lock:
            if self._list is None or found.issued > self._list.issued:
                self._list = found

    def _now_s(self) -> int:
        return self._clock.now_us() // 1_000_000


def _bad(why: str) -> Malformed:
    return Malformed("this is no list of revocations: {why}", code="bad-revocations", where="revocations", why=why)
