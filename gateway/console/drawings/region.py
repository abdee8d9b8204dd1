"""Draw the map of the region: the outline of countries, and the points that a page has something to say about.

The map is a picture of what is in a table beside it. Boundaries on it are not authoritative, and it says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.console.drawings.labels import DrawnSpot, Label, Room
from gateway.language import Language, tell
from gateway.ops.console.outline import WIDE, Outline

_RADIUS = 5.0
_RANKS = ("danger", "warn", "", "quiet")


@dataclass(frozen=True, slots=True)
class Spot:
    """A place with a name, where a page has something to say; the tone is that of the gravest of it."""

    name: str
    latitude: float
    longitude: float
    tone: Literal["", "danger", "warn", "quiet"] = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class RegionMap:
    """Holds what the macro `region_map` draws."""

    title: str
    note: str
    wide: float
    high: float
    lands: tuple[tuple[str, str], ...]
    countries: tuple[Label, ...]
    spots: tuple[DrawnSpot, ...]


def region_map(
    outline: Outline, title: str, spots: Sequence[Spot], countries: Mapping[str, str], language: Language
) -> RegionMap:
    """Return the map with these spots, the gravest on top; `countries` has names to write, by codes of two letters."""
    box = outline.box
    shown = [spot for spot in spots if box.holds(spot.latitude, spot.longitude)]
    # The gravest come first to the room for labels, and are drawn last (`reversed`), so that no other covers them.
    shown.sort(key=lambda spot: _RANKS.index(spot.tone))
    places = [box.place(spot.latitude, spot.longitude) for spot in shown]
    room = Room(WIDE, box.high)
    for x, y in places:
        room.take(x, y, _RADIUS)
    labels = [room.label(spot.name, x, y) for spot, (x, y) in zip(shown, places, strict=True)]
    named = [
        label
        for land in outline.lands
        if land.country in countries and (label := room.middle(countries[land.country], *land.middle))
    ]
    drawn = [
        DrawnSpot(x, y, spot.tone, f"{spot.name}: {spot.about}" if spot.about else spot.name, label)
        for spot, (x, y), label in zip(shown, places, labels, strict=True)
    ]
    return RegionMap(
        title=title,
        note=tell(language, "boundaries are not authoritative"),
        wide=WIDE,
        high=box.high,
        lands=tuple((land.country, land.path) for land in outline.lands),
        countries=tuple(named),
        spots=tuple(reversed(drawn)),
    )
