"""What a policy decision costs: one that was made before, and a new one among 200 policies."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.clock import SystemClock
from gateway.config import PACKAGED_POLICY
from gateway.model.marking import Marking
from gateway.model.names import MemberId
from policy.attributes import QuestionAttributes, RecordAttributes
from policy.bundle import File, load_bundle, read_files
from policy.engine import PolicyEngine

POLICIES = 200
"""Policies of both layers together; of an action on one record type, at most 50 of the added ones are asked."""

_VN, _TH = MemberId("vn"), MemberId("th")
_TYPES = {"Person": "names", "Vehicle": "plate", "Alert": "names", "Seizure": "goods"}
_NEW, _KEPT = 300, 30_000
_ROUND = 1_000_000


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """CPU of one decision on a record, in microseconds; `policies` were loaded, `asked` could match."""

    name: str
    policies: int
    asked: int
    cpu_us: float

    def as_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))


def measure_decisions() -> list[DecisionRow]:
    """A kept decision, and a new one: whether the recipient may learn of the record, and what of it leaves."""
    engine, loaded, asked = _engine()
    now_us = SystemClock().now_us()
    offices = iter(range(10 * _NEW))

    def new() -> None:
        engine.release(_record(f"th.blo.o{next(offices)}"), now_us)

    record = _record("th.blo.aranyaprathet")
    engine.release(record, now_us)
    kept = _cpu_us(lambda: engine.release(record, now_us), _KEPT)
    return [
        DecisionRow("policy decision, kept", loaded, asked, round(kept, 2)),
        DecisionRow("policy decision, new", loaded, asked, round(_cpu_us(new, _NEW), 1)),
    ]


def _cpu_us(work: Callable[[], object], times: int) -> float:
    """The least of three rounds: what else the machine does only ever adds."""
    rounds = []
    for _ in range(3):
        started = time.process_time()
        for _ in range(times):
            work()
        rounds.append((time.process_time() - started) * _ROUND / times)
    return min(rounds)


def _engine() -> tuple[PolicyEngine, int, int]:
    base, national = read_files(PACKAGED_POLICY / "base"), read_files(PACKAGED_POLICY / "national" / "vn")
    own = load_bundle(base, national, _VN)
    missing = POLICIES - len(own.base.by_name) - len(own.national.by_name)
    kinds = list(_TYPES.items())
    added = "".join(_policy(number, *kinds[number % len(kinds)]) for number in range(missing))
    files = {**national, "more.cedar": File(Path("more.cedar"), added.encode())}
    bundle = load_bundle(base, files, _VN)
    policies = [*bundle.base.by_name.values(), *bundle.national.by_name.values()]
    asked = sum(policy.concerns("release", "Person") for policy in policies)
    return PolicyEngine(bundle, _VN), len(policies), asked


def _policy(number: int, record_type: str, field: str) -> str:
    return (
        f'@id("more-{number}")\n@fields("{field}")\n'
        f'permit (principal, action == Action::"release", resource == RecordType::"{record_type}")\n'
        'when { context.hasCase && [Purpose::"INVESTIGATION", Purpose::"MISSING_PERSON"].contains(context.purpose) '
        f'&& context.requester.agency == "agency-{number}" }};\n'
    )


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
