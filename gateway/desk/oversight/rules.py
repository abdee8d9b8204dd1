"""Read the rules over the own log: a closed list of conditions, from the package and from the country's own file."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

import msgspec

import policy
from adapters.values.cells import clean_text
from gateway.config.toml import TomlTable, parse_toml
from gateway.desk.people.table import Row, read_rows
from gateway.errors import LiaisonError, Misconfigured, SeveralMistakes
from gateway.model.names import identifier
from gateway.model.purpose import Purpose
from gateway.model.query import OF_AGENCIES, QUERIES, Query, QueryKind

RULES, LISTED = "rules.toml", "listed.csv"
"""The country's own files, in `oversight` of the home."""

COLUMNS = ("list", "officer", "kind", "value")
MOST_RULES, MOST_COUNT, MOST_HOURS, MOST_LISTED = 64, 100, 168, 20_000
_KEYS = (
    *("title", "off", "same", "count", "hours", "off_shift", "without_case", "denied", "listed", "after_alert_hours"),
    *("purposes", "kinds"),
)
_SAME = ("", "target", "case")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)
_CODE = "bad-rule"


class Rule(msgspec.Struct, frozen=True):
    """A rule: so many questions of an officer that have `same` in common, in `hours`, where all conditions hold."""

    id: str
    title: str
    same: str = ""
    count: int = 1
    hours: int = 24
    off_shift: bool = False
    without_case: bool = False
    denied: bool = False
    listed: str = ""
    after_alert_hours: int = 0
    purposes: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()


class Listed(msgspec.Struct, frozen=True):
    """A person or thing of a list. `officer` is the one for whom it counts; empty: for all."""

    list: str
    officer: str
    query: Query


class Ruled(msgspec.Struct, frozen=True):
    """The rules that hold, and what is listed."""

    rules: tuple[Rule, ...]
    listed: tuple[Listed, ...] = ()


@cache
def packaged() -> Mapping[str, Rule]:
    """Return the rules of the package by their ids."""
    file = Path(policy.__file__).parent / "insiders.toml"
    return _rules("policy/insiders.toml", file.read_bytes(), {})


def read_rules(folder: Path, member: str) -> Ruled:
    """Return the rules of the package with those of a country's folder, and its lists.

    Raises `Misconfigured` with file and line, or `SeveralMistakes`.
    """
    problems: list[Misconfigured] = []
    found = dict(packaged())
    file = folder / RULES
    if file.exists():
        found = dict(_rules(f"{folder.name}/{RULES}", file.read_bytes(), found))
    known = {rule.listed for rule in found.values() if rule.listed}
    listed = read_rows(folder / LISTED, COLUMNS, member, lambda row: _listed(row, known), problems)
    if len(listed) > MOST_LISTED:
        problems.append(
            Misconfigured(
                "a country lists {most} persons and things at most",
                code=_CODE,
                where=f"{folder.name}/{LISTED}",
                remedy="leave the most important ones",
                most=MOST_LISTED,
            )
        )
    if problems:
        raise problems[0] if len(problems) == 1 else SeveralMistakes(problems)
    return Ruled(tuple(found.values()), tuple(listed))


def _rules(file: str, content: bytes, before: Mapping[str, Rule]) -> Mapping[str, Rule]:
    document = parse_toml(file, content, _CODE)
    document.only("rule")
    table, found = document.table("rule"), dict(before)
    for name in table.data:
        if not _NAME.fullmatch(name):
            table.fail(f"`{name[:40]}` is no name of a rule", name, remedy="small letters, digits and hyphens")
        one = table.table(name)
        one.only(*_KEYS)
        found.pop(name, None)
        if not one.get("off", bool, False):
            found[name] = _rule(name, one)
    if len(found) > MOST_RULES:
        document.fail(f"there are {MOST_RULES} rules at most", "rule", remedy="switch rules off that you do not need")
    return found


def _rule(name: str, table: TomlTable) -> Rule:
    same = table.text("same", "")
    if same not in _SAME:
        table.fail(f"`{same[:40]}` is not in common to questions", "same", remedy="target, case, or leave it")
    listed = table.text("listed", "")
    if listed and not _NAME.fullmatch(listed):
        table.fail(f"`{listed[:40]}` is no name of a list", "listed", remedy="small letters, digits and hyphens")
    return Rule(
        name,
        clean_text(table.text("title"))[:200],
        same,
        _number(table, "count", 1, MOST_COUNT),
        _number(table, "hours", 24, MOST_HOURS),
        off_shift=table.get("off_shift", bool, False),
        without_case=table.get("without_case", bool, False),
        denied=table.get("denied", bool, False),
        listed=listed,
        after_alert_hours=_number(table, "after_alert_hours", 0, MOST_HOURS),
        purposes=_words(table, "purposes", list(Purpose)),
        kinds=_words(table, "kinds", list(QueryKind)),
    )


def _words(table: TomlTable, key: str, known: Collection[str]) -> frozenset[str]:
    return table.some(key, known) if key in table.data else frozenset()


def _number(table: TomlTable, key: str, default: int, most: int) -> int:
    found: int = table.get(key, int, default)
    if not min(1, default) <= found <= most:
        table.fail(f"`{key}` is a number up to {most}", key, remedy=f"a number from {min(1, default)} to {most}")
    return found


def _listed(row: Row, known: set[str]) -> Listed:
    cells = row.cells
    if cells["list"] not in known:
        raise row.wrong(
            "no rule asks for the list `{list}`",
            "one of {lists}",
            list=cells["list"][:40],
            lists=", ".join(sorted(known)),
        )
    if cells["kind"] not in OF_AGENCIES:
        raise row.wrong(
            "`{kind}` is no kind of question",
            "one of {kinds}",
            kind=cells["kind"][:40],
            kinds=", ".join(kind for kind in QueryKind if kind in OF_AGENCIES),
        )
    try:
        officer = identifier(cells["officer"], "officer") if cells["officer"] else ""
        return Listed(cells["list"], officer, QUERIES[QueryKind(cells["kind"])].of(cells["value"]))
    except LiaisonError as error:
        raise row.wrong("{problem}", error.remedy, problem=error.message) from error
