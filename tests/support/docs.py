"""The pages of commands and upgrades and the OpenAPI document, as the program makes them (`make generated`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from gateway.agency.api import application
from gateway.agency.bodies.openapi import document_text
from gateway.agency.calls.parts import AgencyParts, RefusedCall
from gateway.agency.officer_tokens.tokens import OfficerTokens
from gateway.cli.main import liaison
from gateway.clock import SystemClock
from gateway.telemetry import Counters
from gateway.trust.documents.statement_versions import READ, READ_BY_DEFAULT
from tests.support.rest import StoredSearches
from tests.support.shared import PROJECT

COMMANDS_PAGE = PROJECT / "docs" / "commands.md"
OPENAPI = PROJECT / "docs" / "openapi.json"
RECORD_PAGES = PROJECT / "docs" / "records"
UPGRADE_PAGE = PROJECT / "docs" / "upgrade.md"
_STATEMENTS, _END = "<!-- statements: made by `make docs` -->", "<!-- end of statements -->"

_HEAD = """\
# Commands

Made from `liaison --help` by `make docs`; a test fails when it differs from the program.
"""
_WIDTH = 100


def commands_page() -> str:
    """Return the page as it should be."""
    return "\n".join([_HEAD, *(_section(path, text) for path, text in _helps(liaison, ("liaison",), None))])


def _section(path: tuple[str, ...], text: str) -> str:
    return f"{'#' * (len(path) + 1)} {' '.join(path)}\n\n```\n{text.rstrip()}\n```\n"


def _helps(
    command: click.Command, path: tuple[str, ...], parent: click.Context | None
) -> Iterator[tuple[tuple[str, ...], str]]:
    settings: dict[str, Any] = {**command.context_settings, "terminal_width": _WIDTH, "max_content_width": _WIDTH}
    with click.Context(command, info_name=path[-1], parent=parent, **settings) as context:
        yield path, command.get_help(context)
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                if child := command.get_command(context, name):
                    yield from _helps(child, (*path, name), context)


def documented_parts() -> AgencyParts:
    """Return parts of an API that is described, and never called."""

    async def refused(_call: RefusedCall) -> None:
        return None

    async def members() -> dict[str, Any]:
        return {}

    return AgencyParts(
        member="th",
        searches=StoredSearches(),
        tokens=OfficerTokens("th", {}, SystemClock()),
        health=dict,
        members=members,
        refused=refused,
        broken=print,
        counters=Counters(),
    )


def openapi_text(year: int) -> str:
    """Return the OpenAPI document of the officers' API as a node serves it in `year`."""
    return document_text(application().openapi(), year)


def upgrade_page() -> str:
    """Return `docs/upgrade.md` with the table of statements as it should be."""
    before, _, rest = UPGRADE_PAGE.read_text(encoding="utf-8").partition(_STATEMENTS)
    after = rest.partition(_END)[2]
    rows = [
        f"| `{kind}` | {', '.join(map(str, read))} | {_listed(READ_BY_DEFAULT.get(kind))} |"
        for kind, read in READ.items()
    ]
    head = ["| statement | versions that are read | versions read by a member that names none |", "|---|---|---|"]
    return f"{before}{_STATEMENTS}\n{chr(10).join([*head, *rows])}\n{_END}{after}"


def _listed(versions: tuple[int, ...] | None) -> str:
    return ", ".join(map(str, versions)) if versions else "-"
