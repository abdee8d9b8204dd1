"""Hold a report as an officer writes it, its standing at home, and who got it and who did not."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from gateway.clock import DAY_US
from gateway.desk.acting.home import Own, OwnKind, Stand
from gateway.desk.acts import Act
from gateway.desk.roles import matter_by
from gateway.desk.widening import CONTENT, ENDS, GROUND, HANDLING, WHO, Way, Widens, later, reads_more
from gateway.errors import Unknown
from gateway.model.desk.attachments import Attachment
from gateway.model.desk.threads import ThreadKind
from gateway.model.faces.fields import Said
from gateway.model.forms.reports import ReportTerms
from gateway.model.marking import Level
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Officer

LIFE_US = 730 * DAY_US
"""The time for which a report is kept, unless its author says less."""

SOURCE = "desk.reports"
"""The name of the source that reports are at home, and of the records' own keys there."""


class LibraryQuery(ReportTerms, frozen=True):
    """The reports of the library that are looked for, ours and those of counterparts; `owner` is whose they are."""

    owner: str = ""


class Reader(msgspec.Struct, frozen=True):
    """A counterpart that gets a report, the thread in which it gets it, and the agreement that covers it."""

    member: MemberId
    thread_id: Annotated[ExchangeId, Said(name="thread")]
    agreement: str


class Left(msgspec.Struct, frozen=True):
    """A counterpart that does not get a report, and why: the code of a refusal."""

    member: MemberId
    code: str


class OwnReport(Own, frozen=True):
    """A report of ours as it should stand everywhere. `bring_up` makes the threads with counterparts follow it.

    `wanted` are the counterparts that its author named; empty means all. `reason` is why it ended, a code.
    """

    fields: dict[str, Any]
    lang: str
    purpose: Purpose
    offence: Offence
    level: Level
    case: str
    wanted: tuple[MemberId, ...]
    written_us: int
    until_us: int
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
    """A report that was not handed in yet: who would get it, and what is in its way.

    `unchecked` are own sources whose names could not be looked for in it.
    """

    report: OwnReport
    traces: tuple[Trace, ...]
    unchecked: tuple[str, ...]


def unknown_report(report_id: str) -> Unknown:
    """Return the error for a report that is not there for a person, or was withdrawn."""
    return Unknown(
        "there is no report `{report}`",
        code="no-such-report",
        where="report",
        remedy="`liaison report list` shows those that stand",
        report=report_id[:64],
    )


REPORTS = OwnKind(
    kind=ThreadKind.REPORT,
    value=OwnReport,
    unknown=unknown_report,
    closed_us=lambda report: report.until_us if report.stand is Stand.PUBLISHED else 0,
    see=Act.SEE_REPORT,
    matter=lambda report: matter_by(report.author),
)
"""Reports of ours at home; one that stands may be kept until its time is over."""
