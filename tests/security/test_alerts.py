"""Alerts that a hostile member makes are refused with a code, and warn at no gate."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.app.run.node import Node
from gateway.desk.acting.home import Stand
from gateway.desk.alerts.issuing import binding, issued_for
from gateway.desk.alerts.values import LONGEST_US, OwnAlert
from gateway.model.desk.delivered import NoticeMessage
from gateway.model.desk.notices import Alert, Head, Notice, Urgency
from gateway.model.names import ExchangeId, MemberId, new_exchange_id
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import DocumentQuery
from gateway.model.requester import Requester
from gateway.statements.notices.notice import build_notice
from gateway.statements.notices.receipt import parse_receipt
from tests.support.alerts import FUGITIVE, at_the_gate, author
from tests.support.exchange import KH, TH, VN, entries, sample_world
from tests.support.simulator import Simulation, simulated

HOUR_US = 3_600_000_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulation]:
    async with simulated(sample_world(tmp_path_factory.mktemp("alerts"), ("th", "vn"))) as made:
        yield made


def alert_of(node: Node, **changes: Any) -> OwnAlert:
    """An alert as its owner holds it."""
    now_us = node.core.parts.clock.now_us()
    first: dict[str, Any] = {
        "id": new_exchange_id(),
        "author": author().officer,
        "to": (),
        "fields": {**FUGITIVE, "action": "watch"},
        "purpose": Purpose.INVESTIGATION,
        "offence": Offence.NARC,
        "case": "TH-1",
        "ticket": "",
        "urgency": Urgency.FLASH,
        "raised_us": now_us,
        "until_us": now_us + 72 * HOUR_US,
        "repeat_s": 120,
        "to_life": False,
        "hidden_until_us": 0,
        "record": "",
        "signed_us": now_us,
        "stand": Stand.ON,
    }
    return OwnAlert(**(first | changes))


def head_of(node: Node, thread_id: ExchangeId, until_us: int) -> Head:
    """The head of a notice that opens a thread."""
    return Head(
        notice_id=thread_id,
        thread_id=thread_id,
        seq=1,
        previous=b"",
        seen=0,
        sender=TH,
        recipient=VN,
        issued_us=node.core.parts.clock.now_us(),
        expires_us=until_us,
        urgency=Urgency.FLASH,
        purpose=Purpose.INVESTIGATION,
        offence=Offence.NARC,
        case="TH-1",
        ticket="",
        agreement="gms-border-2026",
        requester=Requester("officer", "th.blo.aranyaprathet", "police", "0123456789abcdef"),
        trust_hash=bytes(32),
        policy_hash=bytes(32),
    )


Hostile = Callable[[Alert, OwnAlert, Node, ExchangeId], Alert]


def _for(reader: MemberId, thread_id: ExchangeId | None = None) -> Hostile:
    def make(body: Alert, alert: OwnAlert, node: Node, own: ExchangeId) -> Alert:
        compact, _ = issued_for(node.core.parts, alert, reader, thread_id or own, ())
        return replace(body, record=compact)

    return make


def _swapped(body: Alert, _alert: OwnAlert, _node: Node, _own: ExchangeId) -> Alert:
    jwt, *fields = body.record.split("~")
    return replace(body, record="~".join([jwt, *fields[:-2], ""]) + "x" * 3)


HOSTILE: dict[str, tuple[Hostile, str]] = {
    "another action than its record": (lambda body, *_: replace(body, action="ARREST"), "bad-alert"),
    "a record for another thread": (_for(VN, ExchangeId("0a" * 16)), "wrong-record"),
    "a record for another member": (_for(KH), "wrong-record"),
    "an office that is not ours": (lambda body, *_: replace(body, scope=("th.blo.aranyaprathet",)), "unknown-office"),
    "in force for a year": (
        lambda body, _alert, node, _own: replace(body, until_us=node.core.parts.clock.now_us() + 4 * LONGEST_US),
        "bad-alert",
    ),
    "a damaged record": (_swapped, ""),
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_alert_is_refused_for_good_and_warns_nowhere(world: Simulation, name: str) -> None:
    th, vn = world.nodes["th"], world.nodes["vn"]
    change, code = HOSTILE[name]
    alert, thread_id = alert_of(th), new_exchange_id()
    compact, _ = issued_for(th.core.parts, alert, VN, thread_id, ())
    body = change(Alert(compact, alert.action, alert.until_us), alert, th, thread_id)
    notice = Notice(head_of(th, thread_id, alert.until_us), body)
    sealed = build_notice(notice, th.core.parts.key)
    answer = await vn.desk.taker.take(TH, NoticeMessage(sealed.envelope))
    refusal = parse_receipt(answer.envelope).refusal
    assert refusal is not None
    assert refusal.code == code or not code
    assert entries(vn)[-1].entry.kind == "refused"
    assert vn.desk.parts.store.find_thread(thread_id) == []
    line = await at_the_gate(vn, DocumentQuery("P4471209", "THA"))
    assert [hit for hit in line.hits if hit.record_type == "Alert"] == []


def test_the_binding_names_one_thread_only() -> None:
    one, other = ExchangeId("0a" * 16), ExchangeId("0b" * 16)
    assert binding(one) != binding(other)
    assert binding(one) != hashlib.sha256(one.encode()).digest()
