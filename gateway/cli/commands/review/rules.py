"""`liaison review rules`: the rules over the own log that hold in a home, read from its files."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import home_option
from gateway.cli.output import Output, printed
from gateway.cli.speech import spoken
from gateway.config import load_settings
from gateway.config.home import Home
from gateway.desk.oversight.rules import read_rules
from gateway.views.desk.reviews import rules_lines


@click.command()
@home_option
@printed
def rules(home: Path) -> Output:
    """The rules over the own log that hold, read from the package and from oversight/ of the home.

    \b
    Example:
      liaison review rules --home th

    Exit code 1, with file and line, for a mistake in oversight/rules.toml or oversight/listed.csv.
    """
    found = read_rules(Home(home).oversight, load_settings(home).node.member)
    plain = {
        "rules": [
            {"id": rule.id, "title": rule.title, "same": rule.same, "count": rule.count, "hours": rule.hours}
            for rule in found.rules
        ],
        "listed": len(found.listed),
    }
    return Output(plain, rules_lines(plain, spoken()))
