"""The audit commands' way to a home's logs; an export needs none of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from gateway.audit.entries.events import EVENTS
from gateway.audit.export.export import export, trust_documents
from gateway.audit.export.layout import POLICIES
from gateway.audit.reading.mandate import NO_AUDITOR, Mandate
from gateway.audit.reading.show import Filter, Shown
from gateway.audit.reading.show import show as show_entries
from gateway.audit.verify.findings import Report
from gateway.audit.verify.reconcile_exports import Reconciled, reconcile_exports
from gateway.audit.verify.verify import verify_export, verify_home
from gateway.clock import SystemClock, rfc3339
from gateway.errors import Malformed
from gateway.ops.audit.export_folder import require_export
from gateway.ops.audit.unknown_words import refuse_unknown_peers
from gateway.ops.homes.documents import read_charter
from gateway.ops.homes.open_home import Evidence, open_home, public_part, require_entry
from gateway.signing.keys import load_signing_key
from gateway.storage.database.migrate import require_current
from gateway.storage.documents.witness_store import SqlWitnessStore
from gateway.trust.documents.appointment import Appointment

_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


def look_up_private(folder: Path, reason: str, log: str, wanted: Filter, bounds: tuple[int, int]) -> None:
    """The entry of a search in private parts without a mandate, durable, before anything is found by them."""
    from gateway.ops.acts.carry import look_up

    times = {name: rfc3339(us) for name, us in zip(("since", "until"), bounds, strict=True) if us}
    public = {name: value for name in ("kind", "peer", "exchange_id") if (value := getattr(wanted, name))}
    entry = look_up(folder, reason.strip(), {"log": log} | wanted.private | public | times)
    with open_home(folder) as evidence:
        require_entry(evidence, entry, "looked-up")


def refuse_unknown_peer(evidence: Evidence, peer: str) -> None:
    """Raise `UsageError` for a counterpart that is no member and that no entry has."""

    def seen(name: str) -> bool:
        return any(evidence.store.find(log, peer=name, limit=1) for log in evidence.store.logs())

    refuse_unknown_peers([peer] if peer else [], evidence.home.path, seen, is_export=False)


def entries(
    evidence: Evidence, log: str, wanted: Filter, limit: int, mandate: Mandate | None
) -> Iterator[tuple[str, Shown]]:
    """Entries of all numbers of `log`, the newest log and entry first, with the log's name.

    An auditor finds by their private parts those alone that the mandate opens.
    """

    def may(shown: Shown) -> bool:
        return not (mandate and wanted.private and closed(shown, mandate))

    names = [name for name in evidence.store.logs() if name.partition("/")[0] == log]
    for name in sorted(names, key=_number, reverse=True):
        for item in show_entries(evidence.store, evidence.keys, name, wanted, limit, may):
            yield name, item
            limit -= 1
        if limit <= 0:
            return


def closed(shown: Shown, mandate: Mandate | None) -> str:
    """Why the private part of an entry is not shown; empty where it is. Nobody without a mandate sees persons."""
    if not EVENTS[shown.entry.kind].personal or shown.erased:
        return ""
    return NO_AUDITOR if mandate is None else mandate.withholds_private(shown.entry, shown.private)


def describe(name: str, shown: Shown, why: str = "") -> dict[str, Any]:
    """An entry as JSON; `why` says that its private part is closed."""
    return {
        **public_part(name, shown.entry),
        "private": {} if why else shown.private,
        "erased": shown.erased,
        "closed": why,
    }


def verify_home_folder(
    folder: Path,
    charter: Path | None,
    fingerprint: str | None,
    *,
    statements: bool,
    progress: Callable[[int, int], None],
) -> Report:
    """Verify the logs of a home, under its own charter unless another one is given."""
    with open_home(folder) as evidence:
        return verify_home(
            evidence.store,
            evidence.keys,
            member=evidence.member,
            highwater=evidence.home.highwater,
            charter=read_charter(charter) if charter else evidence.charter,
            descriptors=[line for lines in evidence.descriptors.values() for line in lines],
            clock=SystemClock(),
            fingerprint=fingerprint,
            statements=statements,
            progress=progress,
        )


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
    """Verify an export under the auditor's own charter. Raises `UsageError` for a folder that holds none."""
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
    """Write an export, or go on with it; the SHA-256 of its manifest."""
    with open_home(folder) as evidence:
        require_current(evidence.database)
        trust, witnessing = evidence.home.trust, SqlWitnessStore(evidence.database)
        statuses = {file.stem: file.read_bytes() for file in sorted(trust.glob("statuses/*.json"))}
        documents = trust_documents(evidence.charter, evidence.descriptors, statuses)
        return export(
            evidence.store,
            evidence.keys,
            load_signing_key(evidence.home.key("log")),
            SystemClock(),
            member=evidence.member,
            highwater=evidence.home.highwater,
            out=out,
            documents=documents | policy_documents(evidence.home.policies),
            appointment=appointment,
            cosigned={name: witnessing.cosigned(name) for name in evidence.store.logs()},
            since_us=since_us,
            until_us=until_us,
            progress=progress,
        )


def policy_documents(folder: Path) -> dict[str, bytes]:
    """The policies that a home has kept, as the files that an export carries, by their hash."""
    found = {}
    for path in sorted(folder.glob("*-*.json")):
        name = path.stem.rpartition("-")[2]
        if _HASH.fullmatch(name):
            found[f"{POLICIES}/{name}.json"] = path.read_bytes()
    return found


def _number(name: str) -> int:
    number = name.partition("/")[2]
    return int(number) if number.isdigit() else 0


def reconcile_folders(one: Path, other: Path, charter: Path, fingerprint: str | None) -> Reconciled:
    """Verify and compare two members' exports under the auditor's charter. Raises `UsageError` for others."""
    require_export(one)
    require_export(other)
    try:
        return reconcile_exports((one, other), read_charter(charter), SystemClock(), fingerprint)
    except Malformed as error:
        if error.code != "same-member":
            raise
        twice = f"`{one}` and `{other}` are one folder" if one.samefile(other) else error.message
        raise click.UsageError(f"{twice}: {error.remedy}, one of each side of their exchanges") from error
