"""Return what the notices of a report change beside its thread: its row in the library, and the copies of its record.

A report is taken where its record verifies for this thread, an agreement is about reports, and nothing in its texts has
the form of personal data. What its owner withdraws is gone from the library, with its text, in the transaction that
takes the withdrawal; so the receipt is the confirmation.
"""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from gateway.desk.delivery.effects import Effects, EffectTable, Occasion, copy_of
from gateway.desk.reports.checks import check_form, check_nobody, covers_reports, places_of, told
from gateway.desk.reports.issuing import verified
from gateway.desk.reports.traces import traces
from gateway.desk.reports.values import SOURCE
from gateway.errors import Forbidden, LiaisonError
from gateway.exchange.parts import Parts
from gateway.matching.method_reports import report_keys
from gateway.model.desk.notices import Change, Note, NoticeType
from gateway.model.desk.reports import Report
from gateway.model.desk.threads import ThreadKind
from gateway.model.desk.work import Direction, HoldingState
from gateway.model.names import exchange_id
from gateway.ports.desk import ReportRow
from gateway.records.verify import VerifiedRecord
from policy.explain import RECORD_NOT_COVERED


def report_effects(parts: Parts) -> EffectTable:
    """Return what notices of reports change."""
    return {
        NoticeType.REPORT: partial(_report, parts),
        NoticeType.CHANGE: _change,
        NoticeType.NOTE: _note,
    }


def _report(parts: Parts, occasion: Occasion) -> Effects:
    """Return the row of the library and that of the copy; raise for a report that may not be taken."""
    head, body = occasion.notice.head, occasion.notice.body
    assert isinstance(body, Report)
    if not covers_reports(parts, head.agreement):
        raise Forbidden("the agreement is not about reports", code=RECORD_NOT_COVERED, where="agreement")
    try:
        record = verified(parts, body.record, head.sender, head.recipient, head.thread_id, occasion.now_us)
    except LiaisonError as error:
        raise Forbidden("the record does not verify", code="wrong-record", where="record") from error
    _check_says(occasion, body, record)
    rows = () if occasion.ours else (_row(occasion, body, record),)
    return Effects(holdings=(copy_of(occasion, record, SOURCE),), reports=rows)


def _check_says(occasion: Occasion, body: Report, record: VerifiedRecord) -> None:
    fields, head = check_form(record.fields), occasion.notice.head
    if fields["offence"] != head.offence.value:
        raise Forbidden("the offence is not that of the record", code="bad-report", where="offence")
    if record.exp * 1_000_000 > body.until_us + 1_000_000:
        raise Forbidden("the record lives for longer than the notice says", code="bad-report", where="until_time")
    if fields.get("pictures"):
        raise Forbidden("no attachment stands beside the report", code="bad-report", where="pictures")
    if head.group_id:  # by another name, no one could call it, read it or object to it
        exchange_id(head.group_id)
    check_nobody(fields, [each.name for each in head.attachments])


def _row(occasion: Occasion, body: Report, record: VerifiedRecord) -> ReportRow:
    keys = report_keys(record.fields, places_of(record.fields), record.member)
    return ReportRow(occasion.thread.key, 1, body.until_us, keys=keys)


def _change(occasion: Occasion) -> Effects:
    """Return the end of a report that its owner withdraws: at its reader at once, at its owner until the receipt."""
    body, key = occasion.notice.body, occasion.thread.key
    assert isinstance(body, Change)
    if occasion.thread.kind is not ThreadKind.REPORT:
        return Effects()
    _check_words(body.text)
    direction = Direction.OUT if occasion.ours else Direction.IN
    copies = occasion.store.holdings(source=key.thread_id, direction=direction, holder=occasion.notice.head.recipient)
    mine = [copy for copy in copies if copy.owner == occasion.notice.head.sender]
    if occasion.ours:
        return Effects(holdings=tuple(replace(copy, state=HoldingState.CHANGING) for copy in mine))
    return Effects(
        holdings=tuple(replace(copy, state=HoldingState.ENDED) for copy in mine),
        erased=(key.thread_id,),
        reports=(ReportRow(key, 2, max((c.expires_us for c in mine), default=occasion.now_us), occasion.now_us),),
    )


def _note(occasion: Occasion) -> Effects:
    """Return no rows; raise for a note in the thread of a report that has what the report may not have."""
    body = occasion.notice.body
    assert isinstance(body, Note)
    if occasion.thread.kind is ThreadKind.REPORT:
        _check_words(body.text)
        for _, value in body.values:
            _check_words(value)
    return Effects()


def _check_words(text: str) -> None:
    if found := traces("text", text):
        raise told(found)
