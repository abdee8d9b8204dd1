"""What `liaison audit key-report` says: what a lost key signed, and what shows that it did so before the loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from gateway.audit.reading.opened import HomeLogs
from gateway.audit.tree.cosignature import witnesses_of
from gateway.audit.verify.key_report import Coverage, KeyReport, LostKey, Proof, Signed, key_report, lost_key
from gateway.clock import SystemClock, rfc3339
from gateway.ops.homes.open_home import Evidence, open_home
from gateway.storage.database.migrate import require_current
from gateway.storage.documents.witness_store import SqlWitnessStore
from gateway.trust.documents.descriptor import KeyUse, parse_descriptor
from gateway.trust.evidence import evidence_view

Progress = Callable[[int, int], None]

_SAID = {
    Proof.COVERED: "under a head that a witness cosigned before the loss: the owner's",
    Proof.CLAIMED: "say that they are from before the loss, and nothing from before shows it",
    Proof.AFTER: "from after the loss",
}


def report_of_home(folder: Path, name: str, since_us: int, limit: int, progress: Progress | None) -> KeyReport:
    """Look for everything that a key signed. Raises `UsageError` for a name that means no key, or several."""
    with open_home(folder) as evidence:
        key = _key(evidence, name)
        clock = SystemClock()
        lines = [line for lines in evidence.descriptors.values() for line in lines]
        view = evidence_view(evidence.charter, lines, clock)
        # The lost key may be a witness's, whose word then counts for nothing.
        witnesses = [item for item in witnesses_of(view, evidence.member) if item.key.spki != key.spki]
        require_current(evidence.database)
        heads = SqlWitnessStore(evidence.database)
        now_us = clock.now_us()
        coverage = {log: Coverage(heads.cosigned(log), witnesses, now_us) for log in evidence.store.logs()}
        logs = HomeLogs(evidence.store, evidence.keys)
        return key_report(logs, key, since_us, coverage, limit, own=evidence.member, progress=progress)


def _key(evidence: Evidence, name: str) -> LostKey:
    listed = {
        member: [parse_descriptor(line)[0].keys for line in lines] for member, lines in evidence.descriptors.items()
    }
    found = lost_key(name, evidence.member, listed)
    if len(found) != 1:
        keys = "; ".join(f"{key.member}/{key.use} {key.key_id[:16]}" for key in found)
        why = f"means several: {keys}" if found else "is in no descriptor: give `statement`, `vn/statement` or a key id"
        raise click.UsageError(f"--key `{name}` {why}")
    key = found[0]
    if key.use not in (KeyUse.LOG, KeyUse.STATEMENT) and not key.use.startswith("agency/"):
        raise click.UsageError(
            f"a key for `{key.use}` signs nothing that entries keep: log, statement and agency keys do"
        )
    return key


def report_value(report: KeyReport) -> dict[str, Any]:
    """A report as JSON."""
    key = report.key
    return {
        "key": {"member": key.member, "use": key.use, "key_id": key.key_id},
        "since": rfc3339(report.since_us),
        "covered": {
            log: {"entries": size, "cosigned": _time(time_s)} for log, (size, time_s) in report.covered.items()
        },
        "counts": [
            {"what": what, "proof": proof.value, "count": count}
            for (what, proof), count in sorted(report.counts.items())
        ],
        "closed": report.closed,
        "suspects": [_suspect(item) for item in report.suspects],
    }


def _suspect(item: Signed) -> dict[str, Any]:
    value = asdict(item) | {"time": rfc3339(item.time_us), "proof": item.proof.value}
    del value["time_us"], value["cosigned_s"]
    return value | {"cosigned": _time(item.cosigned_s)}


def report_lines(report: KeyReport) -> Iterator[tuple[str, str]]:
    """A report in lines: style and text."""
    key = report.key
    yield "title", f"{key.use} key of `{key.member}`, {key.key_id[:16]}, lost since {rfc3339(report.since_us)}"
    for log, (size, time_s) in sorted(report.covered.items()):
        if size:
            yield "good", f"{log}: {size:,} entries were there by {_time(time_s)}, which a witness cosigned"
        else:
            yield "warn", f"{log}: no witness has cosigned a head before the loss"
    for proof, said in _SAID.items():
        counts = ", ".join(
            f"{n:,} {_plural(what, n)}" for (what, kind), n in sorted(report.counts.items()) if kind is proof
        )
        if counts:
            yield ("good" if proof is Proof.COVERED else "bad"), f"{counts} {said}"
    if not report.counts:
        yield "", "no entry has anything that this key signed"
    for item in report.suspects:
        seen = f"cosigned by {_time(item.cosigned_s)}" if item.cosigned_s else "not cosigned"
        place = f"{item.log} {item.index:>6}  {rfc3339(item.time_us)}  {item.kind:<12} {item.peer or '-':<3}"
        yield "", f"{place} {item.what}, {item.proof.value}, {seen}"
    untold = sum(n for (_, proof), n in report.counts.items() if proof is not Proof.COVERED) - len(report.suspects)
    if untold > 0:
        yield "warn", f"{untold:,} more are not listed: raise --limit"
    if report.closed:
        yield "warn", f"{report.closed:,} entries are closed (erased): nobody can say what is in them"


def _time(time_s: int) -> str:
    return rfc3339(time_s * 1_000_000) if time_s else ""


def _plural(what: str, count: int) -> str:
    return what if count == 1 else "entries" if what == "entry" else f"{what}s"
