"""`liaison report check`, `publish` and `withdraw`, through the node's own REST API."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gateway.cli.inputs.bearers import Bearer, at_the_desk, attach_option
from gateway.cli.inputs.documents import json_object
from gateway.cli.inputs.handed import handed, names, option_of, options_of
from gateway.cli.options import FILE, TEXT, Word, together
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken
from gateway.model.handed.reports import WithdrawReport, WriteReport
from gateway.model.marking import Level
from gateway.records import codes
from gateway.views.desk.reports import draft_lines, own_lines

_LEVELS = Word([Level.OFFICIAL.value, Level.OPEN.value])
_written: Callable[..., Any] = together(
    option_of(WriteReport, "offence"),
    click.option("--method", default="", help="How it is done; here or in --fields."),
    click.option("--concealment", default="", help="How it is hidden."),
    click.option("--indicator", "indicators", multiple=True, type=TEXT, help="What can be noticed; may be repeated."),
    click.option("--route", multiple=True, type=TEXT, metavar="PLACE",
                 help="A crossing point's id, a UN/LOCODE or a name; in order, repeated."),
    click.option("--price", default="", help="What is paid."),
    click.option("--period", default="", metavar="MONTHS", help="When: 2026, 2026-03 or 2026-03/2026-05."),
    click.option("--fields", "file", type=FILE, help="More fields of the record type ModusOperandiReport (JSON)."),
    option_of(WriteReport, "lang", required=False, default="en", show_default=True, metavar="LANGUAGE"),
    option_of(WriteReport, "level", type=_LEVELS),
    option_of(WriteReport, "purpose", required=False, default="INVESTIGATION", show_default=True),
    option_of(WriteReport, "case", required=True),
    option_of(WriteReport, "to", default="", metavar="M,M"),
    option_of(WriteReport, "until"),
)  # fmt: skip


@click.command()
@at_the_desk
@_written
@printed
def check(bearer: Bearer, **given: Any) -> Output:
    """Look for persons in a report, and say who would get it and who would not; no report is written.

    Each place is told: numbers of persons, documents, phones, accounts and plates, in any figures and however they are
    split, and names of persons in our own sources, as far as you may learn of them. That is a question: it takes a
    case, and an entry tells of it.

    \b
    Example:
      liaison report check --home th --as th.o.1042 --offence NARC --case C-2026-88 --lang th \\
              --method "ซ่อนใต้พื้นรถ" --route mae-sai.tachilek
    """
    found = bearer.call("POST", "reports/check", _body(**given))
    return Output(found, draft_lines(found, spoken()), 1 if found["traces"] else 0)


@click.command()
@at_the_desk
@_written
@attach_option
@click.option("--idempotency-key", default="", help="The same key returns the first report.")
@printed
def publish(bearer: Bearer, files: tuple[Path, ...], idempotency_key: str, **given: Any) -> Output:
    """Write a report: it is sent once another person has approved it (`liaison desk approve`).

    It goes to all countries with an agreement about reports, and says which do not get it and why. One that may
    tell who a person is is not written: `liaison report check` shows each place.

    \b
    Examples:
      liaison report publish --home th --as th.o.1042 --offence NARC --case C-2026-88 --lang en \\
              --method "tablets under the false floor of pick-up trucks" --indicator "new welds under the bed" \\
              --route mae-sai.tachilek --route "เชียงราย" --price "1,500,000 baht a load" --period 2026-03/2026-05
      liaison report publish --home th --as th.o.1042 --offence PREC --case C-2026-91 --lang en \\
              --fields method.json --to la,vn
    """
    found = bearer.call("POST", "reports", _body(**given) | bearer.attached(files), key=idempotency_key)
    return Output(found, own_lines(found, spoken()))


@click.command()
@click.argument("report", metavar="REPORT", type=TEXT)
@at_the_desk
@options_of(WithdrawReport)
@printed
def withdraw(bearer: Bearer, report: str, **given: Any) -> Output:
    """Withdraw a report: it is gone at every counterpart as soon as that takes the word of it.

    \b
    Example:
      liaison report withdraw 5f0c… --home th --as th.o.1042 --reason outdated
    """
    found = bearer.call("POST", f"reports/{quote(report, safe='')}/withdraw", handed(given))
    return Output(found, own_lines(found, spoken()))


def _body(file: Path | None, indicators: tuple[str, ...], route: tuple[str, ...], to: str, **given: Any) -> Any:
    fields = json_object("--fields", file)
    said = {name: given.pop(name) for name in ("method", "concealment", "price", "period")}
    said |= {"indicators": list(indicators), "route": [_place(text) for text in route]}
    fields |= {name: value for name, value in said.items() if value}
    return handed(given | {"fields": fields, "to": names(to)})


def _place(text: str) -> Any:
    if text in codes.crossing_points():
        return {"crossing": text}
    return {"unlocode": text} if text in codes.unlocodes() else {"name": text}
