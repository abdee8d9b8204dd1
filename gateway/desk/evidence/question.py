"""Take a watch as the question that it stands for, so that policy and follow-ups treat it as any other one."""

from __future__ import annotations

from gateway.errors import Forbidden
from gateway.model.desk.notices import Notice
from gateway.model.desk.watches import Watch, as_question
from gateway.model.exchange import Request


def request_of(notice: Notice) -> Request:
    """Return the question that a watch stands for. Raises `Forbidden` for a notice that is not a watch."""
    head, body = notice.head, notice.body
    if not isinstance(body, Watch):
        raise Forbidden("this is no watch", code="wrong-notice", where="hit.exchange_id")
    return Request(
        head.thread_id,
        head.sender,
        head.recipient,
        head.issued_us,
        head.expires_us,
        head.purpose,
        head.offence,
        head.case,
        head.ticket,
        head.agreement,
        head.requester,
        b"",
        as_question(body.query),
        head.trust_hash,
        head.policy_hash,
    )
