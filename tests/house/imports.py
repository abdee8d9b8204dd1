"""Find folders that import each other, in pairs and in circles.

An edge leads from folder A to folder B when a module of A imports a module of B. A module's folder is the one it lies
in, and a package's `__init__` lies in the package. Parent and child are different folders. Imports inside functions and
for types count: a reader must follow them, too.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from tests.house.tree import TOPS, parsed
from tests.support.shared import PROJECT


class Import(NamedTuple):
    """A line of a module that imports another one."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


Edges = dict[tuple[str, str], list[Import]]


@cache
def _folders() -> dict[str, str]:
    """Return the folder of each module of the product, by the module's dotted name."""
    paths = [path.relative_to(PROJECT) for top in TOPS for path in (PROJECT / top).rglob("*.py")]
    return {".".join(path.with_suffix("").parts).removesuffix(".__init__"): str(path.parent) for path in paths}


def _imported(tree: ast.Module) -> Iterator[tuple[str, int, str]]:
    """Yield the modules of the product that a module imports, with the line and what it takes."""
    folders = _folders()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((each.name, node.lineno, f"import {each.name}") for each in node.names if each.name in folders)
        elif isinstance(node, ast.ImportFrom) and node.module in folders:
            inner = {each.name for each in node.names if f"{node.module}.{each.name}" in folders}
            yield from ((f"{node.module}.{name}", node.lineno, f"from {node.module} import {name}") for name in inner)
            if names := [each.name for each in node.names if each.name not in inner]:
                yield node.module, node.lineno, f"from {node.module} import {', '.join(names)}"


@cache
def edges() -> Edges:
    """Return the imports between each two folders of the product."""
    found: Edges = defaultdict(list)
    for path, tree in parsed():
        place = path.relative_to(PROJECT)
        for module, line, text in _imported(tree):
            if (folder := _folders()[module]) != str(place.parent):
                found[str(place.parent), folder].append(Import(str(place), line, text))
    return {pair: sorted(lines) for pair, lines in found.items()}


def pairs() -> list[tuple[str, str, list[Import]]]:
    """Return the pairs of folders that import each other: the one with fewer lines first, with these lines."""
    every = edges()
    found = []
    for one, other in sorted(every):
        if one < other and (other, one) in every:
            weaker = min((one, other), (other, one), key=lambda pair: len(every[pair]))
            found.append((*weaker, every[weaker]))
    return found


def circles() -> list[list[str]]:
    """Return the strongly connected components of more than one folder, the largest first."""
    later: dict[str, set[str]] = defaultdict(set)
    for one, other in edges():
        later[one].add(other)
    reached = {folder: _reached(folder, later) for folder in list(later)}
    found = {
        tuple(sorted(other for other in reached[folder] if folder in reached.get(other, ())))
        for folder in reached
        if folder in reached[folder]
    }
    return sorted((list(circle) for circle in found), key=lambda circle: (-len(circle), circle))


def _reached(folder: str, later: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    pending = [folder]
    while pending:
        new = later[pending.pop()] - found
        found |= new
        pending += new
    return found


def upward(circle: Sequence[str]) -> list[Import]:
    """Return the imports that go against the order of a circle's folders in which fewest do: without them it is none.

    The order is found by moving one folder at a time, so it may not be the best one.
    """
    weights = {pair: len(lines) for pair, lines in edges().items() if set(pair) <= set(circle)}
    order = list(circle)
    cost = _cost(order, weights)
    is_better = True
    while is_better:
        is_better = False
        for folder in circle:
            rest = [each for each in order if each != folder]
            tried = [[*rest[:place], folder, *rest[place:]] for place in range(len(order))]
            best = min(tried, key=lambda order: _cost(order, weights))
            if (less := _cost(best, weights)) < cost:
                order, cost, is_better = best, less, True
    places = {folder: place for place, folder in enumerate(order)}
    return sorted(line for (one, other) in weights if places[one] < places[other] for line in edges()[one, other])


def _cost(order: Sequence[str], weights: dict[tuple[str, str], int]) -> int:
    """Return how many lines import a folder that stands later: an order begins with the lowest folder."""
    places = {folder: place for place, folder in enumerate(order)}
    return sum(weight for (one, other), weight in weights.items() if places[one] < places[other])
