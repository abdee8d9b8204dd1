"""The entries of the asking side (`docs/audit-events.md` explains each)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from gateway.audit.tree.checkpoint import Shown
from gateway.errors import LiaisonError
from gateway.exchange.asking.check_answer import Checked
from gateway.exchange.asking.inquiry import Asked, Inquiry
from gateway.exchange.ledger import copies_received
from gateway.model.exchange import Answer, AnswerMessage, Outcome, ReceiptMessage
from gateway.model.search import Line, ShownHit
from gateway.ports.content_keys import Retention
from gateway.ports.desk import DeskRows, Work
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Event

_DETAIL = 300


@dataclass(frozen=True, slots=True)
class Confirming:
    """Returns the work that hits are for the officer: is each the same person or thing?

    `answered` returns that of so many hits of an answer, `warned` that of the hits at home which are alerts of
    counterparts.
    """

    answered: Callable[[Asked, int], tuple[Work, ...]] = lambda _asked, _count: ()
    warned: Callable[[Inquiry, Sequence[ShownHit]], tuple[Work, ...]] = lambda _inquiry, _hits: ()


def denied(inquiry: Inquiry, code: str) -> EntryDraft:
    """Draft the entry of a question that was not allowed at home; nothing left the node."""
    return events.DENIED.draft(**_who(inquiry), question=_question(inquiry), code=code, to=list(inquiry.command.to))


def own(inquiry: Inquiry, line: Line, works: tuple[Work, ...] = ()) -> EntryDraft:
    """Draft the entry of a question to our own agencies, with the work that its hits are."""
    sources = {"hits": len(line.hits), "missing": list(line.missing)}
    draft = events.OWN.draft(**_who(inquiry), question=_question(inquiry), outcome=line.outcome.value, sources=sources)
    draft.rows = DeskRows(works=works) if works else None
    return draft


def asked(item: Asked) -> EntryDraft:
    """Draft the entry of a request that is about to leave."""
    private = _who(item.inquiry) | {"agreement": item.request.agreement, "token_salt": item.token_salt.hex()}
    return events.ASKED.draft_of(private, request=item.sealed.envelope, **_exchange(item))


def silent(item: Asked, why: LiaisonError, last_seen_us: int, outcome: Outcome) -> EntryDraft:
    """Draft the entry of a question without an answer in time, or without one that verifies."""
    found = {"outcome": outcome.value, "code": why.code, "last_seen": last_seen_us, "detail": str(why)[:_DETAIL]}
    return events.SILENT.draft_of(_reference(item.inquiry) | found, **_exchange(item))


def too_many(item: Asked, code: str, last_seen_us: int) -> EntryDraft:
    """Draft the entry of a question that the counterpart turned away unread, beyond a limit of its own."""
    found = {"code": code, "last_seen": last_seen_us}
    return events.TOO_MANY.draft_of(_reference(item.inquiry) | found, **_exchange(item))


def received(
    item: Asked, checked: Checked, message: AnswerMessage, event: Event, works: tuple[Work, ...] = ()
) -> EntryDraft:
    """Draft the entry of an answer that verifies, `RECEIVED` or `LATE`, with the counterpart's own entry and proof.

    `works` is the work that its hits are for the officer.
    """
    answer = checked.answer.value
    found: dict[str, Any] = {
        "outcome": answer.outcome.value,
        "refusal": answer.refusal.code if answer.refusal else "",
        "hits": len(answer.hits),
        "missing": list(answer.missing),
    }
    return event.draft_of(
        _reference(item.inquiry) | found | their_entry(message, checked.shown),
        answer_hash=checked.answer.payload_hash,
        channel=f"out:{item.member}",
        number=checked.exchange.number,
        answer=message.envelope,
        retention=Retention.HIT if answer.outcome is Outcome.HIT else Retention.NO_HIT,
        rows=_rows(answer, works) if answer.hits else None,
        **_exchange(item),
    )


def _rows(answer: Answer, works: tuple[Work, ...]) -> DeskRows | None:
    copies = copies_received(answer.recipient, answer.sender, answer.exchange_id, answer.hits)
    return replace(copies or DeskRows(), works=works) if works else copies


def kept_back(item: Asked, why: LiaisonError, index: int, works: tuple[Work, ...] = ()) -> EntryDraft:
    """Draft the entry of an answer that was committed as entry `index` and is not shown to the officer.

    The work that its hits were is over.
    """
    detail = {"code": why.code, "detail": str(why)[:_DETAIL], "kept_index": index}
    ended = tuple(replace(work, done_us=work.opened_us, result="kept-back") for work in works)
    rows = DeskRows(works=ended) if ended else None
    return events.KEPT_BACK.draft_of(detail, peer=item.member, exchange_id=item.request.exchange_id, rows=rows)


def their_entry(message: AnswerMessage | ReceiptMessage, shown: Shown) -> dict[str, Any]:
    """Return the members of a private part that hold the counterpart's own entry and its proof."""
    return {
        "their_index": shown.index,
        "their_entry": message.entry.decode(),
        "their_hashes": [item.hex() for item in shown.hashes],
        "their_checkpoint": shown.head.data.decode(),
    }


def _exchange(item: Asked) -> dict[str, Any]:
    """Return the public parts that all entries of one exchange share, and its span."""
    request = item.request
    return {
        "peer": item.member,
        "exchange_id": request.exchange_id,
        "request_hash": item.sealed.payload_hash,
        "trace": item.trace.header,
    }


def _reference(inquiry: Inquiry) -> dict[str, Any]:
    """Return the officer, case and search of an answer; the entry `asked` holds the rest."""
    command = inquiry.command
    return {"officer": inquiry.officer.person, "case": command.case or command.ticket, "search": inquiry.search_id}


def _question(inquiry: Inquiry) -> dict[str, Any]:
    """Return the question, for entries that hold no request (DUTY-L4: encrypted, as all private parts are)."""
    return inquiry.command.query.as_value()


def _who(inquiry: Inquiry) -> dict[str, Any]:
    officer, command = inquiry.officer, inquiry.command
    return officer.as_json() | {
        "token": officer.token_hash.hex(),
        "purpose": command.purpose.value,
        "offence": command.offence.value,
        "case": command.case,
        "ticket": command.ticket,
        "query": command.query.kind.value,
        "search": inquiry.search_id,
    }
