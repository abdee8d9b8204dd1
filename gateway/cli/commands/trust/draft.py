"""`liaison trust draft`: a charter to be signed."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FILE, NEW_FILE, json_option
from gateway.cli.output import print_result
from gateway.config import argument
from gateway.ops.homes.trust_files import draft_charter
from gateway.views.lines.trust import signed_lines


@click.command()
@click.argument("cards", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--federation", default="", help="Its id; the first time only.")
@click.option("--threshold", required=True, type=click.IntRange(1), help="Authorities that must sign.")
@click.option("--previous", type=FILE, help="The charter that this one follows.")
@click.option("--days", default=365, show_default=True, type=click.IntRange(1, 366), help="Days that it is valid.")
@click.option("--out", required=True, type=NEW_FILE, help="Where the unsigned charter goes.")
@json_option
def draft(
    cards: tuple[Path, ...],
    federation: str,
    threshold: int,
    previous: Path | None,
    days: int,
    out: Path,
    as_json: bool,
) -> int:
    """Draft a charter from CARDS: authority folders, or the `member.json` that members hand in.

    \b
    Examples:
      liaison trust draft --federation gms --threshold 2 --out charter.json th-authority vn-authority kh-authority
      liaison trust draft --previous charter.jsonl --threshold 2 --out charter-2.json la-authority/member.json
    """
    about = draft_charter(cards, federation, threshold, days, previous, out)
    following = f"each authority signs it: liaison trust sign {argument(out)} --authority ADIR"
    print_result(about, [*signed_lines(about), following], as_json=as_json)
    return 0
