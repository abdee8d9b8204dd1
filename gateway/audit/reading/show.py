"""Read a log at home: entries with their private part, newest first. For auditors of the own country only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from gateway.audit.entries.entry import Entry, decode_private, parse_entry
from gateway.errors import Unknown
from gateway.model.exchange import Outcome
from gateway.ports.content_keys import ContentKeys
from gateway.ports.entries import events
from gateway.ports.log_store import LogStore, StoredEntry

_PAGE = 500
_SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions; an empty value fits everything. Times are microseconds since 1970, `until_us` excluded.

    `case` is looked for among case and ticket numbers; `outcome` is a value of `Outcome`.
    """

    since_us: int = 0
    until_us: int = 0
    kind: str = ""
    peer: str = ""
    exchange_id: str = ""
    officer: str = ""
    case: str = ""
    outcome: str = ""

    @property
    def private(self) -> dict[str, str]:
        """The conditions on private parts: a search by them needs an entry of its own first."""
        given = {"officer": self.officer, "case": self.case, "outcome": self.outcome}
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry and its private part; `erased` names the key when the private part is gone. `is_lost` says that the key
    was not destroyed, and its file is not there."""

    entry: Entry
    private: dict[str, Any] = field(default_factory=dict)
    erased: str = ""
    is_lost: bool = False

    def gone(self) -> dict[str, str]:
        """Return the key that was destroyed, and the one that is lost, as JSON."""
        return {"erased": "" if self.is_lost else self.erased, "lost": self.erased if self.is_lost else ""}


def show(
    store: LogStore,
    keys: ContentKeys,
    log: str,
    wanted: Filter,
    limit: int = 100,
    may: Callable[[Shown], bool] | None = None,
) -> Iterator[Shown]:
    """Yield at most `limit` entries of `log` (`exchange/1`) that fit and that `may` allows, newest first.

    Raises `Contradicted`, `Malformed`.
    """
    found = 0
    until = wanted.until_us
    while True:
        page = store.find(
            log,
            peer=wanted.peer,
            exchange_id=wanted.exchange_id,
            kind=wanted.kind,
            since_us=wanted.since_us,
            until_us=until,
            limit=_PAGE,
        )
        for index in page:
            shown = open_entry(keys, log, next(iter(store.entries(log, index, index + 1))))
            if _fits(shown, wanted) and (may is None or may(shown)):
                yield shown
                found += 1
                if found == limit:
                    return
            until = shown.entry.time_us
        if len(page) < _PAGE:
            return


def walk(store: LogStore, keys: ContentKeys, log: str, kinds: frozenset[str], since_us: int) -> Iterator[Shown]:
    """Yield all entries of these kinds since a time, oldest first, in one pass: for reports over a whole log.

    Raises `Contradicted`, `Malformed`.
    """
    state = store.state(log)
    for stored in store.entries(log, state.first if state else 0, state.size if state else 0):
        entry = parse_entry(stored.body)
        if entry.kind in kinds and entry.time_us >= since_us:
            yield open_entry(keys, log, stored)


def open_entry(keys: ContentKeys, log: str, stored: StoredEntry) -> Shown:
    """Return a stored entry with its private part."""
    entry = parse_entry(stored.body)
    if stored.content is None:
        return Shown(entry, erased="content")
    try:
        private, _, _ = keys.open_content(log, stored.index, stored.content)
    except Unknown as error:
        return Shown(entry, erased=stored.content.key_id, is_lost=error.code == "no-key")
    return Shown(entry, decode_private(private))


def _fits(shown: Shown, wanted: Filter) -> bool:
    private = shown.private
    return (
        wanted.officer in ("", private.get("officer"))
        and wanted.case in ("", private.get("case"), private.get("ticket"))
        and wanted.outcome in ("", *_outcomes(shown))
    )


def _outcomes(shown: Shown) -> set[str]:
    """Return the outcomes of an exchange, as far as an entry tells: its outcome, else its kind and code."""
    found = {str(shown.private.get("outcome", ""))}
    if shown.entry.kind in (Outcome.SILENT, Outcome.REFUSED):
        found.add(shown.entry.kind)
    if shown.entry.kind == events.TOO_MANY.kind:
        found.add(Outcome.TOO_MANY)
    if shown.entry.kind == Outcome.REFUSED and _SUSPENDED in (shown.private.get("code"), shown.private.get("reason")):
        found.add(Outcome.SUSPENDED)
    return found - {""}
