"""Logs as searches and reports read them: entry by entry, with the content that can still be opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.audit.entries.entry import Entry, commitment, decode_private, parse_entry
from gateway.audit.reading.questions import read_question
from gateway.errors import Contradicted, LiaisonError, Unknown
from gateway.model.desk.notices import Notice
from gateway.model.exchange import Request
from gateway.model.hit import Hit
from gateway.ports.content_keys import ContentKeys, EncryptedContent
from gateway.ports.log_store import LogStore, StoredEntry
from gateway.statements.envelope import ENVELOPE_OVERHEAD, QUESTIONS, unseal

_NEAR, _TOGETHER = 8, 256
_NOTICE = b"application/vnd.liaison.notice."


@dataclass(frozen=True, slots=True)
class Opened:
    """An entry with its content. `private` is None where it cannot be seen, and `closed` then says why.

    `key_id` names the key that its content is under; empty where there is none. `lost` tells of a closed entry that its
    key is not there and was not destroyed: with the key put back its content can be seen again.
    """

    entry: Entry
    private: dict[str, Any] | None
    request: bytes = b""
    answer: bytes = b""
    key_id: str = ""
    closed: str = ""
    lost: bool = False


class OpenedLogs(Protocol):
    """All logs of one home, or of one export."""

    def logs(self) -> list[str]:
        """Return names of the logs (`exchange/1`)."""

    def bounds(self, log: str) -> tuple[int, int]:
        """Return the index of the first entry, and the one before which the entries end."""

    def rows(self, log: str, start: int, stop: int) -> Iterator[Opened]:
        """Return entries with index in [start, stop), in order. Raises `Contradicted` for content of another entry."""

    def at(self, log: str, indexes: Sequence[int]) -> Iterator[Opened]:
        """Return the entries with these indexes, ascending; no others are opened. Raises like `rows`."""


def _all(_entry: Entry) -> bool:
    """Have all entries opened."""
    return True


class HomeLogs:
    """The logs of a home, whose node may be running. `opens` tells by its public part whether an entry is opened."""

    def __init__(self, store: LogStore, keys: ContentKeys, opens: Callable[[Entry], bool] = _all) -> None:
        self._store = store
        self._keys = keys
        self._opens = opens
        self._gone: frozenset[str] = frozenset()

    def logs(self) -> list[str]:
        """Return names of the exchange and operations logs."""
        return self._store.logs()

    def bounds(self, log: str) -> tuple[int, int]:
        """Return the bounds of the entries that are committed and were not pruned."""
        state = self._store.state(log)
        return (state.first, state.size) if state else (0, 0)

    def rows(self, log: str, start: int, stop: int) -> Iterator[Opened]:
        """Return entries with index in [start, stop), opened, in order."""
        return self._each(log, self._store.entries(log, start, stop))

    def at(self, log: str, indexes: Sequence[int]) -> Iterator[Opened]:
        """Return the entries with these indexes, opened; what lies between them is read with them and not opened."""
        return self._each(log, stored_at(self._store, log, indexes))

    def _each(self, log: str, found: Iterator[StoredEntry]) -> Iterator[Opened]:
        """Open what is read from now on: by then each kept entry under a key of `_gone` had been put under another."""
        self._keys.look_again()
        gone = self._gone
        return (self._opened(log, stored, gone) for stored in found)

    def _opened(self, log: str, stored: StoredEntry, gone: frozenset[str]) -> Opened:
        entry = parse_entry(stored.body)
        if not self._opens(entry):
            return Opened(entry, None, closed="it is not asked for")
        if stored.content is None:
            return Opened(entry, None, closed="its content is missing")
        try:
            private, request, answer = self._keys.open_content(log, stored.index, stored.content)
        except Unknown as error:
            return self._closed(log, entry, stored.content, gone, error.code)
        return open_row(entry, log, stored.index, private, request, answer, stored.content.key_id)

    def _closed(self, log: str, entry: Entry, content: EncryptedContent, gone: frozenset[str], code: str) -> Opened:
        key_id, is_lost = content.key_id, code == "no-key"
        if not content.private or not (is_lost or code == "erased"):
            return Opened(entry, None, closed=f"erased: {key_id}")
        if key_id not in gone:  # an erasure may have moved it since the row was read
            self._gone |= {key_id}
            for again in self._store.entries(log, entry.index, entry.index + 1):
                if again.content is not None and again.content.key_id != key_id:
                    self._keys.look_again()
                    return self._opened(log, again, gone)
        why = f"lost: {key_id}" if is_lost else f"erased: {key_id}"
        return Opened(entry, None, key_id=key_id, closed=why, lost=is_lost)


def stored_at(store: LogStore, log: str, indexes: Sequence[int]) -> Iterator[StoredEntry]:
    """Yield the entries with these indexes, ascending, that exist. Near ones are read together: a question to the
    database costs as much as a few rows."""
    begin = 0
    for end in range(1, len(indexes) + 1):
        if end == len(indexes) or indexes[end] - indexes[end - 1] > _NEAR or end - begin >= _TOGETHER:
            wanted = frozenset(indexes[begin:end])
            found = store.entries(log, indexes[begin], indexes[end - 1] + 1)
            yield from (stored for stored in found if stored.index in wanted)
            begin = end


def open_row(entry: Entry, log: str, index: int, private: bytes, request: bytes, answer: bytes, key_id: str) -> Opened:
    """Return an opened entry, if its place and commitment fit. Raises `Contradicted`, `Malformed`."""
    if entry.index != index or commitment(private) != entry.commitment:
        raise Contradicted(
            "entry {index} does not fit what is kept with it",
            code="content-changed",
            where=log,
            remedy="verify the log: `liaison audit verify`",
            index=index,
        )
    return Opened(entry, decode_private(private), request, answer, key_id)


def question_of(request: bytes) -> Request | Notice | None:
    """Return the request or notice that is kept with an entry; None where there is none, or where it does not parse."""
    if not request:
        return None
    try:
        return read_question(unseal(request, *QUESTIONS))
    except LiaisonError:
        return None


def records_of(request: bytes) -> Iterable[str]:
    """Return the records that a notice brings, which was verified when it was logged."""
    notice = question_of(request) if is_notice(request) else None
    return notice.records if isinstance(notice, Notice) else ()


def is_notice(request: bytes) -> bool:
    """Tell whether kept bytes look like a notice, without parsing them: most are requests."""
    return _NOTICE in request[-ENVELOPE_OVERHEAD:]


def hits_of(answer: bytes) -> Iterable[Hit]:
    """Return the hits of an answer that was verified when it was logged; none where it is not kept."""
    if not answer:
        return ()
    # These load all record types, for the few entries with hits.
    from gateway.statements.answer import read_signed

    try:
        return read_signed(answer).hits
    except LiaisonError:
        return ()
