"""`liaison policy mutants`: find mistakes that no case notices."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FOLDER, json_option
from gateway.cli.output import print_result, working
from gateway.ops.policy.folders import national_folders
from policy.review.mutants import read_country, survivors


@click.command()
@click.argument("folder", type=FOLDER)
@json_option
def mutants(folder: Path, as_json: bool) -> int:
    """Put one mistake after another into each policy; exit code 1 when one is noticed by no case.

    \b
    Example:
      liaison policy mutants policy
    """
    with working("making mistakes"):
        alive, made = survivors([read_country(place, whose) for place, whose in national_folders(folder, None)])
    lines = [(f"{one.name}: {one.change}", "bad") for one in alive]
    lines.append((f"{made - len(alive)} of {made} mistakes are noticed by a case", "bad" if alive else "good"))
    about = {"made": made, "survived": [{"policy": one.name, "change": one.change} for one in alive]}
    print_result(about, lines, as_json=as_json)
    return int(bool(alive))
