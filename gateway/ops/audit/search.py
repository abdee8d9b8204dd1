"""Search a home or an export for `liaison audit find`, with or without a mandate."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from certs.keyfiles import KeyPlace
from gateway.audit.reading.mandate import Mandate
from gateway.audit.search.export import SearchedExport
from gateway.audit.search.find import Found, Take, find, find_all, find_each, read_each
from gateway.audit.search.home import SearchedHome
from gateway.audit.search.index import IndexKeeper, SearchedLogs
from gateway.audit.search.postings import BLOCK
from gateway.audit.search.question import Question
from gateway.audit.search.terms import ANY, TERMS, Field, term
from gateway.audit.verify.findings import Report
from gateway.clock import SystemClock
from gateway.errors import Misused
from gateway.matching.scripts.tables import own_rows
from gateway.ops.acts.carry import look_up
from gateway.ops.audit.export_folder import require_export, use_exported_tables
from gateway.ops.audit.search_question import Search
from gateway.ops.audit.unknown_words import refuse_unknown
from gateway.ops.homes.open_home import Written, open_home
from gateway.ops.homes.own_tables import use_own_tables
from gateway.storage.documents.find_file import FindFile
from gateway.storage.keys.references import HitReferences

Progress = Callable[[int, int], None]
_INDEX_NAME = "find.sqlite"
_BELONGS = "belongs"
_TERMS = "terms"
_MOST_REASONS = 50


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a search: a home or an export, and the file of the index where it is not the usual one."""

    folder: Path
    is_export: bool = False
    index_file: Path | None = None
    rebuild: bool = False


@dataclass(frozen=True, slots=True)
class Searcher:
    """The person who searches, and why: with the file of an appointed auditor's key, or without a mandate."""

    reason: str = ""
    key_file: KeyPlace | None = None

    def check(self, place: Place, search: Search) -> None:
        """Raise `Misused` where a key or a reason is missing for this search, or does not belong to it."""
        if place.is_export:
            if self.key_file is not None:
                raise Misused("an export holds what its auditor may see: it needs no --key")
        elif search.needs_mandate and self.key_file is None:
            raise Misused("a search about a person or a record needs the --key of an appointed auditor, and a --reason")
        elif self.key_file is not None and not self.reason:
            raise Misused("--key needs a --reason: it stands in the log before anything is shown")


@dataclass(slots=True)
class Result:
    """The result of a search.

    `entry` is the place of the entry of this search at a home, `report` the verification before a complete search.
    `private` says whether private parts may be shown, `reasons` counts refusals by reason, `pruned` names the lowest
    index of each log whose older entries are gone.
    """

    found: Found
    entry: Written | None = None
    report: Report | None = None
    private: bool = False
    pruned: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """Return 0; for a complete search 1 where the log is contradicted, 3 where closed entries leave it open."""
        if self.report is None:
            return 0
        return self.report.exit_code or (3 if self.found.closed or self.pruned else 0)


@dataclass(frozen=True, slots=True)
class Complete:
    """The charter under which the logs are verified before a complete search; an export needs one."""

    charter: Path | None
    fingerprint: str | None

    def check(self, place: Place) -> None:
        """Raise `Misused` for an export without a charter."""
        if place.is_export and self.charter is None:
            raise Misused("--complete verifies an export under the auditor's own --charter")


def find_entries(
    place: Place, search: Search, limit: int, who: Searcher, progress: Progress, complete: Complete | None
) -> Result:
    """Search a home or an export; a complete search verifies the logs first and then reads them in full.

    At home the entry of the search comes first. Raises `Misused` for a reason or counterpart that does not exist.
    """
    search.check()
    who.check(place, search)
    _use_names(place)
    if complete is not None:
        complete.check(place)
    entry, mandate = None, None
    if not place.is_export and who.key_file is None:
        entry = look_up(place.folder, who.reason, search.as_value())
    elif not place.is_export and who.key_file is not None:
        from gateway.ops.audit.search_mandate import announced_search

        entry, mandate = announced_search(place.folder, who.key_file, who.reason, search)
    _refuse_unknown(place, search, progress)
    found = _found(place, search, limit, entry, mandate, progress, complete)
    assert found is not None
    return found


def find_announced(
    folder: Path, search: Search, limit: int, entry: Written, mandate: Mandate, most_missing: int
) -> Result | None:
    """Search a home under a mandate, once the search has its entry.

    Return None where more than `most_missing` entries are still to be added to the search index.
    """
    place = Place(folder)
    _use_names(place)
    return _found(place, search, limit, entry, mandate, _no_progress, None, most_missing)


def _no_progress(_done: int, _all: int) -> None:
    """Show no progress."""


def _found(
    place: Place,
    search: Search,
    limit: int,
    entry: Written | None,
    mandate: Mandate | None,
    progress: Progress,
    complete: Complete | None,
    most_missing: int | None = None,
) -> Result | None:
    """Return what fits, within the mandate where there is one; None where the index lacks too many entries."""
    question, keep = search.question(), None
    if mandate is not None:
        from gateway.ops.audit.search_mandate import narrow, within

        if mandate.names_agencies:
            keep = partial(within, mandate)
        narrowed = narrow(question, mandate)
        if narrowed is None:
            return Result(Found(), entry, private=True)
        question = narrowed
    private = mandate is not None or place.is_export
    if complete is not None:
        report = _verify(place, complete, progress)
        with _searched(place) as logs:
            found = find_all(logs, question, limit, report.sizes, progress, keep)
            return Result(found, entry, report, private, _pruned(place, logs, question))
    with _searched(place) as logs, _open_index(place, logs) as index:
        if most_missing is not None and IndexKeeper(logs, index).missing() > most_missing:
            return None
        tally = _reasons if search.refused == ANY and keep is None else None
        found = find(logs, index, question, limit, progress, keep, tally)
        pruned = _pruned(place, logs, question)
    counts = sorted(found.tally.items(), key=lambda item: -item[1])
    return Result(found, entry, None, private, pruned, {by.partition("=")[2]: count for by, count in counts})


def _verify(place: Place, complete: Complete, progress: Progress) -> Report:
    from gateway.ops.audit.verify_export import verify_export_folder, verify_home_folder

    charter, fingerprint = complete.charter, complete.fingerprint
    if charter is None or not place.is_export:
        return verify_home_folder(place.folder, charter, fingerprint, statements=False, progress=progress)
    processes = os.cpu_count() or 1
    return verify_export_folder(
        place.folder, charter, fingerprint, statements=False, processes=processes, progress=progress
    )


def _refuse_unknown(place: Place, search: Search, progress: Progress | None) -> None:
    """Refuse words that no entry has. The mandate does not count: a home tells anyway how many entries match."""

    def seen(question: Question) -> bool:
        with _searched(place) as logs, _open_index(place, logs) as index:
            return find(logs, index, question, 1, progress).count > 0

    refuse_unknown(search, place.folder, seen, is_export=place.is_export)


def _pruned(place: Place, logs: SearchedLogs, question: Question) -> dict[str, int]:
    """Return the first index of each pruned log. Of an export, which may be a part of a log, the verifier says it."""
    names = [log for log in logs.logs() if question.of_log(log) and not place.is_export]
    return {log: first for log in names if (first := logs.bounds(log)[0])}


def _reasons(found: Found) -> list[str]:
    """Return the terms of the reasons in the entries shown, by which refusals are counted."""
    shown = {str((opened.private or {}).get(name) or "") for _, opened in found.entries for name in ("code", "refusal")}
    return [term(Field.REFUSED, code) for code in sorted(shown - {""})[:_MOST_REASONS]]


def each_entry(folder: Path, question: Question, take: Take, progress: Progress, *, complete: bool) -> int:
    """Hand every entry of a home that fits to `take`, by its search index; with `complete` every entry is opened.

    Return how many may fit and could not be opened, for their key is lost. The caller has written the entry of the
    search. Raises `Contradicted`, `Unavailable`.
    """
    place = Place(folder)
    _use_names(place)
    with _searched(place) as logs:
        if complete:
            return read_each(logs, question, take, progress)
        with _open_index(place, logs) as index:
            return find_each(logs, index, question, take, progress)


def update_index(place: Place, progress: Progress | None) -> dict[str, Any]:
    """Bring an index up to date; return the work done as JSON."""
    _use_names(place)
    with _searched(place) as logs, _open_index(place, logs) as index:
        added = IndexKeeper(logs, index).catch_up(progress)
    path = _index_path(place)
    return {"index": str(path), "added": added * BLOCK, "bytes": path.stat().st_size}


def add_to_index(folder: Path, progress: Progress) -> dict[str, Any]:
    """Bring the search index of a home up to date."""
    return update_index(Place(folder), progress)


def _use_names(place: Place) -> None:
    """Read names as the node of a home does: by the tables of the home, or those that the export carries."""
    if place.is_export:
        use_exported_tables(place.folder)
    else:
        use_own_tables(place.folder)


@contextmanager
def _searched(place: Place) -> Iterator[SearchedLogs]:
    if place.is_export:
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
    """Open the index of these logs; an index of another export, or with terms of another edition, is replaced."""
    path = _index_path(place)
    belongs, terms = logs.belongs, f"{TERMS}{own_rows().digest}"
    if place.rebuild:
        remove_index(path)
    index = FindFile(path)
    if index.note(_BELONGS) not in ("", belongs) or index.note(_TERMS) != terms:
        index.close()
        remove_index(path)
        index = FindFile(path)
    with closing(index):
        if not index.note(_TERMS):
            index.keep(_BELONGS, belongs)
            index.keep(_TERMS, terms)
        yield index


def remove_index(path: Path) -> None:
    """Delete an index; it is built anew when it is needed."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
