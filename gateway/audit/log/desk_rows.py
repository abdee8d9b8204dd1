"""Check rows of the desk before anything is built: each value can be stored, and each thread is as they know it.

What a statement could not take would end the log, and with it the node.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from gateway.errors import Malformed, Outdated
from gateway.model.desk.threads import ThreadKey
from gateway.ports.desk import DeskRows
from gateway.ports.log_store import LogStore

_LARGEST = 2**63


def check_rows(rows: DeskRows, peer: str) -> None:
    """Raise `Malformed` for rows of an entry about `peer` that cannot be stored, or that erase notices of no member."""
    if rows.erased and not (rows.thread or peer):
        raise Malformed("erased notices need a counterpart", where="rows.erased")
    for name, value in _values("rows", rows):
        if isinstance(value, str):
            if "\0" in value or _is_broken(value):
                raise Malformed("a text cannot be stored", code="bad-data", where=name)
        elif isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
            raise Malformed("a number cannot be stored", code="bad-data", where=name)


def _values(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, msgspec.Struct):
        for part in value.__struct_fields__:
            yield from _values(f"{name}.{part}", getattr(value, part))
    elif isinstance(value, tuple):
        for part in value:
            yield from _values(name, part)
    else:
        yield name, value


def _is_broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def require_current(store: LogStore, batch: Sequence[DeskRows]) -> None:
    """Raise `Outdated` unless each thread of the batch has the version that its rows build on, and appears once.

    Raises `Malformed` for rows that do not give their thread the next version.
    """
    before: dict[ThreadKey, int] = {}
    for rows in batch:
        if rows.thread is None:
            continue
        if rows.thread.key in before:
            raise _outdated(rows.thread.key)
        if rows.thread.version != rows.before + 1:
            raise Malformed("a thread's version grows by one with each entry", where="rows.thread.version")
        before[rows.thread.key] = rows.before
    if before:
        found = store.thread_versions(before)
        for key, version in before.items():
            if found.get(key, 0) != version:
                raise _outdated(key)


def _outdated(key: ThreadKey) -> Outdated:
    return Outdated("thread {thread} with `{peer}` has changed meanwhile", thread=key.thread_id, peer=key.peer)
