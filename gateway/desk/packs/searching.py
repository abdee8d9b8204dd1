"""Search a copy without a node, with the matching of all other sources; each look-up is written down first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from gateway.desk.alerts.book import AlertBook, HeldAlert
from gateway.desk.packs.copies import Copy, read_copy
from gateway.desk.packs.devices import OpenDevice
from gateway.desk.packs.lookups import FIRST, Lookup, append
from gateway.errors import Malformed
from gateway.matching.thresholds import SETS
from gateway.model.hit import Match
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import Query
from gateway.model.strictness import Strictness


class Asked(msgspec.Struct, frozen=True):
    """A look-up: the person, the question and the reason."""

    person: str
    purpose: Purpose
    offence: Offence
    query: Query
    case: str = ""
    ticket: str = ""


class Looked(msgspec.Struct, frozen=True):
    """The result of a look-up: the copy that it was in, its age, and the alerts that were found."""

    copy: Copy
    age_us: int
    found: Sequence[tuple[HeldAlert, Match]]
    over: int
    """Alerts of the copy that may not be believed any more: their time is over, or their owner is silent for long."""


def look_up(folder: Path, opened: OpenDevice, file: Path, asked: Asked, now_us: int) -> Looked:
    """Search a copy for an officer of the device's office; the look-up is durable before it returns.

    Raises what `open_copy` does, and `Malformed` for a question without a person, a case or anything to search by.
    """
    if not asked.person or not (asked.case or asked.ticket):
        raise Malformed("a look-up needs an officer, and a case or ticket number", code="missing-case", where="case")
    copy = read_copy(file, opened, now_us)
    believed = [packed.alert for packed in copy.alerts if packed.alert.from_us <= now_us < packed.warns_until_us]
    found = sorted(AlertBook(believed).search(asked.query, SETS[Strictness.USUAL]), key=lambda each: -each[1].score)
    lookup = Lookup(
        device=opened.device.id,
        number=0,
        previous=FIRST,
        time_us=now_us,
        copy_made_us=copy.made_us,
        person=asked.person,
        purpose=asked.purpose.value,
        offence=asked.offence.value,
        case=asked.case,
        ticket=asked.ticket,
        query={"kind": asked.query.kind.value, **asked.query.as_value()},
        hits=tuple((alert.key.peer, alert.key.thread_id, match.quality.value) for alert, match in found),
    )
    append(folder, opened, lookup)
    return Looked(copy, max(0, now_us - copy.made_us), found, len(copy.alerts) - len(believed))
