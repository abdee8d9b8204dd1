"""`liaison search show`: look again at a search that was asked, through the node's own REST API."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from gateway.cli.client import NodeClient
from gateway.cli.officers import trial_token
from gateway.cli.options import home_option, json_option, unlisted_officer
from gateway.cli.searches import remembered, show_search
from gateway.cli.speech import spoken
from gateway.config import load_settings
from gateway.model.purpose import Purpose

_ANY = Purpose.INVESTIGATION.value
"""A token names a purpose; to look at a search no certain one is needed."""


@click.command()
@click.argument("search_id", metavar="ID")
@home_option
@click.option("--as", "officer", required=True, metavar="OFFICER", help="The officer who asked.")
@click.option("--wait", is_flag=True, help="Stay until no late answer can come any more: a minute at most.")
@unlisted_officer
@json_option
def show(
    search_id: str, home: Path, officer: str, wait: bool, role: str, office: str, agency: str, as_json: bool
) -> int:
    """A search of this officer as it is now, with the answers that came late. It can be read for 48 hours.

    \b
    Examples:
      liaison search show 5f0c… --home th --as th.o.1042
      liaison search show 5f0c… --home th --as th.o.1042 --wait

    Exit code as that of `liaison ask`: 0 when every counterpart answered, 1 otherwise.
    """
    settings = load_settings(home)
    token = trial_token(settings, officer, role=role, office=office, agency=agency, purpose=_ANY)
    with NodeClient(settings, language=spoken()) as node:
        if not wait:
            return show_search(iter([node.get(search_id, token)]), settings.node.member, as_json=as_json)
        with remembered(search_id, home, officer), closing(node.follow(search_id, token)) as states:
            return show_search(states, settings.node.member, as_json=as_json, to_the_end=True)
