"""Draw the proof of an entry: its leaf, the path to the signed head, and the witnesses who cosigned the head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.audit.tree.merkle import node_hash
from gateway.ops.mandate.placed import Placed

_STEP = 44
_LEFT, _MIDDLE, _RIGHT, _WORDS = 22, 66, 110, 136
WIDE = 340
_SIGNS = 12
"""Hexadecimal digits of a hash in the drawing; the table has all."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A point of the drawing with its words beside it; `tone` tells the path from what is beside it."""

    x: int
    y: int
    tone: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Drawn:
    """The drawing: from the witnesses at the top down to the leaf. `edges` are lines from point to point."""

    title: str
    wide: int
    high: int
    words: int
    spots: Sequence[Spot]
    edges: Sequence[tuple[int, int, int, int]]


@dataclass(frozen=True, slots=True)
class Hashing:
    """One step from the leaf to the root: the hash beside it, on which side, and what both give."""

    beside: bytes
    is_left: bool
    gives: bytes


def steps_of(placed: Placed) -> list[Hashing]:
    """Return the steps of an inclusion proof that was verified (RFC 9162, 2.1.3.2)."""
    at, last, node, steps = placed.index, placed.head.size - 1, placed.leaf, []
    for beside in placed.path:
        is_left = bool(at & 1) or at == last
        node = node_hash(beside, node) if is_left else node_hash(node, beside)
        while is_left and at and not at & 1:
            at, last = at >> 1, last >> 1
        steps.append(Hashing(beside, is_left, node))
        at, last = at >> 1, last >> 1
    return steps


def draw(placed: Placed, title: str, head: str, leaf: str, witnesses: Sequence[str]) -> Drawn:
    """Return the drawing of a proof; `head`, `leaf` and `witnesses` are the words beside their points."""
    steps = steps_of(placed)
    spots, edges = [], []
    y = _STEP // 2
    head_y = y + _STEP * len(witnesses)
    for name in witnesses:
        spots.append(Spot(_MIDDLE, y, "done", name))
        edges.append((_MIDDLE, y, _MIDDLE, y + _STEP))
        y += _STEP
    spots.append(Spot(_MIDDLE, head_y, "head", head))
    for step in reversed(steps):
        spots.append(Spot(_MIDDLE, y + _STEP, "path", _short(step.gives)))
        edges.append((_MIDDLE, y, _MIDDLE, y + _STEP))
        y += _STEP
        side = _LEFT if step.is_left else _RIGHT
        spots.append(Spot(side, y + _STEP, "quiet"))
        edges.append((_MIDDLE, y, side, y + _STEP))
    spots.append(Spot(_MIDDLE, y + _STEP, "leaf", leaf))
    edges.append((_MIDDLE, y, _MIDDLE, y + _STEP))
    return Drawn(title, WIDE, y + 2 * _STEP - _STEP // 2, _WORDS, spots, edges)


def _short(digest: bytes) -> str:
    return f"{digest.hex()[:_SIGNS]}…"
