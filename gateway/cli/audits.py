"""The audit commands' way to a home's logs; an export needs none of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from gateway.audit.export import export, trust_documents
from gateway.audit.findings import Report
from gateway.audit.layout import POLICIES
from gateway.audit.show import Filter, Shown
from gateway.audit.show import show as show_entries
from gateway.audit.two_exports import Reconciled, reconcile_exports
from gateway.audit.verify import verify_export, verify_home
from gateway.clock import SystemClock, rfc3339
from gateway.config import Home, Settings, load_settings
from gateway.errors import LiaisonError, Misconfigured
from gateway.model.names import MemberId, member_id
from gateway.signing.keys import load_signing_key
from gateway.storage.document_store import SqlDocumentStore
from gateway.storage.engine import Database
from gateway.storage.keystore import KeyStore
from gateway.storage.log_store import SqlLogStore
from gateway.storage.migrate import require_current
from gateway.storage.open import open_storage
from gateway.storage.witness_store import SqlWitnessStore
from gateway.trust.appointment import Appointment
from gateway.trust.ceremony import kind_of
from gateway.trust.documents import TrustDocuments

_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a home holds, opened for reading only; its node may be running."""

    settings: Settings
    home: Home
    member: MemberId
    store: SqlLogStore
    keys: KeyStore
    documents: SqlDocumentStore
    database: Database
    charter: list[bytes]
    descriptors: dict[str, list[bytes]]


@contextmanager
def open_home(folder: Path) -> Iterator[Evidence]:
    """Open the logs of a home; nothing in it is changed. Raises `Misconfigured`."""
    settings = load_settings(folder)
    home = Home(settings.home)
    if not settings.keystore.is_dir():
        raise Misconfigured("there is no keystore", where=str(settings.keystore), remedy="name the home of a node")
    documents = TrustDocuments(home.trust)
    descriptors = {file.stem: _lines(file) for file in sorted(home.trust.glob("descriptors/*.jsonl"))}
    keys = KeyStore(settings.keystore)
    database = open_storage(settings, read_only=True)
    try:
        yield Evidence(
            settings,
            home,
            member_id(settings.node.member),
            SqlLogStore(database),
            keys,
            SqlDocumentStore(database, keys, SystemClock()),
            database,
            documents.charter_versions(),
            descriptors,
        )
    finally:
        database.close()


def entries(evidence: Evidence, log: str, wanted: Filter, limit: int) -> Iterator[tuple[str, Shown]]:
    """Entries of all numbers of `log`, the newest log and entry first, with the log's name."""
    names = [name for name in evidence.store.logs() if name.partition("/")[0] == log]
    for name in sorted(names, key=_number, reverse=True):
        for item in show_entries(evidence.store, evidence.keys, name, wanted, limit):
            yield name, item
            limit -= 1
        if limit <= 0:
            return


def describe(name: str, shown: Shown) -> dict[str, Any]:
    """An entry as JSON."""
    entry = shown.entry
    return {
        "log": name,
        "index": entry.index,
        "time": rfc3339(entry.time_us),
        "kind": entry.kind,
        "peer": entry.peer,
        "number": entry.number,
        "exchange_id": entry.exchange_id,
        "request_hash": entry.request_hash.hex(),
        "answer_hash": entry.answer_hash.hex(),
        "private": shown.private,
        "erased": shown.erased,
    }


def entry_line(name: str, shown: Shown) -> str:
    """An entry in one line."""
    entry = shown.entry
    place = f"{name} {entry.index:>6}  {rfc3339(entry.time_us)}  {entry.kind:<12} {entry.peer or '-':<3}"
    exchange = f", exchange {entry.exchange_id}" if entry.exchange_id else ""
    if shown.erased:
        return f"{place} (erased: {shown.erased}){exchange}"
    said = ("officer", "case", "ticket", "purpose", "outcome", "code", "target", "reason")
    words = [f"{key} {shown.private[key]}" for key in said if shown.private.get(key)]
    return f"{place} {(', '.join(words) + exchange).removeprefix(', ')}".rstrip()


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
    quorum: int,
    processes: int,
    progress: Callable[[int, int], None],
) -> Report:
    """Verify an export under the auditor's own charter."""
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


def read_charter(file: Path) -> list[bytes]:
    """The versions in a charter file, not verified yet. Raises `UsageError` for a file that is none."""
    versions = _lines(file)
    try:
        kinds = {kind_of(line) for line in versions}
    except LiaisonError as error:
        raise click.UsageError(f"`{file}` is no charter: {error.message}") from error
    if kinds != {"charter"}:
        raise click.UsageError(f"`{file}` is no charter: it holds {', '.join(sorted(kinds)) or 'nothing'}")
    return versions


def _lines(file: Path) -> list[bytes]:
    try:
        return [line for line in file.read_bytes().split(b"\n") if line.strip()]
    except OSError as error:
        raise Misconfigured(f"cannot be read: {error.strerror}", where=str(file), remedy="name a file") from error


def _number(name: str) -> int:
    number = name.partition("/")[2]
    return int(number) if number.isdigit() else 0


def reconcile_folders(one: Path, other: Path, charter: Path, fingerprint: str | None) -> Reconciled:
    """Verify and compare two exports under the auditor's charter."""
    return reconcile_exports((one, other), read_charter(charter), SystemClock(), fingerprint)
