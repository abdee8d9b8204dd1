"""Every command that the program or its guides tell somebody to give exists, with the options that it is given.

At the command line each error tells one, or a file or setting, and nothing of the REST API.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.core import ParameterSource

import gateway.errors
from gateway.agency.bodies.problems import problem as rest_problem
from gateway.cli import remedies
from gateway.cli.client import _refusal
from gateway.cli.main import liaison
from gateway.cli.output import print_json, say, show_error
from gateway.cli.remedies import advice
from gateway.cli.speech import Speech
from gateway.errors import (
    Forbidden,
    HeadConflict,
    LiaisonError,
    Malformed,
    Reason,
    Refused,
    SeveralMistakes,
    Unauthenticated,
)
from gateway.language.languages import Language
from gateway.language.refusals import REFUSALS
from tests.support.cli import Liaison
from tests.support.remedies import TOLD, told_by_the_program
from tests.support.shared import PROJECT
from tests.support.tables import table
from tests.support.words import MAKES_ERRORS, called, errors, modules, templates_of, text_of

_WORD = re.compile(r"[a-z][a-z-]*")
_OPTION = re.compile(r"(?<!\S)(--[a-z][a-z-]*)")
_LOG = re.compile(r"liaison_|liaison\.")
_NAMED = re.compile(r"liaison((?: [a-z][a-z-]*)*(?: --[a-z-]+(?: HOME)?)*)")
_PLACE = re.compile(r"node\.toml|people/[a-z]+\.csv|docs/[a-z/-]+\.md")
_REST = re.compile(r"openapi|/v1/|REST|HTTP|[Aa]uthorization: |application/")


def _of_the_guides() -> list[tuple[str, str]]:
    found = []
    pages = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
    for path in pages:
        if "decisions" in path.parts or path.name == "commands.md":
            continue
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        commands = [line.split(" #")[0] for line in re.findall(r"(?m)^(?:\$ )?liaison ([a-z-]+ .*)$", text)]
        found += [(str(path.relative_to(PROJECT)), command) for command in (*commands, *TOLD.findall(text))]
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


@pytest.mark.long
def test_every_remedy_is_a_command_that_exists() -> None:
    found = told_by_the_program()
    assert len(found) > 100
    wrong = {(place, command): problem(command) for place, command in found if problem(command)}
    assert wrong == {}


def test_every_command_of_the_guides_exists() -> None:
    wrong = {(place, command): problem(command) for place, command in _of_the_guides() if problem(command)}
    assert wrong == {}


@table("command", ["reolad --home th", "trust pubish", "doctor --hom th", "audit show --knd x"])
def test_a_command_that_does_not_exist_is_found(command: str) -> None:
    assert problem(command)


# ------------------------------------------------------------ what an error tells to do at the command line


def _every_error() -> Iterator[tuple[str, LiaisonError]]:
    """Yield each error that the code can make, with each code and each remedy that it can have, and its place."""
    for path, tree in modules(MAKES_ERRORS).items():
        for call, scope in errors(tree):
            kind, given = getattr(gateway.errors, called(call)), {each.arg: each.value for each in call.keywords}
            if kind is SeveralMistakes:
                continue
            codes, own = (
                {text_of(each) for each in templates_of(given.get(name), scope, tree)} or {""}
                for name in ("code", "remedy")
            )
            size = {"size": 1} if kind is HeadConflict else {}
            for code in sorted(codes):
                yield from ((f"{path}:{call.lineno}", kind("wrong", code=code, remedy=one, **size)) for one in own)


def _at(*words: str) -> Speech:
    """Return the speech of a run of a command."""
    context, known = click.Context(liaison, info_name="liaison"), liaison
    for word in words:
        known = known.get_command(context, word)  # type: ignore[assignment]
        context = click.Context(known, parent=context, info_name=word)
    return Speech(context=context)


def _wrong(said: str) -> str:
    """Return why a general remedy is none: it names no command, file or setting, or one that does not exist."""
    commands = [command for command in _NAMED.findall(said) if command]
    places = _PLACE.findall(said)
    missing = [place for place in places if place.startswith("docs/") and not (PROJECT / place).exists()]
    if missing or not (commands or places):
        return f"nothing that exists: {said}"
    return next(filter(None, (problem(command.strip()) for command in commands)), "")


@pytest.mark.long
def test_each_error_has_a_remedy_at_the_command_line_and_none_of_the_rest_api() -> None:
    speech, seen = _at("desk", "list"), 0
    for place, error in _every_error():
        said = advice(error, speech)
        assert said, place
        assert not _REST.search(said), place
        if said != error.remedy:
            seen += 1
            assert _wrong(said) == "", (place, error.code)
    assert seen > 1_000


@table("reason", list(Reason))
def test_a_code_that_a_node_of_another_version_gives_has_a_remedy_too(reason: Reason) -> None:
    error = _refusal({"code": "of-later", "reason": reason.value, "detail": "no", "remedy": "see /openapi.json"})
    assert _wrong(advice(error, _at("request"))) == ""


@pytest.mark.long
def test_no_general_remedy_is_for_a_code_that_nothing_gives() -> None:
    given = {error.code for _, error in _every_error()} | set(REFUSALS)
    assert {*remedies._OF_CODES, *remedies._LISTINGS} - given == set()
    told = {*remedies._OF_CODES.values(), *remedies._OF_REASONS.values(), "listed", "evidence"}
    assert told == set(remedies._SENTENCES)


def test_each_face_tells_its_own_remedy_of_what_does_not_parse() -> None:
    for language in Language:
        answer = rest_problem(Malformed("string should have at most 2 characters", code="bad-ask"), language)
        told = json.loads(bytes(answer.body))
        assert "/openapi.json" in told["remedy"]
        speech = _at("request")
        speech.language = language
        said = advice(_refusal(told), speech)
        assert "liaison request --help" in said
        assert not _REST.search(said)


def test_a_remedy_of_its_own_is_told_by_both_faces() -> None:
    token = Unauthenticated("no officer token", code="no-token", remedy="send `Authorization: Bearer <token>`")
    assert "--token" in advice(token, _at("request"))
    error = Forbidden("no", code="own-approval", remedy="liaison desk phone")
    told = json.loads(bytes(rest_problem(error, Language.EN).body))
    assert told["remedy"] == advice(error, _at("request")) == advice(_refusal(told), _at("request"))


def test_the_command_and_the_home_of_the_run_stand_in_the_remedy(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "document.json").write_text("[]")
    ran = Liaison(capsys)("act", "bring", tmp_path / "document.json", "--home", tmp_path / "a b", "--json")
    assert "remedy" in ran.value["error"]
    speech = _at("audit", "debt")
    assert speech.context is not None
    speech.context.params["home"] = tmp_path / "a b"
    assert advice(Refused("x"), speech).endswith(f"liaison doctor --home '{tmp_path / 'a b'}'")
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "source.toml").touch()
    assert "liaison source check --home" in advice(Refused("x"), speech)


def test_wrong_usage_has_a_remedy_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert Liaison(capsys)("desk", "list", "--json").value["error"]["remedy"] == "liaison desk list --help"


@table(
    ("line", "told"),
    [
        ("  liaison desk approve approve.kh.5f", "  liaison desk approve --home {home} approve.kh.5f"),
        ("look: `liaison desk list`, then ask", "look: `liaison desk list --home {home}`, then ask"),
        (
            "liaison trust show; liaison doctor --home OTHER",
            "liaison trust show --home {home}; liaison doctor --home OTHER",
        ),
        ("what it takes: liaison desk list --help", "what it takes: liaison desk list --help"),
        ("see `liaison desk` and `liaison source status`", "see `liaison desk` and `liaison source status`"),
        ("sign it: liaison act sign FILE --key THEIR.key", "sign it: liaison act sign FILE --key THEIR.key"),
        ("liaison no such thing", "liaison no such thing"),
        ("then: liaison act bring FILE --home HOME", "then: liaison act bring FILE --home {home}"),
        ("`liaison doctor --home …`; or wait", "`liaison doctor --home {home}`; or wait"),
        (
            "at each other: liaison trust import FILE --home THEIRS",
            "at each other: liaison trust import FILE --home THEIRS",
        ),
    ],
)
def test_a_command_that_is_told_carries_the_home_that_was_given_to_the_one_that_tells_it(
    line: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "a home"
    root = click.Context(liaison, info_name="liaison", obj=Speech())
    leaf = liaison.get_command(root, "request")
    assert leaf is not None
    context = click.Context(leaf, root, "request", obj=root.obj)
    context.params, root.obj.context = {"home": home}, context
    for source, expected in (
        (ParameterSource.COMMANDLINE, told.format(home=f"'{home}'")),
        (ParameterSource.ENVIRONMENT, line),
    ):
        context.set_parameter_source("home", source)
        with context:
            say(line)
            assert capsys.readouterr().out == f"{expected}\n"
            print_json({"hits": [{"next": line, "reason": line}]})
        told_in_json = json.loads(capsys.readouterr().out)["hits"]
        assert told_in_json == [{"next": expected, "reason": line}], "what somebody wrote stays as it is"
        show_error(Unauthenticated("no", remedy=line), root.obj, as_json=False)
        assert f"remedy: {expected.strip()}" in capsys.readouterr().err.replace("remedy:   ", "remedy: ")


def exact_modules() -> Iterator[Path]:
    """Modules of which some lines hold what somebody wrote."""
    for path in sorted((PROJECT / "gateway").rglob("*.py")):
        if re.search(r"^@exact$", path.read_text(encoding="utf-8"), re.MULTILINE):
            yield path


@pytest.mark.parametrize(
    "path", list(exact_modules()), ids=lambda path: path.relative_to(PROJECT / "gateway").as_posix()
)
def test_a_command_that_is_told_beside_what_somebody_wrote_is_told_as_ours(path: Path) -> None:
    """Lines that are printed as they are get no home; so a command is a line of its own there."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lines = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef) and each.name.endswith("_lines")]
    parts = [part for function in lines for part in ast.walk(function)]
    ours = {id(part) for call in parts if _named(call, "Next") for part in ast.walk(call)}
    told = [
        part.lineno
        for part in parts
        if isinstance(part, ast.Call | ast.Constant)
        and id(part) not in ours
        and (_named(part, "sign_command", "bring_command") or _tells(getattr(part, "value", None)))
    ]
    assert lines
    assert not told, "put it into Next(…)"


def _named(node: ast.AST, *names: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def _tells(value: object) -> bool:
    return isinstance(value, str) and re.search(r"(?<![\w/-])liaison [a-z]|\{command\}", value) is not None
