"""Keys and certificates: the days that each has left, what renews it, and what a rotation waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.console.frame.shapes import Cell, Row, Table, Text, Tone
from gateway.console.pages.admin.sections import Command, Section, at, command
from gateway.console.visits.visit import Visit
from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.ops.console.administration import Administration
from gateway.ops.keys.status import SOON_DAYS


async def key_sections(admin: Administration, visit: Visit) -> list[Section]:
    """Return all keys, those that end first before the others."""
    language = visit.language
    found = await asyncio.to_thread(admin.keys)
    keys = sorted(found["keys"], key=lambda key: (key["days_left"] is None, key["days_left"] or 0))
    return [_keys(keys, language), _steps(keys, language), *_persons(found["persons"], admin, language)]


def _keys(keys: Sequence[Mapping[str, Any]], language: Language) -> Section:
    heads = (
        tell(language, "Use"),
        tell(language, "Days left"),
        tell(language, "Certificate until"),
        tell(language, "Listed until"),
        tell(language, "Id"),
    )
    none = tell(language, "without an end")
    rows = tuple(
        (
            Text(key["use"], "en"),
            _days(key["days_left"], none),
            at(key["certificate_until"], language) or "-",
            at(key["listed_until"], language) or "-",
            key["id"][:16],
        )
        for key in keys
    )
    return Section(tell(language, "Keys and certificates"), tables=(Table("", heads, rows, frozenset({1})),))


def _days(left: int | None, none: str) -> Cell:
    if left is None:
        return Cell(none)
    tone: Tone = "danger" if left < 0 else "warn" if left < SOON_DAYS else "done"
    return Cell(str(left), tone=tone)


def _steps(keys: Sequence[Mapping[str, Any]], language: Language) -> Section:
    """Return what is to be done: keys that end soon, keys that counterparts do not take, rotations that wait."""
    title, commands, rows = tell(language, "What is to be done"), [], []
    for key in keys:
        if key["days_left"] is not None and key["days_left"] < SOON_DAYS:
            commands.append(Command(tell(language, "Renew {use}:", use=key["use"]), key["renewed_by"]))
        if key["usable"] is False:
            told = tell(language, "Counterparts do not take {use}:", use=key["use"])
            commands.append(Command(told, key["renewed_by"].replace("cert renew", "cert rotate")))
        if key["rotation"]:
            rows.append(
                Row(Text(key["use"], "en"), (tell(language, "a new key waits"), Text(key["rotation"]["plan"], "en")))
            )
    sound = tell(language, "Nothing is to be done")
    empty = sound, tell(language, "A key or certificate that ends within 30 days would stand here with its command.")
    return Section(title, rows=tuple(rows), commands=tuple(commands), empty=None if rows or commands else empty)


def _persons(persons: Sequence[Mapping[str, Any]], admin: Administration, language: Language) -> list[Section]:
    if not persons:
        return []
    rows = tuple(
        Row(
            Text(person["use"], "en"),
            (person["id"][:16], tell(language, "listed until {time}", time=at(person["listed_until"], language))),
            note=tell(language, "{count} days left", count=person["days_left"]),
        )
        for person in persons
    )
    renew = command("liaison cert renew USE/NAME --home", admin.place, "--authority ADIR")
    title = tell(language, "Keys of persons who are not in this home")
    return [Section(title, rows=rows, commands=(Command(tell(language, "List one for longer:"), renew),))]
