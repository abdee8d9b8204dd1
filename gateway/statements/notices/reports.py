"""Outcomes, notes, words of a node about itself, and reports on methods and routes."""

from __future__ import annotations

import re

from liaison.exchange.v1 import notices_pb2 as pb

from gateway.errors import Malformed
from gateway.model.desk.notices import Note, OutcomeCode, OutcomeReport, Service, ServiceCode
from gateway.model.desk.reports import Report
from gateway.model.values import text_value
from gateway.statements.fields import microseconds, timestamp
from gateway.statements.notices.ask import place_message, read_place
from gateway.statements.notices.texts import (
    MAX_VALUES,
    compact,
    free_text,
    listed,
    many,
    number,
    optional_text,
    optional_time,
    record_type,
    value_messages,
    values,
)

REPORT_LIFE_US = 2 * 366 * 86_400_000_000
"""The longest that the recipient may keep a report."""

_MAX_SUBSTANCE = 100
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}", re.ASCII)


def write_outcome(message: pb.OutcomeNotice, outcome: OutcomeReport) -> None:
    """Write an outcome into its payload."""
    message.code, message.substance, message.text = outcome.code.value, outcome.substance, outcome.text
    message.grams, message.units, message.persons = outcome.grams, outcome.units, outcome.persons
    if outcome.hit is not None:
        message.hit.CopyFrom(place_message(outcome.hit))
    if outcome.at_us:
        message.at_time.CopyFrom(timestamp(outcome.at_us))


def read_outcome(message: pb.OutcomeNotice) -> OutcomeReport:
    """Return the outcome in a parsed payload, or raise `Malformed`."""
    what, head = listed(OutcomeCode, message.code, "code"), message.head
    if head.thread_id == head.notice_id and not message.HasField("hit"):
        raise Malformed("an outcome opens a thread about a hit", code="bad-place", where="hit")
    if (message.substance or message.grams or message.units) and what is not OutcomeCode.SEIZED:
        raise Malformed("a substance stands with a seizure", code="bad-outcome", where="substance")
    if message.substance:
        text_value(free_text(message.substance, "substance"), "substance", _MAX_SUBSTANCE)
    return OutcomeReport(
        code=what,
        substance=message.substance,
        grams=number(message.grams, "grams"),
        units=number(message.units, "units"),
        persons=number(message.persons, "persons"),
        text=optional_text(message.text, "text"),
        hit=read_place(message.hit) if message.HasField("hit") else None,
        at_us=_written_us(message),
    )


def write_note(message: pb.NoteNotice, note: Note) -> None:
    """Write a note into its payload."""
    message.lang, message.text = note.lang, note.text
    message.values.extend(value_messages(note.values))
    if note.at_us:
        message.at_time.CopyFrom(timestamp(note.at_us))


def read_note(message: pb.NoteNotice) -> Note:
    """Return the note in a parsed payload, or raise `Malformed`."""
    return Note(_language(message.lang), free_text(message.text, "text"), values(message.values), _written_us(message))


def _written_us(message: pb.NoteNotice | pb.OutcomeNotice) -> int:
    """Return when an entry of a room was written: not after it was signed."""
    written_us = optional_time(message.at_time, "at_time", present=message.HasField("at_time"))
    if written_us > microseconds(message.head.issued_time, "issued_time"):
        raise Malformed("it was signed before it was written", code="bad-time", where="at_time")
    return written_us


def write_service(message: pb.ServiceNotice, service: Service) -> None:
    """Write a node's word into its payload."""
    message.code, message.text = service.code.value, service.text
    message.types.extend(service.types)
    if service.since_us:
        message.since_time.CopyFrom(timestamp(service.since_us))
    if service.until_us:
        message.until_time.CopyFrom(timestamp(service.until_us))


def read_service(message: pb.ServiceNotice) -> Service:
    """Return a node's word in a parsed payload, or raise `Malformed`."""
    since_us = optional_time(message.since_time, "since_time", present=message.HasField("since_time"))
    until_us = optional_time(message.until_time, "until_time", present=message.HasField("until_time"))
    if until_us and until_us <= since_us:
        raise Malformed("it ends before it begins", code="bad-time", where="until_time")
    return Service(
        code=listed(ServiceCode, message.code, "code"),
        text=optional_text(message.text, "text"),
        types=many(message.types, MAX_VALUES, "types", record_type),
        since_us=since_us,
        until_us=until_us,
    )


def write_report(message: pb.ReportNotice, report: Report) -> None:
    """Write a report into its payload."""
    message.record, message.lang = report.record, report.lang
    message.until_time.CopyFrom(timestamp(report.until_us))


def read_report(message: pb.ReportNotice) -> Report:
    """Return the report in a parsed payload, or raise `Malformed`."""
    until_us = microseconds(message.until_time, "until_time")
    if not 0 < until_us - microseconds(message.head.issued_time, "issued_time") <= REPORT_LIFE_US:
        raise Malformed("a report is kept for two years at most", code="bad-time", where="until_time")
    return Report(compact(message.record, "record"), until_us, _language(message.lang))


def _language(text: str) -> str:
    if not _LANGUAGE.fullmatch(text):
        raise Malformed("not a language", code="bad-code", where="lang")
    return text
