"""Asks for consent at the owner, with the decisions of officers, and at the asker, with what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from gateway.audit.acts.table import ActKind
from gateway.audit.log.log import AuditLog
from gateway.audit.reading.kept_answers import KeptAnswers
from gateway.clock import ManualClock, from_us
from gateway.desk.consent.asked import consent_thread, find_asked
from gateway.desk.consent.book import Consent, ConsentBook, Decision
from gateway.desk.consent.reading import ConsentReader
from gateway.errors import Forbidden, LiaisonError, Malformed, Stale, Unauthenticated, Unknown
from gateway.model.desk.consent import OnwardUse, Place, Use
from gateway.model.desk.notices import About, Ask, Body, Notice, Reply, ReplyCode
from gateway.model.desk.threads import Placed, Side, ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import DeliveryState
from gateway.model.names import MemberId
from gateway.model.purpose import Purpose
from gateway.model.requester import Officer
from gateway.ops.acts.consents import ConsentActs
from gateway.ops.acts.mailbox import Order
from gateway.ports.desk import DeskRows, NoticeRow
from gateway.statements.notices.notice import build_notice
from gateway.storage.desk.desk_store import SqlDeskStore
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.log.log_store import SqlLogStore
from tests.support.audit_logs import LogHome, answered
from tests.support.desk_rows import a_delivery, a_thread, some_work
from tests.support.notices import FIRST, HEAD, NEXT, PLACE, USE
from tests.support.sealing import HOUR, NOW, TH, VN, new_key

KH = MemberId("kh")
KEY = new_key()
ASK = Ask(About.CONSENT, "ตู้สินค้าอยู่ในลานของศุลกากร", hit=PLACE, use=USE)
UNTIL = HEAD.expires_us


class Desk:
    """The store of one node with its log, in which rows are written as nodes write them."""

    def __init__(self, log: AuditLog, store: SqlDeskStore, book: ConsentBook, reader: ConsentReader) -> None:
        self.log, self.store, self.book, self.reader = log, store, book, reader

    def put(self, body: Body, peer: MemberId = TH, *, ours: bool = False, state: DeliveryState | None = None) -> None:
        """Write a notice of the thread `FIRST` with `peer`: of ours, or of the peer."""
        key = ThreadKey(peer, FIRST)
        before = self.store.thread(key)
        opens = before is None
        head = structs.replace(HEAD, sender=VN if ours else peer, recipient=peer if ours else VN)
        head = head if opens else structs.replace(head, notice_id=NEXT, seq=1, seen=1, expires_us=0)
        notice = Notice(head, body)
        sealed = build_notice(notice, KEY)
        opener = opens or (before is not None and before.opener == ours)
        side = Side.OPENER if opener else Side.OTHER
        placed = Placed(side, head.seq, head.seen, notice.type, notice.code, NOW, head.expires_us, head.urgency)
        row = NoticeRow(key, head.notice_id, placed, sealed.payload_hash, NOW, sealed.envelope)
        version = 1 if before is None else before.version + 1
        state_after = ThreadState.OPEN if isinstance(body, Ask) else ThreadState.ANSWERED
        mine = ours if before is None else before.opener
        thread = a_thread(key, version, opener=mine, state=state_after, kind=ThreadKind.ASK, agency="customs")
        rows = DeskRows(
            thread,
            version - 1,
            row,
            deliveries=(a_delivery(row, state=state or DeliveryState.WAITING),) if ours else (),
            works=(some_work(key, f"decide.{peer}", agency="customs"),) if opens and not ours else (),
        )
        self.log.append([answered(rows=rows, peer=peer, channel=f"in:{peer}", exchange_id=head.notice_id, claim=None)])


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(from_us(NOW))


@pytest.fixture
def desk(tmp_path: Path, clock: ManualClock) -> Iterator[Desk]:
    home = LogHome(tmp_path / "home")
    with home.database() as database:
        keys = home.keystore
        logs, store = SqlLogStore(database, keys), SqlDeskStore(database, keys)
        book = ConsentBook(SqlDocumentStore(database, keys, clock), store)
        log = AuditLog(logs, keys, home.key, home.clock, "vn", "exchange", highwater=home.highwater)
        try:
            yield Desk(log, store, book, ConsentReader(book, KeptAnswers(logs, keys)))
        finally:
            log.close()


@pytest.fixture
def taken(desk: Desk) -> Consent:
    desk.put(ASK)
    return desk.book.get(FIRST, NOW)


def decision(**changes: Any) -> Decision:
    first = Decision(
        True, "vn.o.1", "same case", NOW, NOW + HOUR, "officer", "vn.desk", "customs", bytes(32).hex(), "1"
    )
    return replace(first, **changes)


# ---------------------------------------------------------------- the owner's book


def test_a_decision_counts_once_its_reply_is_written(desk: Desk, taken: Consent) -> None:
    assert (taken.state, taken.is_decided) == ("open", False)
    desk.book.decide(taken, decision())
    (name,) = desk.book.kept()
    waiting = desk.book.untold(name)
    assert waiting is not None
    assert (waiting.state, desk.reader.summary(waiting)["told"]) == ("granted", False)
    desk.put(Reply(ReplyCode.RELEASED, until_us=NOW + HOUR), ours=True)
    assert desk.book.untold(name) is None
    told = desk.reader.summary(desk.book.get(FIRST, NOW))
    assert (told["state"], told["told"], told["decision"]["by"]) == ("granted", True, "vn.o.1")


def test_a_human_decides_once(desk: Desk, taken: Consent) -> None:
    desk.book.decide(taken, decision(granted=False, until_us=0))
    with pytest.raises(Forbidden, match="decided"):
        desk.book.decide(taken, decision())
    assert desk.book.get(FIRST, NOW).state == "refused"


def test_what_was_decided_at_the_desk_is_not_decided_again(desk: Desk, taken: Consent) -> None:
    desk.put(Reply(ReplyCode.REFUSED), ours=True)
    found = desk.book.get(FIRST, NOW)
    assert (found.state, desk.book.kept()) == ("refused", [])
    with pytest.raises(Forbidden, match="decided"):
        desk.book.decide(found, decision())


@pytest.mark.long
@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"reason": " "}, Malformed),
        ({"until_us": NOW}, Malformed),
        ({"until_us": UNTIL + 1}, Malformed),
        ({"decided_us": UNTIL}, Stale),
    ],
)
def test_a_decision_has_a_reason_and_a_time_within_the_request_s(
    desk: Desk, taken: Consent, change: dict[str, Any], error: type[LiaisonError]
) -> None:
    with pytest.raises(error):
        desk.book.decide(taken, decision(**change))
    assert desk.book.kept() == []


def test_a_request_is_gone_when_its_time_is_over(desk: Desk, taken: Consent, clock: ManualClock) -> None:
    desk.book.decide(taken, decision())
    assert [each.key for each in desk.book.all(UNTIL - 1)] == [f"th/{FIRST}"]
    assert list(desk.book.all(UNTIL)) == []
    with pytest.raises(Unknown):
        desk.book.get(FIRST, UNTIL)
    clock.advance(timedelta(hours=48))
    assert all(desk.book.untold(name) is None for name in desk.book.kept())


def test_the_same_id_of_two_counterparts_is_two_requests(desk: Desk, taken: Consent) -> None:
    desk.put(ASK, KH)
    assert len(list(desk.book.all(NOW))) == 2
    with pytest.raises(Malformed, match="two counterparts"):
        desk.book.get(FIRST, NOW)
    assert desk.book.get(f"kh/{FIRST}", NOW).notice.sender == KH


def test_asks_about_other_things_and_asks_of_ours_are_no_requests(desk: Desk) -> None:
    desk.put(Ask(About.QUESTION, "who is on duty?", topic="duty"))
    desk.put(ASK, KH, ours=True)
    assert list(desk.book.all(NOW)) == []
    with pytest.raises(Unknown):
        desk.book.get(FIRST, NOW)


def test_a_request_is_shown_also_where_the_log_has_lost_the_record(desk: Desk, taken: Consent) -> None:
    shown = desk.reader.with_record(taken)
    assert (shown["owner"], shown["type"], shown["record"]["fields"]) == ("vn.customs", "", {})
    assert (shown["justification"], shown["from"], shown["exchange_id"]) == (ASK.facts, "th", PLACE.exchange_id)


# ---------------------------------------------------------------- the act


def deciding(desk: Desk, agency: str, clock: ManualClock, passkey: str = "") -> ConsentActs:
    """The act of an officer of this agency, whose token is good; `passkey` is a person who has one enrolled."""

    def officer_of(token: str) -> Officer:
        if token != "good":
            raise Unauthenticated("it is not", code="bad-token")
        return Officer("vn.o.1", "officer", "vn.desk", agency, frozenset(), bytes(32), "client-cli")

    def check_proof(person: str) -> None:
        if person == passkey:
            raise Forbidden("decides with it", code="passkey-needed")

    return ConsentActs(desk.reader, clock, officer_of, check_proof)


def deciding_order(token: str = "good", **changes: Any) -> Order:
    detail = {"consent": FIRST, "granted": True, "hours": 1} | changes
    return Order(ActKind.CONSENT, token=token, reason="same case", detail=detail)


def test_an_officer_of_the_owning_agency_decides_and_the_same_act_once(
    desk: Desk, taken: Consent, clock: ManualClock
) -> None:
    order, acts = deciding_order(), deciding(desk, "customs", clock)
    assert acts.decide(order)["state"] == "granted"
    assert acts.decide(order)["state"] == "granted", "it was cut off before its result was written, and goes on"
    noted = desk.book.get(FIRST, NOW).decision
    assert noted is not None
    assert (noted.by, noted.role, noted.agency, noted.token) == ("vn.o.1", "officer", "customs", bytes(32).hex())
    with pytest.raises(Forbidden, match="decided"):
        acts.decide(deciding_order())


@pytest.mark.long
@pytest.mark.parametrize(
    ("agency", "order", "code"),
    [
        ("police", {}, "not-the-owner"),
        ("customs", {"token": ""}, "proof-needed"),
        ("customs", {"token": "forged"}, "bad-token"),
        ("customs", {"granted": 1}, "bad-act"),
        ("customs", {"hours": 0}, "bad-act"),
        ("customs", {"more": 1}, "bad-act"),
    ],
)
def test_nobody_else_decides_and_nothing_else_is_decided(
    desk: Desk, taken: Consent, clock: ManualClock, agency: str, order: dict[str, Any], code: str
) -> None:
    with pytest.raises(LiaisonError) as refused:
        deciding(desk, agency, clock).decide(deciding_order(**order))
    assert refused.value.code == code
    assert desk.book.get(FIRST, NOW).decision is None


def test_who_has_a_passkey_does_not_decide_by_the_command_line(desk: Desk, taken: Consent, clock: ManualClock) -> None:
    with pytest.raises(Forbidden) as refused:
        deciding(desk, "customs", clock, "vn.o.1").decide(deciding_order())
    assert refused.value.code == "passkey-needed"
    assert desk.book.kept() == []


# ---------------------------------------------------------------- at the asker

_CHANGES: list[Callable[[OnwardUse], OnwardUse]] = [
    lambda use: structs.replace(use, use=Use.EVIDENCE),
    lambda use: structs.replace(use, purpose=Purpose.INVESTIGATION),
    lambda use: structs.replace(use, to=structs.replace(use.to, member=KH)),
    lambda use: structs.replace(use, to=structs.replace(use.to, agency="")),
    lambda use: structs.replace(use, to=structs.replace(use.to, office="")),
    lambda use: structs.replace(use, to=Place(use.to.member, use.to.agency + use.to.office, "")),
]


def test_every_part_of_a_use_makes_another_thread() -> None:
    keys = {consent_thread(VN, "th.o.1", "s1", PLACE.record, change(USE)) for change in _CHANGES}
    keys |= {consent_thread(*who, USE) for who in ((VN, "th.o.1", "s1", "r"), (VN, "th.o.2", "s1", "r"))}
    keys |= {consent_thread(*who, USE) for who in ((VN, "th.o.1", "s2", "r"), (KH, "th.o.1", "s1", "r"))}
    assert len(keys) == len({key.thread_id for key in keys}) == len(_CHANGES) + 4


@pytest.mark.long
@pytest.mark.parametrize(
    ("delivered", "reply", "state", "until_us"),
    [
        (DeliveryState.WAITING, None, "waiting", 0),
        (DeliveryState.TAKEN, None, "taken", 0),
        (DeliveryState.REFUSED, None, "not-taken", 0),
        (DeliveryState.EXPIRED, None, "not-taken", 0),
        (DeliveryState.TAKEN, Reply(ReplyCode.CLARIFY, text="?"), "taken", 0),
        (DeliveryState.TAKEN, Reply(ReplyCode.RELEASED, until_us=NOW + HOUR), "granted", NOW + HOUR),
        (DeliveryState.WAITING, Reply(ReplyCode.RELEASED, until_us=NOW + HOUR), "granted", NOW + HOUR),
        (DeliveryState.TAKEN, Reply(ReplyCode.RELEASED), "refused", 0),
        (DeliveryState.TAKEN, Reply(ReplyCode.NEEDS_COURT), "refused", 0),
        (DeliveryState.TAKEN, Reply(ReplyCode.REFUSED), "refused", 0),
    ],
)
def test_an_ask_of_ours_stands_as_its_thread_tells(
    desk: Desk, delivered: DeliveryState, reply: Reply | None, state: str, until_us: int
) -> None:
    key = ThreadKey(KH, FIRST)
    assert find_asked(desk.store, key) is None
    desk.put(ASK, KH, ours=True, state=delivered)
    if reply is not None:
        desk.put(reply, KH)
    found = find_asked(desk.store, key)
    assert found is not None
    assert (found.id, found.state, found.until_us, found.expires_us) == (FIRST, state, until_us, UNTIL)
