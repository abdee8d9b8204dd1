"""Policy on notices: which of ours may leave, and which of theirs are taken."""

from __future__ import annotations

from gateway.errors import Forbidden
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import Notice
from policy.attributes import DeskAttributes


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
