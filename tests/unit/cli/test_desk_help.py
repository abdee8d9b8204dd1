"""The help of each command of the desk shows an example, names the codes that it takes, and has `--json`."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from gateway.cli.commands.alert import alert_group
from gateway.cli.commands.desk import desk_group
from gateway.cli.commands.desk.ledger import correct, withdraw
from gateway.cli.commands.desk.steps import followup, request
from gateway.cli.options import Code
from gateway.desk.forms.catalogue import forms, topics
from gateway.model.desk.codes import AnswerReason, ChangeReason, LiftReason, NotExecuted, Objection
from tests.support.cli import Liaison
from tests.support.tables import table

LISTS: dict[str, dict[str, list[str]]] = {
    "alert lift": {"--reason": list(LiftReason)},
    "alert acknowledge": {"--reason": list(NotExecuted)},
    "desk decide": {"--code": list(AnswerReason)},
    "desk comply": {"--objection": list(Objection)},
    "desk change": {"--reason": list(ChangeReason)},
    "withdraw": {"--reason": list(ChangeReason)},
    "correct": {"--reason": list(ChangeReason)},
    "request": {"--topic": list(topics()), "--form": list(forms())},
}


def commands() -> Iterator[tuple[str, click.Command]]:
    """The commands of the desk by what is typed."""
    for group, found in (("desk", desk_group), ("alert", alert_group)):
        context = click.Context(found)
        for name in found.list_commands(context):
            command = found.get_command(context, name)
            assert command is not None
            yield f"{group} {name}", command
    yield from (("followup", followup), ("request", request), ("withdraw", withdraw), ("correct", correct))


COMMANDS = dict(commands())


@table("name", COMMANDS)
def test_each_command_has_an_example_json_and_words_for_its_options(name: str) -> None:
    command = COMMANDS[name]
    options = [one for one in command.params if isinstance(one, click.Option)]
    assert "--json" in {text for one in options for text in one.opts}
    assert command.help is not None
    assert "Example" in command.help
    assert f"liaison {name}" in command.help


@table("name", LISTS)
def test_the_help_names_the_codes_of_the_lists(name: str) -> None:
    command = COMMANDS[name]
    text = command.get_help(click.Context(command, terminal_width=1000, max_content_width=1000))
    for option, codes in LISTS[name].items():
        (found,) = [one for one in command.params if option in one.opts]
        assert isinstance(found.type, Code)
        assert list(found.type.choices) == codes
        for code in codes:
            assert code in text, (option, code)


def test_no_option_that_takes_a_code_hides_its_list() -> None:
    for name, command in COMMANDS.items():
        for one in command.params:
            if isinstance(one, click.Option) and ("code" in (one.help or "").lower() or one.metavar == "CODE"):
                assert isinstance(one.type, click.Choice), (name, one.opts)


@table(
    ("words", "option", "right"),
    [
        (("alert", "lift", "5f0c", "--reason", "because"), "--reason", "found"),
        (("desk", "comply", "w", "--objection", "no"), "--objection", "court-file"),
        (("desk", "decide", "w", "--answer", "REFUSED", "--reason", "r", "--code", "x"), "--code", "not-ours"),
        (("withdraw", "--record", "a/b", "--reason", "x"), "--reason", "wrong-person"),
        (("request", "--to", "vn", "--topic", "x"), "--topic", "vehicle"),
        (("request", "--to", "vn", "--form", "x"), "--form", "vehicle-request"),
    ],
)
def test_a_wrong_code_is_told_the_right_ones(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], option: str, right: str
) -> None:
    ran = Liaison(capsys)(*words, "--home", "nowhere", "--as", "th.o.1")
    assert ran.code == 2
    assert right in ran.err
    assert option in ran.err
