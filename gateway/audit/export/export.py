"""Write exports for auditors: directories that prove themselves under the charter, on a machine without a node.

The form is in `gateway.audit.export.layout`. An export holds private parts and statements as far as the scope of an
auditor's appointment goes, and none without one. It is written segment by segment, so that memory does not grow with
the log. A killed export goes on where it was. The node may be running.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gateway.audit.entries.entry import parse_entry
from gateway.audit.export.layout import APPOINTMENT, CHARTER, MANIFEST, SIGNATURE, VERSION, LogRange, export_origin
from gateway.audit.export.progress_file import Done, LogPlan, Part, Plan
from gateway.audit.export.writer import ExportedLog, ExportProgress, Files, Progress, readable_heads
from gateway.audit.log.succession import by_number
from gateway.audit.reading.evidence import HomeLog
from gateway.audit.reading.mandate import Mandate
from gateway.audit.tree.checkpoint import HeadSigner, Signer
from gateway.clock import Clock, rfc3339
from gateway.errors import Malformed, NotProved, StorageBroken
from gateway.model.evidence.witness import CosignedHead
from gateway.model.names import MemberId
from gateway.ports.content_keys import ContentKeys
from gateway.ports.log_store import LogStore
from gateway.signing import strict_json
from gateway.trust.documents.appointment import Appointment


def no_progress(done: int, of: int) -> None:
    """Ignore the progress."""


def export(
    store: LogStore,
    keys: ContentKeys,
    key: HeadSigner,
    clock: Clock,
    *,
    member: MemberId,
    highwater: Path,
    out: Path,
    documents: Mapping[str, bytes],
    appointment: Appointment | None = None,
    cosigned: Mapping[str, Sequence[CosignedHead]] = MappingProxyType({}),
    since_us: int = 0,
    until_us: int = 0,
    progress: Progress = no_progress,
) -> str:
    """Write the logs of a home to the new or empty folder `out`, or go on there. Return the manifest's SHA-256 in hex.

    `documents` are files to carry, by name (`trust/descriptors/th.jsonl`). Entries of the exchange logs are those from
    `since_us` until before `until_us` (0: no bound), in whole bundles; the operations logs are there in full, since
    they tell of erasures, acknowledgements and accepted documents. `appointment` was verified by the caller; `cosigned`
    are the heads of each log that witnesses cosigned.

    Raises `Malformed` when `out` holds something else, `NotProved` when a log has no signed head, `StorageBroken`.
    """
    every = {name: HomeLog(store, keys, name, highwater) for name in by_number(store.logs())}
    logs = {name: log for name, log in every.items() if log.size or log.continued(()) is None}  # or nothing is kept
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = Part(out)
        asked = Plan(member, clock.now_us(), since_us, until_us, appointment.hash.hex() if appointment else "", {})
        plan, done = _begin(part, out, asked, logs)
        mandate = Mandate(member, appointment.scope if appointment else None)
        writer = Files(out)
        told = ExportProgress(progress, sum(item.range.stop - item.range.first for item in plan.logs.values()))
        for name, planned in plan.logs.items():
            ExportedLog(writer, part, logs[name], planned, mandate, told, cosigned.get(name, ())).write(done)
        carried = dict(documents) | ({APPOINTMENT: appointment.data + b"\n"} if appointment else {})
        for name, data in carried.items():
            writer.write(name, data)
        digest = _manifest(writer, plan, appointment, key)
        part.end()
    except OSError as error:
        raise StorageBroken(
            "the export cannot be written: `{strerror}`",
            where=str(out),
            remedy="free space, then run the same command again: it goes on where it was",
            strerror=error.strerror,
        ) from error
    return digest


def _begin(part: Part, out: Path, asked: Plan, logs: Mapping[str, HomeLog]) -> tuple[Plan, dict[tuple[str, int], Done]]:
    """Return the plan and its finished segments, as they lie in the folder; or begin a new plan."""
    found = part.resume()
    if found is not None:
        if found[0].wanted != asked.wanted:
            raise Malformed(
                "another export was begun in this folder",
                code="not-empty",
                where=str(out),
                remedy="name a new folder, or ask for the same again",
            )
        return found
    if any(out.iterdir()):
        raise Malformed("the folder is not empty", code="not-empty", where=str(out), remedy="name a new folder")
    planned = {name: _plan_log(log, asked.since_us, asked.until_us) for name, log in logs.items()}
    plan = Plan(asked.member, asked.created_us, asked.since_us, asked.until_us, asked.appointment, planned)
    part.begin(plan)
    return plan, {}


def _plan_log(log: HomeLog, since_us: int, until_us: int) -> LogPlan:
    heads = [head for head in readable_heads(log) if log.continued(()) is None or head.size <= log.size]
    if not heads:
        raise NotProved("log `{log}` has no signed head", where=log.name, remedy="start the node once", log=log.name)
    newest = heads[-1]
    if not since_us and not until_us:
        return LogPlan(newest.data.decode(), LogRange.whole(newest.size, log.first))
    low = _first_since(log, newest.size, since_us)
    high = _first_since(log, newest.size, until_us) if until_us else newest.size
    whole = log.name.startswith("operations/")
    part = LogRange.between(newest.size, low, max(low, high), all_entries=whole, pruned=log.first)
    return LogPlan(newest.data.decode(), part)


def _first_since(log: HomeLog, size: int, time_us: int) -> int:
    """Return the index of the first entry at or after a time, by halving: times never go back."""
    low, high = log.first, size
    while low < high:
        middle = (low + high) // 2
        if parse_entry(log.body(middle)).time_us < time_us:
            low = middle + 1
        else:
            high = middle
    return low


def _manifest(writer: Files, plan: Plan, appointment: Appointment | None, key: HeadSigner) -> str:
    """Sign and write the manifest, after everything else is durable. Return its SHA-256 in hexadecimal."""
    os.sync()
    data = strict_json.dumps(_manifest_value(writer, plan, appointment)) + b"\n"
    digest = hashlib.sha256(data).digest()
    # A manifest has no tree, but a note of the same form serves: origin, number of files, hash.
    note = Signer(export_origin(plan.member), key).sign(len(writer.hashes), digest)
    (writer.folder / SIGNATURE).write_bytes(note)
    (writer.folder / MANIFEST).write_bytes(data)
    os.sync()
    return digest.hex()


def _manifest_value(writer: Files, plan: Plan, appointment: Appointment | None) -> dict[str, Any]:
    return {
        "v": VERSION,
        "member": plan.member,
        "created": rfc3339(plan.created_us),
        "since": rfc3339(plan.since_us) if plan.since_us else "",
        "until": rfc3339(plan.until_us) if plan.until_us else "",
        "appointment": plan.appointment,
        "auditor": appointment.auditor if appointment else "",
        "appointed_by": appointment.appointed_by if appointment else "",
        "logs": {
            name: {
                "size": item.range.size,
                "first": item.range.first,
                "stop": item.range.stop,
                "low": item.range.low,
                "high": item.range.high,
            }
            for name, item in plan.logs.items()
        },
        "files": dict(sorted(writer.hashes.items())),
    }


def trust_documents(
    charter: Sequence[bytes], descriptors: Mapping[str, Sequence[bytes]], statuses: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Return trust documents as the files that an export carries, one document on each line."""
    files = {CHARTER: _lines(charter)}
    files |= {f"trust/descriptors/{member}.jsonl": _lines(items) for member, items in descriptors.items()}
    files |= {f"trust/statuses/{member}.json": item for member, item in statuses.items()}
    return files


def _lines(documents: Sequence[bytes]) -> bytes:
    return b"".join(item.rstrip(b"\n") + b"\n" for item in documents)
