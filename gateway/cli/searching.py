"""What `liaison audit find` looks for, where, and how it says what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from gateway.audit.entry import Entry
from gateway.audit.events import EVENTS
from gateway.audit.find import Found, find
from gateway.audit.find_home import SearchedHome
from gateway.audit.find_index import IndexKeeper
from gateway.audit.postings import BLOCK
from gateway.audit.question import Group, Question
from gateway.audit.terms import Field, term
from gateway.cli.audits import Evidence, open_home
from gateway.clock import SystemClock, rfc3339
from gateway.errors import Malformed
from gateway.model.exchange import Outcome
from gateway.model.names import exchange_id as check_exchange_id
from gateway.model.purpose import Purpose
from gateway.storage.find_file import FindFile
from gateway.storage.references import HitReferences

Progress = Callable[[int, int], None]
_INDEX_NAME = "find.sqlite"


@dataclass(frozen=True, slots=True)
class Search:
    """The options of a search; empty ones do not count."""

    officer: str = ""
    case: str = ""
    agreement: str = ""
    purpose: str = ""
    outcome: str = ""
    refused: str = ""
    peers: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    exchange_id: str = ""
    log: str = ""
    since_us: int = 0
    until_us: int = 0

    def check(self) -> None:
        """Raise `UsageError` for what no entry can have, naming what it can, and for a search for nothing."""
        known = {
            "--kind": [event.kind for event in EVENTS.values() if self.log in ("", event.log)],
            "--outcome": [str(item) for item in Outcome],
            "--purpose": [str(item) for item in Purpose],
        }
        given = (("--kind", self.kinds), ("--outcome", (self.outcome,)), ("--purpose", (self.purpose,)))
        for option, values in given:
            for value in values:
                if value and value not in known[option]:
                    raise click.UsageError(f"{option} `{value}` is not known; known: {', '.join(known[option])}")
        try:
            if self.exchange_id:
                check_exchange_id(self.exchange_id)
        except Malformed as error:
            raise click.UsageError(f"--exchange `{self.exchange_id}`: {error.message}") from error
        if not self.question().private and not (self.peers or self.kinds or self.exchange_id):
            raise click.UsageError("say what to look for: --officer, --agreement, --refused, --exchange, --kind …")

    def question(self) -> Question:
        """What is looked for."""
        groups = tuple(self._groups())
        return Question(
            alternatives=(groups,) if groups else (),
            log=self.log,
            kinds=frozenset(self.kinds),
            peers=frozenset(self.peers),
            exchange_id=self.exchange_id,
            since_us=self.since_us,
            until_us=self.until_us,
        )

    def _groups(self) -> Iterator[Group]:
        for field, value in (
            (Field.OFFICER, self.officer),
            (Field.CASE, self.case),
            (Field.AGREEMENT, self.agreement),
            (Field.PURPOSE, self.purpose),
            (Field.OUTCOME, self.outcome),
            (Field.REFUSED, self.refused),
        ):
            if value:
                yield frozenset((term(field, value),))

    def as_value(self) -> dict[str, Any]:
        """What was given, as JSON."""
        named = {name: getattr(self, name) for name in self.__slots__ if not name.endswith("_us")}
        times = (("since", self.since_us), ("until", self.until_us))
        value = {name: list(item) if isinstance(item, tuple) else item for name, item in named.items() if item}
        return value | {name: rfc3339(time_us) for name, time_us in times if time_us}


def find_in_home(
    folder: Path, search: Search, limit: int, index_file: Path | None, progress: Progress | None, *, rebuild: bool
) -> Found:
    """Search the logs of a home; its node may be running."""
    with open_home(folder) as evidence, _open_index(evidence, index_file, rebuild=rebuild) as index:
        return find(_searched(evidence), index, search.question(), limit, progress)


def index_home(folder: Path, index_file: Path | None, progress: Progress | None, *, rebuild: bool) -> dict[str, Any]:
    """Bring the index of a home up to date; what was done, as JSON."""
    with open_home(folder) as evidence:
        path = index_file or _index_path(evidence)
        with _open_index(evidence, index_file, rebuild=rebuild) as index:
            added = IndexKeeper(_searched(evidence), index).catch_up(progress)
        return {"index": str(path), "added": added * BLOCK, "bytes": path.stat().st_size}


def _searched(evidence: Evidence) -> SearchedHome:
    references = HitReferences(evidence.settings.keystore, SystemClock())
    return SearchedHome(evidence.store, evidence.keys, references.resolve)


def _index_path(evidence: Evidence) -> Path:
    return evidence.home.path / _INDEX_NAME


@contextmanager
def _open_index(evidence: Evidence, index_file: Path | None, *, rebuild: bool) -> Iterator[FindFile]:
    path = index_file or _index_path(evidence)
    if rebuild:
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    index = FindFile(path)
    try:
        yield index
    finally:
        index.close()


def found_value(search: Search, found: Found, limit: int) -> dict[str, Any]:
    """What was found, as JSON."""
    return {
        "question": search.as_value(),
        "count": found.count,
        "closed": found.closed,
        "limit": limit,
        "more": found.count > len(found.entries),
        "entries": [describe_entry(log, opened.entry) for log, opened in found.entries],
    }


def describe_entry(log: str, entry: Entry) -> dict[str, Any]:
    """The public part of an entry, as JSON."""
    return {
        "log": log,
        "index": entry.index,
        "time": rfc3339(entry.time_us),
        "kind": entry.kind,
        "peer": entry.peer,
        "number": entry.number,
        "exchange_id": entry.exchange_id,
        "request_hash": entry.request_hash.hex(),
        "answer_hash": entry.answer_hash.hex(),
    }


def found_lines(found: Found, limit: int) -> Iterator[tuple[str, str]]:
    """What was found, in lines: style and text."""
    for log, opened in found.entries:
        entry = opened.entry
        place = f"{log} {entry.index:>6}  {rfc3339(entry.time_us)}  {entry.kind:<12} {entry.peer or '-':<3}"
        yield "", f"{place} {f'exchange {entry.exchange_id}' if entry.exchange_id else ''}".rstrip()
    if found.count > len(found.entries):
        yield "warn", f"the newest {limit:,} of {found.count:,}: raise --limit, or narrow it with --until"
    else:
        yield "good" if found.count else "", f"{found.count:,} entries fit"
    if found.closed:
        yield (
            "warn",
            f"{found.closed:,} more entries of this time are closed: erased, or not shown; nobody can search them",
        )
