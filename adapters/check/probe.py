"""Test that a source can be opened and asked, without building its key index (`liaison doctor`)."""

from __future__ import annotations

from dataclasses import replace

from adapters.index.source import RowSource
from adapters.load import Place, open_source
from gateway.errors import Unavailable

_SECONDS = 3.0


class _SeenEnough(Exception):
    """The rows can be asked; the next step would be the building of an index."""


def probe(place: Place) -> bool:
    """Open the source at `place` and ask it; return whether only a promise keeps its account from writing.

    Raises `Misconfigured` and `Unavailable` as `adapters.load.open_source` does.
    """
    promised: list[bool] = []

    def look(rows: RowSource) -> RowSource:
        try:
            rows.ping(place.clock.monotonic() + _SECONDS)
            promised.append(getattr(rows, "guard", "") == "account")
        finally:
            rows.close()
        raise _SeenEnough

    try:
        adapter = open_source(replace(place, observe=look))
    except _SeenEnough:
        return promised[0]
    wrong = adapter.health()
    adapter.close()
    if wrong:
        raise Unavailable(wrong, code="source-unavailable")
    return False
