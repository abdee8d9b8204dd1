"""The audit commands' way to a home's logs; an export needs none of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from gateway.audit.export import export, trust_documents
from gateway.audit.findings import Report, State
from gateway.audit.layout import POLICIES
from gateway.audit.reconcile import Comparison
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
from gateway.storage.keystore import KeyStore
from gateway.storage.log_store import SqlLogStore
from gateway.storage.open import open_storage
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
            charter=_charter(charter) if charter else evidence.charter,
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
    processes: int,
    progress: Callable[[int, int], None],
) -> Report:
    """Verify an export under the auditor's own charter."""
    return verify_export(
        folder,
        _charter(charter),
        SystemClock(),
        fingerprint,
        statements=statements,
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
        trust = evidence.home.trust
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


def report_value(report: Report) -> dict[str, Any]:
    """A report as JSON."""
    verdict = {0: State.PROVED, 1: State.CONTRADICTED}.get(report.exit_code, State.NOT_PROVABLE)
    first = report.first_bad
    return {
        "verdict": verdict.value,
        "about": report.about,
        "entries": report.sizes,
        "first_bad_entry": {"log": first[0], "index": first[1]} if first else None,
        "findings": [asdict(finding) | {"check": int(finding.check)} for finding in report.findings],
        "notes": report.notes,
    }


def report_lines(report: Report) -> Iterator[tuple[str, str]]:
    """A report in words: state and text of each line."""
    for finding in report.findings:
        place = f" {finding.log}" if finding.log else ""
        entry = f", entry {finding.index}" if finding.index is not None else ""
        yield finding.state.value, f"{finding.check:>2} {finding.state.value:<12}{place}{entry}: {finding.text}"
    for note in report.notes:
        yield "", f"   note: {note}"
    value = report_value(report)
    checked = ", ".join(f"{size} of {name}" for name, size in report.sizes.items()) or "none"
    yield value["verdict"], f"{value['verdict']}; entries checked: {checked}"
    if first := report.first_bad:
        yield State.CONTRADICTED.value, f"the first bad entry is {first[1]} of {first[0]}"


def _charter(file: Path) -> list[bytes]:
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
    return reconcile_exports((one, other), _charter(charter), SystemClock(), fingerprint)


def reconciled_value(found: Reconciled) -> dict[str, Any]:
    """A reconciliation as JSON; without a comparison when an export is contradicted already."""
    value: dict[str, Any] = {"exports": {member: report_value(report) for member, report in found.reports.items()}}
    if (comparison := found.comparison) is not None:
        value |= {"agreed": comparison.agreed, "outside": comparison.outside, "blamed": sorted(comparison.blamed)}
        value |= {"findings": [asdict(finding) for finding in comparison.findings]}
    return value | {"exit_code": found.exit_code}


def reconciled_lines(found: Reconciled) -> Iterator[tuple[str, str]]:
    """A reconciliation in lines: style and text."""
    for member, report in found.reports.items():
        style, said = {0: ("good", "proved"), 1: ("bad", "contradicted"), 3: ("warn", "not provable")}[report.exit_code]
        yield style, f"the export of `{member}` for itself: {said}"
        for state, text in report_lines(report) if report.exit_code else ():
            yield _STYLES[state], f"  {text}"
    if found.comparison is None:
        yield "bad", "not compared: nothing can be concluded from an export that is contradicted"
    else:
        yield from _compared_lines(found.comparison)


def _compared_lines(comparison: Comparison) -> Iterator[tuple[str, str]]:
    yield "", f"{comparison.agreed} exchanges agree, {comparison.outside} lie outside the time that both cover"
    for finding in comparison.findings:
        whose = f"`{finding.blamed}` is contradicted: " if finding.blamed else ""
        place = f"{finding.asker} -> {finding.answerer} {finding.exchange_id or 'channel'}"
        yield "bad" if finding.blamed else "warn", f"{finding.fault}: {place}: {whose}{finding.text}"
    if not comparison.findings:
        yield "good", "the two logs say the same"


_STYLES = {"proved": "good", "contradicted": "bad", "not provable": "warn"}
