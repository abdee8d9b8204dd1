"""Read what the desk is held to: clocks, limits, and the records that take two persons. It is data of the base policy.

A national folder and an agreement can only make it stricter: a shorter time, more that takes two persons.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from gateway.config.toml import TomlTable
from gateway.model.desk.notices import Urgency
from gateway.model.marking import Caveat, SubjectCategory
from policy.attributes import RecordAttributes

DESK = "desk.toml"

Clock = Mapping[str, int]
"""Minutes by urgency."""

_MAX_MINUTES = 60 * 24 * 90
_MAX_HOURS = 24 * 365
_URGENCIES = [urgency.value for urgency in Urgency]


class Asked(StrEnum):
    """The purpose of a clock: a follow-up to a hit, or anything else that is asked."""

    HIT = "hit"
    QUESTION = "question"


class Limit(StrEnum):
    """A time in hours: until copies are erased, for which an alert is in force, or is hidden for an operation."""

    ERASE = "erase_hours"
    ALERT = "alert_hours"
    HIDDEN = "hidden_hours"


@dataclass(frozen=True, slots=True)
class DeskRules:
    """The rules of the desk.

    `clocks` are minutes by what is asked and urgency, `limits` hours. A human who lets out anything of a record with
    one of the `caveats`, or about one of the `categories`, needs a second person. `passkey`: no one decides without.
    `bare_pictures`: pictures leave without what tells of camera, place and time, whatever the settings of a node say.
    """

    clocks: Mapping[Asked, Clock] = field(default_factory=dict)
    limits: Mapping[Limit, int] = field(default_factory=dict)
    caveats: frozenset[str] = frozenset(Caveat)
    categories: frozenset[str] = frozenset(SubjectCategory)
    passkey: bool = True
    bare_pictures: bool = True

    def takes_two(self, a: RecordAttributes) -> bool:
        """Tell whether a human needs a second person to let out anything of this record."""
        return a.category in self.categories or not self.caveats.isdisjoint(a.marking.caveats)


STRICTEST = DeskRules()
"""The rules of a base policy that has none: everything takes two persons."""


def read_desk(base: TomlTable | None, national: TomlTable | None) -> DeskRules:
    """Return the base policy's rules, made stricter by the national folder; each may be absent.

    Raises `Misconfigured` with file, line and term for an unknown key or value, for a part that the base policy lacks,
    and for a national rule that is wider.
    """
    if base is None:
        return STRICTEST
    rules = _read(base, whole=True)
    return _stricter(national, rules) if national is not None else rules


def read_clocks(document: TomlTable) -> dict[Asked, Clock]:
    """Return the clocks in the table `[clock]` of a document; it need not name all. Raises `Misconfigured`."""
    clock = document.table("clock")
    clock.only(*Asked)
    return {Asked(name): _clock(clock.table(name)) for name in clock.data}


def check_clocks(document: TomlTable, common: DeskRules) -> None:
    """Raise `Misconfigured` for a clock of a national folder or an agreement that is longer than the base policy's."""
    for asked, clock in read_clocks(document).items():
        for urgency, minutes in clock.items():
            most = common.clocks.get(asked, {}).get(urgency, minutes)
            if minutes > most:
                _wider(document.table("clock").table(asked), urgency, minutes, most)


def _read(document: TomlTable, *, whole: bool) -> DeskRules:
    document.only("clock", "limits", "two_persons", "evidence", "files")
    two, evidence, files = (document.table(name) for name in ("two_persons", "evidence", "files"))
    two.only("caveats", "categories")
    evidence.only("passkey")
    files.only("bare_pictures")
    clocks, limits = read_clocks(document), _limits(document.table("limits"))
    if whole:
        for asked in Asked:
            _all(document.table("clock").table(asked), _URGENCIES)
        _all(document.table("limits"), list(Limit))
    return DeskRules(
        clocks,
        limits,
        _some(two, "caveats", list(Caveat)),
        _some(two, "categories", list(SubjectCategory)),
        evidence.get("passkey", bool, False),
        files.get("bare_pictures", bool, False),
    )


def _stricter(document: TomlTable, common: DeskRules) -> DeskRules:
    """Return `common` with the stricter rules of a national document; raise `Misconfigured` for a wider one."""
    own = _read(document, whole=False)
    check_clocks(document, common)
    for limit, hours in own.limits.items():
        if hours > common.limits[limit]:
            _wider(document.table("limits"), limit, hours, common.limits[limit])
    for table, name in (("evidence", "passkey"), ("files", "bare_pictures")):
        if name in document.table(table).data and getattr(common, name) and not getattr(own, name):
            _wider(document.table(table), name, "false", "true")
    return replace(
        common,
        clocks=shortest(common.clocks, own.clocks),
        limits={**common.limits, **own.limits},
        caveats=common.caveats | own.caveats,
        categories=common.categories | own.categories,
        passkey=common.passkey or own.passkey,
        bare_pictures=common.bare_pictures or own.bare_pictures,
    )


def shortest(one: Mapping[Asked, Clock], other: Mapping[Asked, Clock]) -> dict[Asked, Clock]:
    """Return the shorter time of each clock of `one`."""
    return {
        asked: {urgency: min(minutes, other.get(asked, {}).get(urgency, minutes)) for urgency, minutes in clock.items()}
        for asked, clock in one.items()
    }


def _clock(table: TomlTable) -> Clock:
    table.only(*_URGENCIES)
    return _numbers(table, _MAX_MINUTES, "minutes")


def _limits(table: TomlTable) -> dict[Limit, int]:
    table.only(*Limit)
    return {Limit(name): hours for name, hours in _numbers(table, _MAX_HOURS, "hours").items()}


def _numbers(table: TomlTable, most: int, unit: str) -> dict[str, int]:
    for name, number in table.data.items():
        if type(number) is not int or not 1 <= number <= most:
            table.fail(f"`{name}` must be 1 to {most} {unit}", name)
    return dict(table.data)


def _some(table: TomlTable, key: str, known: Collection[str]) -> frozenset[str]:
    return table.some(key, known) if key in table.data else frozenset()


def _all(table: TomlTable, names: Collection[str]) -> None:
    for name in names:
        if name not in table.data:
            table.fail(f"`{table.name(name)}` is missing", remedy=f"add `{name}`")


def _wider(table: TomlTable, key: str, own: object, common: object) -> None:
    message = f"`{table.name(key)} = {own}` is wider than `{common}` of the base policy"
    table.fail(message, key, remedy="national policy and agreements can only be stricter: leave it out")
