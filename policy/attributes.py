"""The attributes on which policy decides: frozen, hashable values, so that a decision can be kept with them.

Values of closed lists are plain strings here. A value that is on no list reaches the engine unchanged and is denied
there, since no policy can name it (CASE-F3).
"""

from __future__ import annotations

import msgspec
from msgspec import structs

from gateway.model.desk.notices import Alert, Ask, Notice, NoticeType, Urgency
from gateway.model.exchange import Request
from gateway.model.marking import Caveat, Marking, SubjectCategory
from gateway.model.names import MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Officer

QUIET_CAVEATS = frozenset({Caveat.PROTECT_SOURCE, Caveat.NO_TIP_OFF, Caveat.HIDDEN_FOR_OPERATION, Caveat.SAFETY})
"""With one of these, a denied record must look like no record (RULE-MARKING-5)."""

NOTHING_SAID = "NONE"
"""Stands for the code of a notice that has none, as the schema's list has it."""

VICTIM_CATEGORIES = frozenset({SubjectCategory.VICTIM, SubjectCategory.POTENTIAL_VICTIM, SubjectCategory.WITNESS})
"""Subjects whom a hit alone could endanger."""


class Attributes(msgspec.Struct, frozen=True, kw_only=True):
    """Who wants something, and why: all decisions have these.

    `role`, `agency` (the id within its country, such as `police`) and `office` are of the officer.
    """

    role: str
    agency: str
    office: str
    purpose: str
    offence: str
    has_case: bool
    has_ticket: bool

    def as_json(self) -> dict[str, object]:
        """Return the attributes as they are kept in an entry."""
        return structs.asdict(self)


class AskAttributes(Attributes, frozen=True, kw_only=True):
    """An officer of ours who wants to ask. `purpose_in_token`: the officer token allows the purpose."""

    query: str
    purpose_in_token: bool


class QuestionAttributes(Attributes, frozen=True, kw_only=True):
    """A question between us and `counterpart`: ours when it is to be sent, theirs when it is to be answered.

    `agreement` is the id that the question cites, empty for none.
    """

    counterpart: MemberId
    query: str
    agreement: str

    @classmethod
    def of(cls, request: Request, own: MemberId) -> QuestionAttributes:
        """Return the attributes of `request` as the member `own`, asker or answerer, decides on it."""
        return cls(
            counterpart=request.recipient if request.sender == own else request.sender,
            role=request.requester.role,
            agency=request.requester.agency,
            office=request.requester.office,
            query=request.query.kind.value,
            purpose=request.purpose.value,
            offence=request.offence.value,
            agreement=request.agreement,
            has_case=bool(request.case),
            has_ticket=bool(request.ticket),
        )


class DeskAttributes(Attributes, frozen=True, kw_only=True):
    """A notice between us and `counterpart`: ours when it is to be sent, theirs when it is to be taken.

    `says` is its code, or what an ask is about; `NONE` without. The officer is the one in whose name it was written.
    `to_office` is empty for any office.
    """

    counterpart: MemberId
    ours: bool
    type: str
    says: str
    urgency: str
    to_office: str
    to_life: bool
    agreement: str
    has_hit: bool

    @classmethod
    def of(cls, notice: Notice, own: MemberId) -> DeskAttributes:
        """Return the attributes of `notice` as the member `own`, author or taker, decides on it."""
        head, body = notice.head, notice.body
        return cls(
            counterpart=head.recipient if head.sender == own else head.sender,
            ours=head.sender == own,
            type=notice.type.value,
            says=notice.code or NOTHING_SAID,
            urgency=head.urgency.value,
            to_office=head.to_office,
            to_life=isinstance(body, Alert) and body.to_life,
            role=head.requester.role,
            agency=head.requester.agency,
            office=head.requester.office,
            purpose=head.purpose.value,
            offence=head.offence.value,
            agreement=head.agreement,
            has_case=bool(head.case),
            has_ticket=bool(head.ticket),
            has_hit=isinstance(body, Ask) and body.hit is not None,
        )

    @classmethod
    def opening(
        cls,
        officer: Officer,
        to: MemberId,
        kind: NoticeType,
        purpose: Purpose,
        offence: Offence,
        *,
        says: str = NOTHING_SAID,
        urgency: Urgency = Urgency.ROUTINE,
        to_life: bool = False,
        agreement: str = "",
        has_case: bool = False,
        has_ticket: bool = False,
    ) -> DeskAttributes:
        """Return the attributes of a notice by which an officer of ours would open a thread with `to`."""
        return cls(
            counterpart=to,
            ours=True,
            type=kind.value,
            says=says,
            urgency=urgency.value,
            to_office="",
            to_life=to_life,
            role=officer.role,
            agency=officer.agency,
            office=officer.office,
            purpose=purpose.value,
            offence=offence.value,
            agreement=agreement,
            has_case=has_case,
            has_ticket=has_ticket,
            has_hit=False,
        )

    def as_question(self) -> QuestionAttributes:
        """Return the part that a question has, too; it has no kind of query."""
        shared = {name: getattr(self, name) for name in QuestionAttributes.__struct_fields__ if name != "query"}
        return QuestionAttributes(query="", **shared)


class RecordAttributes(msgspec.Struct, frozen=True):
    """A record of ours that answers a counterpart's question. `owner` is its agency (`customs`, `kh.customs`)."""

    question: QuestionAttributes
    record_type: str
    owner: str
    marking: Marking
    category: SubjectCategory = SubjectCategory.UNKNOWN

    @property
    def quiet(self) -> bool:
        """True if a denial of this record must look like no record."""
        return bool(self.marking.caveats & QUIET_CAVEATS) or self.category in VICTIM_CATEGORIES

    def as_json(self) -> dict[str, object]:
        """Return the record's own attributes for an entry, which holds the question's attributes once, beside them."""
        return {
            "record_type": self.record_type,
            "owner": self.owner,
            "category": str(self.category),
            "marking": self.marking.as_json(),
        }


class LearnAttributes(msgspec.Struct, frozen=True):
    """Everything that decides if a recipient may learn that a record exists: nothing that the asker can choose."""

    recipient: MemberId
    agency: str
    office: str
    record_type: str
    marking: Marking
    category: SubjectCategory

    @classmethod
    def of(cls, record: RecordAttributes) -> LearnAttributes:
        """Return the attributes of `record` that may count."""
        question = record.question
        return cls(
            question.counterpart,
            question.agency,
            question.office,
            record.record_type,
            record.marking,
            record.category,
        )


class Naming(msgspec.Struct, frozen=True):
    """A marking's mention of a recipient: `member` = it names the country or a unit of it, `unit` = the unit."""

    member: bool
    unit: bool
    withheld: bool


def naming(marking: Marking, member: MemberId, agency: str, office: str) -> Naming:
    """Return the mention by `marking` of an office of an agency (`police`, `th.police` in markings) of `member`."""
    units = {f"{member}.{agency}"} if agency else set()
    if office.startswith(f"{member}."):
        units.add(office)
    unit = not units.isdisjoint(marking.releasable_to)
    # Agency and office are claims of the other node about its officer. So a record that is withheld from one of its
    # units goes to another unit only if the owner named that one.
    concerned = any(name.partition(".")[0] == member for name in marking.withhold_from)
    withheld = marking.hidden_from(member) or not units.isdisjoint(marking.withhold_from) or (concerned and not unit)
    return Naming(member=unit or member in marking.releasable_to, unit=unit, withheld=withheld)


def qualified(member: MemberId, agency: str) -> str:
    """Return `agency` with its country: `customs` and `kh.customs` of `kh` are both `kh.customs`."""
    return agency if agency.startswith(f"{member}.") else f"{member}.{agency}"
