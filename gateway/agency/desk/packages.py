"""Show what a human may release, what was decided, and what came in answer."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from gateway.agency.bodies.answers import answer
from gateway.agency.bodies.responses import RecordBody
from gateway.desk.second_step.deciding import Choice, Decided
from gateway.desk.second_step.packages import Package
from gateway.model.faces.told import told
from gateway.records.verify import VerifiedRecord


class _OfThread(BaseModel):
    thread: str
    peer: str


CHOICE = answer(
    "ChoiceBody",
    """The record and its fields, as a human sees them before the decision.

`record` are the fields of our record that a human may release; `wanted` those that were asked for, `default` those
that are released without a narrower choice, `two` those that take two persons. `code` says why there are none.""",
    Choice,
    base=_OfThread,
    leave=("matter", "fresh", "marking"),
    type=str,
    record=dict[str, Any],
)
DECIDED = answer(
    "DecidedBody",
    "The state of a decision: `sent`, or waiting (`second` person, or a `passkey` over `options`).",
    Decided,
    base=_OfThread,
    leave=("key",),
)


class PackageBody(_OfThread):
    """An opened answer with its records, verified. `late`: it came after its time."""

    notice: str
    answer: str
    reason: str
    text: str
    late: bool
    records: list[RecordBody]


def choice_body(found: Choice) -> BaseModel:
    """Return a choice as JSON shows it."""
    fresh, key = found.fresh, found.matter.work.key
    return CHOICE(
        **told(found, leave=("matter", "fresh", "marking")),
        thread=key.thread_id,
        peer=key.peer,
        type=fresh.hit.record_type,
        record={name: fresh.record.fields[name] for name in fresh.fields},
    )


def decided_body(found: Decided) -> BaseModel:
    """Return what came of a decision as JSON shows it."""
    return DECIDED(**told(found), thread=found.key.thread_id, peer=found.key.peer)


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
