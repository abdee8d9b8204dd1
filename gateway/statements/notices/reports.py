"""Outcomes, notes, and words of a node about itself."""

from __future__ import annotations

import re

from liaison.exchange.v1 import notices_pb2 as pb

from gateway.errors import Malformed
from gateway.model.desk.notices import Note, OutcomeCode, OutcomeReport, Service, ServiceCode
from gateway.model.values import text_value
from gateway.statements.fields import timestamp
from gateway.statements.notices.texts import (
    MAX_VALUES,
    free_text,
    listed,
    many,
    number,
    optional_text,
    optional_time,
    value_messages,
    values,
)

_MAX_SUBSTANCE = 100
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}", re.ASCII)
_RECORD_TYPE = re.compile(r"[A-Z][A-Za-z]{0,63}", re.ASCII)


def write_outcome(message: pb.OutcomeNotice, outcome: OutcomeReport) -> None:
    """Write an outcome into its payload."""
    message.code, message.substance, message.text = outcome.code.value, outcome.substance, outcome.text
    message.grams, message.units, message.persons = outcome.grams, outcome.units, outcome.persons


def read_outcome(message: pb.OutcomeNotice) -> OutcomeReport:
    """Return the outcome in a parsed payload, or raise `Malformed`."""
    what = listed(OutcomeCode, message.code, "code")
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
    )


def write_note(message: pb.NoteNotice, note: Note) -> None:
    """Write a note into its payload."""
    message.lang, message.text = note.lang, note.text
    message.values.extend(value_messages(note.values))


def read_note(message: pb.NoteNotice) -> Note:
    """Return the note in a parsed payload, or raise `Malformed`."""
    if not _LANGUAGE.fullmatch(message.lang):
        raise Malformed("not a language", code="bad-code", where="lang")
    return Note(message.lang, free_text(message.text, "text"), values(message.values))


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
        types=many(message.types, MAX_VALUES, "types", _record_type),
        since_us=since_us,
        until_us=until_us,
    )


def _record_type(text: str, where: str) -> str:
    if not _RECORD_TYPE.fullmatch(text):
        raise Malformed("not a record type", code="bad-value", where=where)
    return text
