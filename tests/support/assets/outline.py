"""Write the outline of the region's countries: Natural Earth's lines, cut to the map, with fewer points.

The lines are those of TopoJSON: two neighbours share each arc of their border, and an arc loses points once, so that no
gap opens between them. The result is GeoJSON in degrees, the form in which a country can hand in its own.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

Point: TypeAlias = tuple[float, float]

WEST, SOUTH, EAST, NORTH = 91.0, 4.5, 111.0, 28.5
"""The map in degrees: from the Bay of Bengal to Hainan, from the Malay peninsula to Yunnan's north."""
TOLERANCE = 0.02
"""An arc's point is left out if it lies nearer than this to the line without it: two kilometres, half a pixel."""
SMALLEST = 0.02
"""An island of fewer square degrees is left out."""

COUNTRIES = {
    "104": "MM", "764": "TH", "418": "LA", "116": "KH", "704": "VN", "156": "CN", "356": "IN", "050": "BD", "458": "MY",
    "360": "ID", "064": "BT",
}  # fmt: skip
"""The countries of the map: numbers of ISO 3166-1, by which the source names them, and codes of two letters."""

_SOURCE = "Natural Earth 1:50m, public domain; cut and simplified. Boundaries are not authoritative."


def write(packages: Path, to: Path) -> None:
    """Write `outline.json`, and the licence of the package that it comes from."""
    atlas = packages / "world-atlas"
    topology = json.loads((atlas / "countries-50m.json").read_text(encoding="utf-8"))
    arcs = [_simplified(arc) for arc in _decoded(topology)]
    features = []
    for shape in topology["objects"]["countries"]["geometries"]:
        code = COUNTRIES.get(shape.get("id", ""))
        if code and (polygons := list(_polygons(shape, arcs))):
            geometry = {"type": "MultiPolygon", "coordinates": polygons}
            features.append({"type": "Feature", "properties": {"country": code}, "geometry": geometry})
    features.sort(key=lambda feature: str(feature["properties"]))
    made = {"type": "FeatureCollection", "source": _SOURCE, "bbox": [WEST, SOUTH, EAST, NORTH], "features": features}
    (to / "outline.json").write_text(json.dumps(made, separators=(",", ":")) + "\n", encoding="utf-8")
    shutil.copyfile(atlas / "LICENSE", to / "licences" / "world-atlas.txt")


def _decoded(topology: dict[str, Any]) -> Iterator[list[Point]]:
    """Yield each arc in degrees; TopoJSON writes differences of whole numbers."""
    (wide, high), (left, low) = topology["transform"]["scale"], topology["transform"]["translate"]
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for across, up in arc:
            x, y = x + across, y + up
            points.append((x * wide + left, y * high + low))
        yield points


def _simplified(points: Sequence[Point]) -> list[Point]:
    """Return an arc without the points that hardly bend it (Douglas and Peucker); both ends stay."""
    kept, pending = {0, len(points) - 1}, [(0, len(points) - 1)]
    while pending:
        first, last = pending.pop()
        if last - first < 2:
            continue
        far = max(range(first + 1, last), key=lambda at: _distance(points[at], points[first], points[last]))
        if _distance(points[far], points[first], points[last]) > TOLERANCE:
            kept.add(far)
            pending += [(first, far), (far, last)]
    return [points[at] for at in sorted(kept)]


def _distance(point: Point, one: Point, other: Point) -> float:
    """Return how far a point lies from the stretch between two others."""
    across, up = other[0] - one[0], other[1] - one[1]
    length = across * across + up * up
    along = ((point[0] - one[0]) * across + (point[1] - one[1]) * up) / length if length else 0.0
    along = min(1.0, max(0.0, along))
    east, north = point[0] - one[0] - along * across, point[1] - one[1] - along * up
    return float((east * east + north * north) ** 0.5)


def _polygons(shape: dict[str, Any], arcs: Sequence[list[Point]]) -> Iterator[list[list[list[float]]]]:
    polygons = [shape["arcs"]] if shape["type"] == "Polygon" else shape["arcs"]
    for polygon in polygons:
        rings = [_cut(_joined(ring, arcs)) for ring in polygon]
        drawn = [_closed(ring) for ring in rings if len(ring) > 2 and _area(ring) >= SMALLEST]
        if drawn:
            yield drawn


def _joined(ring: Sequence[int], arcs: Sequence[list[Point]]) -> list[Point]:
    """Return the points of a ring; an arc with a number below zero runs backwards."""
    points: list[Point] = []
    for number in ring:
        points += (arcs[number] if number >= 0 else arcs[~number][::-1])[:-1]
    return points


def _cut(points: list[Point]) -> list[Point]:
    """Return a ring cut to the map, edge by edge (Sutherland and Hodgman)."""
    for axis, edge, sign in ((0, WEST, 1), (0, EAST, -1), (1, SOUTH, 1), (1, NORTH, -1)):
        cut: list[Point] = []
        for one, other in pairwise([*points, *points[:1]]):
            inside = [(point[axis] - edge) * sign >= 0 for point in (one, other)]
            if inside[0]:
                cut.append(one)
            if inside[0] != inside[1]:
                share = (edge - one[axis]) / (other[axis] - one[axis])
                cut.append((one[0] + share * (other[0] - one[0]), one[1] + share * (other[1] - one[1])))
        points = cut
    return points


def _area(points: Sequence[Point]) -> float:
    pairs = pairwise([*points, points[0]])
    return abs(sum(one[0] * other[1] - other[0] * one[1] for one, other in pairs)) / 2


def _closed(points: Sequence[Point]) -> list[list[float]]:
    """Return a ring with its first point at its end, as GeoJSON wants it, to a hundredth of a degree."""
    rounded = [[round(x, 2), round(y, 2)] for x, y in points]
    thinned = [point for at, point in enumerate(rounded) if not at or point != rounded[at - 1]]
    return [*thinned, thinned[0]] if thinned[0] != thinned[-1] else thinned
