"""Where `liaison audit find` looks, under whose mandate, and how it says what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.audit.reading.opened import Opened
from gateway.audit.search.find import Found, find, find_all
from gateway.audit.search.home import SearchedHome
from gateway.audit.search.index import IndexKeeper, SearchedLogs
from gateway.audit.search.postings import BLOCK
from gateway.audit.search.question import Question
from gateway.audit.search.terms import ANY, Field, term
from gateway.clock import SystemClock
from gateway.ops.audit.search_question import Search
from gateway.ops.audit.unknown_words import refuse_unknown
from gateway.ops.homes.open_home import Written, open_home, require_entry
from gateway.storage.documents.find_file import FindFile
from gateway.storage.keys.references import HitReferences

if TYPE_CHECKING:
    from gateway.audit.reading.mandate import Mandate
    from gateway.audit.verify.findings import Report

Progress = Callable[[int, int], None]
_INDEX_NAME = "find.sqlite"
_BELONGS = "belongs"
_MOST_REASONS = 50


@dataclass(frozen=True, slots=True)
class Place:
    """Where to search: a home or an export, and the file of the index where it is not the usual one."""

    folder: Path
    is_export: bool = False
    index_file: Path | None = None
    rebuild: bool = False


@dataclass(frozen=True, slots=True)
class Searcher:
    """Who searches a home, and why: with the file of an appointed auditor's key, or without a mandate."""

    reason: str = ""
    key_file: Path | None = None


@dataclass(slots=True)
class Result:
    """What was found. `entry` is where at home the entry of this search stands, `report` what was verified first where
    the search is complete; `private` says whether private parts may be shown, `reasons` counts refusals by reason,
    `pruned` names the lowest index of each log whose older entries are gone."""

    found: Found
    entry: Written | None = None
    report: Report | None = None
    private: bool = False
    pruned: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0; of a complete search 1 where the log is contradicted, 3 where closed entries leave it open."""
        if self.report is None:
            return 0
        return self.report.exit_code or (3 if self.found.closed or self.pruned else 0)


def find_entries(
    place: Place,
    search: Search,
    limit: int,
    who: Searcher,
    progress: Progress | None,
    verify: Callable[[Progress], Report] | None,
) -> Result:
    """Search a home or an export; `verify` is given for a complete search, and verifies what is then read in full.

    At home the entry of the search comes first. Raises `UsageError` for a reason or counterpart that does not exist.
    """
    question, entry, keep, mandate = search.question(), None, None, None
    if not place.is_export and who.key_file is None:
        entry = _look_up(place.folder, who.reason, search)
    elif not place.is_export:
        entry, mandate = _announce(place.folder, who, search)
        if mandate.names_agencies:
            keep = partial(_within, mandate)
    _refuse_unknown(place, search, progress)
    if mandate is not None:
        narrowed = narrow(question, mandate)
        if narrowed is None:
            return Result(Found(), entry, private=True)
        question = narrowed
    private = who.key_file is not None or place.is_export
    if verify is not None:
        report = verify(progress or _no_progress)
        with _searched(place) as logs:
            found = find_all(logs, question, limit, report.sizes, progress, keep)
            return Result(found, entry, report, private, _pruned(place, logs, question))
    with _searched(place) as logs, _open_index(place, logs) as index:
        tally = _reasons if search.refused == ANY and keep is None else None
        found = find(logs, index, question, limit, progress, keep, tally)
        pruned = _pruned(place, logs, question)
    counts = sorted(found.tally.items(), key=lambda item: -item[1])
    return Result(found, entry, None, private, pruned, {by.partition("=")[2]: count for by, count in counts})


def _refuse_unknown(place: Place, search: Search, progress: Progress | None) -> None:
    """A mandate does not count here: without one, too, a home says how many entries have a reason or counterpart."""

    def seen(question: Question) -> bool:
        with _searched(place) as logs, _open_index(place, logs) as index:
            return find(logs, index, question, 1, progress).count > 0

    refuse_unknown(search, place.folder, seen, is_export=place.is_export)


def _pruned(place: Place, logs: SearchedLogs, question: Question) -> dict[str, int]:
    """Of an export the verifier says what was pruned: it may be of a part of the log anyway."""
    names = [log for log in logs.logs() if question.of_log(log) and not place.is_export]
    return {log: first for log in names if (first := logs.bounds(log)[0])}


def _reasons(found: Found) -> list[str]:
    """The terms of the reasons that the entries shown have: refusals are counted by them."""
    shown = {str((opened.private or {}).get(name) or "") for _, opened in found.entries for name in ("code", "refusal")}
    return [term(Field.REFUSED, code) for code in sorted(shown - {""})[:_MOST_REASONS]]


def _no_progress(done: int, of: int) -> None:
    """Tell nobody."""
    del done, of


def _look_up(folder: Path, reason: str, search: Search) -> Written:
    """The entry of a search without a mandate, durable."""
    from gateway.ops.acts.carry import look_up

    entry = look_up(folder, reason, search.as_value())
    with open_home(folder) as evidence:
        require_entry(evidence, entry, "looked-up")
    return entry


def _announce(folder: Path, auditor: Searcher, search: Search) -> tuple[Written, Mandate]:
    """The entry of this search, durable, and what its auditor may see."""
    from gateway.audit.reading.inspection import Action, mandate_of
    from gateway.ops.acts.carry import inspect
    from gateway.ops.audit.auditors import own_appointment
    from gateway.signing.keys import load_signing_key

    assert auditor.key_file is not None
    key = load_signing_key(auditor.key_file)
    with open_home(folder) as evidence:
        appointment = own_appointment(evidence, key)  # what cannot be searched anyway is said at once
    entry = inspect(folder, key, Action.SEARCH, auditor.reason, search.as_value())
    with open_home(folder) as evidence:
        require_entry(evidence, entry, Action.SEARCH.kind)
        return entry, mandate_of(evidence.member, appointment)


def narrow(question: Question, mandate: Mandate) -> Question | None:
    """The question within a mandate's time and counterparts; None where nothing is left of it."""
    from gateway.trust.documents.appointment import EVERY

    scope = mandate.scope
    if scope is None:
        return None
    until_us = min(question.until_us or scope.until_us, scope.until_us)
    peers = question.peers
    if EVERY not in scope.counterparts:
        # The own member's id stands for entries without a counterpart.
        allowed = frozenset("" if name == mandate.member else name for name in scope.counterparts)
        peers = allowed & peers if peers else allowed
        if not peers:
            return None
    return replace(question, since_us=max(question.since_us, scope.since_us), until_us=until_us, peers=peers)


def _within(mandate: Mandate, opened: Opened) -> bool:
    return opened.private is not None and not mandate.withholds_private(opened.entry, opened.private)


def update_index(place: Place, progress: Progress | None) -> dict[str, Any]:
    """Bring an index up to date; what was done, as JSON."""
    with _searched(place) as logs, _open_index(place, logs) as index:
        added = IndexKeeper(logs, index).catch_up(progress)
    path = _index_path(place)
    return {"index": str(path), "added": added * BLOCK, "bytes": path.stat().st_size}


@contextmanager
def _searched(place: Place) -> Iterator[SearchedLogs]:
    if place.is_export:
        from gateway.audit.search.export import SearchedExport
        from gateway.ops.audit.export_folder import require_export

        require_export(place.folder)
        yield SearchedExport(place.folder)
        return
    with open_home(place.folder) as evidence:
        references = HitReferences(evidence.settings.keystore, SystemClock())
        yield SearchedHome(evidence.store, evidence.keys, references.resolve)


def _index_path(place: Place) -> Path:
    return place.index_file or place.folder / _INDEX_NAME


@contextmanager
def _open_index(place: Place, logs: SearchedLogs) -> Iterator[FindFile]:
    """The index of these logs; one that belongs to another export is thrown away."""
    path = _index_path(place)
    belongs = logs.belongs
    if place.rebuild:
        remove_index(path)
    index = FindFile(path)
    if index.note(_BELONGS) not in ("", belongs):
        index.close()
        remove_index(path)
        index = FindFile(path)
    try:
        if not index.note(_BELONGS):
            index.keep(_BELONGS, belongs)
        yield index
    finally:
        index.close()


def remove_index(path: Path) -> None:
    """Delete an index, which is built anew when it is needed."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
