"""`liaison operation open`, `invite` and `seal`, through the node's own REST API."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from gateway.cli.inputs.bearers import Bearer, at_the_desk
from gateway.cli.inputs.handed import handed, option_of, options_of
from gateway.cli.options import TEXT, Code
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken, usage
from gateway.desk.forms.catalogue import templates
from gateway.model.handed.operations import OpenRoom, SealRoom
from gateway.views.operations.lines import operation_lines

_operation = click.argument("operation", metavar="OPERATION", type=TEXT)
_to = click.option(
    "--to", default="", metavar="M,M", help="Who takes part: la,vn, or offices such as la.blo.houay-xai."
)
_observer = click.option("--observer", default="", metavar="M,M", help="Who only reads, written in the same way.")


@click.command("open")
@at_the_desk
@_to
@_observer
@option_of(OpenRoom, "title")
@option_of(OpenRoom, "template", type=Code(list(templates())))
@options_of(OpenRoom, leave=("to", "title", "template"))
@click.option("--idempotency-key", default="", help="The same key returns the first operation.")
@printed
def open_operation(bearer: Bearer, to: str, observer: str, idempotency_key: str, **given: Any) -> Output:
    """Open an operation: its members are invited once another person has approved it (`liaison desk approve`).

    \b
    Examples:
      liaison operation open --home th --as th.o.1042 --to la,vn --title "Mekong night" --end "2026-12-20 00:00" \\
              --template joint-operation --purpose INVESTIGATION --offence NARC --case TH-2026-17
      liaison operation open --home th --as th.o.1042 --to vn.blo.moc-bai --observer kh --title "Moc Bai" \\
              --end "2026-12-20 00:00" --purpose INVESTIGATION --offence TIP --case TH-2026-18
    """
    body = handed(given | {"to": _invited(to, observer)})
    found = bearer.call("POST", "operations", body, key=idempotency_key)
    return Output(found, operation_lines(found, spoken()))


@click.command()
@_operation
@at_the_desk
@_to
@_observer
@printed
def invite(bearer: Bearer, operation: str, to: str, observer: str) -> Output:
    """Invite more countries into an operation of ours, once another person has approved it (`liaison desk approve`).

    They read what was written before.

    \b
    Example:
      liaison operation invite th.5f0c… --home th --as th.o.1042 --to kh
    """
    found = bearer.call("POST", f"operations/{quote(operation, safe='')}/invite", {"to": _invited(to, observer)})
    return Output(found, operation_lines(found, spoken()))


@click.command()
@_operation
@at_the_desk
@options_of(SealRoom)
@printed
def seal(bearer: Bearer, operation: str, **given: Any) -> Output:
    """End an operation of ours: all its members only read it from now on.

    \b
    Example:
      liaison operation seal th.5f0c… --home th --as th.o.1042 --text "three arrests, 12 kg"
    """
    found = bearer.call("POST", f"operations/{quote(operation, safe='')}/seal", handed(given))
    return Output(found, operation_lines(found, spoken()))


def _invited(to: str, observer: str) -> list[dict[str, Any]]:
    """Return the members with their offices and roles. Raises `UsageError` where none is named."""
    found: list[dict[str, Any]] = []
    for names, role in ((to, "PARTNER"), (observer, "OBSERVER")):
        offices: dict[str, list[str]] = {}
        for name in (part.strip() for part in names.split(",") if part.strip()):
            offices.setdefault(name.partition(".")[0], []).extend([name] if "." in name else [])
        found += [{"member": member, "offices": some, "role": role} for member, some in offices.items()]
    if not found:
        raise usage("--to is empty: name the members to ask, such as la,vn")
    return found
