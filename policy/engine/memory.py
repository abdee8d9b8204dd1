"""Keep Cedar's results, policy by policy, so that a new decision asks only for new values (decision 0034).

A policy's outcome depends on the attributes of the context, and of the principal, that it reads (`reads`). If it only
compares an attribute with values of its own, it cannot tell other values apart, so they count as one. Policies
that read the same attributes form a slice, and Cedar's result for a slice and some values holds for every request that
has these values. A request whose slices are all known needs no evaluation; for any other one Cedar is asked in full,
and all slices are kept. Policies that say nothing of the resource form slices of an action, the others those of one
place (an action on a resource).
A request is only answered from memory if Cedar would accept it (`Accepted`), and only accepted requests are kept.
`tests/unit/policy/engine/test_memory.py` holds all this to Cedar's own answers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from itertools import chain, combinations, islice, product
from math import prod
from operator import itemgetter
from typing import Any, TypeAlias

from gateway.recent import Recent
from policy.engine.request import (
    LISTED,
    Context,
)

LIMIT = 4096
"""The most values of one slice, and words of one attribute. Counterparts choose some."""

_MOST_AHEAD = 512
"""The most combinations of values for which Cedar is asked ahead, for each slice."""

_MOST_SUBSETS = 7
"""With more members than this, not every set is tried."""

PRINCIPAL = "principal"
RESOURCE = "resource"

_SET_TESTS = frozenset({"contains", "containsAny", "containsAll"})

Literals: TypeAlias = frozenset[Any]

Reads: TypeAlias = Mapping[str, Literals | None]
"""Paths such as `marking.level`. With literals, the policy only compares the attribute with these: other values, and
sets that hold the same literals, are alike to it. With None, every value may count. A record stands for all its
attributes, the empty path for the whole context, `PRINCIPAL` and `RESOURCE` for themselves."""

Domains: TypeAlias = Mapping[str, Sequence[Any]]
"""The possible words of attributes, by path: their values, or the members of their sets."""


# ------------------------------------------------------------ what a policy reads


def reads(body: dict[str, Any]) -> Reads:
    """Return the attributes that the scope and the conditions of a policy, in Cedar's JSON form, read.

    It may be more than what counts, and never less. An expression that is not plainly an attribute of the context
    counts as everything that it is made of. One that is not plainly a comparison with values of the policy counts as
    reading all.
    """
    scopes = (_scope(variable, body[variable]) for variable in (PRINCIPAL, RESOURCE))
    return _merged(chain(*scopes, _conditions(body["conditions"])))


def touches(read: str, attribute: str) -> bool:
    """Tell whether what is read is the attribute, a record that holds it, or a part of it."""
    return not read or f"{attribute}.".startswith(f"{read}.") or f"{read}.".startswith(f"{attribute}.")


def _merged(found: Iterator[tuple[str, Literals | None]]) -> dict[str, Literals | None]:
    merged: dict[str, Literals | None] = {}
    for path, literals in found:
        before = merged.get(path, frozenset())
        merged[path] = None if literals is None or before is None else before | literals
    return merged


def _scope(variable: str, scope: dict[str, Any]) -> Iterator[tuple[str, Literals | None]]:
    """Yield the one entity that a scope names, or None for any. `is` adds nothing, since each action has one type."""
    if scope["op"] == "==" and "entity" in scope:
        yield variable, frozenset({scope["entity"]["id"]})
    elif scope["op"] not in ("All", "is") or "in" in scope:
        yield variable, None


def _conditions(node: Any) -> Iterator[tuple[str, Literals | None]]:
    compared, path = _compared(node), _path(node)
    if compared is not None:
        yield compared
    elif path is not None:
        yield path, None
    elif isinstance(node, dict | list):
        for value in node.values() if isinstance(node, dict) else node:
            yield from _conditions(value)


def _compared(node: Any) -> tuple[str, Literals] | None:
    """Return the attribute that an expression only compares with literals, and the literals; None for any other.

    The comparisons are `a == x`, `a != x`, `[x, y].contains(a)`, `a.contains(x)`, `a.containsAny([x, y])` and
    `a.containsAll([x, y])`.
    """
    if not isinstance(node, dict) or len(node) != 1:
        return None
    ((operator, sides),) = node.items()
    if not isinstance(sides, dict) or sides.keys() != {"left", "right"}:
        return None
    left, right = sides["left"], sides["right"]
    if operator in ("==", "!="):
        return _pair(left, _literals([right])) or _pair(right, _literals([left]))
    if operator == "contains":
        return _pair(left, _literals([right])) or _pair(right, _set(left))
    return _pair(left, _set(right)) if operator in _SET_TESTS else None


def _pair(node: Any, literals: Literals | None) -> tuple[str, Literals] | None:
    name = _path(node) if isinstance(node, dict) and "has" not in node else None
    return None if not name or literals is None else (name, literals)


def _set(node: Any) -> Literals | None:
    return _literals(node["Set"]) if isinstance(node, dict) and node.keys() == {"Set"} else None


def _literals(nodes: Any) -> Literals | None:
    """Return the values of entities, texts, numbers and truths; None if an expression is something else."""
    found = []
    for node in nodes:
        if not isinstance(node, dict) or node.keys() != {"Value"}:
            return None
        value = node["Value"]
        if isinstance(value, dict) and value.keys() == {"__entity"}:
            value = value["__entity"]["id"]
        if not isinstance(value, str | bool | int):
            return None
        found.append(value)
    return frozenset(found)


def _path(node: Any) -> str | None:
    """Return the path of an expression that reads (or tests for) an attribute of the context, principal or resource."""
    for variable, path in (("context", ""), (PRINCIPAL, PRINCIPAL), (RESOURCE, RESOURCE)):
        if node == {"Var": variable}:
            return path
    if not isinstance(node, dict) or node.keys() not in ({"."}, {"has"}):
        return None
    (access,) = node.values()
    if not isinstance(access, dict) or access.keys() != {"left", "attr"} or not isinstance(access["attr"], str):
        return None
    holder = None if "Var" in access["left"] and access["left"] != {"Var": "context"} else _path(access["left"])
    return None if holder is None else f"{holder}.{access['attr']}".lstrip(".")


# ------------------------------------------------------------ what is known of policies and values


@dataclass(slots=True)
class Slice:
    """The policies `names`, and the literals with which each attribute that they read is compared.

    `known` holds the policies that match, by the result of `classes` for a context with its principal; `sets` are the
    attributes that hold sets.
    """

    names: frozenset[str]
    reads: Reads
    sets: frozenset[str]
    classes: Callable[[Context], Any]
    known: Recent[Any, tuple[str, ...]] = field(default_factory=lambda: Recent(LIMIT))

    def copy(self) -> Slice:
        """Return a slice of the same policies that begins with what is known here."""
        return replace(self, known=self.known.copy())

    def choices(self, domains: Domains) -> list[list[Any]]:
        """Return, for each attribute, a value of each class, as far as `domains` lists the values."""
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
    """Return the slices of policies, given the reads of each by name; `sample` is a context of their action."""
    alike: dict[tuple[str, ...], dict[str, Reads]] = {}
    for name, read in reads.items():
        touched = _touched(read, (*sample, PRINCIPAL))
        alike.setdefault(tuple(touched), {})[name] = touched
    sets = frozenset(path for path, value in sample.items() if isinstance(value, frozenset))
    return [_slice(policies, sets) for policies in alike.values()]


def _touched(read: Reads, attributes: Collection[str]) -> Reads:
    """Return the attributes that are read; a policy that reads a missing one counts as reading everything."""
    found: dict[str, Literals | None] = {}
    for path, literals in read.items():
        touched = [path] if path in attributes else [name for name in attributes if touches(path, name)]
        if not touched:
            return dict.fromkeys(sorted(attributes))
        for name in touched:
            found[name] = literals if name == path and name not in found else None
    return dict(sorted(found.items()))


def _slice(policies: Mapping[str, Reads], sets: frozenset[str]) -> Slice:
    merged = _merged(item for read in policies.values() for item in read.items())
    single = [_class(path, literals, path in sets) for path, literals in merged.items()]
    if all(literals is None for literals in merged.values()):
        classes: Callable[[Context], Any] = itemgetter(*merged) if merged else lambda _: ()
    elif len(single) == 1:
        classes = single[0]
    else:
        classes = lambda context: tuple([one(context) for one in single])  # noqa: E731 - one of three
    return Slice(frozenset(policies), merged, sets, classes)


def _class(path: str, literals: Literals | None, is_set: bool) -> Callable[[Context], Any]:
    if literals is None:
        return itemgetter(path)
    if is_set:
        return lambda context: context[path] & literals
    return lambda context: value if (value := context[path]) in literals else None


class Accepted:
    """The values that Cedar accepted in the requests of one action: types of values, and words of closed lists.

    Cedar checks a request attribute by attribute against the schema, so types and words that each stood in an accepted
    request make up a request that it accepts, too. `sample` is a context as the action has them.
    """

    def __init__(self, sample: Context) -> None:
        self._paths = tuple(sample)
        self._keys = frozenset(sample)
        self._types: set[tuple[type, ...]] = set()
        sets = [path for path, value in sample.items() if isinstance(value, frozenset)]
        self._members: dict[str, set[Any]] = {path: set() for path in sets}
        self._words: dict[str, Recent[Any, bool]] = {
            path: Recent(LIMIT) for path in sample if path in LISTED and path not in sets
        }
        self._texts = [path for path, value in sample.items() if path not in LISTED and isinstance(value, str)]

    def copy(self) -> Accepted:
        """Return values of its own, which begin with those that are known here."""
        made = copy(self)
        made._types = set(self._types)
        made._members = {path: set(known) for path, known in self._members.items()}
        made._words = {path: words.copy() for path, words in self._words.items()}
        return made

    def holds(self, context: Context) -> bool:
        """Tell whether it is known that Cedar would accept these values."""
        if context.keys() != self._keys or self._types_of(context) not in self._types:
            return False
        if any(context[path] not in known.held for path, known in self._words.items()):
            return False
        return all(context[path] <= known for path, known in self._members.items()) and all(
            _is_text(context[path]) for path in self._texts
        )

    def keep(self, principal: str, context: Context) -> None:
        """Keep the values that Cedar accepted."""
        self._types.add(self._types_of(context))
        for path, words in self._words.items():
            words.put(principal, context[path], True)
        for path, known in self._members.items():
            known.update(context[path])

    def gaps(self, domains: Domains) -> Iterator[dict[str, Any]]:
        """Yield values with words that were not accepted yet."""
        for path, words in self._words.items():
            yield from ({path: word} for word in domains[path] if word not in words.held)
        for path, known in self._members.items():
            yield from ({path: frozenset({word})} for word in domains[path] if word not in known)

    def _types_of(self, context: Context) -> tuple[type, ...]:
        return tuple([type(context[path]) for path in self._paths])


def _is_text(text: str) -> bool:
    """Tell whether a text can be handed to Cedar: half a surrogate pair cannot."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


@dataclass(frozen=True, slots=True)
class Shared:
    """Holds what places of one action share: slices of policies that say nothing of the resource, and `accepted`."""

    slices: Sequence[Slice]
    accepted: Accepted

    def copy(self) -> Shared:
        """Return the same to be shared by others, which begins with what is known here."""
        return Shared([one.copy() for one in self.slices], self.accepted.copy())


class Memory:
    """The memory of one place: slices of its own, and what it shares with the other places of its action."""

    def __init__(self, own: Sequence[Slice], shared: Shared) -> None:
        self._own = own
        self._slices = [*shared.slices, *own]
        self._accepted = shared.accepted

    def copy(self, shared: Shared) -> Memory:
        """Return a memory that begins with what is known here; `shared` is the copy of what it shares."""
        return Memory([one.copy() for one in self._own], shared)

    def recall(self, principal: str, context: Context) -> list[str] | None:
        """Return the policies that match, by name and in order, or None if Cedar has to be asked."""
        if not self._accepted.holds(context):
            return None
        values = {**context, PRINCIPAL: principal}
        found: list[str] = []
        for one in self._slices:
            names = one.known.held.get(one.classes(values))
            if names is None:
                return None
            found += names
        return sorted(found)

    def keep(self, principal: str, context: Context, matching: Collection[str]) -> None:
        """Note that `matching`, and no other policies, match a request which Cedar accepted."""
        values = {**context, PRINCIPAL: principal}
        for one in self._slices:
            one.known.put(principal, one.classes(values), tuple(one.names.intersection(matching)))
        self._accepted.keep(principal, context)

    def gaps(self, domains: Domains) -> Iterator[dict[str, Any]]:
        """Yield values that are not known yet, by path; the caller asks Cedar before it takes the next ones.

        As far as `domains` lists the values, each possible outcome of a slice is among them.
        """
        tried = [(one, one.choices(domains)) for one in self._slices]
        for one, choices in sorted(tried, key=lambda pair: -prod(map(len, pair[1]))):
            for values in islice(product(*choices), _MOST_AHEAD):
                gap = dict(zip(one.reads, values, strict=True))
                if one.classes(gap) not in one.known.held:
                    yield gap
        yield from self._accepted.gaps(domains)
