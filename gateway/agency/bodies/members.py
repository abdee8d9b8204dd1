"""Show the members of the federation to agency systems."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from gateway.agency.bodies.answers import answer, many
from gateway.language.languages import Language
from gateway.model.exchange import Outcome
from gateway.model.members import CosignedLog, MemberState
from gateway.views.members.words import state_text


class SignersBody(BaseModel):
    """Who signed the charter under one version's threshold, and who could still sign."""

    version: int
    needed: int
    signed: list[str]
    missing: list[str]


class CharterBody(BaseModel):
    """The charter in force; `age_s` and `left_s` are seconds since its signature and until its end."""

    kind: Literal["charter"]
    federation: str
    version: int
    fingerprint: str
    threshold: int
    signed_by: list[str]
    signers: list[SignersBody]
    both_counted: bool
    issued: str
    expires: str
    members: dict[str, str]
    age_s: int
    left_s: int


class OfferBody(BaseModel):
    """One kind of source that can be asked: by which queries, for records of which types."""

    kind: str
    queries: list[str]
    record_types: list[str]


class KeyBody(BaseModel):
    """One key that the member lists."""

    use: str
    id: str
    until: str
    compromised: bool


class ReachBody(BaseModel):
    """How humans reach an office of the member."""

    office: str
    reach: str


class DescriptorBody(BaseModel):
    """The descriptor: a member's word of itself.

    `sources` are what it offers; empty where it does not say. `takes` are the types of notices that it takes. An ask
    may name a desk of `national_desks`, or an office of `facing` from one that is listed with it; any where both are
    empty. `contacts` are whom humans phone there.
    """

    version: int
    issued: str
    endpoints: list[str]
    offices: list[str]
    national_desks: list[str]
    facing: dict[str, list[str]]
    contacts: list[ReachBody]
    agencies: list[str]
    sources: list[OfferBody]
    takes: list[str]
    keys: list[KeyBody]


class StatusBody(BaseModel):
    """The member's newest status: without one that is in its time, nothing is exchanged."""

    number: int
    issued: str
    ends: str
    removed: list[str]
    age_s: int
    left_s: int


class LastAnswerBody(BaseModel):
    """The member's last verified answer to a question of ours, since our node started, and how long it took."""

    outcome: Outcome
    code: str
    text: str
    time: str
    took_ms: int


class ClockBody(BaseModel):
    """By how many seconds the time that the member signed last was ahead of ours (below zero: behind)."""

    ahead_s: float
    time: str


class ContactBody(BaseModel):
    """The member's node as our running node knows it. `holds_ours` is null until they have told what they hold."""

    connected: bool
    last_seen: str | None
    last_answer: LastAnswerBody | None
    clock: ClockBody | None
    holds_ours: dict[str, bool] | None
    cosigns_as: str


class MemberBody(BaseModel):
    """One member. `text` says its state in the caller's language; `cosigned`: when it cosigned each of our logs.

    `forked_logs` are those of its logs that were shown in two versions; null where only the files of a home were read.
    """

    state: MemberState
    since: str | None
    text: str
    code: str
    reason: str
    types_off: list[str]
    descriptor: DescriptorBody | None
    status: StatusBody | None
    problem: str
    contact: ContactBody | None
    forked_logs: list[str] | None
    cosigned: dict[str, str]


LOG = answer(
    "LogBody",
    "A log of ours: how many of its entries are under a quorum of witnesses, and who cosigned when.",
    CosignedLog,
    cosigned=dict[str, str],
)
MEMBERS = answer(
    "MembersBody",
    "The members of the federation, as our node knows them at `time`.",
    speaks=Literal["node", "files"],
    member=str,
    time=str,
    charter=CharterBody | None,
    members=dict[str, MemberBody],
    logs=many(LOG),
    alarms=list[str],
)


def members_body(about: dict[str, Any], language: Language) -> BaseModel:
    """Return the description of the members as JSON shows it, each state in `language`."""
    members = {name: member | {"text": state_text(member, language)} for name, member in about["members"].items()}
    return MEMBERS.model_validate(about | {"members": members})
