"""A node of a soak, which tells what it holds in memory as its allocators count it.

Resident memory also has what allocators keep for later, which comes and goes by megabytes. A leak adds to what is in
use. So that nothing else adds to it, memories that have a limit are small here, and full within the first minute.
Caches of functions that have one are emptied before each look.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import re
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import _lru_cache_wrapper, wraps
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakSet

from gateway.storage.log import claims
from gateway.storage.log.claims import HELD_S, ClaimIndex
from tests.support.zygote import serve

SERVE = "tests.soak.held:main"

SMALL: Mapping[tuple[str, str], int] = {
    ("gateway.agency.officer_tokens.tokens", "_CACHED"): 64,
    ("gateway.audit.tree.stored_tree", "CACHED"): 4,
    ("gateway.desk.oversight.counting", "MOST_GROUPS"): 64,
    ("gateway.exchange.answering.repeated_subjects", "MOST"): 64,
    ("gateway.witness.seen_heads", "_MAX_HEADS"): 64,
    ("gateway.witness.seen_heads", "_MAX_PARTS"): 64,
}
"""The limits of memories that the traffic of a soak fills for longer than a minute, and what they are here instead."""

_BLOCKS = re.compile(r"^# bytes in allocated blocks += +([\d,]+)$", re.MULTILINE)
_SQLITE = re.compile(r"/\S*/libsqlite3\.so\S*")
_MALLINFO = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
_TIME_S = 60.0


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes in use: small objects of Python, blocks of the C library, and those of the latter that SQLite has.

    `claims` of these are for the ids of exchanges that must not be answered twice: a node keeps each for minutes.
    """

    python: int
    library: int
    sqlite: int
    claims: int = 0


def told(pid: int) -> Held:
    """Return what a node holds, once it has collected its garbage and given free pages back to the machine."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(_TIME_S)
        asking.connect(_address(pid))
        with asking.makefile("rb") as answer:
            return Held(**json.loads(answer.read()))


# ---------------------------------------------------------------- the process of the node


def main(home: str, leak: str) -> int:
    """Run `liaison serve --home HOME` and tell what it holds; let it leak so many bytes for each search."""
    for (module, name), most in SMALL.items():
        setattr(importlib.import_module(module), name, most)
    claims.ClaimIndex = _Claims  # type: ignore[misc, assignment]
    if int(leak):
        _leak(int(leak))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(_address(os.getpid()))
    listener.listen()
    threading.Thread(target=_tell, args=(listener, Allocators()), name="held", daemon=True).start()
    return serve(home)


def _leak(size: int) -> None:
    """Keep so many bytes of each search for ever: where it begins, and where a counterpart drafts its answer."""
    from gateway.exchange.answering.answer import Answerer
    from gateway.exchange.asking.searches import OfficerSearches

    kept: list[bytes] = []

    def leaking(method: Any, is_search: Any) -> Any:
        @wraps(method)
        def call(owner: Any, given: Any) -> Any:
            if is_search(given):
                kept.append(os.urandom(size))
            return method(owner, given)

        return call

    OfficerSearches._begin = leaking(OfficerSearches._begin, lambda _inquiry: True)  # type: ignore[method-assign]
    Answerer._draft = leaking(Answerer._draft, lambda job: job.peer == "th")  # type: ignore[method-assign]


def _tell(listener: socket.socket, allocators: Allocators) -> None:
    while True:
        asked, _ = listener.accept()
        with asked:
            for cache in _limited_caches():
                cache.cache_clear()
            gc.collect()
            held = replace(allocators.held(), claims=sum(map(_size, _Claims.made)))
            asked.sendall(json.dumps(asdict(held)).encode())


class _Claims(ClaimIndex):
    """Claims that are found again, to be measured."""

    made: ClassVar[WeakSet[_Claims]] = WeakSet()

    def __init__(self) -> None:
        super().__init__()
        self.made.add(self)


def _size(claims: ClaimIndex) -> int:
    """Return the bytes of claims, without those of buckets that should have been forgotten long ago."""
    begun_ns = claims._steady() - int(2 * HELD_S * 1e9)
    with claims._lock:
        known = [bucket.places for bucket in claims._buckets.values() if bucket.since_ns > begun_ns]
        return sum(sys.getsizeof(each) for places in known for each in (places, *places, *places.values()))


def _limited_caches() -> Iterator[_lru_cache_wrapper[Any]]:
    """Yield the caches of functions that have a limit; one without any would be a leak, and stays."""
    for module in list(sys.modules.values()):
        for value in list(getattr(module, "__dict__", {}).values()):
            if isinstance(value, _lru_cache_wrapper) and value.cache_info().maxsize is not None:
                yield value


class _Mallinfo(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_size_t) for name in _MALLINFO)
    hblkhd: int
    uordblks: int


class Allocators:
    """Asks the allocators of this process what they have given out: Python's, glibc's and SQLite's."""

    def __init__(self) -> None:
        found = _SQLITE.search(Path("/proc/self/maps").read_text(encoding="utf-8"))
        assert found, "this Python's SQLite is no library of its own, and cannot be asked what it holds"
        self._sqlite = ctypes.CDLL(found[0])
        self._sqlite.sqlite3_memory_used.restype = ctypes.c_int64
        self._library, self._python = ctypes.CDLL(None), ctypes.PyDLL(None)
        self._library.mallinfo2.restype = _Mallinfo
        self._library.open_memstream.restype = ctypes.c_void_p
        self._library.fclose.argtypes = self._library.free.argtypes = [ctypes.c_void_p]
        self._python._PyObject_DebugMallocStats.argtypes = [ctypes.c_void_p]

    def held(self) -> Held:
        """Return what is in use; free pages go back to the machine."""
        self._library.malloc_trim(0)
        blocks = _BLOCKS.search(self._of_python())
        assert blocks, "Python's own allocator is switched off"
        library = self._library.mallinfo2()
        return Held(
            python=int(blocks[1].replace(",", "")),
            library=library.uordblks + library.hblkhd,
            sqlite=self._sqlite.sqlite3_memory_used(),
        )

    def _of_python(self) -> str:
        """Return the text that `sys._debugmallocstats` writes to the standard error, where a node writes its logs."""
        text, size = ctypes.c_void_p(), ctypes.c_size_t()
        stream = self._library.open_memstream(ctypes.byref(text), ctypes.byref(size))
        self._python._PyObject_DebugMallocStats(stream)
        self._library.fclose(stream)
        assert text.value
        try:
            return ctypes.string_at(text.value, size.value).decode()
        finally:
            self._library.free(text)


def _address(pid: int) -> str:
    """Return the name of a node's socket, which stands in no folder."""
    return f"\0liaison-soak-{pid}"
