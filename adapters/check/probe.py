"""Test that a source can be opened and asked, without building its key index (`liaison doctor`)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from adapters.check.expected import Unmet, check_expectations
from adapters.indexed import RowSource
from adapters.load import Place, open_source
from gateway.errors import Unavailable

_SECONDS = 3.0


class _SeenEnough(Exception):
    """The rows can be asked; the next step would be the building of an index."""


@dataclass(frozen=True, slots=True)
class Probed:
    """A source that can be asked.

    `is_promised` says that only a promise keeps its account from writing; `unmet` are the tests beside its mapping
    that fail.
    """

    is_promised: bool = False
    unmet: tuple[Unmet, ...] = ()


def probe(place: Place) -> Probed:
    """Open the source at `place`, ask it, and try the tests beside its mapping.

    Raises `Misconfigured` and `Unavailable` as `adapters.load.open_source` does.
    """
    seen: list[Probed] = []

    def look(rows: RowSource) -> RowSource:
        try:
            rows.ping(place.clock.monotonic() + _SECONDS)
            seen.append(Probed(getattr(rows, "guard", "") == "account", check_expectations(rows, place.clock)))
        finally:
            rows.close()
        raise _SeenEnough

    try:
        adapter = open_source(replace(place, observe=look))
    except _SeenEnough:
        return seen[0]
    wrong = adapter.health()
    adapter.close()
    if wrong:
        raise Unavailable(wrong, code="source-unavailable")
    return Probed()
