"""`python -m bridges.wco`: the annex of customs data elements, and an agency's own records under its headings."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from bridges.command import parser, run
from bridges.wco.annex import write_annex, write_rows
from gateway.errors import Misused

_EXAMPLES = """\
  # which data element each field is
  python -m bridges.wco annex > annex.csv

  # the agency's own seizures, one JSON object in a line, as a table
  python -m bridges.wco rows --type Seizure seizures.jsonl --out seizures.csv
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command, and return its exit code."""
    options = _parser().parse_args(arguments)
    return run(options.command, options)


def _parser() -> argparse.ArgumentParser:
    whole = parser(
        "bridges.wco",
        "The annex that maps consignments and seizures to data elements of the WCO Data Model, and an agency's own "
        "records as CSV under its headings. It reads a file and no node: such records do not leave by a bridge.",
        _EXAMPLES,
    )
    commands = whole.add_subparsers(required=True, metavar="annex | rows")
    annex = commands.add_parser("annex", help="write the annex as CSV", allow_abbrev=False)
    annex.set_defaults(command=_annex)
    rows = commands.add_parser("rows", help="write an agency's own records as CSV", allow_abbrev=False)
    rows.add_argument("file", type=Path, help="the records, one JSON object of fields in a line")
    rows.add_argument("--type", required=True, choices=["Consignment", "Seizure"])
    rows.set_defaults(command=_rows)
    for one in (annex, rows):
        one.add_argument("--out", type=Path, metavar="FILE", help="where to write it; to the terminal otherwise")
    return whole


def _annex(options: argparse.Namespace) -> None:
    _write(options.out, write_annex)


def _rows(options: argparse.Namespace) -> None:
    try:
        with options.file.open(encoding="utf-8") as lines:
            _write(options.out, lambda out: write_rows(options.type, iter(lines), out))
    except (OSError, UnicodeDecodeError) as error:
        raise Misused("`{file}` cannot be read or written", file=options.file.name) from error


def _write(file: Path | None, write: Callable[[TextIO], object]) -> None:
    if file is None:
        write(sys.stdout)
        return
    # With the mark of UTF-8: spreadsheets take a file without it for another encoding.
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        write(out)


if __name__ == "__main__":
    sys.exit(main())
