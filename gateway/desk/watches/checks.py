"""Check what an officer hands in for a watch before anything is written down."""

from __future__ import annotations

from gateway.clock import DAY_US
from gateway.desk.delivery.authoring import check_active, check_allowed, citing
from gateway.desk.roles import check_purpose
from gateway.desk.watches.looking import own_question
from gateway.desk.watches.wide import check_asks, check_width
from gateway.errors import Malformed, Unsupported
from gateway.exchange.parts import Parts
from gateway.matching.keys import query_cost
from gateway.model.desk.notices import NoticeType
from gateway.model.desk.watches import Goods
from gateway.model.handed.watches import AddWatch
from gateway.model.names import MemberId
from gateway.model.requester import Officer
from gateway.records.identifiers.query_forms import check_forms
from gateway.statements.notices.watch import LONGEST_US
from gateway.statements.versions import check_part
from gateway.trust.documents.statement_versions import WATCHED_GOODS
from policy.attributes import DeskAttributes
from policy.explain import forbidden


def check_until(until_us: int, now_us: int) -> None:
    """Raise `Malformed` unless a watch may stand until then."""
    if not now_us < until_us <= now_us + LONGEST_US:
        raise Malformed(
            "a watch stands for {days} days at most", code="bad-watch", where="until", days=LONGEST_US // DAY_US
        )


def check_command(parts: Parts, officer: Officer, command: AddWatch, now_us: int) -> list[str]:
    """Return the agreement under which each recipient gets the watch. Raises for what may not be watched."""
    if not command.case:
        raise Malformed("a case number is required", code="missing-case", where="case")
    check_purpose(officer, command.purpose)
    if len(set(command.to)) != len(command.to):
        raise Malformed("a counterpart is named twice", code="bad-watch", where="to")
    if not isinstance(command.subject, Goods):
        query_cost(command.subject)
        check_forms(command.subject, now_us)
    check_width(command.subject)
    check_asks(command.subject)
    question = own_question(officer, command.subject, command.purpose.value, command.offence.value, command.case)
    decision = parts.policy().may_ask(question, now_us)
    if not decision.allow:
        raise forbidden(decision.code, question)
    return [_agreement(parts, officer, command, to, now_us) for to in command.to]


def _agreement(parts: Parts, officer: Officer, command: AddWatch, to: MemberId, now_us: int) -> str:
    check_active(parts, to)
    if not parts.trust().descriptor(to).can_take(NoticeType.WATCH):
        raise Unsupported(
            "`{member}` takes no watches", where="to", remedy="ask it each time: `liaison ask --help`", member=to
        )
    if isinstance(command.subject, Goods):
        check_part(parts.trust(), to, WATCHED_GOODS)
    asked = DeskAttributes.opening(officer, to, NoticeType.WATCH, command.purpose, command.offence, has_case=True)
    notice = citing(parts, asked, now_us)
    check_allowed(parts, notice, now_us)
    return notice.agreement
