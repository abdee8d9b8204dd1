"""`liaison operation join`, `leave`, `note` and `outcome`, through the node's own REST API."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from gateway.cli.commands.desk.steps import outcome_options
from gateway.cli.inputs.bearers import Bearer, at_the_desk
from gateway.cli.inputs.handed import handed, option_of, options_of
from gateway.cli.options import TEXT, Code
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken, usage
from gateway.language.languages import Language
from gateway.model.handed.operations import RoomWords, WriteEntry
from gateway.views.operations.lines import operation_lines

_operation = click.argument("operation", metavar="OPERATION", type=TEXT)


@click.command()
@_operation
@at_the_desk
@printed
def join(bearer: Bearer, operation: str) -> Output:
    """Join an operation of another country: you read what is written in it, and write into it.

    \b
    Example:
      liaison operation join th.5f0c… --home vn --as vn.n.2
    """
    return _done(bearer, operation, "join")


@click.command()
@_operation
@at_the_desk
@options_of(RoomWords)
@printed
def leave(bearer: Bearer, operation: str, **given: Any) -> Output:
    """Leave an operation of another country for good, joined or not.

    \b
    Example:
      liaison operation leave th.5f0c… --home vn --as vn.n.2 --text "no unit is free"
    """
    return _done(bearer, operation, "leave", handed(given))


@click.command()
@_operation
@at_the_desk
@option_of(WriteEntry, "text")
@click.option("--value", "values", multiple=True, metavar="FIELD=VALUE", help="A value of the form; may be repeated.")
@click.option("--in", "language", type=Code(list(Language)), help="The language of the words; by default yours.")
@click.option("--idempotency-key", "key", default="", help="The same key writes one entry.")
@printed
def note(bearer: Bearer, operation: str, text: str, values: tuple[str, ...], language: str | None, key: str) -> Output:
    """Write an entry for all members of an operation.

    \b
    Example:
      liaison operation note th.5f0c… --home vn --as vn.n.2 --text "a lorry was seen" --value what=sighting \\
              --value place="Moc Bai"
    """
    given = dict(map(_value, values))
    body = {"text": text, "language": language or spoken().value, "values": given}
    return _done(bearer, operation, "note", body, key)


@click.command()
@_operation
@at_the_desk
@outcome_options
@click.option("--idempotency-key", "key", default="", help="The same key writes one entry.")
@printed
def outcome(bearer: Bearer, operation: str, key: str, **given: Any) -> Output:
    """Write what came of an operation here: it stands in the table of results.

    \b
    Example:
      liaison operation outcome th.5f0c… --home vn --as vn.n.2 --outcome SEIZED --substance ketamine --grams 12000
    """
    return _done(bearer, operation, "outcome", handed(given), key)


def _done(bearer: Bearer, operation: str, act: str, body: Any = None, key: str = "") -> Output:
    found = bearer.call("POST", f"operations/{quote(operation, safe='')}/{act}", body, key=key)
    return Output(found, operation_lines(found, spoken()))


def _value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise usage("--value is FIELD=VALUE, such as what=sighting")
    return name.strip(), value.strip()
