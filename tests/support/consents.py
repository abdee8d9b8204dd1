"""A search with a hit, and requests for consent about it, right or changed."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
import msgspec
from msgspec.structs import replace

from gateway.audit.entries.entry import parse_entry
from gateway.model.desk.consent import OnwardUse, Place, Use
from gateway.model.desk.delivered import NoticeMessage, NoticeReceipt
from gateway.model.desk.notices import About, Ask, Head, Notice, RecordPlace, Urgency
from gateway.model.handed.onward import UseOnward
from gateway.model.names import ExchangeId, new_exchange_id
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Officer, Requester
from gateway.model.search import Line, Search
from gateway.rpc import methods
from gateway.signing.keys import SigningKey
from gateway.statements.notices.notice import build_notice
from gateway.statements.notices.receipt import parse_receipt
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

    def wish(self, wanted: OnwardUse = CUSTOMS, hit: int = 0) -> UseOnward:
        """The officer's wish."""
        return UseOnward(
            search_id=self.search.id,
            exchange_id=ExchangeId(self.line.exchange_id),
            hit=hit,
            to=wanted.to,
            purpose=wanted.purpose,
            use=wanted.use,
            reason="the yard is theirs",
        )


async def found(world: World) -> Found:
    """Ask, and get a hit with a record."""
    who = officer("th")
    search = await world.nodes["th"].asking.searches.start(who, command())
    line = lines(search)[VN]
    assert line.hits[0].record is not None
    return Found(who, search, line)


def consent_notice(world: World, about: Found, **changes: Any) -> Notice:
    """An ask for consent that Viet Nam takes. `changes` are of its head, its ask, or its place."""
    (received,) = [
        item
        for item in entries(world.nodes["th"])
        if item.entry.exchange_id == about.line.exchange_id and item.entry.kind == "received"
    ]
    theirs = parse_entry(received.private["their_entry"].encode())
    record = about.line.hits[0].record
    assert record is not None
    now_us, notice_id = CLOCK.now_us(), new_exchange_id()
    place = RecordPlace(
        ExchangeId(about.line.exchange_id),
        received.entry.answer_hash,
        1,
        theirs.index,
        about.line.hits[0].reference,
        jti_of(record.compact),
    )
    ask = Ask(About.CONSENT, "the yard is theirs", hit=_changed(place, changes), use=CUSTOMS)
    head = Head(
        notice_id=notice_id,
        thread_id=notice_id,
        seq=1,
        previous=b"",
        seen=0,
        sender=TH,
        recipient=VN,
        issued_us=now_us,
        expires_us=now_us + HOUR_US,
        urgency=Urgency.PRIORITY,
        purpose=changes.get("use", CUSTOMS).purpose,
        offence=Offence.NARC,
        case="TH-2026-0417",
        ticket="",
        agreement="gms-border-2026",
        requester=Requester("officer", "th.blo.aranyaprathet", "police", "0123456789abcdef"),
        trust_hash=bytes(32),
        policy_hash=bytes(32),
    )
    return Notice(_changed(head, changes), _changed(ask, changes))


_Part = TypeVar("_Part", bound=msgspec.Struct)


def _changed(part: _Part, changes: Mapping[str, Any]) -> _Part:
    return replace(part, **{name: value for name, value in changes.items() if name in part.__struct_fields__})


def jti_of(compact: str) -> str:
    """The id in a record, unverified."""
    body = compact.split(".")[1]
    value: str = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["jti"]
    return value


def sealed_consent(world: World, notice: Notice, key: SigningKey | None = None) -> bytes:
    """The envelope of an ask, signed by its sender's statement key or by another one."""
    return build_notice(notice, key or world.federation[notice.sender].key("statement")).envelope


def delivery(envelope: bytes) -> bytes:
    """The message of the call that delivers a notice."""
    return methods.DELIVER_NOTICE.request.write(NoticeMessage(envelope))


async def send(who: Caller, envelope: bytes) -> NoticeReceipt:
    """The owner's receipt of an envelope."""
    answer = methods.DELIVER_NOTICE.answer.read(await who.call(methods.DELIVER_NOTICE.path, delivery(envelope)))
    return parse_receipt(answer.envelope)


async def word(who: Caller, envelope: bytes) -> str:
    """`taken`, the code of a signed refusal, or the name of a bare status."""
    try:
        receipt = await send(who, envelope)
    except grpc.aio.AioRpcError as error:
        return error.details() or error.code().name
    return receipt.refusal.code if receipt.refusal else "taken"
