"""Check rows of the desk before anything is built: each value can be stored, and each thread is as they know it.

What a statement could not take would end the log, and with it the node.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec.structs import astuple

from gateway.errors import Malformed, Outdated
from gateway.model.desk.threads import ThreadKey
from gateway.ports.desk import DeskRows
from gateway.ports.log_store import LogStore

_LARGEST = 2**63


def check_rows(rows: DeskRows, peer: str) -> None:
    """Raise `Malformed` for rows of an entry about `peer` that cannot be stored, or that erase notices of no member."""
    if rows.erased and not (rows.thread or peer):
        raise Malformed("erased notices need a counterpart", where="rows.erased")
    if _fits(rows):
        return
    for name, value in _values("rows", rows):
        if not _fits(value):
            what = "a text cannot be stored" if isinstance(value, str) else "a number cannot be stored"
            raise Malformed(what, code="bad-data", where=name)


def _fits(value: Any) -> bool:
    """Tell whether all texts and numbers in a value can be stored. Each entry of the desk waits for it."""
    if isinstance(value, str):
        return "\0" not in value and (value.isascii() or not _is_broken(value))
    if isinstance(value, int):
        return -_LARGEST <= value < _LARGEST
    if isinstance(value, msgspec.Struct):
        return all(map(_fits, astuple(value)))
    return not isinstance(value, tuple) or all(map(_fits, value))


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
