"""Slices: policies that read the same attributes, and which of them match, by the classes of the values.

Values belong to one class when no policy of the slice can tell them apart. Of an attribute that policies only compare
with values of their own, all others are one class; of a set, what counts is which of their values it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from operator import itemgetter
from typing import Any

from policy.bundle.reads import PRINCIPAL, Literals, Reads, touches
from policy.engine.request import Context

Domains = Mapping[str, Sequence[Any]]
"""The words that attributes can be made of, by path: their values, or the members of their sets."""

_MOST_SUBSETS = 7
"""Of more members than these, not each set is tried."""


@dataclass(slots=True)
class Slice:
    """The policies `names`, and what each attribute that they read is compared with. `known` are those that match, by
    what `classes` makes of a context with its principal; `sets` are the attributes that hold sets."""

    names: frozenset[str]
    reads: Reads
    sets: frozenset[str]
    classes: Callable[[Context], Any]
    known: dict[Any, tuple[str, ...]] = field(default_factory=dict)

    def choices(self, domains: Domains) -> list[list[Any]]:
        """For each attribute, a value of each class, as far as `domains` tell what values there are."""
        return [self._choices(path, literals, domains[path]) for path, literals in self.reads.items()]

    def _choices(self, path: str, literals: Literals | None, words: Sequence[Any]) -> list[Any]:
        if path in self.sets:
            if literals is None or len(literals) > _MOST_SUBSETS:
                return [frozenset(), *(frozenset({word}) for word in words)]
            named = sorted(literals)
            return [frozenset(some) for size in range(len(named) + 1) for some in combinations(named, size)]
        if literals is None:
            return list(words)
        others = [word for word in words if word not in literals]
        return [*[word for word in words if word in literals], *sorted(literals.difference(words)), *others[:1]]


def slices_of(reads: Mapping[str, Reads], sample: Context) -> list[Slice]:
    """The slices of policies, given what they read by their names; `sample` is a context as they find it."""
    alike: dict[tuple[str, ...], dict[str, Reads]] = {}
    for name, read in reads.items():
        touched = _touched(read, (*sample, PRINCIPAL))
        alike.setdefault(tuple(touched), {})[name] = touched
    sets = frozenset(path for path, value in sample.items() if isinstance(value, frozenset))
    return [_slice(policies, sets) for policies in alike.values()]


def _touched(read: Reads, attributes: Collection[str]) -> Reads:
    """The attributes that are read. A policy that reads what is not there counts as one that reads everything."""
    found: dict[str, Literals | None] = {}
    for path, literals in read.items():
        touched = [path] if path in attributes else [name for name in attributes if touches(path, name)]
        if not touched:
            return dict.fromkeys(sorted(attributes))
        for name in touched:
            found[name] = literals if name == path and name not in found else None
    return dict(sorted(found.items()))


def _slice(policies: Mapping[str, Reads], sets: frozenset[str]) -> Slice:
    merged: dict[str, Literals | None] = {}
    for read in policies.values():
        for path, literals in read.items():
            before = merged.get(path, frozenset())
            merged[path] = None if literals is None or before is None else before | literals
    return Slice(frozenset(policies), merged, sets, _classes(merged, sets))


def _classes(reads: Reads, sets: frozenset[str]) -> Callable[[Context], Any]:
    if all(literals is None for literals in reads.values()):
        return itemgetter(*reads) if reads else lambda _: ()
    single = [_class(path, literals, path in sets) for path, literals in reads.items()]
    return single[0] if len(single) == 1 else lambda context: tuple([one(context) for one in single])


def _class(path: str, literals: Literals | None, is_set: bool) -> Callable[[Context], Any]:
    if literals is None:
        return itemgetter(path)
    if is_set:
        return lambda context: context[path] & literals
    return lambda context: value if (value := context[path]) in literals else None
