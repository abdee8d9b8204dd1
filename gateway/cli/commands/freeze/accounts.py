"""`liaison freeze ask`, `list`, `show` and `lift`, through the node's own REST API."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from gateway.cli.inputs.bearers import Bearer, at_the_desk
from gateway.cli.inputs.handed import handed, options_of
from gateway.cli.options import TEXT, page_options
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken
from gateway.model.handed.freezes import AskFreeze, LiftFreeze
from gateway.views.desk.freezes import freeze_lines, freezes_lines
from gateway.views.desk.lines import paged_lines

_freeze = click.argument("freeze", metavar="FREEZE", type=TEXT)


@click.command()
@click.argument("person", metavar="PERSON", type=TEXT)
@at_the_desk
@options_of(AskFreeze, leave=("person",))
@click.option("--idempotency-key", default="", help="The same key asks once.")
@printed
def ask(bearer: Bearer, idempotency_key: str, **given: Any) -> Output:
    """Ask that the account of a person is frozen. It counts once another person has approved it.

    \b
    Example:
      liaison freeze ask th.o.1042 --home th --as th.x.1 --work incident.th.5f0c… \\
              --reason "asked for his family without a case"
    """
    found = bearer.call("POST", "freezes", handed(given), key=idempotency_key)
    return Output(found, freeze_lines(found, spoken()))


@click.command("list")
@at_the_desk
@click.option("--over", is_flag=True, help="Those that are free again or were declined, as well.")
@page_options
@printed
def list_freezes(bearer: Bearer, over: bool, limit: int, after: str) -> Output:
    """Accounts that are frozen, or are to be. Each look is an entry of the log.

    \b
    Example:
      liaison freeze list --home th --as th.x.1
    """
    found = bearer.call("GET", "freezes", over=over, limit=limit, after=after)
    return Output(found, paged_lines(freezes_lines(found["freezes"], spoken()), found["next"], spoken()))


@click.command()
@_freeze
@at_the_desk
@printed
def show(bearer: Bearer, freeze: str) -> Output:
    """The freezing of one account: who asked for it and why, who approved it. Each look is an entry of the log.

    \b
    Example:
      liaison freeze show 5f0c… --home th --as th.n.3
    """
    found = bearer.call("GET", f"freezes/{quote(freeze, safe='')}")
    return Output(found, freeze_lines(found, spoken()))


@click.command()
@_freeze
@at_the_desk
@options_of(LiftFreeze)
@printed
def lift(bearer: Bearer, freeze: str, **given: Any) -> Output:
    """Ask that an account is free again. It stays frozen until another person has approved it.

    \b
    Example:
      liaison freeze lift 5f0c… --home th --as th.x.1 --reason "explained: a joint operation"
    """
    found = bearer.call("POST", f"freezes/{quote(freeze, safe='')}/lift", handed(given))
    return Output(found, freeze_lines(found, spoken()))
