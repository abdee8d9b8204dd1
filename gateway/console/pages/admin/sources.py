"""Sources: how fresh each is and its key index, a masked sample, and a check of its mapping."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from gateway.console.frame.shapes import Banner, Button, Hidden, Row, Text
from gateway.console.pages.admin.sections import PATH, Action, Command, Section, at, command
from gateway.console.visits.visit import Visit
from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.ops.console.administration import Administration
from gateway.ops.console.jobs import JobKind

_STALE_S = 3600
_MINUTE_S = 60


async def source_sections(admin: Administration, visit: Visit) -> list[Section]:
    """Return a section for each source."""
    language = visit.language
    found = await asyncio.to_thread(admin.sources)
    if not found:
        title = tell(language, "No source yet")
        add = tell(language, "Draft a mapping of the agency's system, and list it as [[source]] in node.toml.")
        draft = Command(tell(language, "The draft:"), "liaison adapter init --url URL > draft.toml")
        return [Section(title, empty=(title, add), commands=(draft,))]
    return [_source(one, admin, language) for one in found]


def _source(one: Mapping[str, Any], admin: Administration, language: Language) -> Section:
    if one["state"] == "elsewhere":
        lead = tell(language, "It runs in the agency's own building: its status is shown there.")
        there = Command(tell(language, "In the agency:"), "liaison source status --home HOME")
        return Section(one["source"], lead, commands=(there,))
    rows, banners = [], []
    if one["state"] != "ready":
        bad = tell(language, "Its key index is missing or cannot be read: nothing is found in it.")
        banners.append(Banner(bad, tone="danger"))
    else:
        sealed = tell(language, "sealed") if one["sealed"] else tell(language, "not sealed")
        counted = tell(language, "{rows} records, {keys} keys", rows=one["rows"], keys=one["keys"])
        rows.append(Row(tell(language, "Key index"), (f"{counted}, {sealed}",)))
        rows.append(Row(tell(language, "All rows compared"), (at(one["checked"], language),)))
        rows += [
            Row(tell(language, "Left out"), (Text(f"{name}: {why}", "en"),)) for name, why in one["left_out"].items()
        ]
    looked = at(one["looked"], language) or tell(language, "not known")
    age = tell(language, "{count} minutes ago", count=(one["looked_s_ago"] or 0) // _MINUTE_S)
    rows.append(Row(tell(language, "Looked at last"), (looked,), note=age if one["looked"] else ""))
    if one["failing"]:
        banners.append(Banner(tell(language, "The last look at the source failed."), tone="danger"))
        rows += [
            Row(tell(language, "Error"), (Text(each["error"], "en"), at(each["ended"], language)))
            for each in one["last_errors"][-1:]
        ]
    elif one["looked"] and one["looked_s_ago"] > _STALE_S:
        banners.append(Banner(tell(language, "It was not looked at for more than an hour."), tone="warn"))
    build = command("liaison index build --home", admin.place, "--source", one["source"])
    return Section(
        one["source"],
        banners=tuple(banners),
        rows=tuple(rows),
        actions=(_begin(one["source"], language),),
        commands=(Command(tell(language, "Build its key index anew:"), build),) if one["state"] != "ready" else (),
    )


def _begin(source: str, language: Language) -> Action:
    buttons = (
        Button(tell(language, "Show a masked sample"), "kind", JobKind.SAMPLE.value),
        Button(tell(language, "Check its mapping"), "kind", JobKind.CHECK.value),
    )
    return Action(f"{PATH}/jobs", buttons, (Hidden("source", source),))
