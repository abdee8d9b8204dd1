"""What Cedar said before, policy by policy, so that a new decision asks only for what is new in it.

A policy's outcome depends on the principal and on those attributes of the context that it reads (`policy.reads`).
Policies of one place (an action on a resource) that read the same attributes form a slice, and what Cedar said of a
slice for some values holds for every request that has these values. A request whose slices are all known needs no
evaluation; for any other one Cedar is asked in full, and all slices are kept.

A request may only be answered from memory if Cedar would accept it. Cedar checks attribute by attribute, so each one
that no slice reads is a slice by itself: its value must stand in a request that was accepted before. Only accepted
requests are kept. `tests/unit/test_policy_memory.py` holds all this to Cedar's own answers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from policy.reads import touches
from policy.request import LISTED, Context

LIMIT = 4096
"""Values of one slice that are kept; then it begins anew. Some attributes are what a counterpart says of itself."""

_Values = Callable[[Context], Any]


@dataclass(slots=True)
class _Slice:
    """The policies `names`, which read the same attributes; `known` are those that match, by principal and values."""

    values: _Values
    names: frozenset[str]
    known: dict[tuple[str, Any], tuple[str, ...]] = field(default_factory=dict)


class Memory:
    """The memory of one place. `reads` are what its policies read, by name; `attributes` are those of its context."""

    def __init__(self, reads: Mapping[str, frozenset[str]], attributes: Collection[str]) -> None:
        touched = {read: _touched(read, attributes) for read in set(reads.values())}
        alike: dict[tuple[str, ...], set[str]] = {}
        for name, read in reads.items():
            alike.setdefault(touched[read], set()).add(name)
        self._attributes = frozenset(attributes)
        self._slices = [_Slice(_values_of(paths), frozenset(names)) for paths, names in alike.items()]
        unread = self._attributes.difference(*alike)
        self._slices += [
            _Slice(_values_of((path,)) if path in LISTED else _kind_of(path), frozenset()) for path in unread
        ]

    def recall(self, principal: str, context: Context) -> list[str] | None:
        """The policies that match, by name and in order, or None where Cedar has to be asked."""
        if context.keys() != self._attributes:
            return None
        found: list[str] = []
        for one in self._slices:
            names = one.known.get((principal, one.values(context)))
            if names is None:
                return None
            found += names
        return sorted(found)

    def keep(self, principal: str, context: Context, matching: Collection[str]) -> None:
        """Keep that, of a request which Cedar accepted, the policies `matching` and no others match."""
        for one in self._slices:
            if len(one.known) >= LIMIT:
                one.known = {}
            one.known[principal, one.values(context)] = tuple(one.names.intersection(matching))


def _touched(read: frozenset[str], attributes: Collection[str]) -> tuple[str, ...]:
    """The attributes that are read. A policy that reads what is not there counts as one that reads everything."""
    touched = {path: {name for name in attributes if touches(path, name)} for path in read}
    everything = not all(touched.values())
    return tuple(sorted(attributes if everything else set().union(*touched.values())))


def _values_of(paths: tuple[str, ...]) -> _Values:
    return itemgetter(*paths) if paths else lambda _: ()


def _kind_of(path: str) -> _Values:
    return lambda context: type(context[path])
