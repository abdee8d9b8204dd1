"""Verify the logs of a home or an export, write exports, and reconcile two of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from gateway.audit.export.export import export, trust_documents
from gateway.audit.export.layout import NAMES, POLICIES
from gateway.audit.verify.findings import Report
from gateway.audit.verify.reconcile_exports import Reconciled, reconcile_exports
from gateway.audit.verify.verify import verify_export, verify_home
from gateway.clock import SystemClock
from gateway.errors import Malformed, Misused
from gateway.ops.audit.export_folder import require_export
from gateway.ops.homes.documents import read_charter
from gateway.ops.homes.open_home import Evidence, open_home
from gateway.ops.homes.own_tables import own_texts
from gateway.ops.keys.head_keys import load_log_keys
from gateway.ports.content_keys import ContentKeys
from gateway.ports.log_store import LogStore
from gateway.storage.documents.witness_store import SqlWitnessStore
from gateway.trust.documents.appointment import Appointment
from gateway.trust.documents.folder import TrustDocuments

_OPEN = ExitStack()
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


def verify_home_folder(
    folder: Path,
    charter: Path | None,
    fingerprint: str | None,
    *,
    statements: bool,
    progress: Callable[[int, int], None],
    processes: int = 1,
) -> Report:
    """Verify the logs of a home, long ones in `processes` processes, under its own charter unless another is given."""
    with open_home(folder) as evidence:
        return verify_home(
            evidence.store,
            evidence.keys,
            member=evidence.member,
            highwater=evidence.home.highwater,
            charter=read_charter(charter) if charter else _charter(evidence),
            carried=_charter(evidence),
            descriptors=[line for lines in evidence.descriptors.values() for line in lines],
            clock=SystemClock(),
            fingerprint=fingerprint,
            statements=statements,
            progress=progress,
            processes=processes,
            reopen=partial(_reopened, folder),
            cosigned=SqlWitnessStore(evidence.database).cosigned,
        )


def _reopened(folder: Path) -> tuple[LogStore, ContentKeys]:
    """Return the logs of a home, open until this process ends."""
    evidence = _OPEN.enter_context(open_home(folder))
    return evidence.store, evidence.keys


def verify_export_folder(
    folder: Path,
    charter: Path,
    fingerprint: str | None,
    *,
    statements: bool,
    quorum: int = 0,
    processes: int,
    progress: Callable[[int, int], None],
) -> Report:
    """Verify an export under the auditor's own charter. Raises `Misused` for a folder that is not an export."""
    require_export(folder)
    return verify_export(
        folder,
        read_charter(charter),
        SystemClock(),
        fingerprint,
        statements=statements,
        quorum=quorum,
        processes=processes,
        progress=progress,
    )


def export_home(
    folder: Path,
    out: Path,
    since_us: int,
    until_us: int,
    appointment: Appointment | None,
    progress: Callable[[int, int], None],
) -> str:
    """Write an export, or go on with it; return the SHA-256 of its manifest."""
    with open_home(folder) as evidence:
        trust, witnessing = evidence.home.trust, SqlWitnessStore(evidence.database)
        statuses = {file.stem: file.read_bytes() for file in sorted(trust.glob("statuses/*.json"))}
        documents = trust_documents(_charter(evidence), evidence.descriptors, statuses)
        return export(
            evidence.store,
            evidence.keys,
            load_log_keys(evidence.home),
            SystemClock(),
            member=evidence.member,
            highwater=evidence.home.highwater,
            out=out,
            documents=documents | policy_documents(evidence.home.policies) | _name_tables(evidence.home.path),
            appointment=appointment,
            cosigned={name: witnessing.cosigned(name) for name in evidence.store.logs()},
            since_us=since_us,
            until_us=until_us,
            progress=progress,
        )


def _charter(evidence: Evidence) -> list[bytes]:
    """Return all versions of the charter of a home."""
    return TrustDocuments(evidence.home.trust).charter_versions()


def policy_documents(folder: Path) -> dict[str, bytes]:
    """Return the policies that a home has kept, by the names of the files that an export carries."""
    found = {}
    for path in sorted(folder.glob("*-*.json")):
        name = path.stem.rpartition("-")[2]
        if _HASH.fullmatch(name):
            found[f"{POLICIES}/{name}.json"] = path.read_bytes()
    return found


def _name_tables(home: Path) -> dict[str, bytes]:
    """Return a home's own tables of names, by the names of the files that an export carries."""
    return {f"{NAMES}/{table}.tsv": text.encode() for table, text in own_texts(home).items()}


def reconcile_folders(one: Path, other: Path, charter: Path, fingerprint: str | None) -> Reconciled:
    """Verify and compare the exports of two members under the auditor's charter. Raises `Misused` for other folders."""
    require_export(one)
    require_export(other)
    try:
        return reconcile_exports((one, other), read_charter(charter), SystemClock(), fingerprint)
    except Malformed as error:
        if error.code != "same-member":
            raise
        twice = f"`{one}` and `{other}` are one folder" if one.samefile(other) else error.message
        raise Misused(f"{twice}: {error.remedy}, one of each side of their exchanges") from error
