"""Which attributes a policy reads, and what it can tell of them: its outcome depends on nothing else.

What is named here may be more than what counts, and never less: whatever is not plainly an attribute of the context
counts as the whole of what it is made of, and whatever is not plainly a comparison with values that stand in the
policy counts as reading all of the attribute.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, TypeAlias

Path = tuple[str, ...]
"""An attribute of the context (`("marking", "level")`), a record in it (`("marking",)`), or the whole of it."""

Literals: TypeAlias = frozenset[Any]

Reads: TypeAlias = Mapping[str, Literals | None]
"""Paths such as `marking.level`. With literals, the policy only compares the attribute with these, and cannot tell
apart values that are none of them, or sets that hold the same of them; with None, every value may count. A record
stands for all its attributes, the empty path for the whole context, `PRINCIPAL` for who asks, and `RESOURCE` for what
is asked for."""

PRINCIPAL = "principal"
RESOURCE = "resource"

_SET = frozenset({"contains", "containsAny", "containsAll"})


def reads(body: dict[str, Any]) -> Reads:
    """What the scope and the conditions of a policy, given in Cedar's JSON form, read."""
    found: dict[str, Literals | None] = {}
    scopes = (_scope(variable, body[variable]) for variable in (PRINCIPAL, RESOURCE))
    for path, literals in (*chain.from_iterable(scopes), *_paths(body["conditions"])):
        before = found.get(path, frozenset())
        found[path] = None if literals is None or before is None else before | literals
    return found


def touches(read: str, attribute: str) -> bool:
    """Whether what is read is the attribute, a record that holds it, or a part of it."""
    if not read:
        return True
    return f"{attribute}.".startswith(f"{read}.") or f"{read}.".startswith(f"{attribute}.")


def _scope(variable: str, scope: dict[str, Any]) -> Iterator[tuple[str, Literals | None]]:
    """One entity is named, or all are meant; `is` names the type, and each action has one type of either."""
    if scope["op"] == "==" and "entity" in scope:
        yield variable, frozenset({scope["entity"]["id"]})
    elif scope["op"] not in ("All", "is") or "in" in scope:
        yield variable, None


def _paths(node: Any) -> Iterator[tuple[str, Literals | None]]:
    compared = _compared(node)
    if compared is not None:
        yield compared
        return
    path = _path(node)
    if path is not None:
        yield ".".join(path), None
    elif _variable(node):
        yield _variable(node), None
    elif isinstance(node, dict):
        for value in node.values():
            yield from _paths(value)
    elif isinstance(node, list):
        for value in node:
            yield from _paths(value)


def _compared(node: Any) -> tuple[str, Literals] | None:
    """The attribute that an expression only compares with literals, and the literals.

    `a == x`, `[x, y].contains(a)`, `a.contains(x)`, `a.containsAny([x, y])`, `a.containsAll([x, y])`, and nothing else.
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
    return _pair(left, _set(right)) if operator in _SET else None


def _pair(node: Any, literals: Literals | None) -> tuple[str, Literals] | None:
    name = _attribute(node)
    return None if not name or literals is None else (name, literals)


def _set(node: Any) -> Literals | None:
    return _literals(node["Set"]) if isinstance(node, dict) and node.keys() == {"Set"} else None


def _literals(nodes: Any) -> Literals | None:
    """The values of expressions that are entities, texts, numbers or truths; None where one is something else."""
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


def _attribute(node: Any) -> str:
    """The name of what is plainly an attribute, principal or resource; else empty."""
    path = _path(node)
    return ".".join(path) if path and "." in node else _variable(node)


def _variable(node: Any) -> str:
    """Principal or resource, where an expression is one of them; else empty."""
    return next((name for name in (PRINCIPAL, RESOURCE) if node == {"Var": name}), "")


def _path(node: Any) -> Path | None:
    """The path of an expression that is an attribute of the context, or asks whether there is such an attribute."""
    if node == {"Var": "context"}:
        return ()
    if not isinstance(node, dict) or node.keys() not in ({"."}, {"has"}):
        return None
    (access,) = node.values()
    if not isinstance(access, dict) or access.keys() != {"left", "attr"} or not isinstance(access["attr"], str):
        return None
    holder = _path(access["left"])
    return None if holder is None else (*holder, access["attr"])
