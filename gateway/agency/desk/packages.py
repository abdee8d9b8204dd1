"""Show what a human may release, what was decided, and what came in answer."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from gateway.agency.bodies.responses import RecordBody
from gateway.desk.second_step.deciding import Choice, Decided
from gateway.desk.second_step.packages import Package
from gateway.records.verify import VerifiedRecord


class ChoiceBody(BaseModel):
    """The record and its fields, as a human sees them before the decision.

    `record` are the fields of our record that a human may release; `wanted` those that were asked for, `default` those
    that are released without a narrower choice, `two` those that take two persons. `code` says why there are none.
    """

    thread: str
    peer: str
    type: str
    record: dict[str, Any]
    wanted: list[str]
    default: list[str]
    two: list[str]
    code: str


class DecidedBody(BaseModel):
    """The state of a decision: `sent`, or waiting (`second` person, or a `passkey` over `options`)."""

    thread: str
    peer: str
    state: str
    answer: str
    fields: list[str]
    work: str
    options: dict[str, Any] | None


class PackageBody(BaseModel):
    """An opened answer with its records, verified. `late`: it came after its time."""

    thread: str
    peer: str
    notice: str
    answer: str
    reason: str
    text: str
    late: bool
    records: list[RecordBody]


def choice_body(found: Choice) -> ChoiceBody:
    """Return a choice as JSON shows it."""
    key, fresh = found.matter.work.key, found.fresh
    return ChoiceBody(
        thread=key.thread_id,
        peer=key.peer,
        type=found.fresh.hit.record_type,
        record={name: fresh.record.fields[name] for name in fresh.fields},
        wanted=list(found.wanted),
        default=list(found.default),
        two=list(found.two),
        code=found.code,
    )


def decided_body(found: Decided) -> DecidedBody:
    """Return what came of a decision as JSON shows it."""
    return DecidedBody(
        thread=found.key.thread_id,
        peer=found.key.peer,
        state=found.state,
        answer=found.answer.value,
        fields=list(found.fields),
        work=found.work,
        options=found.options,
    )


def package_body(found: Package) -> PackageBody:
    """Return an opened answer as JSON shows it."""
    return PackageBody(
        thread=found.key.thread_id,
        peer=found.key.peer,
        notice=found.notice_id,
        answer=found.reply.code.value,
        reason=found.reply.reason,
        text=found.reply.text,
        late=found.late,
        records=[_record(record, text) for record, text in zip(found.records, found.reply.records, strict=True)],
    )


def _record(record: VerifiedRecord, compact: str) -> RecordBody:
    return RecordBody(
        owner=record.owner,
        signed_by="own" if record.own_key else "held-by-node",
        fields=record.fields,
        marking=record.marking,
        undisclosed=record.undisclosed,
        sd_jwt=compact,
    )
