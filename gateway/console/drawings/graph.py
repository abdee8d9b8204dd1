"""Draw how persons, things and cases hang together: the subject in the middle, a ring for each step away from it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.console.drawings.labels import DrawnSpot, Label, Room

MOST = 40
"""More nodes than this are a knot that shows nothing; the table beside the graph has the others as well."""
_NAMED = 12
"""Of more nodes than these the graph shows the numbers under which the table has them."""
_RINGS = 3
_RADIUS, _RADIUS_OF_SUBJECT = 6.0, 9.0
_WIDE = 400.0
_MARGIN, _MARGIN_OF_NAMES = 46.0, 100.0


@dataclass(frozen=True, slots=True)
class Node:
    """Stands at the end of links: a key of the page's own, a name, and a tone."""

    key: str
    name: str
    tone: Literal["", "danger", "warn", "quiet"] = ""


@dataclass(frozen=True, slots=True)
class DrawnNode(DrawnSpot):
    """A node at its place; the number is that of its row in the table."""

    label: Label
    number: int
    radius: float


@dataclass(frozen=True, slots=True)
class LinkGraph:
    """Holds what the macro `link_graph` draws; `left_out` nodes have no place in it."""

    title: str
    wide: float
    high: float
    rings: tuple[float, ...]
    edges: tuple[tuple[float, float, float, float], ...]
    nodes: tuple[DrawnNode, ...]
    left_out: int


def link_graph(title: str, nodes: Sequence[Node], edges: Sequence[tuple[str, str]]) -> LinkGraph:
    """Return the graph around the first node; the nearest nodes are drawn first, in their order."""
    if not nodes:
        return LinkGraph(title, _WIDE, _WIDE, (), (), (), 0)
    rings, parents = _rings(nodes, edges)
    kept = sorted(range(len(nodes)), key=lambda at: (rings[nodes[at].key], at))[:MOST]
    keys = [nodes[at].key for at in kept]
    deepest = max(rings[key] for key in keys)
    named = len(kept) <= _NAMED
    step = (_WIDE / 2 - (_MARGIN_OF_NAMES if named else _MARGIN)) / (deepest or 1)
    places = {key: _place(rings[key] * step, angle) for key, angle in _angles(keys, parents).items()}
    room = Room(_WIDE, _WIDE)
    for x, y in places.values():
        room.take(x, y, _RADIUS)
    drawn = tuple(_drawn(at + 1, nodes[at], places[nodes[at].key], named, room) for at in sorted(kept))
    lines = tuple(
        (*places[one], *places[other]) for one, other in dict.fromkeys(edges) if one in places and other in places
    )  # fmt: skip
    circles = tuple(round(step * ring, 1) for ring in range(1, deepest + 1))
    return LinkGraph(title, _WIDE, _WIDE, circles, lines, drawn, len(nodes) - len(kept))


def _rings(nodes: Sequence[Node], edges: Sequence[tuple[str, str]]) -> tuple[dict[str, int], dict[str, str]]:
    """Return for each node its steps from the first one, at most `_RINGS`, and the node that it is drawn to hang on."""
    beside: dict[str, list[str]] = {node.key: [] for node in nodes}
    for one, other in edges:
        if one in beside and other in beside:
            beside[one].append(other)
            beside[other].append(one)
    rings, parents, pending = {nodes[0].key: 0}, {nodes[0].key: nodes[0].key}, [nodes[0].key]
    # The list grows while it is walked: nearer nodes first.
    for key in pending:
        for other in beside[key]:
            if other not in rings:
                rings[other] = min(rings[key] + 1, _RINGS)
                parents[other] = key if rings[key] < rings[other] else parents[key]
                pending.append(other)
    outermost = min(max(rings.values()) + 1, _RINGS)
    return {node.key: outermost for node in nodes} | rings, parents


def _angles(keys: Sequence[str], parents: Mapping[str, str]) -> dict[str, float]:
    """Return an angle for each node; the first has none, and what hangs on a node lies around its angle.

    Each node has a sector as wide as the ends that hang on it, so that lines of a tree never cross.
    """
    hanging: dict[str, list[str]] = {key: [] for key in keys}
    for key in keys[1:]:
        hanging[parents.get(key, keys[0])].append(key)
    ends: dict[str, int] = {}
    # The keys are in the order of their rings, so all that hangs on a node comes behind it.
    for key in reversed(keys):
        ends[key] = sum(ends[other] for other in hanging[key]) or 1
    starts, angles = {keys[0]: 0.0}, {keys[0]: 0.0}
    for key in keys:
        begin = starts[key]
        for other in hanging[key]:
            sector = 2 * math.pi * ends[other] / ends[keys[0]]
            starts[other], angles[other] = begin, begin + sector / 2
            begin += sector
    return angles


def _place(radius: float, angle: float) -> tuple[float, float]:
    return round(_WIDE / 2 + radius * math.sin(angle), 1), round(_WIDE / 2 - radius * math.cos(angle), 1)


def _drawn(number: int, node: Node, place: tuple[float, float], named: bool, room: Room) -> DrawnNode:
    """Return a node with its name beside it where that fits, else with its number."""
    x, y = place
    radius = _RADIUS_OF_SUBJECT if number == 1 else _RADIUS
    texts = [f"{number} {node.name}", str(number)][0 if named else 1 :]
    found = (room.label(text, x, y, radius + 2) for text in texts)
    label = next((item for item in found if item), Label(str(number), x + radius + 2, y, "start"))
    return DrawnNode(x, y, node.tone, node.name, label, number, radius)
