"""Open entries for `liaison audit open`: at a home under a mandate, or in an export, with the rest of their exchanges.

An opened entry brings the others of its exchange along: the question is in one, the answer in another. At home the
auditor's own signed inspection names all of them, and each lies within the scope of the appointment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from certs.keyfiles import KeyPlace
from gateway.audit.entries.entry import Entry, parse_entry
from gateway.audit.export.reader import ExportReader
from gateway.audit.log.succession import by_number, newest_logs
from gateway.audit.reading.inspection import Action, mandate_of
from gateway.audit.reading.mandate import Mandate
from gateway.audit.reading.opened import HomeLogs, Opened
from gateway.audit.retention.prune import require_there
from gateway.audit.search.export import SearchedExport
from gateway.audit.verify.content import Content, read_contents
from gateway.audit.verify.findings import Report
from gateway.audit.verify.older_charter import older_charter
from gateway.clock import SystemClock
from gateway.errors import LiaisonError, Misused
from gateway.model.names import MemberId
from gateway.model.names import exchange_id as check_exchange_id
from gateway.ops.acts.inspections import MAX_ENTRIES
from gateway.ops.audit.auditors import announce, appointment_at
from gateway.ops.audit.export_folder import require_export
from gateway.ops.audit.verify_export import verify_export_folder
from gateway.ops.homes.documents import read_charter
from gateway.ops.homes.open_home import Evidence, Written, open_home, read_lines
from gateway.ports.entries.events import EVENTS
from gateway.signing.keys import load_signing_key
from gateway.trust.documents.appointment import Appointment, parse_appointment
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.evidence import evidence_view
from gateway.trust.view import TrustView

_MOST_OF_ONE = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """The entries to open: their indexes in a log (`exchange` is its newest number), or an exchange."""

    log: str
    indexes: Sequence[int] = ()
    exchange_id: str = ""

    def check(self) -> None:
        """Raise `Misused` where neither or both are given."""
        if bool(self.indexes) == bool(self.exchange_id):
            raise Misused("say what to open: --entry, or --exchange")
        try:
            if self.exchange_id:
                check_exchange_id(self.exchange_id)
        except LiaisonError as error:
            raise Misused(f"--exchange `{self.exchange_id}`: {error.message}") from error

    def log_of(self, names: Iterable[str]) -> str:
        """Return the log's name and number. Raises `Misused` where there is none."""
        names = list(names)
        newest = {name.partition("/")[0]: name for name in newest_logs(names)}
        found = self.log if self.log in names else newest.get(self.log)
        if found is None:
            raise Misused(f"there is no log `{self.log}` here; there are: {', '.join(by_number(names)) or 'none'}")
        return found


@dataclass(frozen=True, slots=True)
class OpenedEntries:
    """The content that was opened. `at` is the entry of this opening at a home; `report` the verification of an export.

    `own_charter` is set where signatures were checked under the charter that the export itself brings: that proves them
    to no one who does not know it. `auditor` describes the appointment, as far as it is known.
    """

    member: MemberId
    contents: list[Content]
    made_us: int
    at: Written | None = None
    report: Report | None = None
    own_charter: bool = False
    auditor: str = ""
    wanted: Sequence[int] = ()

    @property
    def entries(self) -> list[tuple[str, Opened]]:
        """All opened entries with their logs, in order: first those that were asked for, then the others."""
        found = [(content.log, opened) for content in self.contents for opened in content.entries]
        return sorted(found, key=lambda item: (item[1].entry.index not in self.wanted, item[1].entry.index))

    @property
    def exit_code(self) -> int:
        """Return 1 where something is contradicted, 3 where a verified export does not prove everything, else 0."""
        if any(content.is_contradicted for content in self.contents):
            return 1
        return self.report.exit_code if self.report is not None else 0


def open_at_home(folder: Path, key_file: KeyPlace, wanted: Wanted, reason: str) -> OpenedEntries:
    """Write the entry of opening, then open the entries. Raises `Forbidden`, `Unknown`, `Contradicted`."""
    wanted.check()
    key = load_signing_key(key_file)
    with open_home(folder) as evidence:
        log, indexes = entries_to_open(evidence, wanted, appointment_at(evidence, key))
    appointment, at = announce(folder, key, Action.OPEN, reason, {"log": log, "entries": indexes})
    with open_home(folder) as evidence:
        return opened_at_home(evidence, appointment, at, log, indexes, wanted.indexes)


def opened_at_home(
    evidence: Evidence,
    appointment: Appointment,
    at: Written,
    log: str,
    indexes: Sequence[int],
    wanted: Sequence[int] = (),
) -> OpenedEntries:
    """Return the content of entries whose opening has its entry. Raises `Contradicted`."""
    logs = HomeLogs(evidence.store, evidence.keys)
    entries = [(log, opened) for index in indexes for opened in logs.rows(log, index, index + 1)]
    documents = TrustDocuments(evidence.home.trust)
    view = _view(documents.charter_versions(), [line for lines in evidence.descriptors.values() for line in lines])
    contents = read_contents(entries, evidence.member, view, answers=appointment.scope.content)
    who = f"{appointment.auditor}, {appointment.appointed_by}"
    return OpenedEntries(evidence.member, contents, SystemClock().now_us(), at, auditor=who, wanted=wanted)


def entries_to_open(evidence: Evidence, wanted: Wanted, appointment: Appointment) -> tuple[str, list[int]]:
    """Return the log, and the indexes to open: those that are wanted, and the others of their exchanges."""
    store = evidence.store

    def entry_at(log: str, index: int) -> Entry:
        require_there(store, log, index)
        return parse_entry(next(iter(store.bodies(log, index, index + 1)))[1])

    mandate = mandate_of(evidence.member, appointment)
    if wanted.exchange_id:
        for log in reversed([name for name in by_number(store.logs()) if name.startswith("exchange/")]):
            if indexes := sorted(store.find(log, exchange_id=wanted.exchange_id, limit=_MOST_OF_ONE)):
                return log, [index for index in indexes if _may(mandate, entry_at(log, index))] or indexes
        raise _no_exchange(wanted.exchange_id)
    log = wanted.log_of(store.logs())
    asked = [entry_at(log, index) for index in wanted.indexes]
    found = dict.fromkeys(wanted.indexes)
    for entry in asked:
        if entry.exchange_id:
            indexes = store.find(log, exchange_id=entry.exchange_id, limit=_MOST_OF_ONE)
            others = (entry_at(log, index) for index in indexes)
            found |= {other.index: None for other in others if _of_one(entry, other) and _may(mandate, other)}
    return log, sorted(found)[:MAX_ENTRIES]


def _may(mandate: Mandate, entry: Entry) -> bool:
    """Return whether the mandate opens an entry, as far as its public part and its kind tell."""
    names_agencies = not {"agency", "sources"}.isdisjoint(EVENTS[entry.kind].fields)
    return not mandate.withholds(entry) and (names_agencies or not mandate.names_agencies)


def _of_one(entry: Entry, other: Entry) -> bool:
    return (entry.peer, entry.request_hash) == (other.peer, other.request_hash)


def open_in_export(
    folder: Path, wanted: Wanted, charter: Path | None, fingerprint: str | None, progress: Callable[[int, int], None]
) -> OpenedEntries:
    """Open entries of an export; with the auditor's own `charter` all of the export is verified first."""
    wanted.check()
    require_export(folder)
    export, searched = ExportReader(folder), SearchedExport(folder)
    report = None
    if charter is not None:
        report = verify_export_folder(folder, charter, fingerprint, statements=False, processes=1, progress=progress)
    log, indexes = _in_export(export, wanted)
    entries = [(log, opened) for index in indexes for opened in searched.rows(log, index, index + 1)]
    versions = read_charter(charter) if charter is not None else read_lines(folder / "trust" / "charter.jsonl")
    is_older = older_charter(versions, export.charter(), SystemClock(), fingerprint)  # then the report says so
    view = None if is_older else _view(versions, export.descriptors(), fingerprint)
    contents = read_contents(entries, export.member, view, answers=_shows_answers(export))
    who = (
        ", ".join(report.about[name] for name in ("auditor", "appointed_by") if name in report.about) if report else ""
    )
    made_us = SystemClock().now_us()
    return OpenedEntries(
        export.member,
        contents,
        made_us,
        report=report,
        own_charter=charter is None,
        auditor=who,
        wanted=wanted.indexes,
    )


def _shows_answers(export: ExportReader) -> bool:
    """Return whether the appointment that the export carries lets signed answers be seen; the verifier checks it."""
    try:
        return parse_appointment(export.appointment())[0].scope.content
    except LiaisonError:
        return True


def _in_export(export: ExportReader, wanted: Wanted) -> tuple[str, list[int]]:
    logs = {log.name: log for log in export.logs()}
    if wanted.exchange_id:
        for name in reversed([name for name in by_number(logs) if name.startswith("exchange/")]):
            if found := [entry.index for entry in _entries(logs[name].bodies(), {wanted.exchange_id})]:
                return name, found[:MAX_ENTRIES]
        raise _no_exchange(wanted.exchange_id)
    log = logs[wanted.log_of(logs)]
    for index in wanted.indexes:
        if not log.first <= index < log.stop:
            raise Misused(
                f"--entry {index} is not in this export: it has {log.name} from {log.first} to {log.stop - 1}"
            )
    asked = [parse_entry(log.body(index)) for index in wanted.indexes]
    exchanges = {entry.exchange_id for entry in asked if entry.exchange_id}
    others = _entries(log.bodies(), exchanges) if exchanges else ()
    along = {other.index for other in others if any(_of_one(entry, other) for entry in asked)}
    return log.name, sorted({*wanted.indexes, *along})[:MAX_ENTRIES]


def _entries(bodies: Iterable[tuple[int, bytes]], exchanges: set[str]) -> Iterator[Entry]:
    """Yield the entries of these exchanges. Only a body that holds one of the ids is parsed."""
    wanted = [exchange.encode() for exchange in exchanges]
    for _, body in bodies:
        if any(exchange in body for exchange in wanted):
            entry = parse_entry(body)
            if entry.exchange_id in exchanges:
                yield entry


def _no_exchange(exchange_id: str) -> Misused:
    return Misused(f"--exchange `{exchange_id}`: no entry of an exchange log here is about it")


def _view(charter: Sequence[bytes], descriptors: Sequence[bytes], fingerprint: str | None = None) -> TrustView | None:
    """Return the trust in force for evidence; None where the documents do not verify, so that no signature counts."""
    try:
        return evidence_view(tuple(charter), tuple(descriptors), SystemClock(), fingerprint)
    except LiaisonError:
        return None
