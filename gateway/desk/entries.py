"""The entries of notices (`docs/audit-events.md` explains each). A writer puts the rows of the desk beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from gateway.audit.acts.desk_acts import APPROVES, needs_of
from gateway.audit.acts.table import Proof
from gateway.audit.tree.checkpoint import Shown
from gateway.errors import LiaisonError, Reason
from gateway.exchange.asking.entries import their_entry
from gateway.model.desk.delivered import NoticeReceipt
from gateway.model.desk.notices import TAKEN, Notice
from gateway.model.desk.threads import ThreadKey
from gateway.model.exchange import AnswerMessage, Outcome, Refusal, Verified
from gateway.model.names import MemberId
from gateway.model.requester import Officer
from gateway.ports.content_keys import Retention
from gateway.ports.desk import DeskRows, NoticeRow, Work
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, ReplayClaim
from gateway.statements.envelope import Sealed
from gateway.statements.notices.notice import notice_reference

_DETAIL = 300
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def asked_notice(
    notice: Notice,
    sealed: Sealed,
    officer: Officer | None,
    approver: Officer | None = None,
    told: Mapping[str, Any] = _NOTHING,
) -> EntryDraft:
    """Draft the entry of a notice of ours that is to be delivered.

    `officer` is its author, None where the node itself tells something; `approver` is the second human. `told` are more
    members: the evidence of humans who decided, and the opening of what is withheld.
    """
    head = notice.head
    who = officer.as_json() | {"token": officer.token_hash.hex()} if officer is not None else {}
    second = {"approver": approver.person, "approver_token": approver.token_hash.hex()} if approver is not None else {}
    more = {"approver": "", **second, "urgency": head.urgency.value, "expires_us": head.expires_us}
    return events.ASKED.draft_of(
        who | _why(notice) | _told(notice) | more | dict(told),
        request=sealed.envelope,
        retention=Retention.HIT,
        **_exchange(notice, sealed.payload_hash),
    )


def desk_act(
    officer: Officer,
    act: str,
    key: ThreadKey,
    *,
    work: Work | None = None,
    notice: str = "",
    reason: str = "",
    content: Mapping[str, Any] = _NOTHING,
    rows: DeskRows | None = None,
) -> EntryDraft:
    """Draft the entry of what a human did at the desk, with the rows that it changes.

    Raises `Forbidden` for an act that is not in the table.
    """
    needs_of(act)
    more = {
        "token": officer.token_hash.hex(),
        "act": act,
        "work": work.id if work is not None else "",
        "kind": work.kind.value if work is not None else "",
        "notice": notice or (work.notice_id if work is not None else ""),
        "reason": reason,
        "content": dict(content),
        "proof": Proof.TOKEN.value,
    }
    draft = events.DESK_ACT.draft_of(officer.as_json() | more, peer=key.peer, exchange_id=key.thread_id)
    draft.rows = rows
    return draft


def asked_by(act: str, officer: Officer) -> dict[str, Any]:
    """Return the member of an approval's content that names the act that it puts in force, and the first person."""
    return {APPROVES: {"act": act, "officer": officer.person, "token": officer.token_hash.hex()}}


def desk_clock(key: ThreadKey, code: str, rows: DeskRows, *, notice: str = "", due_us: int = 0) -> EntryDraft:
    """Draft the entry of what a clock did at the desk, with the rows that it changes; it names their first work."""
    work = next(iter(rows.works), None)
    draft = events.DESK_CLOCK.draft(
        peer=key.peer,
        exchange_id=key.thread_id,
        work=work.id if work is not None else "",
        kind=work.kind.value if work is not None else "",
        notice=notice,
        code=code,
        due_us=due_us,
    )
    draft.rows = rows
    return draft


def received_receipt(
    notice: Notice,
    receipt: Verified[NoticeReceipt],
    message: AnswerMessage,
    shown: Shown,
    number: int,
    officer: str = "",
) -> EntryDraft:
    """Draft the entry of a receipt that verifies, with the taker's own entry and proof. `number` is the taker's."""
    told = receipt.value
    found = {
        "officer": officer,
        "case": notice.head.case or notice.head.ticket,
        "outcome": _outcome(told.refusal),
        "refusal": told.refusal.code if told.refusal else "",
        "answer_by_us": told.answer_by_us,
    }
    return events.RECEIVED.draft_of(
        found | _told(notice) | their_entry(message, shown),
        answer_hash=receipt.payload_hash,
        channel=f"out:{told.sender}",
        number=number,
        answer=receipt.envelope,
        retention=Retention.HIT,
        **_exchange(notice, told.notice_hash),
    )


def undelivered_notice(notice: Notice, notice_hash: bytes, code: str, officer: str = "") -> EntryDraft:
    """Draft the entry of a notice of ours whose delivery ended before it was taken."""
    found = {"officer": officer, "case": notice.head.case or notice.head.ticket}
    return _undelivered(code, found | _told(notice), **_exchange(notice, notice_hash))


def erased_notice(row: NoticeRow, code: str) -> EntryDraft:
    """Draft the entry of a notice of ours that was not taken before it was erased here."""
    told = {"notice": row.placed.type.value, "thread": row.key.thread_id, "says": row.placed.code}
    return _undelivered(code, told, peer=row.key.peer, exchange_id=row.notice_id, request_hash=row.payload_hash)


def _undelivered(code: str, found: dict[str, Any], **exchange: Any) -> EntryDraft:
    told = {"outcome": Outcome.SILENT.value, "code": code}
    return events.SILENT.draft_of(found | told, retention=Retention.HIT, **exchange)


def answered_notice(
    notice: Verified[Notice],
    receipt: NoticeReceipt,
    sealed: Sealed,
    claim_until_us: int,
    *,
    agency: str = "",
    office: str = "",
    decision: Mapping[str, Any] = _NOTHING,
) -> EntryDraft:
    """Draft the entry of a counterpart's notice that we took, with the receipt that is about to leave.

    `agency` and `office` are ours, for whom it is. `decision` is what policy decided on it. Until `claim_until_us` the
    same notice gets the same receipt.
    """
    found = {
        "outcome": TAKEN,
        "urgency": notice.value.head.urgency.value,
        "agency": agency,
        "office": office,
        "answer_by_us": receipt.answer_by_us,
    }
    return events.ANSWERED.draft_of(
        _asker(notice.value) | _told(notice.value) | found | _decided(decision),
        request=notice.envelope,
        retention=Retention.HIT,
        **_answer(notice, sealed, claim_until_us),
    )


def refused_notice(
    notice: Verified[Notice],
    refusal: Refusal,
    sealed: Sealed,
    claim_until_us: int,
    *,
    why: LiaisonError | None = None,
    policy_hash: bytes = b"",
    is_kept: bool = True,
) -> EntryDraft:
    """Draft the entry of a counterpart's notice that verifies and is refused for good. `why` stays at home.

    Of one that is not kept the hash and the size stand there.
    """
    found = {
        "reason": refusal.reason.value,
        "code": refusal.code,
        "detail": str(why or "")[:_DETAIL],
        "policy_hash": policy_hash.hex(),
    } | ({} if is_kept else {"size": len(notice.envelope)})
    return events.REFUSED.draft_of(
        _asker(notice.value) | _told(notice.value) | found,
        request=notice.envelope if is_kept else b"",
        **_answer(notice, sealed, claim_until_us),
    )


def unaccepted_notice(
    peer: MemberId,
    envelope: bytes,
    refusal: Refusal,
    *,
    why: LiaisonError | None = None,
    policy_hash: bytes = b"",
    is_kept: bool = False,
    sealed: Sealed | None = None,
) -> EntryDraft:
    """Draft the entry of bytes that are not a notice of `peer` to us. They are kept as they came, or by their hash.

    `sealed` is the refusal that is about to leave, where the bytes name the exchange that it is of.
    """
    found = {
        "reason": refusal.reason.value,
        "code": refusal.code,
        "detail": str(why or "")[:_DETAIL],
        "policy_hash": policy_hash.hex(),
        "size": len(envelope),
    }
    draft = events.REFUSED.draft_of(
        found, peer=peer, request_hash=hashlib.sha256(envelope).digest(), request=envelope if is_kept else b""
    )
    reference = notice_reference(envelope) if sealed is not None else None
    if sealed is not None and reference is not None:
        draft.exchange_id, draft.request_hash = reference.notice_id, reference.notice_hash
        draft.channel, draft.answer, draft.answer_hash = f"in:{peer}", sealed.envelope, sealed.payload_hash
    return draft


def _exchange(notice: Notice, notice_hash: bytes) -> dict[str, Any]:
    return {"peer": notice.recipient, "exchange_id": notice.exchange_id, "request_hash": notice_hash}


def _answer(notice: Verified[Notice], sealed: Sealed, claim_until_us: int) -> dict[str, Any]:
    peer, exchange_id = notice.signer, notice.value.exchange_id
    return {
        "peer": peer,
        "exchange_id": exchange_id,
        "request_hash": notice.payload_hash,
        "answer_hash": sealed.payload_hash,
        "answer": sealed.envelope,
        "channel": f"in:{peer}",
        "claim": ReplayClaim(peer, exchange_id, notice.payload_hash, claim_until_us),
    }


def _told(notice: Notice) -> dict[str, Any]:
    return {"notice": notice.type.value, "thread": notice.head.thread_id, "says": notice.code}


def _why(notice: Notice) -> dict[str, Any]:
    head = notice.head
    return {
        "purpose": head.purpose.value,
        "offence": head.offence.value,
        "case": head.case,
        "ticket": head.ticket,
        "agreement": head.agreement,
    }


def _asker(notice: Notice) -> dict[str, Any]:
    who = notice.head.requester
    return _why(notice) | {"requester": [who.role, who.office, who.agency, who.pseudonym]}


def _decided(decision: Mapping[str, Any]) -> dict[str, Any]:
    return {"decision": dict(decision)} if decision else {}


def _outcome(refusal: Refusal | None) -> str:
    if refusal is None:
        return TAKEN
    return Outcome.SUSPENDED.value if refusal.reason is Reason.SUSPENDED else Outcome.REFUSED.value
