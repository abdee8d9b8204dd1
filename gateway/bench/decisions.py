"""Measure a policy decision among 200 policies: one made before, a new one, and the first of a policy.

New decisions are on drawn attributes; all values of a list are equally likely. A node makes its policy ready before it
comes into force (`PolicyEngine.make_ready`); the cost of that, and of the first decision without it, have rows of their
own.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from msgspec import structs

from gateway.clock import SystemClock
from gateway.config import PACKAGED_POLICY
from gateway.model.marking import Caveat, Level, Marking, Onward, SubjectCategory, UseCode
from gateway.model.names import MemberId
from gateway.model.purpose import Offence, Purpose
from policy.attributes import QuestionAttributes, RecordAttributes
from policy.bundle.bundle import Bundle, File, load_bundle, read_files
from policy.engine.engine import PolicyEngine

T = TypeVar("T")

POLICIES = 200
"""Policies of both layers together; at most 50 of them can match an action on one record type."""

_MOST_ASKED = 50

_VN, _TH = MemberId("vn"), MemberId("th")
_TYPES = {
    "Person": "names",
    "Vehicle": "plate",
    "Alert": "names",
    "Seizure": "goods",
    "Consignment": "lines",
    "Vessel": "name",
}
_FIRST, _UNREADY, _NEW, _KEPT = 10, 100, 1_000, 30_000
_ROUND = 1_000_000


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """CPU of one decision on a record, in microseconds; `policies` were loaded, `asked` could match."""

    name: str
    policies: int
    asked: int
    cpu_us: float


def measure_decisions() -> list[DecisionRow]:
    """Measure decisions on whether a recipient may learn of a record and which parts of it leave.

    The rows are a kept decision, a new one, and those of a policy just loaded.
    """
    bundle, asked = _bundle()
    now_us = SystemClock().now_us()
    drawn = _records(bundle.roles)

    def decide(engine: PolicyEngine) -> None:
        engine.release(next(drawn), now_us)

    def ready() -> PolicyEngine:
        engine = PolicyEngine(bundle, _VN)
        engine.make_ready(None, now_us)
        return engine

    made, making = _timed(ready, _FIRST)
    firsts = iter(made)
    engine = ready()
    record = _record("th.blo.aranyaprathet")
    engine.release(record, now_us)
    costs = {
        "kept": _cpu_us(lambda: engine.release(record, now_us), _KEPT),
        "new": _cpu_us(lambda: decide(engine), _NEW),
        "first of a policy": _timed(lambda: decide(next(firsts)), _FIRST)[1],
        "first of a policy not made ready": _cpu_us(lambda: decide(PolicyEngine(bundle, _VN)), _UNREADY),
        "making a policy ready, once": making,
    }
    return [DecisionRow(f"policy decision, {name}", POLICIES, asked, round(cost, 2)) for name, cost in costs.items()]


def _cpu_us(work: Callable[[], object], times: int) -> float:
    """Return the least of three rounds: other work on the machine only ever adds."""
    return min(_timed(work, times)[1] for _ in range(3))


def _timed(work: Callable[[], T], times: int) -> tuple[list[T], float]:
    """Return the results, and the CPU of one call in microseconds."""
    started = time.process_time()
    results = [work() for _ in range(times)]
    return results, (time.process_time() - started) * _ROUND / times


def _bundle() -> tuple[Bundle, int]:
    """Return Viet Nam's policies with more added up to `POLICIES`, and how many of them can match a person's record."""
    base, national = read_files(PACKAGED_POLICY / "base"), read_files(PACKAGED_POLICY / "national" / "vn")
    own = load_bundle(base, national, _VN)
    missing = POLICIES - len(own.base.by_name) - len(own.national.by_name)
    kinds = list(_TYPES.items())
    added = "".join(_policy(number, *kinds[number % len(kinds)]) for number in range(missing))
    files = {**national, "more.cedar": File(Path("more.cedar"), added.encode())}
    bundle = load_bundle(base, files, _VN)
    policies = [*bundle.base.by_name.values(), *bundle.national.by_name.values()]
    asked = sum(policy.concerns("release", "Person") for policy in policies)
    assert max(len(matcher.names) for matcher in bundle.matchers.values()) <= _MOST_ASKED
    return bundle, asked


def _policy(number: int, record_type: str, field: str) -> str:
    return (
        f'@id("more-{number}")\n@fields("{field}")\n'
        f'permit (principal, action == Action::"release", resource == RecordType::"{record_type}")\n'
        'when { context.hasCase && [Purpose::"INVESTIGATION", Purpose::"MISSING_PERSON"].contains(context.purpose) '
        f'&& context.requester.agency == "agency-{number}" }};\n'
    )


def _records(roles: Sequence[str]) -> Iterator[RecordAttributes]:
    """Yield records with questions; no two are the same, since each has an office of its own."""
    dice = random.Random(1)  # noqa: S311 - the same attributes in each run
    number = 0
    while True:
        number += 1
        record = _record(f"th.blo.o{number}")
        question = structs.replace(
            record.question,
            role=dice.choice(roles),
            agency=dice.choice(["police", "immigration", "customs"]),
            purpose=dice.choice(list(Purpose)).value,
            offence=dice.choice(list(Offence)).value,
            has_case=dice.random() < 0.5,
        )
        marking = structs.replace(
            record.marking,
            level=dice.choice(list(Level)),
            use=frozenset(dice.sample(list(UseCode), dice.randrange(3))),
            caveats=frozenset(dice.sample(list(Caveat), dice.randrange(3))),
            onward=dice.choice(list(Onward)),
        )
        yield structs.replace(record, question=question, marking=marking, category=dice.choice(list(SubjectCategory)))


def _record(office: str) -> RecordAttributes:
    question = QuestionAttributes(
        counterpart=_TH,
        role="officer",
        agency="police",
        office=office,
        query="person",
        purpose="BORDER_CHECK",
        offence="DOCFRAUD",
        agreement="gms-border-2026",
        has_case=False,
        has_ticket=True,
    )
    return RecordAttributes(question, "Person", "immigration", Marking(releasable_to=frozenset({"th"})))
