"""Find room for labels beside the points of a drawing; a label without room is left to the table below it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal, TypeAlias

Anchor: TypeAlias = Literal["start", "middle", "end"]

SIZE = 12.0
"""The size of text in units of a drawing, as `drawings.css` has it."""
AWAY = 7.0
"""How far the label of a usual point stands from its middle."""
_LINE = 1.5 * SIZE


@dataclass(frozen=True, slots=True)
class Label:
    """A text at a place; `anchor` says which end of it is there."""

    text: str
    x: float
    y: float
    anchor: Anchor


@dataclass(frozen=True, slots=True)
class DrawnSpot:
    """A spot at its place on the map. Its label is None where there is no room: the table has the name."""

    x: float
    y: float
    tone: str
    title: str
    label: Label | None


class Room:
    """The room that a drawing has left."""

    def __init__(self, wide: float, high: float) -> None:
        self._wide, self._high = wide, high
        self._taken: list[tuple[float, float, float, float]] = []

    def take(self, x: float, y: float, radius: float) -> None:
        """Keep the room of a point, so that no label covers it."""
        self._taken.append((x - radius, y - radius, x + radius, y + radius))

    def label(self, text: str, x: float, y: float, away: float = AWAY) -> Label | None:
        """Return a label beside a point, right, left, above or below it; None if each place is taken or outside."""
        long = width(text)
        places: tuple[tuple[float, float, Anchor, float], ...] = (
            (x + away, y + SIZE / 3, "start", x + away),
            (x - away, y + SIZE / 3, "end", x - away - long),
            (x, y - away, "middle", x - long / 2),
            (x, y + away + 0.8 * SIZE, "middle", x - long / 2),
        )
        for across, down, anchor, left in places:
            if self._free(left, down - SIZE, left + long, down - SIZE + _LINE):
                self._taken.append((left, down - SIZE, left + long, down - SIZE + _LINE))
                return Label(text, round(across, 1), round(down, 1), anchor)
        return None

    def middle(self, text: str, x: float, y: float) -> Label | None:
        """Return a label around a place; None if it is taken or outside."""
        left, top = x - width(text) / 2, y - SIZE
        if not self._free(left, top, left + width(text), top + _LINE):
            return None
        self._taken.append((left, top, left + width(text), top + _LINE))
        return Label(text, x, y, "middle")

    def _free(self, left: float, top: float, right: float, bottom: float) -> bool:
        inside = left >= 2 and top >= 2 and right <= self._wide - 2 and bottom <= self._high - 2
        return inside and all(
            right <= others[0] or left >= others[2] or bottom <= others[1] or top >= others[3] for others in self._taken
        )


def width(text: str) -> float:
    """Return about how wide a text is: marks above and below take no room, letters of Chinese take twice as much."""
    units = 0.0
    for character in text:
        if unicodedata.category(character) not in ("Mn", "Cf"):
            units += 1.0 if unicodedata.east_asian_width(character) in "WF" else 0.62
    return units * SIZE
