"""Requests for consent at the owner: kept, encrypted, for a human, with the human's decision.

The node takes requests, and a person decides with `liaison consent`, which needs no running node. A decision counts
from the moment that its entry is in the log: the node writes the entry, and only then tells the asker.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from gateway.errors import Forbidden, Malformed, Replayed, Stale, Unknown
from gateway.model.consent import ConsentRequest, ConsentState
from gateway.model.exchange import Verified
from gateway.model.names import MemberId
from gateway.model.values import text_value
from gateway.ports.documents import DocumentStore
from gateway.statements.consent import parse_consent_request

CONSENT = "consent"
"""The kind of a request among the documents; its key is `<peer>/<id>`."""

_DECISION = "consent-decision"
_LOGGED = "consent-logged"
_MAX_TEXT = 300


@dataclass(frozen=True, slots=True)
class Decision:
    """A human's decision. `until_us` is 0 for a refusal.

    `by` is the officer's person id, `token` the hash of the token that proves it, `order` the act's name in the
    mailbox. A decision of an earlier version has a name and no proof.
    """

    granted: bool
    by: str
    reason: str
    decided_us: int
    until_us: int
    role: str = ""
    office: str = ""
    proof: str = "unproved"
    token: str = ""
    order: str = ""


@dataclass(frozen=True, slots=True)
class Consent:
    """A request that was taken. `about` describes the record: type, owner, fields that were given, marking."""

    key: str
    request: ConsentRequest
    request_hash: bytes
    received_us: int
    about: dict[str, Any]
    envelope: bytes
    decision: Decision | None = None
    told: bool = False

    @property
    def state(self) -> ConsentState:
        """The state that the asker may learn: a decision without an entry does not count yet."""
        if self.decision is None or not self.told:
            return ConsentState.TAKEN
        return ConsentState.GRANTED if self.decision.granted else ConsentState.REFUSED


@dataclass(frozen=True, slots=True)
class ConsentBook:
    """All requests for consent that counterparts have sent us."""

    documents: DocumentStore

    def take(self, request: Verified[ConsentRequest], about: dict[str, Any], now_us: int) -> None:
        """Keep a request until its time is over. Its entry was written before."""
        value = {
            "envelope": base64.b64encode(request.envelope).decode(),
            "hash": request.payload_hash.hex(),
            "received_us": now_us,
            "about": about,
        }
        data = json.dumps(value, ensure_ascii=False).encode()
        self.documents.put_new(CONSENT, _key(request), data, request.value.expires_us)  # the first one stays

    def known(self, request: Verified[ConsentRequest]) -> Consent | None:
        """Return the request as it was taken before, or None; raise `Replayed` when its id came with other bytes."""
        consent = self._read(_key(request))
        if consent is not None and consent.request_hash != request.payload_hash:
            raise Replayed("this id was used for another request", code="replayed", where="consent_id")
        return consent

    def open_of(self, peer: MemberId) -> int:
        """Return the number of kept requests of `peer`."""
        return sum(key.startswith(f"{peer}/") for key in self.documents.keys(CONSENT))

    def all(self) -> Iterator[Consent]:
        """Yield all kept requests, by peer and id."""
        for key in self.documents.keys(CONSENT):
            consent = self._read(key)
            if consent is not None:
                yield consent

    def get(self, name: str) -> Consent:
        """Return the request with this id, or `<peer>/<id>` where two peers chose one id; else raise `Unknown`."""
        keys = [key for key in self.documents.keys(CONSENT) if name in (key, key.partition("/")[2])]
        if len(keys) > 1:
            raise Malformed(
                "two counterparts chose this id", where="--id", remedy="give one of {keys}", keys=", ".join(keys)
            )
        consent = self._read(keys[0]) if keys else None
        if consent is None:
            raise Unknown(
                "no such request for consent, or its time is over", where="--id", remedy="see `liaison consent list`"
            )
        return consent

    def decide(self, consent: Consent, decision: Decision) -> None:
        """Store a human's decision, once and for all; raise `Forbidden` when there is a decision already."""
        text_value(decision.by, "--by", _MAX_TEXT)
        text_value(decision.reason, "--reason", _MAX_TEXT)
        request = consent.request
        if decision.decided_us >= request.expires_us:
            raise Stale("the time of this request is over", code="expired", where="--id")
        if decision.granted and not decision.decided_us < decision.until_us <= request.expires_us:
            raise Malformed(
                "a consent ends when the record's time does, at the latest", where="--hours", remedy="fewer hours"
            )
        value = json.dumps(asdict(decision), ensure_ascii=False)
        if self.documents.put_new(_DECISION, consent.key, value.encode(), request.expires_us) is not None:
            raise Forbidden("somebody has decided this already", code="already-decided", where="--id")

    def unlogged(self) -> list[Consent]:
        """Return the requests whose decision has no entry yet."""
        decided = set(self.documents.keys(_DECISION))
        if not decided:
            return []
        waiting = sorted(decided - set(self.documents.keys(_LOGGED)))
        found = (self._read(key) for key in waiting)
        return [consent for consent in found if consent is not None and consent.decision is not None]

    def logged(self, consent: Consent) -> None:
        """Note that the decision has its entry: the asker is told from now on."""
        self.documents.put(_LOGGED, consent.key, b"1", consent.request.expires_us)

    def _read(self, key: str) -> Consent | None:
        data = self.documents.get(CONSENT, key)
        if data is None:
            return None
        value = json.loads(data)
        envelope = base64.b64decode(value["envelope"])
        decided = self.documents.get(_DECISION, key)
        return Consent(
            key=key,
            request=parse_consent_request(envelope),
            request_hash=bytes.fromhex(value["hash"]),
            received_us=value["received_us"],
            about=value["about"],
            envelope=envelope,
            decision=Decision(**json.loads(decided)) if decided is not None else None,
            told=self.documents.get(_LOGGED, key) is not None,
        )


def _key(request: Verified[ConsentRequest]) -> str:
    return f"{request.signer}/{request.value.id}"
