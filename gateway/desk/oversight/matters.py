"""Hold what a supervisor reviews and what the security officer looks into: who, when and why, with references only.

What was asked for is in the log. It is read there when a person looks at the matter, and each look is an entry.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from gateway.conversion import converter
from gateway.desk.oversight.counting import Asked, Counted, Use
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import Thread

REVIEWED = "review"
"""The name of the finding that a supervisor's review makes."""

ASKED_AGAIN = "asked-again"
"""The name of the finding that a counterpart says that it lost what both had, and is given it again."""

_US_A_DAY = 86_400_000_000


class Sample(Asked, frozen=True, tag_field="matter", tag="sample"):
    """A question that was picked by chance for a review."""


class Finding(msgspec.Struct, frozen=True, tag_field="matter", tag="finding"):
    """The finding of a rule over the own log, or of a supervisor: the officer, and the questions by their references.

    `rule` is its id, `title` its words. `searches` are the references; `works` those of reviews. One about a
    counterpart names the `member`, and no officer.
    """

    rule: str
    title: str
    person: str
    office: str
    agency: str
    first_us: int
    last_us: int
    searches: tuple[str, ...] = ()
    works: tuple[str, ...] = ()
    member: str = ""


Matter = Sample | Finding

_sample, _finding = converter(Sample), converter(Finding)


def sample_of(use: Use) -> Sample:
    """Return the matter of a question that was picked."""
    return Sample(*(getattr(use, name) for name in Asked.__struct_fields__))


def finding_of(counted: Counted) -> Finding:
    """Return the matter of a rule that was met."""
    first, last = counted.uses[0], counted.uses[-1]
    return Finding(
        counted.rule.id,
        counted.rule.title,
        last.person,
        last.office,
        last.agency,
        first.time_us,
        last.time_us,
        tuple(use.search for use in counted.uses),
    )


def sample_id(search: str) -> ExchangeId:
    """Return the id of the thread at home in which the review of a question stands."""
    return _name("sample", search)


def finding_id(key: bytes, counted: Counted) -> ExchangeId:
    """Return the id of the thread at home of a finding: one for a rule, an officer, a group and a day."""
    last = counted.uses[-1]
    mac = hashlib.blake2b(counted.group, key=key[:64], digest_size=16).hexdigest()
    return _name("finding", counted.rule.id, last.person, mac, str(last.time_us // _US_A_DAY))


def budget_id(*over: str) -> ExchangeId:
    """Return the id of the thread at home that says which counterpart is over its budget of which day."""
    return _name("budget", *over)


def reviewed_id(work_id: str) -> ExchangeId:
    """Return the id of the thread at home of the finding that a review made."""
    return _name(REVIEWED, work_id)


def recovery_finding(member: MemberId, recovery_id: ExchangeId, since_us: int, now_us: int) -> Finding:
    """Return the finding that a counterpart asked for everything since a time again."""
    return Finding(ASKED_AGAIN, "", "", "", "", since_us, now_us, (recovery_id,), member=member)


def recovery_id_at_home(member: MemberId, recovery_id: ExchangeId) -> ExchangeId:
    """Return the id of the thread at home in which that finding stands."""
    return _name(ASKED_AGAIN, member, recovery_id)


def written(matter: Matter) -> bytes:
    """Return a matter in the form in which its thread at home holds it."""
    return msgspec.json.encode(matter)


def read_matter(thread: Thread | None) -> Matter | None:
    """Return the matter that a thread at home holds; None where it holds none of these."""
    value: dict[str, Any] = msgspec.json.decode(thread.draft) if thread is not None and thread.draft else {}
    kind = value.get("matter")
    if kind == "sample":
        return _sample(value)
    return _finding(value) if kind == "finding" else None


def _name(*parts: str) -> ExchangeId:
    return ExchangeId(hashlib.sha256("\n".join(("oversight", *parts)).encode()).hexdigest()[:32])
