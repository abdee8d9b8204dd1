"""Which attributes of the context a policy reads: its outcome depends on nothing else but principal and resource.

What is named here may be more than what counts, and never less: whatever is not plainly an attribute of the context
counts as the whole of what it is made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Path = tuple[str, ...]
"""An attribute of the context (`("marking", "level")`), a record in it (`("marking",)`), or the whole of it."""


def reads(body: dict[str, Any]) -> frozenset[str]:
    """What the conditions of a policy, given in Cedar's JSON form, read: paths such as `marking.level`.

    A record stands for all its attributes, and the empty path for the whole context.
    """
    return frozenset(".".join(path) for path in _paths(body["conditions"]))


def touches(read: str, attribute: str) -> bool:
    """Whether what is read is the attribute, a record that holds it, or a part of it."""
    if not read:
        return True
    return f"{attribute}.".startswith(f"{read}.") or f"{read}.".startswith(f"{attribute}.")


def _paths(node: Any) -> Iterator[Path]:
    path = _path(node)
    if path is not None:
        yield path
    elif isinstance(node, dict):
        for value in node.values():
            yield from _paths(value)
    elif isinstance(node, list):
        for value in node:
            yield from _paths(value)


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
