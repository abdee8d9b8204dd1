"""The map has each point where it lies, labels that cover nothing, and the line that its boundaries need."""

from __future__ import annotations

from gateway.console.drawings.labels import SIZE, Label, Room, width
from gateway.console.drawings.region import RegionMap, Spot, region_map
from gateway.language import Language
from gateway.ops.console.outline import WIDE, read_outline
from gateway.records.codes import crossing_points
from tests.support.tables import table


def _map(language: Language = Language.EN) -> RegionMap:
    spots = [
        Spot(point.sides[0].local_name, point.latitude, point.longitude, "danger" if point.mode == "river" else "")
        for point in crossing_points().values()
        if point.latitude is not None and point.longitude is not None
    ]
    return region_map(read_outline(), "t", [*spots, Spot("far", 51.0, 0.0)], {"TH": "ไทย", "XX": "?"}, language)


def _box(label: Label) -> tuple[float, float, float, float]:
    left = label.x - width(label.text) * {"start": 0.0, "middle": 0.5, "end": 1.0}[label.anchor]
    return left, label.y - SIZE, left + width(label.text), label.y + SIZE / 2


def test_every_crossing_point_with_a_place_is_on_the_map_and_none_from_elsewhere() -> None:
    held = [point for point in crossing_points().values() if point.latitude is not None]
    assert len(_map().spots) == len(held)
    assert all(0 < spot.x < WIDE and 0 < spot.y < _map().high for spot in _map().spots)


def test_no_label_covers_another_or_leaves_the_map() -> None:
    shown = _map()
    boxes = [_box(spot.label) for spot in shown.spots if spot.label] + [_box(label) for label in shown.countries]
    assert len(boxes) > 12
    for at, one in enumerate(boxes):
        assert one[0] >= 0
        assert one[2] <= WIDE
        assert not any(_overlap(one, other) for other in boxes[at + 1 :])


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and one[2] > other[0] and one[1] < other[3] - 0.2 and one[3] - 0.2 > other[1]


def test_the_gravest_lies_on_top_and_gets_its_label_first() -> None:
    outline = read_outline()
    spots = [Spot("quiet", 15.0, 100.0, "quiet"), Spot("grave", 15.0, 100.05, "danger")]
    shown = region_map(outline, "t", spots, {}, Language.EN)
    assert [spot.tone for spot in shown.spots] == ["quiet", "danger"]
    assert shown.spots[1].label is not None


@table("language", Language)
def test_it_says_that_its_boundaries_are_not_authoritative(language: Language) -> None:
    note = _map(language).note
    assert note
    assert (note == "boundaries are not authoritative") is (language is Language.EN)


def test_a_label_without_room_is_left_to_the_table() -> None:
    room = Room(100, 40)
    assert room.label("a" * 40, 50, 20) is None
    assert room.label("ab", 50, 20) is not None


def test_marks_take_no_room_and_chinese_takes_twice() -> None:
    assert width("กี่") == width("ก")
    assert width("王") > 1.5 * width("K")
