"""Hold a report as an officer writes it, its standing at home, and who got it and who did not."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from gateway.clock import DAY_US
from gateway.conversion import converter
from gateway.desk.widening import CONTENT, ENDS, GROUND, HANDLING, WHO, Way, Widens, later, reads_more
from gateway.errors import Unknown
from gateway.model.desk.attachments import Attachment
from gateway.model.desk.threads import ThreadKey
from gateway.model.forms.reports import ReportTerms
from gateway.model.marking import Level
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Officer
from gateway.ports.desk import Thread

LIFE_US = 730 * DAY_US
"""The time for which a report is kept, unless its author says less."""

SOURCE = "desk.reports"
"""The name of the source that reports are at home, and of the records' own keys there."""


class LibraryQuery(ReportTerms, frozen=True):
    """The reports of the library that are looked for, ours and those of counterparts; `owner` is whose they are."""

    owner: str = ""


class Stand(StrEnum):
    """The standing of a report of ours."""

    WAITING = "waiting"
    """A human must approve it before it counts."""
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"
    DECLINED = "declined"
    LAPSED = "lapsed"
    """It was not approved in time."""


class Reader(msgspec.Struct, frozen=True):
    """A counterpart that gets a report, the thread in which it gets it, and the agreement that covers it."""

    member: MemberId
    thread_id: ExchangeId
    agreement: str


class Left(msgspec.Struct, frozen=True):
    """A counterpart that does not get a report, and why: the code of a refusal."""

    member: MemberId
    code: str


class OwnReport(msgspec.Struct, frozen=True):
    """A report of ours as it should stand everywhere. `bring_up` makes the threads with counterparts follow it.

    `wanted` are the counterparts that its author named; empty means all. `reason` is why it ended, a code.
    """

    id: ExchangeId
    author: Officer
    fields: dict[str, Any]
    lang: str
    purpose: Purpose
    offence: Offence
    level: Level
    case: str
    wanted: tuple[MemberId, ...]
    written_us: int
    until_us: int
    stand: Stand = Stand.WAITING
    to: tuple[Reader, ...] = ()
    left: tuple[Left, ...] = ()
    approver: Officer | None = None
    reason: str = ""
    text: str = ""
    attachments: tuple[Attachment, ...] = ()


def _is_published(before: str, after: str) -> bool:
    return after == "published" and before != "published"


WIDENS: Widens = {
    **GROUND,
    "id": CONTENT,
    "author": CONTENT,
    "fields": CONTENT,
    "lang": CONTENT,
    "level": HANDLING,
    "wanted": CONTENT,
    "written_us": CONTENT,
    "until_us": (Way.LONGER, later),
    "to": (Way.READERS, reads_more),
    "left": "it says who does not get it",
    "stand": (Way.IN_FORCE, _is_published),
    "approver": WHO,
    "reason": ENDS,
    "text": ENDS,
    "attachments": CONTENT,
}
"""Tells what two persons approve of a report, by field (`gateway.desk.widening`)."""


class Trace(msgspec.Struct, frozen=True):
    """A place in a report that may tell who a person is: the field, from and to which character, and of what kind."""

    field: str
    start: int
    end: int
    kind: str

    def __str__(self) -> str:
        return f"{self.field}[{self.start}:{self.end}] {self.kind}"


class Draft(msgspec.Struct, frozen=True):
    """A report that was not handed in yet: who would get it, and what stands in its way.

    `unchecked` are own sources whose names could not be looked for in it.
    """

    report: OwnReport
    traces: tuple[Trace, ...]
    unchecked: tuple[str, ...]


_own_report = converter(OwnReport)


def home_key(member: MemberId, report_id: ExchangeId) -> ThreadKey:
    """Return the key of the thread that holds a report of ours at home: no counterpart takes part in it."""
    return ThreadKey(member, report_id)


def written(report: OwnReport) -> bytes:
    """Return a report of ours in the form in which its thread at home holds it."""
    return msgspec.json.encode(report)


def read_own(thread: Thread | None, report_id: str = "") -> OwnReport:
    """Return the report that a thread at home holds. Raises `Unknown` where there is none."""
    if thread is None or not thread.draft:
        raise unknown_report(thread.key.thread_id if thread is not None else report_id)
    return _own_report(msgspec.json.decode(thread.draft))


def unknown_report(report_id: str) -> Unknown:
    """Return the error for a report that is not there for a person, or was withdrawn."""
    return Unknown(
        "there is no report `{report}`",
        code="no-such-report",
        where="report",
        remedy="`liaison report list` shows those that stand",
        report=report_id[:64],
    )
