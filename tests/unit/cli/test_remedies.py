"""Every command that the program or its guides tell somebody to give exists, with the options that it is given."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import click
import pytest

from gateway.cli.main import liaison
from tests.support.shared import PROJECT

FOLDERS = ("gateway", "adapters", "bridges", "policy", "certs")
_TOLD = re.compile(r"`liaison ([^`]+)`")
_BARE = re.compile(r"(?:^|[:;(] ?|\n)(?:\$ )?liaison ((?:[a-z-]+)(?: [^\n;`()]*)?)")
_WORD = re.compile(r"[a-z][a-z-]*")
_OPTION = re.compile(r"(?<!\S)(--[a-z][a-z-]*)")
_LOG = re.compile(r"liaison_|liaison\.")


def _texts(tree: ast.AST) -> Iterator[str]:
    """Yield the texts of a module that are no docstrings; a value in an f-string is shown as `…`."""
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)  # type: ignore[misc]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (docs | parts):
            yield node.value


def _of_the_program() -> list[tuple[str, str]]:
    found = []
    for folder in FOLDERS:
        for path in sorted((PROJECT / folder).rglob("*.py")):
            for text in _texts(ast.parse(path.read_text(encoding="utf-8"))):
                told = _TOLD.findall(text) or (_BARE.findall(text) if text.startswith("liaison ") else [])
                found += [(str(path.relative_to(PROJECT)), command) for command in told]
    return found


def _of_the_guides() -> list[tuple[str, str]]:
    found = []
    pages = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
    for path in pages:
        if "decisions" in path.parts or path.name == "commands.md":
            continue
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        commands = [line.split(" #")[0] for line in re.findall(r"(?m)^(?:\$ )?liaison ([a-z-]+ .*)$", text)]
        found += [(str(path.relative_to(PROJECT)), command) for command in (*commands, *_TOLD.findall(text))]
    return found


def problem(command: str) -> str:
    """Return what a command line asks for that does not exist; empty when all of it does."""
    known: click.Command = liaison
    with click.Context(liaison) as context:
        for word in command.split():
            if not isinstance(known, click.Group) or word.startswith(("-", "…")):
                break
            if not _WORD.fullmatch(word):
                break
            child = known.get_command(context, word)
            if child is None:
                return f"no command `{word}`"
            known = child
    options = {name for option in known.params for name in (*option.opts, *option.secondary_opts)} | {
        "--help",
        "--version",
    }
    missing = [name for name in _OPTION.findall(command) if name not in options]
    return f"no option {', '.join(missing)}" if missing else ""


def test_every_remedy_is_a_command_that_exists() -> None:
    found = _of_the_program()
    assert len(found) > 100
    wrong = {(place, command): problem(command) for place, command in found if problem(command)}
    assert wrong == {}


def test_every_command_of_the_guides_exists() -> None:
    wrong = {(place, command): problem(command) for place, command in _of_the_guides() if problem(command)}
    assert wrong == {}


@pytest.mark.parametrize("command", ["reolad --home th", "trust pubish", "doctor --hom th", "audit show --knd x"])
def test_a_command_that_does_not_exist_is_found(command: str) -> None:
    assert problem(command)
