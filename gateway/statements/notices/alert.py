"""Alerts, words of what became of a notice, and changes of what was given."""

from __future__ import annotations

from liaison.exchange.v1 import notices_pb2 as pb

from gateway.errors import Malformed
from gateway.model.desk.notices import (
    ASK_AGAIN,
    MAX_REPEAT_S,
    ONWARD_REASONS,
    Alert,
    Change,
    ChangeCode,
    Status,
    StatusCode,
)
from gateway.model.names import exchange_id, identifier, member_id
from gateway.statements.fields import microseconds, timestamp
from gateway.statements.notices.texts import (
    code,
    compact,
    jti,
    listed,
    many,
    optional_code,
    optional_text,
    optional_time,
)
from gateway.statements.notices.watch import read_watched, watched_message

MAX_OFFICES = 256
MAX_JTIS = 1_024

_WITH_RECORD = frozenset((ChangeCode.CORRECTED, ChangeCode.RECLASSIFIED))


def write_alert(message: pb.AlertNotice, alert: Alert) -> None:
    """Write an alert into its payload."""
    message.record, message.action, message.repeat_s = alert.record, alert.action, alert.repeat_s
    message.until_time.CopyFrom(timestamp(alert.until_us))
    message.scope.extend(alert.scope)
    message.to_life = alert.to_life


def read_alert(message: pb.AlertNotice) -> Alert:
    """Return the alert in a parsed payload, or raise `Malformed`."""
    if not 1 <= message.repeat_s <= MAX_REPEAT_S:
        raise Malformed(
            "an alarm is repeated after 1 to {most} s", code="bad-value", where="repeat_s", most=MAX_REPEAT_S
        )
    until_us = microseconds(message.until_time, "until_time")
    if until_us <= microseconds(message.head.issued_time, "issued_time"):
        raise Malformed("an alert ends after it was issued", code="bad-time", where="until_time")
    return Alert(
        record=compact(message.record, "record"),
        action=code(message.action, "action"),
        until_us=until_us,
        scope=many(message.scope, MAX_OFFICES, "scope", identifier),
        repeat_s=message.repeat_s,
        to_life=message.to_life,
    )


def write_status(message: pb.StatusNotice, status: Status) -> None:
    """Write a status into its payload."""
    message.of, message.code, message.record_id = status.of, status.code.value, status.record
    message.reason, message.text, message.holder = status.reason, status.text, status.holder
    if status.watched is not None:
        message.watched.CopyFrom(watched_message(status.watched))


def read_status(message: pb.StatusNotice) -> Status:
    """Return the status in a parsed payload, or raise `Malformed`."""
    what = listed(StatusCode, message.code, "code")
    if bool(message.holder) != (what is StatusCode.ONWARD):
        raise Malformed("a third member stands with ONWARD, and only there", code="bad-status", where="holder")
    if message.holder and message.reason not in ONWARD_REASONS:
        raise Malformed("this is nothing that a third member confirms", code="bad-status", where="reason")
    if message.HasField("watched") and what is not StatusCode.ACKNOWLEDGED:
        raise Malformed("the reach of a watch stands with its acknowledgement", code="bad-status", where="watched")
    return Status(
        of=exchange_id(message.of),
        code=what,
        reason=optional_code(message.reason, "reason"),
        text=optional_text(message.text, "text"),
        record=jti(message.record_id, "record_id") if message.record_id else "",
        holder=member_id(message.holder) if message.holder else "",
        watched=read_watched(message.watched) if message.HasField("watched") else None,
    )


def write_change(message: pb.ChangeNotice, change: Change) -> None:
    """Write a change into its payload."""
    message.code, message.of, message.record, message.office = (
        change.code.value,
        change.of,
        change.record,
        change.office,
    )
    message.record_ids.extend(change.records)
    message.reason, message.text, message.owner = change.reason, change.text, change.owner
    if change.erase_by_us:
        message.erase_by_time.CopyFrom(timestamp(change.erase_by_us))


def read_change(message: pb.ChangeNotice) -> Change:
    """Return the change in a parsed payload, or raise `Malformed`."""
    what = listed(ChangeCode, message.code, "code")
    if bool(message.office) != (what is ChangeCode.CUT):
        raise Malformed("a unit stands with CUT, and only there", code="bad-change", where="office")
    if not (message.record_ids or message.of or message.office):
        raise Malformed("it says of nothing that it changes", code="bad-change", where="record_ids")
    if message.record and what not in _WITH_RECORD:
        raise Malformed("a new record stands with a correction", code="bad-change", where="record")
    if message.owner and (message.record or message.office or not message.record_ids):
        raise Malformed("of another's records it names their ids only", code="bad-change", where="owner")
    if what is ChangeCode.CORRECTED and not message.record and not message.owner and message.reason != ASK_AGAIN:
        raise Malformed("a correction brings the new record", code="bad-change", where="record")
    return Change(
        code=what,
        records=many(message.record_ids, MAX_JTIS, "record_ids", jti),
        of=exchange_id(message.of) if message.of else "",
        record=compact(message.record, "record") if message.record else "",
        office=identifier(message.office, "office") if message.office else "",
        reason=optional_code(message.reason, "reason"),
        text=optional_text(message.text, "text"),
        erase_by_us=optional_time(message.erase_by_time, "erase_by_time", present=message.HasField("erase_by_time")),
        owner=member_id(message.owner) if message.owner else "",
    )
