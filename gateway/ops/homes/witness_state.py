"""Describe as JSON how witnesses know a node's own logs, and the logs that a witness knows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from gateway.audit.log.head import time_of_entry
from gateway.audit.log.succession import newest_logs
from gateway.audit.tree.checkpoint import Checkpoint, parse_checkpoint
from gateway.clock import Clock, SystemClock, rfc3339
from gateway.config import load_settings
from gateway.config.witness_home import WitnessHome
from gateway.errors import Misconfigured
from gateway.host.durable import PUBLIC, make_folder, write_new
from gateway.model.evidence.witness import HeadEvidence
from gateway.storage.database.engine import Database, open_database
from gateway.storage.database.migrate import require_current
from gateway.storage.database.open import open_storage
from gateway.storage.documents.witness_store import SqlWitnessStore
from gateway.storage.log.log_store import SqlLogStore
from gateway.trust.keeper import TrustKeeper
from gateway.witness.plan import witness_plan
from gateway.witness.standing import Standing, standing

MEANINGS = {
    "fork": "two roots over one size: the log has two histories, and its key signed both",
    "apart": "an entry, or a part of the tree, is another one under the second head: the log has two histories",
    "no-proof": "the log did not show that the second head extends the first",
    "behind": "the log showed a smaller head than it had: an old copy of it",
    "ahead": "a witness has seen more of this log than its own node holds: an old copy of it",
    "went-back": "the witness's own memory was put back; the log showed it, and the witness has caught up",
}


@contextmanager
def open_memory(home: Path) -> Iterator[SqlWitnessStore]:
    """Open the memory of a node or a domestic witness, read only; it may be running. Raises `Misconfigured`."""
    with closing(_database(home)) as database:
        require_current(database)
        yield SqlWitnessStore(database)


def _database(home: Path) -> Database:
    if not WitnessHome(home).settings.exists():
        return open_storage(load_settings(home), read_only=True)
    file = WitnessHome(home.resolve()).database
    if not file.exists():
        raise Misconfigured("this witness has not started yet", where=str(file), remedy="`liaison witness serve`")
    return open_database(file, read_only=True)


def describe_memory(home: Path) -> dict[str, Any]:
    """Return as JSON the logs that a domestic witness has cosigned, and the number of contradicting pairs of heads."""
    with open_memory(home) as store:
        logs = [
            {"origin": head.origin, "size": head.size, "root": head.root.hex(), "time": rfc3339(head.time_us)}
            for head in store.origins()
        ]
        return {"logs": logs, "evidence": len(store.evidence())}


def describe_evidence(evidence: HeadEvidence) -> dict[str, Any]:
    """Return one pair of heads as JSON, with the notes as they were signed."""
    known = parse_checkpoint(evidence.known) if evidence.known else None
    return {
        "id": hashlib.sha256(evidence.known + evidence.offered).hexdigest()[:16],
        "origin": evidence.origin,
        "code": evidence.code,
        "meaning": MEANINGS[evidence.code],
        "time": rfc3339(evidence.time_us),
        "known": _head(known),
        "offered": _head(parse_checkpoint(evidence.offered)),
    }


def read_evidence(home: Path, out: Path | None) -> list[dict[str, Any]]:
    """Return the pairs of heads that a node or witness has kept, as JSON; write their notes to `out` if given.

    Raises `Misconfigured` when the files are there already.
    """
    with open_memory(home) as store:
        found = store.evidence()
    if out is not None:
        write_evidence(found, out)
    return [describe_evidence(item) for item in found]


def write_evidence(found: Iterable[HeadEvidence], out: Path) -> None:
    """Write both notes of each pair into the folder `out`. Raises `Misconfigured` when they are there already."""
    make_folder(out)
    for item in found:
        name = describe_evidence(item)["id"]
        for kind, note in (("known", item.known), ("offered", item.offered)):
            if note:
                write_new(out / f"{name}-{kind}.note", note, PUBLIC)


def describe_node(home: Path) -> dict[str, Any]:
    """Return how a node's logs stand with their witnesses, as JSON; verified here, with the documents in the home."""
    settings, clock = load_settings(home), SystemClock()
    view = TrustKeeper(settings.home / "trust", clock).view
    plan = witness_plan(settings.node.member, settings.witness, view)
    with closing(open_storage(settings, read_only=True)) as database:
        require_current(database)
        logs, store = SqlLogStore(database), SqlWitnessStore(database)
        found = []
        for name in newest_logs(logs.logs()):
            state = logs.state(name)
            size = state.size if state else 0
            found.append(
                standing(
                    store, name, size, plan.counted, plan.quorum, clock.now_us(), partial(time_of_entry, logs, name)
                )
            )
        evidence = len(store.evidence())
    return {
        "quorum": settings.witness.quorum,
        "asked": [name or "domestic" for name in plan.asked],
        "logs": [_standing(item, clock) for item in found],
        "evidence": evidence,
    }


def _standing(item: Standing, clock: Clock) -> dict[str, Any]:
    now_us = clock.now_us()
    return {
        "log": item.log,
        "size": item.size,
        "covered": item.covered,
        "covered_time": rfc3339(item.covered_us) if item.covered else None,
        "age_s": item.age_s(now_us) if item.covered else None,
        "lost": item.lost(now_us),
        "cosigned": [
            {
                "witness": "domestic" if one.domestic else one.member,
                "algorithm": one.algorithm.value,
                "time": rfc3339(one.time_s * 1_000_000),
            }
            for one in item.cosigned
        ],
    }


def _head(head: Checkpoint | None) -> dict[str, Any] | None:
    if head is None:
        return None
    return {"size": head.size, "root": head.root.hex(), "note": head.data.decode("utf-8", "replace")}
