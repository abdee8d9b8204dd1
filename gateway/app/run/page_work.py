"""The process in which long work of pages is done: it reads one job from stdin, and writes what came of it to stdout.

What it returns is what the same command prints with `--json`; values of rows are masked.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from adapters.check.check import check_mapping, sample_record, sample_value
from gateway.app.run.start_checks import COPY_CHECKS, START_CHECKS
from gateway.clock import SystemClock
from gateway.config import Settings, load_settings
from gateway.config.schema import SourceSettings
from gateway.errors import LiaisonError
from gateway.host.durable import PRIVATE, write_new
from gateway.ops.audit.policy_decisions import User, rehearse_home
from gateway.ops.console.jobs import JobKind
from gateway.ops.doctor.doctor import examine, healthy
from gateway.ops.homes.documents import POLICY, read_document
from gateway.ops.homes.own_tables import use_own_tables
from gateway.ops.policy.holdings import mapped_reach
from gateway.ops.policy.keeper import PolicyKeeper
from gateway.ops.policy.policies import since_us
from gateway.ops.policy.proposal import judge_proposal
from gateway.ops.sources.key_indexes import chosen_sources
from gateway.trust.documents.policy_approval import parse_policy
from gateway.views.lines.policy import proposal_value, rehearsal_value
from policy.bundle.bundle import layer_of
from policy.review.matrix import matrix

_ROWS = 1000
"""Rows of each record type that a mapping is tried on: enough for its mistakes, and soon done."""

_NICE = 10

Given = Mapping[str, Any]


def main() -> None:
    """Do one job, at a lower priority than the node's."""
    os.nice(_NICE)
    asked = json.load(sys.stdin)
    try:
        said = {"result": _WORK[JobKind(asked["kind"])](asked["given"])}
    except LiaisonError as error:
        told = {"message": error.message, "where": error.where, "remedy": error.remedy, "code": error.code}
        said = {"failure": told}
    sys.stdout.write(json.dumps(said))


def _doctor(given: Given) -> dict[str, Any]:
    checks = {**START_CHECKS, **COPY_CHECKS}
    found = examine(Path(given["home"]), SystemClock(), production=given["production"], more=checks)
    return {"healthy": healthy(found), "findings": [asdict(finding) for finding in found]}


def _sample(given: Given) -> dict[str, Any]:
    settings, source = _source(given)
    name, found = sample_record(
        settings.path(source.mapping), settings.source_url(source), _access(settings, source), SystemClock()
    )
    return {"type": name} | sample_value(found, show=False)


def _check(given: Given) -> dict[str, Any]:
    settings, source = _source(given)
    report = check_mapping(
        settings.path(source.mapping), settings.source_url(source), _access(settings, source), _ROWS, SystemClock()
    )
    reached = mapped_reach(report.mapping, settings.home, None) if report.mapping else []
    return report.as_value(show=False) | {"leaves": [asdict(one) for one in reached]}


def _source(given: Given) -> tuple[Settings, SourceSettings]:
    settings = load_settings(Path(given["home"]))
    use_own_tables(settings.home)
    (source,) = chosen_sources(settings, given["source"])
    return settings, source


def _access(settings: Settings, source: SourceSettings) -> Path | None:
    return settings.path(source.access) if source.access else None


def _matrix(given: Given) -> dict[str, Any]:
    keeper = PolicyKeeper(load_settings(Path(given["home"])), SystemClock(), production=False)
    rows = matrix(keeper.engine, SystemClock().now_us())
    return {"policy": keeper.engine.hash.hex(), "rows": [row.as_json() for row in rows]}


def _review(given: Given) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="liaison-review-") as folder:
        return proposal_value(judge_proposal(_written(folder, given), Path(given["home"]), None))


def _rehearse(given: Given) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="liaison-rehearse-") as folder:
        policy, _ = parse_policy(read_document(_written(folder, given), POLICY))
        draft = Path(folder) / policy.member
        for name, file in layer_of(policy.files, "national").items():
            place = draft / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.data)
        who = User(given["by"], given["reason"])
        return rehearsal_value(*rehearse_home(Path(given["home"]), draft, since_us(given["since"]), who))


def _written(folder: str, given: Given) -> Path:
    file = Path(folder) / "proposed.json"
    write_new(file, given["document"].encode(), PRIVATE)
    return file


_WORK: Mapping[JobKind, Callable[[Given], dict[str, Any]]] = {
    JobKind.DOCTOR: _doctor,
    JobKind.SAMPLE: _sample,
    JobKind.CHECK: _check,
    JobKind.MATRIX: _matrix,
    JobKind.REVIEW: _review,
    JobKind.REHEARSE: _rehearse,
}
