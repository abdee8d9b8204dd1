"""Notices: what one member tells another about one matter, in a thread; each is a signed statement.

A notice never changes. What a thread means is the fold of its notices (`gateway.desk.fold`). Times are microseconds
since 1970.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from gateway.model.desk.attachments import Attachment
from gateway.model.desk.consent import OnwardUse
from gateway.model.desk.reports import Report
from gateway.model.desk.rooms import Room
from gateway.model.desk.watches import Watch, Watched
from gateway.model.faces.fields import Inner, Said, Text, Whole
from gateway.model.hit import Hit
from gateway.model.marking import SubjectCategory
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Requester

TAKEN = "taken"
"""The outcome of an exchange whose notice was taken, as entries tell it; a refused one has that of an answer."""


MAX_WORDS = 2_000
"""The most characters of a text for humans of other members."""

MAX_REPEAT_S = 86_400
"""The longest time between two alarms of an alert."""


class NoticeType(StrEnum):
    """The types of notices; a descriptor lists those that its member takes."""

    ASK = "ask"
    REPLY = "reply"
    ALERT = "alert"
    STATUS = "status"
    CHANGE = "change"
    OUTCOME = "outcome"
    NOTE = "note"
    SERVICE = "service"
    REPORT = "report"
    ROOM = "room"
    WATCH = "watch"


class Urgency(StrEnum):
    """The urgency of a notice: how soon a human must act; the clocks of each class stand in `gateway.desk.clocks`."""

    FLASH = "FLASH"
    URGENT = "URGENT"
    PRIORITY = "PRIORITY"
    ROUTINE = "ROUTINE"


class Head(msgspec.Struct, frozen=True):
    """The part that all notices have.

    `notice_id` is the id of the exchange that delivers it, and `thread_id` that of the thread's first notice. `seq`
    counts the author's notices in the thread from 1; `previous` is SHA-256 of the payload of the author's notice
    before, empty for the first; `seen` is how many of the other side's notices the author had taken. `group_id` joins
    threads with several members about one matter. `expires_us` 0: it is delivered however long that takes.
    `approver` is the second human at the author's, where one approved. `attachments` are the files that belong to it.
    """

    notice_id: ExchangeId
    thread_id: ExchangeId
    seq: int
    previous: bytes
    seen: int
    sender: MemberId
    recipient: MemberId
    issued_us: int
    expires_us: int
    urgency: Urgency
    purpose: Purpose
    offence: Offence
    case: str
    ticket: str
    agreement: str
    requester: Requester
    trust_hash: bytes
    policy_hash: bytes
    group_id: str = ""
    to_office: str = ""
    approver: Requester | None = None
    attachments: tuple[Attachment, ...] = ()


class About(StrEnum):
    """The matter of an ask."""

    HIT = "hit"
    QUESTION = "question"
    CONSENT = "consent"
    ERROR = "error"
    EXTENSION = "extension"
    FORM = "form"


class RecordPlace(msgspec.Struct, frozen=True):
    """One record or hit in an answer of the recipient: the exchange, the answer's hash, its entry, hit and record.

    `record` is the `jti`, empty for a hit without a record.
    """

    exchange_id: ExchangeId
    answer_hash: bytes
    log_number: int
    entry_index: int
    reference: str
    record: str = ""


class Ask(msgspec.Struct, frozen=True):
    """A question that a human answers.

    `hit` is set for asks about a hit, a consent, an error or an extension; `use` for a consent. `topic` is a code of
    the list of topics (for a question) or the id of a form. `facts`, `why_you` and `link` (of the person and the
    purpose) are texts for the human who decides; `fields` are those wanted, or the form's values as `code=value`.
    `held_until_us` says until when a person is held; 0 for none.
    """

    about: About
    facts: str
    why_you: str = ""
    link: str = ""
    topic: str = ""
    category: SubjectCategory = SubjectCategory.UNKNOWN
    hit: RecordPlace | None = None
    use: OnwardUse | None = None
    fields: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    held_until_us: int = 0


class ReplyCode(StrEnum):
    """A human's answer to an ask, as a code."""

    RELEASED = "RELEASED"
    PARTLY = "PARTLY"
    HIT = "HIT"
    NOTHING_HELD = "NOTHING_HELD"
    PASSED_ON = "PASSED_ON"
    CLARIFY = "CLARIFY"
    NEEDS_COURT = "NEEDS_COURT"
    REFUSED = "REFUSED"


class Reply(msgspec.Struct, frozen=True):
    """A human's answer. `records` are SD-JWTs, bound to the ask: `aud` is the asker's member, and the request hash is
    that of the ask. `until_us` ends a consent that is given (0 otherwise). `reason` is a code; `text` is for humans.
    `hits` are what a watch has met.
    """

    code: ReplyCode
    reason: str = ""
    text: str = ""
    records: tuple[str, ...] = ()
    withheld_commitment: bytes = b""
    until_us: int = 0
    hits: tuple[Hit, ...] = ()


class Alert(msgspec.Struct, frozen=True):
    """An alert: a record of the type `Alert` (SD-JWT), its coded action, and whom it is for.

    `scope` names offices of the recipient; empty means all. `repeat_s` are the seconds between alarms until it is
    acknowledged. `to_life`: it was sent before it was approved, since a life is in danger.
    """

    record: str
    action: str
    until_us: int
    scope: tuple[str, ...] = ()
    repeat_s: int = 120
    to_life: bool = False


class StatusCode(StrEnum):
    """The fate of a notice at the member that took it."""

    READ = "READ"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    ACTING = "ACTING"
    CANNOT = "CANNOT"
    NOT_EXECUTED = "NOT_EXECUTED"
    NOT_SAME = "NOT_SAME"
    ERASED = "ERASED"
    OBJECTED = "OBJECTED"
    NOT_HELD = "NOT_HELD"
    ONWARD = "ONWARD"
    """A notice of a third member, to which a record was passed on with its owner's consent."""
    OVERDUE = "OVERDUE"
    PAUSED = "PAUSED"


REACTIONS = (StatusCode.ACKNOWLEDGED, StatusCode.ACTING, StatusCode.CANNOT, StatusCode.NOT_EXECUTED)
"""The words of a duty officer to the owner of an alert."""


class Status(msgspec.Struct, frozen=True):
    """Tells what became of a notice of the other side. `of` is its notice id; `record` a `jti` where one is meant.

    With `ONWARD`, `holder` is the third member, and `reason` what it confirmed (`ONWARD_REASONS`). `watched` is what
    a watch reaches.
    """

    of: ExchangeId
    code: StatusCode
    reason: str = ""
    text: str = ""
    record: str = ""
    holder: str = ""
    watched: Watched | None = None


ERASED_THERE, OBJECTED_THERE = "erased", "objected"
ONWARD_REASONS = frozenset({ERASED_THERE, OBJECTED_THERE})
"""What a third member confirms through the one that passed a record on to it."""


class ChangeCode(StrEnum):
    """A change by the originator of what it gave."""

    CORRECTED = "CORRECTED"
    WITHDRAWN = "WITHDRAWN"
    CONTESTED = "CONTESTED"
    RECLASSIFIED = "RECLASSIFIED"
    CUT = "CUT"


class Change(msgspec.Struct, frozen=True):
    """A change of records that the recipient holds (`records`, by `jti`), or of a notice (`of`).

    `record` is the new SD-JWT of a correction or reclassification; a correction without one has the reason `ASK_AGAIN`,
    or an `owner`. `office` is the unit that is cut. `erase_by_us` is when copies must be gone; 0 where they may stay.
    `owner` is the member whose records they are, where the author passed them on with its consent; else it is empty.
    """

    code: ChangeCode
    records: tuple[str, ...] = ()
    of: str = ""
    record: str = ""
    office: str = ""
    reason: str = ""
    text: str = ""
    erase_by_us: int = 0
    owner: str = ""


ASK_AGAIN = "ask-again"
"""The reason of a correction whose new record its owner can give in answer to a new question only."""


class OutcomeCode(StrEnum):
    """The outcome of an exchange."""

    SEIZED = "SEIZED"
    ARRESTED = "ARRESTED"
    LOCATED = "LOCATED"
    VICTIM_IDENTIFIED = "VICTIM_IDENTIFIED"
    NO_ACTION = "NO_ACTION"
    WRONG_PERSON = "WRONG_PERSON"


class OutcomeReport(msgspec.Struct, frozen=True):
    """The outcome: with a seizure the substance and its weight in grams or its units, else how many persons."""

    code: Annotated[OutcomeCode, Said(name="outcome", label="What came of it")]
    substance: Annotated[str, Text(64, label="Substance or goods that were seized")] = ""
    grams: Annotated[int, Whole(0, 10**9, label="How many grams", help="Its weight.")] = 0
    units: Annotated[int, Whole(0, 10**9, label="How many pieces", help="Or how many of it.")] = 0
    persons: Annotated[int, Whole(0, 10**6, label="How many persons")] = 0
    text: Annotated[str, Text(MAX_WORDS, label="In short", long=True)] = ""
    hit: Annotated[RecordPlace | None, Inner()] = None
    """The hit of a search that it is the outcome of; None in the thread of an ask or alert, which says so itself."""
    at_us: Annotated[int, Inner()] = 0
    """In a room: when it was written, which may be before its recipient joined; 0 elsewhere."""


class Note(msgspec.Struct, frozen=True):
    """A text for the humans of the thread, in the language `lang` (BCP 47)."""

    lang: str
    text: str
    values: tuple[tuple[str, str], ...] = ()
    at_us: int = 0


class ServiceCode(StrEnum):
    """Word of a node about itself."""

    SUSPENDED = "SUSPENDED"
    RESUMED = "RESUMED"
    OUTAGE = "OUTAGE"
    INCIDENT = "INCIDENT"
    DRILL = "DRILL"


class Service(msgspec.Struct, frozen=True):
    """Word of a node about itself. `types` are the record types that it concerns; empty means all."""

    code: ServiceCode
    text: str = ""
    types: tuple[str, ...] = ()
    since_us: int = 0
    until_us: int = 0


Body = Ask | Reply | Alert | Status | Change | OutcomeReport | Note | Service | Report | Room | Watch

TYPE_OF: dict[type, NoticeType] = {
    Ask: NoticeType.ASK,
    Reply: NoticeType.REPLY,
    Alert: NoticeType.ALERT,
    Status: NoticeType.STATUS,
    Change: NoticeType.CHANGE,
    OutcomeReport: NoticeType.OUTCOME,
    Note: NoticeType.NOTE,
    Service: NoticeType.SERVICE,
    Report: NoticeType.REPORT,
    Room: NoticeType.ROOM,
    Watch: NoticeType.WATCH,
}


class Notice(msgspec.Struct, frozen=True):
    """A notice as its payload holds it."""

    head: Head
    body: Body

    @property
    def type(self) -> NoticeType:
        """The notice's type."""
        return TYPE_OF[type(self.body)]

    @property
    def sender(self) -> MemberId:
        """The author's member."""
        return self.head.sender

    @property
    def recipient(self) -> MemberId:
        """The member that it is for."""
        return self.head.recipient

    @property
    def exchange_id(self) -> ExchangeId:
        """The id of the exchange that delivers it."""
        return self.head.notice_id

    @property
    def issued_us(self) -> int:
        """The time of issue."""
        return self.head.issued_us

    @property
    def records(self) -> tuple[str, ...]:
        """The records (SD-JWTs) that it brings."""
        body = self.body
        if isinstance(body, Reply):
            return body.records
        return (body.record,) if isinstance(body, Alert | Change | Report) and body.record else ()

    @property
    def code(self) -> str:
        """The body's code, by which a thread moves; what an ask is about; empty for an alert, a report or a note."""
        body = self.body
        if isinstance(body, Ask):
            return body.about.value
        return "" if isinstance(body, Alert | Report | Note) else str(body.code)
