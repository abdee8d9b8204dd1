"""Read what opens an exchange, a request or a notice, by its payload type."""

from __future__ import annotations

from gateway.errors import BadSignature
from gateway.model.desk.notices import Notice
from gateway.model.exchange import Request
from gateway.statements.envelope import NOTICE_RECEIPTS, REQUESTS, PayloadType, Unsealed
from gateway.statements.notices.notice import read_notice
from gateway.statements.request import REQUEST_VERSIONS


def read_question(unsealed: Unsealed) -> Request | Notice:
    """Return the request or notice in an envelope of `QUESTIONS`, checked for content, not for its signature."""
    if unsealed.payload_type in REQUESTS:
        return REQUEST_VERSIONS.read(unsealed)
    return read_notice(unsealed)


def check_pair(question: PayloadType, ending: PayloadType) -> None:
    """Raise `BadSignature` where a notice was not ended by a receipt, or a request was."""
    if (question.kind == REQUESTS[0].kind) == (ending.kind == NOTICE_RECEIPTS[0].kind):
        raise BadSignature("a request has an answer, and a notice a receipt", code="wrong-payload-type", where="answer")
