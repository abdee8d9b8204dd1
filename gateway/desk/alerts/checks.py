"""Check what an officer hands in for an alert before anything is written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.desk.alerts.values import HIDDEN_US, LONGEST_US
from gateway.desk.delivery.authoring import check_active, check_allowed, citing
from gateway.desk.delivery.offices import check_offices
from gateway.desk.roles import check_purpose
from gateway.errors import Malformed
from gateway.exchange.parts import Parts
from gateway.language.terms import ACTIONS
from gateway.model.desk.notices import MAX_REPEAT_S, NoticeType
from gateway.model.handed.alerts import Addressee, RaiseAlert
from gateway.model.requester import Officer
from policy.attributes import DeskAttributes

_AT_HOME = frozenset({"hidden_until", "visible_from", "flags", "geo_scope"})
"""Fields that a node sets or keeps: how long it is hidden, and where it counts, stand beside the record."""


def check_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the record. The action in words is that of the code, where the officer gave none."""
    known = {name: value for name, value in fields.items() if value not in (None, "", [])}
    if kept := sorted(_AT_HOME & known.keys()):
        raise Malformed(
            "`{field}` is no field that an officer gives",
            code="bad-alert",
            where=f"fields.{kept[0]}",
            remedy="how long an alert is hidden, and for whom it is, stands beside its fields",
            field=kept[0],
        )
    action = str(known.get("alert_class", ""))
    if action not in ACTIONS or action.startswith("DO_NOT"):
        raise Malformed(
            "an alert says by a code what is to be done",
            code="bad-alert",
            where="fields.alert_class",
            remedy="one of {codes}",
            codes=", ".join(code for code in ACTIONS if not code.startswith("DO_NOT")),
        )
    if not (known.get("objects") or known.get("identifiers") or (known.get("names") and known.get("birth"))):
        raise Malformed(
            "an alert names a person with the date of birth, a document, or a thing",
            code="bad-alert",
            where="fields.names",
        )
    if not str(known.get("reason", "")).strip():
        raise Malformed("an alert says why", code="bad-alert", where="fields.reason")
    return {"action": ACTIONS[action], **known}


def check_command(parts: Parts, officer: Officer, command: RaiseAlert, now_us: int) -> list[str]:
    """Return the agreement under which each counterpart gets the alert. Raises for what may not be raised."""
    if not (command.case or command.ticket):
        raise Malformed("a case or ticket number is required", code="missing-case", where="case")
    check_purpose(officer, command.purpose)
    if not 1 <= command.repeat_s <= MAX_REPEAT_S:
        raise Malformed("an alarm is repeated after 1 to {most} s", code="bad-alert", where="repeat", most=MAX_REPEAT_S)
    if command.to_life and command.hidden_until_us:
        raise Malformed("what is sent at once cannot be hidden", code="bad-alert", where="hidden_until")
    if command.hidden_until_us > now_us + HIDDEN_US:
        raise Malformed("an alert is hidden for 48 hours at most", code="bad-alert", where="hidden_until")
    if command.until_us:
        readable_until(command.until_us, command.hidden_until_us, now_us)
    if not command.to:
        raise Malformed("no counterpart was named", code="no-counterpart", where="to")
    if len({to.member for to in command.to}) != len(command.to):
        raise Malformed("a counterpart is named twice", code="bad-alert", where="to")
    return [_agreement(parts, officer, command, to, now_us) for to in command.to]


def readable_until(until_us: int, hidden_until_us: int, now_us: int) -> None:
    """Raise unless an alert may be in force until then."""
    if not max(now_us, hidden_until_us) < until_us <= now_us + LONGEST_US:
        raise Malformed("an alert is in force for 90 days at most", code="bad-alert", where="until")


def _agreement(parts: Parts, officer: Officer, command: RaiseAlert, to: Addressee, now_us: int) -> str:
    trust = parts.trust()
    check_active(parts, to.member)
    check_offices(trust.descriptor(to.member), to.offices, "to")
    notice = citing(
        parts,
        DeskAttributes.opening(
            officer,
            to.member,
            NoticeType.ALERT,
            command.purpose,
            command.offence,
            urgency=command.urgency,
            to_life=command.to_life,
            has_case=bool(command.case),
            has_ticket=bool(command.ticket),
        ),
        now_us,
    )
    check_allowed(parts, notice, now_us)
    return notice.agreement
