"""The other name of a place: a county may be listed under the town of its office, and the town under the county.

`data/place_seats.tsv` has such pairs for China and Viet Nam, from the official codes of divisions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from gateway.matching import places
from gateway.matching.scripts import han, tables
from gateway.matching.scripts.detect import script_of

_MOST = 2
"""The most other names of a place: a town's name that more counties share identifies none of them."""


def other_names(script: str, own: Sequence[str], marked: Sequence[str]) -> tuple[str, ...]:
    """Return other names of a place, by `own` in simplified characters or `marked` in one Vietnamese spelling.

    Vietnamese without its diacritics has none: too many names are alike then.
    """
    if script == "Hani":
        name = "".join(own)
        return _table().get(name) or _table().get(han.without_kind(name), ())
    if not marked:
        return ()
    bare = places.without_kind(marked, script)
    return _table().get(" ".join(marked)) or (_table().get(" ".join(bare.words), ()) if bare else ())


@cache
def _table() -> dict[str, tuple[str, ...]]:
    """Return the other names of each name; single Vietnamese words are left out, since they may be given names."""
    found: dict[str, tuple[str, ...]] = {}
    for pair in tables.rows("place_seats", 2):
        for name, other in (pair, pair[::-1]):
            if " " in name or script_of(name[0]) == "Hani":
                found[name] = (*found.get(name, ()), other)
    return {name: others for name, others in found.items() if len(others) <= _MOST}
