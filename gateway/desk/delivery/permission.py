"""Policy on notices: which of ours may leave, and which of theirs are taken."""

from __future__ import annotations

from msgspec.structs import replace

from gateway.errors import Forbidden
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import Notice
from gateway.model.names import MemberId
from policy.attributes import DeskAttributes
from policy.explain import forbidden


def check_notice(parts: Parts, notice: Notice, now_us: int) -> None:
    """Raise `Forbidden` with the code of the policy that does not allow a notice, ours or theirs."""
    decision = parts.policy().may_desk(DeskAttributes.of(notice, parts.member), now_us)
    if not decision.allow:
        raise Forbidden(
            "policy does not allow this notice",
            code=decision.code or "policy-denies",
            where="policy",
            remedy="see why: `liaison policy explain`",
        )


def check_active(parts: Parts, member: MemberId) -> None:
    """Raise `Forbidden` where this is no other active member of the federation."""
    if member == parts.member or not parts.trust().active(member):
        raise Forbidden(
            "`{member}` is not an active member of the federation", code="not-a-member", where="to", member=member
        )


def citing(parts: Parts, notice: DeskAttributes, now_us: int) -> DeskAttributes:
    """Return a notice of ours that is not written yet with the agreement that it would cite."""
    owners = parts.trust().descriptor(notice.counterpart).agencies
    return replace(notice, agreement=parts.policy().agreement_to_cite(notice.as_question(), owners, now_us))


def check_allowed(parts: Parts, notice: DeskAttributes, now_us: int) -> None:
    """Raise `Forbidden` with the code of the policy that does not allow a notice that is not written yet."""
    decision = parts.policy().may_desk(notice, now_us)
    if not decision.allow:
        raise forbidden(decision.code, notice.as_question(), notice.counterpart)
