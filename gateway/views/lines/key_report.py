"""Describe what a lost key signed, and which proof shows that it did so before the loss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from gateway.audit.verify.key_report import KeyReport, Proof, Signed
from gateway.clock import rfc3339
from gateway.views.lines import Line

_SAID = {
    Proof.COVERED: "under a head that a witness cosigned before the loss: the owner's",
    Proof.CLAIMED: "say that they are from before the loss, and nothing from before shows it",
    Proof.AFTER: "from after the loss",
}


def key_report_value(report: KeyReport) -> dict[str, Any]:
    """Return a report as JSON."""
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
        "lost": report.lost,
        "suspects": [_suspect(item) for item in report.suspects],
    }


def _suspect(item: Signed) -> dict[str, Any]:
    value = asdict(item) | {"time": rfc3339(item.time_us), "proof": item.proof.value}
    del value["time_us"], value["cosigned_s"]
    return value | {"cosigned": _time(item.cosigned_s)}


def key_report_lines(report: KeyReport) -> Iterator[Line]:
    """Yield the lines of a report."""
    key = report.key
    yield f"{key.use} key of `{key.member}`, {key.key_id[:16]}, lost since {rfc3339(report.since_us)}", "title"
    for log, (size, time_s) in sorted(report.covered.items()):
        if size:
            yield f"{log}: {size:,} entries were there by {_time(time_s)}, which a witness cosigned", "good"
        else:
            yield f"{log}: no witness has cosigned a head before the loss", "warn"
    for proof, said in _SAID.items():
        counts = ", ".join(
            f"{n:,} {_plural(what, n)}" for (what, kind), n in sorted(report.counts.items()) if kind is proof
        )
        if counts:
            yield f"{counts} {said}", ("good" if proof is Proof.COVERED else "bad")
    if not report.counts:
        yield "no entry has anything that this key signed"
    for item in report.suspects:
        seen = f"cosigned by {_time(item.cosigned_s)}" if item.cosigned_s else "not cosigned"
        place = f"{item.log} {item.index:>6}  {rfc3339(item.time_us)}  {item.kind:<12} {item.peer or '-':<3}"
        yield f"{place} {item.what}, {item.proof.value}, {seen}"
    untold = sum(n for (_, proof), n in report.counts.items() if proof is not Proof.COVERED) - len(report.suspects)
    if untold > 0:
        yield f"{untold:,} more are not listed: raise --limit", "warn"
    if report.closed:
        yield f"{report.closed:,} entries are closed: nobody can say what is in them", "warn"
    if report.lost:
        yield f"{report.lost:,} of these lie under keys that are lost, the others are erased", "warn"


def _time(time_s: int) -> str:
    return rfc3339(time_s * 1_000_000) if time_s else ""


def _plural(what: str, count: int) -> str:
    return what if count == 1 else "entries" if what == "entry" else f"{what}s"
