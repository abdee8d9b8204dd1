"""Show on the map of crossing points how many alerts each office has, and the same in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from gateway.console.drawings.region import RegionMap, Spot, region_map
from gateway.console.frame.shapes import Cell, Table
from gateway.language.catalogue import tell
from gateway.language.countries import country, with_country
from gateway.language.languages import Language
from gateway.ops.console.outline import Outline
from gateway.records.codes import CrossingPoint, crossing_points


@dataclass(frozen=True, slots=True)
class OfficeCount:
    """An office with the alerts that hold there, and those of them that were not acknowledged."""

    office: str
    alerts: int = 0
    waiting: int = 0


def crossing_of(office: str) -> tuple[CrossingPoint, int] | None:
    """Return the crossing point of an office and its side there, by the last part of its name; None without one."""
    member, _, rest = office.partition(".")
    return _sides().get((member.upper(), rest.rpartition(".")[2]))


def office_name(office: str) -> str:
    """Return the name of an office's side of its crossing point before its id; the id alone where it has none."""
    place = crossing_of(office)
    return f"{place[0].sides[place[1]].name} ({office})" if place is not None else office


def map_of(outline: Outline, counts: Sequence[OfficeCount], language: Language) -> RegionMap:
    """Return the map with the offices that are at a known place."""
    spots = [spot for count in counts if (spot := _spot(count, language)) is not None]
    names = {land.country: country(land.country, language) for land in outline.lands}
    title = tell(language, "Alerts at crossing points")
    return region_map(outline, title, spots, {code: name for code, name in names.items() if name}, language)


def table_of(counts: Sequence[OfficeCount], language: Language) -> Table:
    """Return what the map shows as a table, with the offices that are at no known place."""
    heads = (
        tell(language, "office"),
        tell(language, "country"),
        tell(language, "alerts in force"),
        tell(language, "not acknowledged"),
    )
    rows = tuple(
        (
            Cell(office_name(count.office)),
            with_country(count.office.partition(".")[0], language),
            str(count.alerts),
            Cell(str(count.waiting), tone="danger" if count.waiting else ""),
        )
        for count in sorted(counts, key=lambda one: (-one.waiting, -one.alerts, one.office))
    )
    return Table(tell(language, "Alerts by office"), heads, rows, frozenset({2, 3}))


def _spot(count: OfficeCount, language: Language) -> Spot | None:
    place = crossing_of(count.office)
    if place is None:
        return None
    point, side = place
    if point.latitude is None or point.longitude is None:
        return None
    tone: Literal["danger", "warn", "quiet"] = "danger" if count.waiting else "warn" if count.alerts else "quiet"
    about = tell(
        language, "{count} alerts in force, {waiting} not acknowledged", count=count.alerts, waiting=count.waiting
    )
    name = point.sides[side].name
    return Spot(f"{name} {count.alerts}" if count.alerts else name, point.latitude, point.longitude, tone, about)


@lru_cache(maxsize=1)
def _sides() -> Mapping[tuple[str, str], tuple[CrossingPoint, int]]:
    """Return each side of each crossing point, by its country and its part of the point's id."""
    return {
        (side.country, part): (point, number)
        for point in crossing_points().values()
        for number, (side, part) in enumerate(zip(point.sides, point.id.split("."), strict=True))
    }
