"""The auditor's tools over real logs with notices: honest ones prove and agree, and who changes one is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.audit.reading.opened import HomeLogs
from gateway.audit.search.terms import Field, term, terms_of
from gateway.audit.statistics.statistics import collect
from gateway.audit.verify.content import Content, Part, read_contents
from gateway.audit.verify.findings import Check, State
from gateway.audit.verify.reconcile import Fault
from gateway.audit.verify.reconcile_exports import Reconciled
from gateway.desk.entries import answered_notice, unaccepted_notice, undelivered_notice
from gateway.errors import Malformed, Reason
from gateway.exchange.asking.abandoned import GRACE_US, LostQuestions, abandoned
from gateway.model.desk.delivered import NoticeReceipt
from gateway.model.desk.notices import Reply, ReplyCode, Status, StatusCode
from gateway.model.exchange import Refusal
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.statements.answer import ANSWER_KIND
from gateway.statements.notices.notice import build_notice, verify_notice
from gateway.statements.notices.receipt import build_receipt
from tests.support import sealing
from tests.support.audit_logs import new_id
from tests.support.notice_logs import MINUTE, NOT_NOW, TH, VN, Pair, Told, make_pair
from tests.support.notices import ALERT, ASK, CHANGE, HEAD, JTI, PLACE


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """Two logs with notices that were taken, one that was refused, and one each way."""
    made = make_pair(tmp_path)
    made.acknowledge()
    for body in (ASK.body, ALERT.body, replace(CHANGE.body, erase_by_us=0)):
        made.tell(body)
    made.tell(ASK.body, VN)
    made.tell(ASK.body, refusal=NOT_NOW)
    return made


def faults(found: Reconciled) -> list[tuple[Fault, str]]:
    assert found.comparison is not None, {name: report.unproved() for name, report in found.reports.items()}
    return [(each.fault, each.blamed) for each in found.comparison.findings]


# ---------------------------------------------------------------- honest logs


@pytest.mark.long
@pytest.mark.parametrize("member", [TH, VN])
def test_an_honest_log_with_notices_is_proved_at_home_and_in_an_export(pair: Pair, member: str) -> None:
    name = TH if member == TH else VN
    for report in (pair.verify(name), pair.check(pair.export(name))):
        assert [found.text for found in report.unproved() if found.check is not Check.WITNESSES] == []
        assert report.is_proved(Check.STATEMENTS)


@pytest.mark.long
def test_honest_logs_agree_about_every_notice(pair: Pair) -> None:
    found = pair.reconcile()
    assert faults(found) == []
    assert found.exit_code == 0
    assert found.comparison is not None
    assert (found.comparison.agreed, found.comparison.waiting) == (5, 0)


@pytest.mark.long
def test_a_notice_that_waits_is_no_lost_question_until_its_time_is_over(pair: Pair) -> None:
    pair.tell(taken=False)
    never_ends = pair.tell(CHANGE.body, taken=False, expires_us=0)
    found = pair.reconcile()
    assert faults(found) == []
    assert found.exit_code == 0
    assert found.comparison is not None
    assert found.comparison.waiting == 2
    for _ in range(61):
        pair.clock.advance(MINUTE)
    later = pair.reconcile()
    assert faults(later) == [(Fault.LOST_QUESTION, "")]
    assert later.exit_code == 3
    pair.deliver(never_ends.notice, never_ends.sealed)
    assert faults(pair.reconcile()) == [(Fault.LOST_QUESTION, "")]


@pytest.mark.long
def test_a_notice_whose_end_was_noted_waits_no_more(pair: Pair) -> None:
    told = pair.tell(taken=False, expires_us=0)
    pair.write(TH, undelivered_notice(told.notice, told.sealed.payload_hash, "expired", "th.o.1042"))
    assert faults(pair.reconcile()) == [(Fault.LOST_QUESTION, "")]


@pytest.mark.long
def test_a_notice_that_was_taken_and_whose_receipt_has_not_come_is_on_its_way(pair: Pair) -> None:
    told = pair.tell(taken=False, expires_us=0)
    pair.deliver(told.notice, told.sealed, comes=False)
    found = pair.reconcile()
    assert faults(found) == []
    assert found.comparison is not None
    assert found.comparison.waiting == 1


@pytest.mark.long
def test_without_private_parts_a_waiting_notice_is_a_question_of_which_nothing_is_known(pair: Pair) -> None:
    pair.tell(taken=False)
    assert faults(pair.reconcile(nobody=True)) == [(Fault.LOST_QUESTION, "")]


# ---------------------------------------------------------------- dishonest logs


@pytest.mark.long
def test_the_taker_that_drops_a_notice_is_contradicted_by_its_receipt(pair: Pair) -> None:
    pair.rewritten(VN, lambda drafts: [each for each in drafts if each is not drafts[1]])
    assert (Fault.DROPPED_ANSWER, VN) in faults(pair.reconcile())


@pytest.mark.long
def test_the_author_that_drops_a_notice_is_contradicted_by_its_notice(pair: Pair) -> None:
    gone = pair.written[TH][0].exchange_id
    pair.rewritten(TH, lambda drafts: [each for each in drafts if each.exchange_id != gone])
    found = pair.reconcile()
    assert (Fault.DROPPED_QUESTION, TH) in faults(found)
    assert found.exit_code == 1


@pytest.mark.long
def test_the_taker_that_says_that_it_gave_another_receipt_is_contradicted(pair: Pair) -> None:
    told = pair.tell()
    assert told.receipt is not None

    def other(drafts: list[EntryDraft]) -> list[EntryDraft]:
        return [*drafts[:-1], taken_otherwise(pair, told)]

    pair.rewritten(VN, other)
    assert (Fault.ALTERED_ANSWER, VN) in faults(pair.reconcile())


def taken_otherwise(pair: Pair, told: Told) -> EntryDraft:
    assert told.receipt is not None
    said = replace(told.receipt.value, answer_by_us=0)
    came = verify_notice(told.sealed.envelope, keys=pair.view(), peer=TH, me=VN, now_us=pair.clock.now_us())
    return answered_notice(came, said, build_receipt(said, pair.federation[VN].key("statement")), 2**62)


@pytest.mark.long
def test_the_author_that_says_that_it_told_something_else_is_contradicted(pair: Pair) -> None:
    told = pair.tell()

    def other(drafts: list[EntryDraft]) -> list[EntryDraft]:
        asked = drafts[-2]
        sealed = build_notice(replace(told.notice, body=ALERT.body), pair.federation[TH].key("statement"))
        asked.request, asked.request_hash = sealed.envelope, sealed.payload_hash
        return drafts[:-1]

    pair.rewritten(TH, other)
    assert (Fault.ALTERED_REQUEST, TH) in faults(pair.reconcile())


@pytest.mark.long
def test_an_answer_to_a_notice_is_found_by_the_verifier(pair: Pair) -> None:
    told = pair.tell()
    draft = taken_otherwise(pair, told)
    answer = replace(sealing.ANSWER, exchange_id=told.notice.exchange_id, request_hash=told.sealed.payload_hash)
    sealed = ANSWER_KIND.build(answer, pair.federation[VN].key("statement"))
    draft.answer, draft.answer_hash = sealed.envelope, sealed.payload_hash
    pair.rewritten(VN, lambda drafts: [*drafts[:-1], draft])
    report = pair.verify(VN)
    assert [(found.check, found.state) for found in report.unproved()] == [(Check.STATEMENTS, State.CONTRADICTED)]


@pytest.mark.long
def test_a_notice_that_another_member_signed_is_found_by_the_verifier(pair: Pair) -> None:
    pair.tell()

    def other(drafts: list[EntryDraft]) -> list[EntryDraft]:
        sealed = build_notice(replace(ASK, head=HEAD), pair.federation[VN].key("statement"))
        drafts[-1].request, drafts[-1].request_hash = sealed.envelope, sealed.payload_hash
        return drafts

    pair.rewritten(VN, other)
    assert any(found.check is Check.STATEMENTS for found in pair.verify(VN).unproved())


@pytest.mark.long
def test_bytes_that_are_no_notice_are_kept_and_prove_nothing(pair: Pair) -> None:
    refusal = Refusal(Reason.INVALID_ARGUMENT, "malformed")
    pair.write(VN, unaccepted_notice(TH, b"no notice", refusal, why=Malformed("no"), is_kept=True))
    draft = unaccepted_notice(TH, b"no notice", refusal)
    assert (draft.request, draft.private["size"]) == (b"", 9)
    assert pair.verify(VN).is_proved(Check.STATEMENTS)


# ---------------------------------------------------------------- opened entries, searches, statistics


def contents(pair: Pair, member: str) -> list[Content]:
    name = TH if member == TH else VN
    home = pair.homes[name]
    with home.store() as store:
        logs = HomeLogs(store, home.keystore)
        rows = [("exchange/1", opened) for opened in logs.rows("exchange/1", *logs.bounds("exchange/1"))]
    return read_contents(rows, name, pair.view(), answers=True)


@pytest.mark.long
@pytest.mark.parametrize("member", [TH, VN])
def test_opened_entries_show_the_notice_and_its_receipt_and_prove_them(pair: Pair, member: str) -> None:
    found = contents(pair, member)
    assert len(found) == 5
    for content in found:
        assert content.notice is not None
        assert content.receipt is not None
        assert {proof.state for proof in content.proofs} == {State.PROVED}
        parts = {proof.part for proof in content.proofs}
        assert parts >= {Part.REQUEST_SIGNED, Part.ANSWER_SIGNED, Part.ANSWERS_REQUEST}
    assert any(content.receipt and content.receipt.refusal == NOT_NOW for content in found)


@pytest.mark.long
def test_a_record_in_a_reply_needs_its_ask(pair: Pair) -> None:
    ask = pair.tell()
    reply = Reply(ReplyCode.RELEASED, records=("a.b.c~",))
    thread = ask.notice.head.thread_id
    pair.tell(reply, VN, thread_id=thread, seen=1)
    found = [each for each in contents(pair, TH) if each.notice and each.notice.head.thread_id == thread]
    wrong = [proof for content in found for proof in content.proofs if proof.part is Part.RECORD]
    assert [proof.state for proof in wrong] == [State.CONTRADICTED]  # no agency has signed it
    home = pair.homes[TH]
    with home.store() as store:
        rows = list(HomeLogs(store, home.keystore).rows("exchange/1", 0, 100))[-1:]
    (alone,) = read_contents([("exchange/1", rows[0])], TH, pair.view(), answers=True)
    unproved = [proof for proof in alone.proofs if proof.part is Part.RECORD]
    assert [proof.state for proof in unproved] == [State.NOT_PROVABLE]


@pytest.mark.long
def test_notices_are_found_by_their_thread_officers_records_and_case(pair: Pair) -> None:
    told = pair.tell(Status(new_id(), StatusCode.READ, record=JTI), seq=2, previous=b"\1" * 32, thread_id=new_id())
    home = pair.homes[VN]
    with home.store() as store:
        rows = list(HomeLogs(store, home.keystore).rows("exchange/1", 0, 100))
    found = [terms_of(each.entry, each.private or {}, each.request, each.answer) for each in rows]
    assert term(Field.THREAD, told.notice.head.thread_id) in found[-1]
    assert {term(Field.RECORD, JTI), term(Field.NOTICE, "status"), term(Field.OUTCOME, "taken")} <= found[-1]
    first = found[0]
    assert {term(Field.OFFICER, HEAD.requester.pseudonym), term(Field.CASE, HEAD.case)} <= first
    assert {term(Field.RECORD, PLACE.record), term(Field.RECORD, PLACE.reference)} <= first
    assert term(Field.NOTICE, "ask") in first
    only = terms_of(rows[0].entry, rows[0].private or {}, rows[0].request, b"", wanted=(Field.RECORD,))
    assert term(Field.RECORD, PLACE.record) in only


@pytest.mark.long
def test_statistics_count_notices_apart_from_questions(pair: Pair) -> None:
    told = pair.tell(taken=False)
    pair.write(TH, undelivered_notice(told.notice, told.sealed.payload_hash, "expired"))
    counts = {}
    for name in (TH, VN):
        home = pair.homes[name]
        with home.store() as store:
            stats = collect(HomeLogs(store, home.keystore))
        counts[name] = {(cell.measure, cell.value): count for cell, count in stats.counts.items()}
    assert counts[TH] == {
        ("notice-sent", "ask"): 3,
        ("notice-sent", "alert"): 1,
        ("notice-sent", "change"): 1,
        ("notice-delivered", "ask"): 1,
        ("notice-delivered", "alert"): 1,
        ("notice-delivered", "change"): 1,
        ("notice-turned-down", "not-now"): 1,
        ("notice-undelivered", "ask"): 1,
        ("notice-taken", "ask"): 1,
    }
    assert counts[VN][("notice-refused", "not-now")] == 1
    assert not any(measure.startswith(("served", "asked", "received")) for measure, _ in counts[VN])


# ---------------------------------------------------------------- a node that starts anew


@pytest.mark.long
def test_a_notice_that_waits_is_not_abandoned_and_a_lost_question_is(pair: Pair) -> None:
    waiting = pair.tell(taken=False)
    question = events.ASKED.draft(peer=VN, exchange_id=new_id(), request_hash=b"\1" * 32)
    pair.write(TH, question)
    known = {(str(VN), waiting.notice.exchange_id)}
    home = pair.homes[TH]
    with home.store() as store, home.documents() as documents:
        assert len(abandoned(store, "exchange/1")) == 2

        def minded(peer: str, exchange_id: str) -> bool:
            return (peer, exchange_id) in known

        (draft,) = abandoned(store, "exchange/1", minded)
        assert draft.exchange_id == question.exchange_id
        questions = LostQuestions(store, "exchange/1", documents, pair.clock, minded)
        for _ in range(GRACE_US // 60_000_000 + 1):
            pair.clock.advance(MINUTE)
        (lost,) = questions.find()
        assert lost.exchange_id == question.exchange_id
        pair.write(TH, lost)
        questions.find()
        questions.noted()

        def never(_peer: str, _exchange_id: str) -> bool:
            raise AssertionError("it is not looked at again, however long it waits")

        assert LostQuestions(store, "exchange/1", documents, pair.clock, never).find() == []


@pytest.mark.long
def test_a_receipt_says_until_when_a_human_should_act(pair: Pair) -> None:
    told = pair.tell()
    assert told.receipt is not None
    assert isinstance(told.receipt.value, NoticeReceipt)
    received = pair.written[TH][-1]
    assert received.private["answer_by_us"] == told.receipt.value.answer_by_us > 0
    assert received.private["outcome"] == "taken"
