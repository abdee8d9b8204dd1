"""Settings in force: the value of each, where it comes from, and which differ from the file."""

from __future__ import annotations

import asyncio
from itertools import groupby
from pathlib import PurePath

from gateway.console.frame.shapes import Banner, Cell, Row, Table, Text
from gateway.console.pages.admin.sections import Command, Section, command
from gateway.console.visits.visit import Visit
from gateway.errors import Misconfigured
from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.ops.console.administration import Administration
from gateway.ops.console.settings_in_force import SettingInForce


async def setting_sections(admin: Administration, visit: Visit) -> list[Section]:
    """Return the settings by their tables, after what differs from the file."""
    language = visit.language
    found = await asyncio.to_thread(admin.settings_in_force)
    differs = await asyncio.to_thread(_differs, admin, language)
    tables = [_table(name, list(items), language) for name, items in groupby(found, lambda item: item.section)]
    return [differs, *tables]


def _differs(admin: Administration, language: Language) -> Section:
    title = tell(language, "The file and what is in force")
    try:
        changed = admin.changed_settings()
    except Misconfigured as error:
        bad = Banner(tell(language, "The file cannot be used; what was read before stays in force."), tone="danger")
        why = Row(tell(language, "Why"), (Text(str(error), "en"), Text(error.remedy, "en")))
        return Section(title, banners=(bad,), rows=(why,))
    if not (changed.live or changed.restart):
        return Section(title, banners=(Banner(tell(language, "What the file says is in force."), tone="done"),))
    rows, commands = [], []
    if changed.live:
        rows.append(Row(tell(language, "Waits for a reload"), (", ".join(changed.live),)))
        reload = command("liaison reload --home", admin.place)
        commands.append(Command(tell(language, "Put it in force:"), reload))
    if changed.restart:
        rows.append(Row(tell(language, "Waits for a restart"), (", ".join(changed.restart),)))
    banner = Banner(tell(language, "The file says something else than what is in force."), tone="warn")
    return Section(title, banners=(banner,), rows=tuple(rows), commands=tuple(commands))


def _table(section: str, items: list[SettingInForce], language: Language) -> Section:
    heads = tell(language, "Setting"), tell(language, "Value"), tell(language, "From"), tell(language, "What it is for")
    rows = tuple(
        (
            Text(item.path.removeprefix(f"{section}."), "en"),
            Text(item.value, "en") if item.value else tell(language, "empty"),
            _origin(item.origin, language),
            Text(item.doc, "en"),
        )
        for item in items
    )
    return Section(f"[{section}]", tables=(Table("", heads, rows),))


def _origin(origin: str, language: Language) -> Cell:
    if origin == "default":
        return Cell(tell(language, "default"))
    if origin.startswith("environment "):
        return Cell(tell(language, "environment: {name}", name=origin.removeprefix("environment ")), tone="info")
    return Cell(PurePath(origin).name, tone="info")
