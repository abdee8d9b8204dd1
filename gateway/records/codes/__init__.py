"""Code lists as data files: facts of public standards, each with its source and date in its first lines.

A file is tab-separated text that a person can read and correct. A line that starts with `#` is a remark; `-` is an
empty field. Closed lists of our own (offences, purposes, statuses, CITES appendices) are enumerations in
`gateway.model`, or stand in `gateway/records/words.tsv`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import resources
from types import MappingProxyType

import msgspec

from gateway.errors import Malformed, Misconfigured

COLUMNS: Mapping[str, int] = MappingProxyType(
    {
        "countries": 3,
        "country_names": 3,
        "icao_issuers": 2,
        "document_codes": 2,
        "sexes": 3,
        "currencies": 3,
        "hs_headings": 2,
        "unlocodes": 3,
        "precursors": 4,
        "crossing_points": 13,
        "chinese_provinces": 2,
    }
)
"""Every list, with its number of columns."""


@lru_cache(maxsize=len(COLUMNS))
def rows(name: str) -> tuple[tuple[str, ...], ...]:
    """Return the rows of a list. Raises `Misconfigured` with file and line for a row with another number of fields."""
    found = []
    for number, line in enumerate(_text(name).splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        fields = tuple("" if field == "-" else field for field in line.split("\t"))
        if len(fields) != COLUMNS[name]:
            raise Misconfigured(
                "a row has {count} fields instead of {columns}",
                code="bad-table",
                where=f"gateway/records/codes/{name}.tsv:{number}",
                remedy="separate fields by one tab and write - for an empty one",
                count=len(fields),
                columns=COLUMNS[name],
            )
        found.append(fields)
    return tuple(found)


@lru_cache(maxsize=len(COLUMNS))
def source(name: str) -> str:
    """Return the origin and date of a list: the remark at its head, in one line."""
    remarks = [line.lstrip("# ") for line in _text(name).splitlines() if line.startswith("#")]
    return " ".join(remarks)


@lru_cache(maxsize=1)
def issuers() -> Mapping[str, str]:
    """Return names by code of issuing countries and nationalities: ISO 3166-1 alpha-3 and ICAO's own."""
    return MappingProxyType({alpha3: name for _, alpha3, name in rows("countries")} | _pairs("icao_issuers"))


@lru_cache(maxsize=1)
def countries() -> Mapping[str, str]:
    """Return English short names by ISO 3166-1 alpha-2."""
    return MappingProxyType({alpha2: name for alpha2, _, name in rows("countries")})


def require_country(member: str) -> None:
    """Raise `Malformed` unless a member's id is a country's code in small letters."""
    if member.upper() not in countries():
        raise Malformed(
            "`{member}` is no code of a country in ISO 3166-1",
            code="bad-member",
            remedy="the country's two letters, such as `la` for Laos",
            member=member,
        )


@lru_cache(maxsize=1)
def alpha3() -> Mapping[str, str]:
    """Return ISO 3166-1 alpha-3 by alpha-2."""
    return MappingProxyType({two: three for two, three, _ in rows("countries")})


@lru_cache(maxsize=1)
def currencies() -> Mapping[str, int | None]:
    """Return the number of decimals by ISO 4217 code; None for a currency without a smaller unit."""
    return MappingProxyType({code: int(digits) if digits else None for code, _, digits in rows("currencies")})


@lru_cache(maxsize=1)
def hs_headings() -> Mapping[str, str]:
    """Return descriptions by HS 2022 heading of four digits."""
    return MappingProxyType(_pairs("hs_headings"))


@lru_cache(maxsize=1)
def chinese_provinces() -> Mapping[str, str]:
    """Return provinces by the first two digits of a Chinese identity number."""
    return MappingProxyType(_pairs("chinese_provinces"))


@lru_cache(maxsize=1)
def unlocodes() -> Mapping[str, str]:
    """Return names of places by UN/LOCODE, of the six countries."""
    return MappingProxyType({code: name for code, name, _ in rows("unlocodes")})


class CrossingSide(msgspec.Struct, frozen=True):
    """One side of a crossing point: `name` in Latin letters, `local_name` as it is written there."""

    country: str
    name: str
    local_name: str
    unlocode: str


class CrossingPoint(msgspec.Struct, frozen=True):
    """A place to cross a border. `latitude` and `longitude` in degrees, None if they are not known."""

    id: str
    sides: tuple[CrossingSide, CrossingSide]
    mode: str
    latitude: float | None
    longitude: float | None
    status: str


@lru_cache(maxsize=1)
def crossing_points() -> Mapping[str, CrossingPoint]:
    """Return the register of crossing points, by id."""
    return MappingProxyType({row[0]: _crossing(row) for row in rows("crossing_points")})


def place_names(route: Iterable[object]) -> list[str]:
    """Return the names that the registers have of the places of a route, which it tells by their codes."""
    found: list[str] = []
    for place in (each for each in route if isinstance(each, Mapping)):
        found.append(unlocodes().get(str(place.get("unlocode", "")), ""))
        point = crossing_points().get(str(place.get("crossing", "")))
        for side in point.sides if point is not None else ():
            found += [side.name, side.local_name]
    return [name for name in found if name]


def _crossing(row: tuple[str, ...]) -> CrossingPoint:
    name, mode, latitude, longitude, status = row[0], *row[9:]
    sides = (CrossingSide(*row[1:5]), CrossingSide(*row[5:9]))
    return CrossingPoint(name, sides, mode, _degrees(latitude), _degrees(longitude), status)


def _pairs(name: str) -> dict[str, str]:
    return {code: meaning for code, meaning in rows(name)}  # noqa: C416 - the rows have no fixed length to the checker


def _degrees(text: str) -> float | None:
    return float(text) if text else None


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(f"{name}.tsv").read_text(encoding="utf-8")
