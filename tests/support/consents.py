"""A search with a hit, and requests for consent about it, right or changed."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from gateway.audit.entries.entry import parse_entry
from gateway.model.consent import ConsentAnswer, ConsentRequest, OnwardCommand, OnwardUse, Place, Use
from gateway.model.names import ExchangeId
from gateway.model.purpose import Purpose
from gateway.model.requester import Officer, Requester
from gateway.model.search import Line, Search
from gateway.rpc import methods
from gateway.signing.keys import SigningKey
from gateway.statements.consent import CONSENT_ANSWER, CONSENT_ANSWER_KIND, CONSENT_REQUEST_KIND
from gateway.statements.envelope import unseal
from tests.support.exchange import CLOCK, TH, VN, Caller, command, entries, lines
from tests.support.nodes import World, officer

HOUR_US = 3_600_000_000
CUSTOMS = OnwardUse(Place(TH, "customs", ""), Purpose.INVESTIGATION, Use.PASS_ON)


@dataclass(frozen=True, slots=True)
class Found:
    """A search of an officer of Thailand with a hit in Viet Nam."""

    officer: Officer
    search: Search
    line: Line

    def wish(self, wanted: OnwardUse = CUSTOMS, hit: int = 0) -> OnwardCommand:
        """The officer's wish."""
        return OnwardCommand(self.search.id, ExchangeId(self.line.exchange_id), hit, wanted, "the yard is theirs")


async def found(world: World) -> Found:
    """Ask, and get a hit with a record."""
    who = officer("th")
    search = await world.nodes["th"].asking.searches.start(who, command())
    line = lines(search)[VN]
    assert line.hits[0].record is not None
    return Found(who, search, line)


def consent_request(world: World, about: Found, **changes: Any) -> ConsentRequest:
    """A request for consent that Viet Nam takes."""
    (received,) = [
        item
        for item in entries(world.nodes["th"])
        if item.entry.exchange_id == about.line.exchange_id and item.entry.kind == "received"
    ]
    theirs = parse_entry(received.private["their_entry"].encode())
    record = about.line.hits[0].record
    assert record is not None
    now_us = CLOCK.now_us()
    first = ConsentRequest(
        id=secrets.token_hex(16),
        sender=TH,
        recipient=VN,
        issued_us=now_us,
        expires_us=now_us + HOUR_US,
        exchange_id=ExchangeId(about.line.exchange_id),
        answer_hash=received.entry.answer_hash,
        reference=about.line.hits[0].reference,
        record=jti_of(record.compact),
        asked=CUSTOMS,
        requester=Requester("officer", "th.blo.aranyaprathet", "police", "0123456789abcdef"),
        case="TH-2026-0417",
        justification="the yard is theirs",
        log_number=1,
        entry_index=theirs.index,
    )
    return replace(first, **changes)


def jti_of(compact: str) -> str:
    """The id in a record, unverified."""
    body = compact.split(".")[1]
    value: str = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["jti"]
    return value


def sealed_consent(world: World, request: ConsentRequest, key: SigningKey | None = None) -> bytes:
    """The envelope of a request, signed by its sender's statement key or by another one."""
    return CONSENT_REQUEST_KIND.build(request, key or world.federation[request.sender].key("statement")).envelope


async def send(who: Caller, envelope: bytes) -> ConsentAnswer:
    """The owner's word on an envelope."""
    word = methods.CONSENT.answer.read(await who.call(methods.CONSENT.path, methods.CONSENT.request.write(envelope)))
    return CONSENT_ANSWER_KIND.parse(unseal(word, CONSENT_ANSWER).payload)


def code_of(answer: ConsentAnswer) -> str:
    """State, or the code of the refusal."""
    return answer.refusal.code if answer.refusal else answer.state.value
