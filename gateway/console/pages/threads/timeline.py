"""Show the notices of a thread as steps: who said what and when, how it was delivered, and what proves it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from gateway.clock import rfc3339_s
from gateway.console.frame.records import as_written, foreign
from gateway.console.frame.shapes import Proof, Step, Tag, Text, Tone
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.language.sentences import refusal
from gateway.language.terms import ROLES
from gateway.model.desk.notices import Alert, Ask, Body, Change, Notice, OutcomeReport, Reply, Service, Status
from gateway.model.desk.reports import Report
from gateway.model.desk.watches import Watch
from gateway.model.desk.work import DeliveryState
from gateway.ports.desk import Delivery
from gateway.ports.desk_uses import NoticeItem
from gateway.views.desk.words import DELIVERIES, notice_words, reason_words
from gateway.views.search.fields import told_fields
from gateway.views.words.code_words import explained

_TONES: dict[DeliveryState, Tone] = {
    DeliveryState.WAITING: "info",
    DeliveryState.TAKEN: "done",
    DeliveryState.REFUSED: "danger",
    DeliveryState.EXPIRED: "danger",
}


def steps_of(notices: tuple[NoticeItem, ...], peer: str, member: str, language: Language) -> tuple[Step, ...]:
    """Return the notices of both sides in the order in which we wrote them.

    The facts of the newest ask are those of the thread, and are above.
    """
    asks = [item for item in notices if item.notice is not None and isinstance(item.notice.body, Ask)]
    return tuple(
        _step(item, with_country(member if item.ours else peer, language), language, is_above=item in asks[-1:])
        for item in notices
    )


def _step(item: NoticeItem, side: str, language: Language, *, is_above: bool) -> Step:
    placed, at = item.row.placed, rfc3339_s(item.row.time_us)
    return Step(
        title=notice_words(placed.type.value, placed.code, language),
        at=at,
        time=moment(at, language),
        by=_author(item.notice, side, language),
        lines=() if is_above else tuple(line for line in _lines(item, language) if line),
        ours=item.ours,
        tags=tuple(_tags(item, language)),
        proof=_proof(item, language),
    )


def _author(notice: Notice | None, side: str, language: Language) -> str:
    if notice is None:
        return side
    head = notice.head
    humans = [head.requester, *([head.approver] if head.approver is not None else [])]
    return " · ".join([side, *(f"{_role(one.role, language)}, {one.office}" for one in humans)])


def _role(code: str, language: Language) -> str:
    """Return a role in words; one of another country's own as it is."""
    return tell(language, ROLES[code]) if code in ROLES else code


def _tags(item: NoticeItem, language: Language) -> Iterator[Tag]:
    if item.late:
        yield Tag(tell(language, "LATE: after its time"), "danger")
    if item.delivery is not None:
        yield _delivered(item.delivery, language)


def _delivered(delivery: Delivery, language: Language) -> Tag:
    text = tell(language, DELIVERIES[delivery.state.value])
    if delivery.problem and delivery.state is not DeliveryState.TAKEN:
        text = f"{text}: {refusal(delivery.problem, '', language) or delivery.problem}"
    tone: Tone = "warn" if delivery.problem and delivery.state is DeliveryState.WAITING else _TONES[delivery.state]
    return Tag(text, tone)


def _lines(item: NoticeItem, language: Language) -> Iterator[Text | str]:
    if item.notice is None:
        yield tell(language, "its content is erased")
        return
    yield from _said(item.notice.body, language)
    if item.fields is not None:
        yield from (
            foreign(f"{name}: {', '.join(values)}") for _, name, values in told_fields(item.fields, "Alert", language)
        )
    if item.notice.records:
        yield tell(language, "records: {count}", count=len(item.notice.records))


def _said(body: Body, language: Language) -> Iterator[Text | str]:
    """Yield what a notice says beside its code; an ask is in the summary of the thread."""
    if isinstance(body, Ask):
        yield from as_written(body.facts)
        return
    if isinstance(body, Alert):
        yield explained(body.action, "alert_class", language)
        yield tell(language, "until {time}", time=moment(rfc3339_s(body.until_us), language))
        return
    if isinstance(body, Watch):
        yield tell(language, "until {time}", time=moment(rfc3339_s(body.until_us), language))
        return
    if isinstance(body, Reply | Status | Change):
        yield reason_words(body.reason, language)
    if isinstance(body, Change):
        yield from as_written(body.office)
        if body.erase_by_us:
            yield tell(language, "to be erased by {time}", time=moment(rfc3339_s(body.erase_by_us), language))
    if isinstance(body, OutcomeReport):
        yield _outcome(body, language)
    if isinstance(body, Service) and body.until_us:
        yield tell(language, "until {time}", time=moment(rfc3339_s(body.until_us), language))
    if isinstance(body, Report):
        yield tell(language, "until {time}", time=moment(rfc3339_s(body.until_us), language))
        return
    yield from as_written(body.text)


def _outcome(body: OutcomeReport, language: Language) -> str:
    parts = [body.substance]
    if body.grams:
        parts.append(tell(language, "{count} grams", count=body.grams))
    if body.units:
        parts.append(tell(language, "{count} pieces", count=body.units))
    if body.persons:
        parts.append(tell(language, "{count} persons", count=body.persons))
    return ", ".join(filter(None, parts))


def _proof(item: NoticeItem, language: Language) -> Proof:
    """Return what an auditor compares: the entry, the notice's hash, and its place in the thread."""
    row = item.row
    lines = [
        f"{row.log} {row.index}" if row.log else "",
        f"notice {row.notice_id}",
        f"sha-256 {row.payload_hash.hex()}",
        f"seq {row.placed.seq}, seen {row.placed.seen}",
        f"receipt sha-256 {hashlib.sha256(row.receipt).hexdigest()}" if row.receipt else "",
    ]
    return Proof(tell(language, "Proof"), tuple(filter(None, lines)))
