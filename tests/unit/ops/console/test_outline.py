"""The outline is drawn as GeoJSON says, and a country's own file that cannot be drawn is refused at the start."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Misconfigured
from gateway.ops.console.outline import OUTLINE, WIDE, Box, read_outline
from tests.support.tables import table

_SQUARE = [[100.0, 10.0], [102.0, 10.0], [102.0, 12.0], [100.0, 12.0], [100.0, 10.0]]


def _document(**changes: Any) -> dict[str, Any]:
    feature = {"properties": {"country": "th"}, "geometry": {"type": "Polygon", "coordinates": [_SQUARE]}}
    return {"type": "FeatureCollection", "bbox": [99, 9, 103, 13], "features": [feature], **changes}


def _written(folder: Path, document: Any) -> Path:
    path = folder / "own.json"
    path.write_text(json.dumps(document))
    return path


def test_ours_fills_the_map() -> None:
    outline = read_outline()
    assert outline.box == Box(91.0, 4.5, 111.0, 28.5)
    assert {"TH", "LA", "MM", "KH", "VN", "CN"} < {land.country for land in outline.lands}
    for land in outline.lands:
        assert 0 <= land.middle[0] <= WIDE
        assert 0 <= land.middle[1] <= outline.box.high


def test_a_place_lies_where_mercator_puts_it() -> None:
    box = Box(90.0, 0.0, 110.0, 20.0)
    assert box.place(0.0, 100.0) == (200.0, box.high)
    assert box.place(20.0, 90.0) == (0.0, 0.0)
    north = math.log(math.tan(math.radians(55.0)))
    assert box.place(10.0, 90.0)[1] == pytest.approx(
        box.high - math.degrees(math.log(math.tan(math.radians(50)))) * 20, abs=0.1
    )
    assert box.high == pytest.approx(math.degrees(north) * 20, abs=0.1)


def test_a_country_s_own_file_takes_the_place_of_ours(tmp_path: Path) -> None:
    outline = read_outline(_written(tmp_path, _document()))
    (land,) = outline.lands
    assert land.country == "TH"
    assert land.middle == pytest.approx((200.0, outline.box.high / 2), abs=1)
    assert land.path.startswith("M100 ")
    assert land.path.endswith("Z")


def test_a_ring_in_a_ring_is_a_hole_of_the_same_path(tmp_path: Path) -> None:
    inner = [[x / 2 + 50.5, y / 2 + 5.5] for x, y in _SQUARE]
    geometry = {"type": "MultiPolygon", "coordinates": [[_SQUARE, inner]]}
    features = [{"properties": {"country": "LA"}, "geometry": geometry}]
    (land,) = read_outline(_written(tmp_path, _document(features=features))).lands
    assert land.path.count("M") == land.path.count("Z") == 2


@table(
    "document",
    [
        [],
        {},
        _document(features=[]),
        _document(bbox=[103, 9, 99, 13]),
        _document(bbox=[99, 9, 103]),
        _document(bbox=[99, -90, 103, 13]),
        _document(features=[{"properties": {}, "geometry": {"type": "Polygon", "coordinates": [_SQUARE]}}]),
        _document(features=[{"properties": {"country": "th"}, "geometry": {"type": "Point", "coordinates": [1, 2]}}]),
        _document(
            features=[{"properties": {"country": "th"}, "geometry": {"type": "Polygon", "coordinates": [[[1, 2]]]}}]
        ),
        _document(features=[{"properties": {"country": "th"}, "geometry": {"type": "Polygon", "coordinates": [[]]}}]),
        _document(features=[{"properties": {"country": "th"}, "geometry": {"type": "Polygon", "coordinates": []}}]),
        _document(
            features=[
                {"properties": {"country": "th"}, "geometry": {"type": "Polygon", "coordinates": [[["a", 2]] * 4]}}
            ]
        ),
        _document(
            features=[
                {"properties": {"country": "th"}, "geometry": {"type": "Polygon", "coordinates": [[[1e9, 2]] * 4]}}
            ]
        ),
        _document(features=[{"properties": {"country": 5}, "geometry": {"type": "Polygon", "coordinates": [_SQUARE]}}]),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_file_and_a_remedy(tmp_path: Path, document: Any) -> None:
    path = _written(tmp_path, document)
    with pytest.raises(Misconfigured) as caught:
        read_outline(path)
    assert caught.value.code == "bad-outline"
    assert caught.value.where == str(path)
    assert caught.value.remedy


def test_a_file_that_is_missing_or_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_outline(tmp_path / "none.json")
    (tmp_path / "own.json").write_text("<svg onload=alert(1)>")
    with pytest.raises(Misconfigured, match="cannot be drawn"):
        read_outline(tmp_path / "own.json")


def test_ours_shares_borders_without_gaps() -> None:
    """Two neighbours have the same points on their border: most points inland stand in two outlines."""
    features = {item["properties"]["country"]: item for item in json.loads(OUTLINE.read_text())["features"]}
    points = {
        code: {tuple(p) for poly in item["geometry"]["coordinates"] for ring in poly for p in ring}
        for code, item in features.items()
    }
    others = {code: set().union(*(held for name, held in points.items() if name != code)) for code in points}
    assert len(points["LA"] & others["LA"]) / len(points["LA"]) > 0.95
