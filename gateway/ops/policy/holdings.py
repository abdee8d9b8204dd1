"""Find out who can get the records of our sources, under the policy in force or in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from adapters.index.rows import record_queries
from adapters.mapping.mapping import Mapping, RecordMapping
from gateway.clock import SystemClock
from gateway.config import load_settings
from gateway.errors import Misused
from gateway.model.marking import Marking, SubjectCategory
from gateway.model.names import member_id
from gateway.ops.policy.folders import require_own
from gateway.ops.policy.keeper import PolicyKeeper
from policy.engine.engine import PolicyEngine
from policy.review.reach import Held, Reach, reach


def mapped_reach(mapping: Mapping, home: Path | None, folder: Path | None) -> list[Reach]:
    """Return who can get the record types of a mapping: under the policy in `folder`, or the one in force in `home`.

    Raises `Misconfigured` for a policy that does not load, `Misused` for one of another member than the source's.
    """
    member = mapping.id.partition(".")[0]
    if folder is not None:
        require_own(folder, member_id(member))
        engine = PolicyEngine.load(folder, member_id(member))
    else:
        engine = PolicyKeeper(load_settings(home or Path()), SystemClock(), production=False).engine
    if engine.member != member:
        raise Misused(f"`{mapping.id}` is a source of `{member}`, and the policy is that of `{engine.member}`")
    return reach(engine, held_by(mapping), SystemClock().now_us())


def held_by(mapping: Mapping) -> list[Held]:
    """Return what a source with this mapping holds of each record type."""
    return [
        Held(
            record.type,
            mapping.agency,
            frozenset(record.fields),
            frozenset(kind.value for kind in record_queries(record)),
            list(_profiles(mapping.marking, record)),
        )
        for record in mapping.records.values()
    ]


def _profiles(marking: Marking, record: RecordMapping) -> Iterator[tuple[Marking, SubjectCategory]]:
    """Yield the markings of a mapping, each with each category: the default, and after each rule that tightens it."""
    categories = dict.fromkeys((record.category, *(rule.category for rule in record.categories)))
    for each in dict.fromkeys((marking, *(rule.tighten(marking) for rule in record.markings))):
        for category in categories:
            yield each, category
