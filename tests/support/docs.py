"""Write `docs/commands.md` from the program's own help; `make docs` runs it, a test compares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from gateway.cli.main import liaison
from tests.support import mapping_docs, operation_pages
from tests.support.record_pages import pages
from tests.support.shared import PROJECT

COMMANDS_PAGE = PROJECT / "docs" / "commands.md"
RECORD_PAGES = PROJECT / "docs" / "records"

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


def write_record_pages() -> None:
    """Write `docs/records`; pages of types that are gone are taken away."""
    RECORD_PAGES.mkdir(exist_ok=True)
    made = dict(pages())
    for old in RECORD_PAGES.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (RECORD_PAGES / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    mapping_docs.write()
    operation_pages.write()
    write_record_pages()
    COMMANDS_PAGE.write_text(commands_page(), encoding="utf-8")
