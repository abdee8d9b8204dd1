"""`liaison desk holders`, `change` and `comply`, `liaison withdraw` and `correct`: an owner's control of copies."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from gateway.cli.inputs.bearers import Bearer, at_the_desk
from gateway.cli.inputs.handed import option_of, options_of
from gateway.cli.options import TEXT, together
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken
from gateway.model.desk.notices import ChangeCode
from gateway.model.handed.changes import ChangeCommand, Comply
from gateway.ops.desk.holders import MOST, PAGE, holders_of
from gateway.views.desk.holders import held_back_lines, holders_lines, told_lines
from gateway.views.desk.steps import stands_lines

_of_what = together(
    option_of(ChangeCommand, "record", metavar="R"),
    click.option("--copy", "copies", multiple=True, metavar="ID", help="One copy, by its id; may be repeated."),
    click.option("--given", default="", metavar="EXCHANGE", help="What one exchange or notice gave."),
    option_of(ChangeCommand, "holder"),
    option_of(ChangeCommand, "reason"),
    option_of(ChangeCommand, "text"),
    click.option("--idempotency-key", "key", default="", help="The same key tells no holder twice."),
)


@click.command()
@at_the_desk
@click.option("--record", default="", metavar="R", help="One record of ours: `source/key`.")
@click.option("--limit", default=PAGE, show_default=True, type=click.IntRange(1, MOST), help="Copies that are listed.")
@click.option("--after", default="", metavar="ID", help="Go on where the list before has ended; it names the ID.")
@printed
def holders(bearer: Bearer, record: str, limit: int, after: str) -> Output:
    """Who holds copies of our records, in which version, and how many changes are confirmed; no content.

    Without --as or --token the ledger is read in the home itself, whether its node runs or not. It is listed in parts,
    and each says how many copies are left.

    \b
    Examples:
      liaison desk holders --home kh
      liaison desk holders --home kh --limit 1000 --after 7d0f…
      liaison desk holders --home kh --record kh.customs.seizures/S-17 --json

    Exit code 0 when no confirmation is waited for, 1 while a holder has not confirmed.
    """
    if bearer.is_given:
        wanted: dict[str, Any] = {"record": record} if record else {"limit": limit, "after": after}
        found = bearer.call("GET", "holders", **wanted)
    else:
        found = holders_of(bearer.home, record, after, limit)
    return Output(found, holders_lines(found, spoken()), 1 if found["waited"] else 0)


@click.command()
@at_the_desk
@_of_what
@printed
def withdraw(bearer: Bearer, **given: Any) -> Output:
    """Withdraw what was given: each holder's node hides it as it takes the word of it, and erases it within 24 hours.

    It is not given again until its row in the source is another one, or a data officer lifts that (desk held-back).

    \b
    Example:
      liaison withdraw --home kh --as kh.p.1 --record kh.customs.seizures/S-17 --text "acquitted"
    """
    return _change(bearer, change=ChangeCode.WITHDRAWN.value, **given)


@click.command()
@at_the_desk
@_of_what
@printed
def correct(bearer: Bearer, **given: Any) -> Output:
    """Correct what was given: each holder gets the record as it stands now, in place of the copy that it has.

    Correct the agency's own row first; what is sent is what the source holds now.

    \b
    Example:
      liaison correct --home kh --as kh.p.1 --record kh.customs.seizures/S-17 --text "the weight was wrong"
    """
    return _change(bearer, change=ChangeCode.CORRECTED.value, **given)


@click.command()
@at_the_desk
@option_of(ChangeCommand, "change")
@_of_what
@option_of(ChangeCommand, "office", option="cut-office", metavar="OFFICE")
@printed
def change(bearer: Bearer, **given: Any) -> Output:
    """Contest, reclassify, correct or withdraw what was given, or cut an office off: every holder is told.

    \b
    Examples:
      liaison desk change --home kh --as kh.p.1 --change RECLASSIFIED --record kh.customs.seizures/S-17
      liaison desk change --home kh --as kh.p.1 --change CUT --holder th --cut-office th.blo.aranyaprathet \\
              --text "a leak is looked into"
    """
    return _change(bearer, **given)


@click.command("held-back")
@at_the_desk
@click.option("--lift", default="", metavar="R", help="Hold this record back no longer: `source/key`.")
@printed
def held_back(bearer: Bearer, lift: str) -> Output:
    """List what our agency withdrew and its source still has: it is given to nobody.

    It ends by itself when the row in the source is another one. A data officer lifts it where the row is right.

    \b
    Examples:
      liaison desk held-back --home kh --as kh.p.1
      liaison desk held-back --home kh --as kh.p.1 --lift kh.customs.seizures/S-17
    """
    body = {"record": lift}
    found = bearer.call("POST", "held-back/lift", body) if lift else bearer.call("GET", "held-back")
    return Output(found, held_back_lines(found, spoken(), lifted=bool(lift)))


@click.command()
@click.argument("work", metavar="WORK", type=TEXT)
@at_the_desk
@options_of(Comply)
@printed
def comply(bearer: Bearer, work: str, **given: str) -> Output:
    """Erase the copies that a change of another country is about and confirm it; or object to it.

    \b
    Examples:
      liaison desk comply comply.kh.5f0c… --home th --as th.p.1
      liaison desk comply comply.kh.5f0c… --home th --as th.p.1 --objection court-file --text "before the court"
    """
    found = bearer.call("POST", f"work/{quote(work, safe='')}/comply", given)
    return Output(found, stands_lines(found, spoken()))


def _change(bearer: Bearer, copies: tuple[str, ...], given: str, key: str, **more: str) -> Output:
    body: dict[str, Any] = {"records": list(copies), "source": given, **more}
    found = bearer.call("POST", "changes", body, key=key)
    return Output(found, told_lines(found, spoken()))
