"""The entries of the asking side (`docs/audit-events.md` says what each means)."""

from __future__ import annotations

from gateway.errors import LiaisonError
from gateway.exchange.asking.check_answer import Checked
from gateway.exchange.asking.inquiry import Asked, Inquiry
from gateway.model.exchange import AnswerMessage, Outcome
from gateway.model.query import query_value
from gateway.model.search import Line
from gateway.ports.content_keys import Retention
from gateway.ports.journal import EntryDraft

_DETAIL = 300


def denied(inquiry: Inquiry, code: str) -> EntryDraft:
    """A question that was not allowed at home; nothing left the node."""
    private = _who(inquiry) | _question(inquiry) | {"code": code, "to": list(inquiry.command.to)}
    return EntryDraft("denied", private=private, retention=Retention.OPERATIONS)


def own(inquiry: Inquiry, line: Line) -> EntryDraft:
    """Our own agencies were asked."""
    sources = {"hits": len(line.hits), "missing": list(line.missing)}
    private = _who(inquiry) | _question(inquiry) | {"outcome": line.outcome.value, "sources": sources}
    return EntryDraft("own", private=private)


def asked(item: Asked) -> EntryDraft:
    """A request is about to leave."""
    private = _who(item.inquiry) | {"agreement": item.request.agreement, "token_salt": item.token_salt.hex()}
    return _draft("asked", item, private, request=item.sealed.envelope)


def silent(item: Asked, why: LiaisonError, last_seen_us: int) -> EntryDraft:
    """No answer came in time, or none that verifies."""
    found = {"code": why.code, "last_seen": last_seen_us, "detail": str(why)[:_DETAIL]}
    return _draft("silent", item, _reference(item.inquiry) | found)


def received(item: Asked, checked: Checked, message: AnswerMessage, kind: str) -> EntryDraft:
    """An answer that verifies, with the counterpart's own entry and its proof; `kind` is `received` or `late`."""
    answer = checked.answer.value
    found: dict[str, object] = {
        "outcome": answer.outcome.value,
        "refusal": answer.refusal.code if answer.refusal else "",
        "hits": len(answer.hits),
        "missing": list(answer.missing),
        "their_index": message.proof.index,
        "their_entry": message.entry.decode(),
        "their_hashes": [item.hex() for item in message.proof.hashes],
        "their_checkpoint": message.proof.checkpoint.decode(),
    }
    draft = _draft(kind, item, _reference(item.inquiry) | found, answer=message.envelope)
    draft.answer_hash = checked.answer.payload_hash
    draft.channel, draft.number = f"out:{item.member}", checked.exchange.number
    draft.retention = Retention.HIT if answer.outcome is Outcome.HIT else Retention.NO_HIT
    return draft


def _draft(
    kind: str, item: Asked, private: dict[str, object], *, request: bytes = b"", answer: bytes = b""
) -> EntryDraft:
    return EntryDraft(
        kind=kind,
        peer=item.member,
        exchange_id=item.request.exchange_id,
        request_hash=item.sealed.payload_hash,
        private=private,
        request=request,
        answer=answer,
    )


def _reference(inquiry: Inquiry) -> dict[str, object]:
    """Whose answer it is: enough to find it, the rest stands in the entry `asked`."""
    command = inquiry.command
    return {"officer": inquiry.officer.person, "case": command.case or command.ticket, "search": inquiry.search_id}


def _question(inquiry: Inquiry) -> dict[str, object]:
    """What was asked, where no request is kept that says it (domain.md, L4: encrypted, as all of this is)."""
    return {"question": query_value(inquiry.command.query)}


def _who(inquiry: Inquiry) -> dict[str, object]:
    officer, command = inquiry.officer, inquiry.command
    return {
        "officer": officer.person,
        "on_behalf_of": officer.on_behalf_of,
        "role": officer.role,
        "office": officer.office,
        "agency": officer.agency,
        "client": officer.client,
        "token": officer.token_hash.hex(),
        "purpose": command.purpose.value,
        "offence": command.offence.value,
        "case": command.case,
        "ticket": command.ticket,
        "query": command.query.kind.value,
        "search": inquiry.search_id,
    }
