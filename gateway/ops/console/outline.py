"""Read the outline of countries that maps are drawn over: GeoJSON in degrees, ours or a country's own file.

Ours is `assets/outline.json`, made from Natural Earth. Where a boundary is disputed a country draws it its own way, so
a setting may name a file of its own; it is read once, at the start, and what cannot be drawn is refused there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from gateway.errors import Malformed, Misconfigured
from gateway.signing import strict_json

OUTLINE = Path(__file__).parents[2] / "console" / "assets" / "outline.json"
WIDE = 400.0
"""The width of a map in units of its drawing, of which text has 12: legible where a screen gives it 390 points."""

_MOST_BYTES = 4_000_000
_NORTHERNMOST = 85.0
"""Mercator's projection has no pole."""
_REMEDY = "a FeatureCollection of Polygon or MultiPolygon features in degrees (RFC 7946), with `country` and a `bbox`"


@dataclass(frozen=True, slots=True)
class Box:
    """The part of the world that a map shows, in degrees."""

    west: float
    south: float
    east: float
    north: float

    @property
    def high(self) -> float:
        """Return the height of the drawing, whose width is `WIDE`."""
        return round(WIDE * (_mercator(self.north) - _mercator(self.south)) / math.radians(self.east - self.west), 1)

    def place(self, latitude: float, longitude: float) -> tuple[float, float]:
        """Return the point of the drawing for a place, from its upper left corner."""
        scale = WIDE / math.radians(self.east - self.west)
        x = math.radians(longitude - self.west) * scale
        return round(x, 1), round((_mercator(self.north) - _mercator(latitude)) * scale, 1)

    def holds(self, latitude: float, longitude: float) -> bool:
        """Tell whether a place is on the map."""
        return self.south <= latitude <= self.north and self.west <= longitude <= self.east


@dataclass(frozen=True, slots=True)
class Land:
    """A country's outline as the data of an SVG path; its middle is that of its largest part."""

    country: str
    path: str
    middle: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Outline:
    """Holds what is drawn below the points of a map."""

    box: Box
    lands: tuple[Land, ...]


def read_outline(path: Path = OUTLINE) -> Outline:
    """Return the outline of a file; raise `Misconfigured` if it cannot be drawn."""
    try:
        outline = _drawn(path.read_bytes())
    except OSError as error:
        raise Misconfigured(
            "the outline of the map cannot be read: {reason}", code="bad-outline", where=str(path),
            remedy="name a file that the node can read", reason=error.strerror or type(error).__name__,
        ) from error  # fmt: skip
    except (Malformed, LookupError, TypeError, ValueError) as error:
        raise Misconfigured(
            "the outline of the map cannot be drawn: {reason}", code="bad-outline", where=str(path), remedy=_REMEDY,
            reason=error.message if isinstance(error, Malformed) else f"{type(error).__name__}: {error}",
        ) from error  # fmt: skip
    if not outline.lands:
        raise Misconfigured("the outline has no country", code="bad-outline", where=str(path), remedy=_REMEDY)
    return outline


@lru_cache(maxsize=4)
def _drawn(content: bytes) -> Outline:
    """Return the outline in a file's content, drawn once for all consoles of this process."""
    document = strict_json.loads(content, _MOST_BYTES)
    box = _box(document["bbox"])
    return Outline(box, tuple(_land(feature, box) for feature in document["features"]))


def _mercator(latitude: float) -> float:
    return math.log(math.tan(math.pi / 4 + math.radians(latitude) / 2))


def _box(values: Any) -> Box:
    west, south, east, north = (_degrees(value, 180.0) for value in values)
    if not (west < east and -_NORTHERNMOST <= south < north <= _NORTHERNMOST):
        raise ValueError("the bbox is empty or reaches a pole")
    return Box(west, south, east, north)


def _land(feature: Any, box: Box) -> Land:
    country, geometry = feature["properties"]["country"], feature["geometry"]
    if not isinstance(country, str):
        raise TypeError("the country of a feature is no text")
    several = ("Polygon", "MultiPolygon").index(geometry["type"])
    polygons = geometry["coordinates"] if several else [geometry["coordinates"]]
    rings = [_ring(ring, box) for polygon in polygons for ring in polygon]
    path = "".join(f"M{'L'.join(f'{x:g} {y:g}' for x, y in ring)}Z" for ring in rings)
    return Land(country.upper(), path, _middle(max(rings, key=_area)))


def _ring(points: Any, box: Box) -> list[tuple[float, float]]:
    ring = []
    for longitude, latitude, *_ in points:
        ring.append(box.place(_degrees(latitude, _NORTHERNMOST), _degrees(longitude, 180.0)))
    if len(ring) < 4:
        raise ValueError("a ring has fewer than four points")
    return ring


def _degrees(value: Any, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -most <= value <= most:
        raise ValueError("a coordinate is no number of degrees")
    return float(value)


def _pairs(ring: list[tuple[float, float]]) -> Iterator[tuple[float, float, float]]:
    """Yield for each side of a ring twice the signed area below it, and the sums of its ends."""
    for (x, y), (right, below) in pairwise(ring):
        yield x * below - right * y, x + right, y + below


def _area(ring: list[tuple[float, float]]) -> float:
    return abs(sum(twice for twice, _, _ in _pairs(ring)))


def _middle(ring: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the centre of a ring's area; its first point if it has none."""
    twice = sum(part for part, _, _ in _pairs(ring))
    if not twice:
        return ring[0]
    across, down = (sum(side[0] * side[axis] for side in _pairs(ring)) / (3 * twice) for axis in (1, 2))
    return round(across, 1), round(down, 1)
