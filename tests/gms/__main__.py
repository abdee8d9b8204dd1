"""`python -m tests.gms` (`make gms`): prints a table with what was done and measured; 1 when a part has failed."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.gms.run import Plan, Row, play

_WIDTH = 52


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the region; return 1 when a part has failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.gms", description=__doc__)
    parser.add_argument(
        "--searches",
        type=int,
        default=Plan().searches,
        help="searches in each state of the region; of fewer than 200, p95 is that of the first officers",
    )
    parser.add_argument("--json", action="store_true", help="print what was seen as one JSON document")
    given = parser.parse_args(arguments)
    rows = asyncio.run(_played(Plan(searches=given.searches), quiet=given.json))
    failed = [row for row in rows if not row.good]
    if given.json:
        print(json.dumps({"ok": not failed, "rows": [asdict(row) for row in rows]}, indent=2))
    else:
        print(f"{len(rows) - len(failed)} of {len(rows)} passed")
    return int(bool(failed))


async def _played(plan: Plan, *, quiet: bool) -> list[Row]:
    rows = []
    with tempfile.TemporaryDirectory(prefix="liaison-gms-") as folder:
        async for row in play(Path(folder), plan):
            rows.append(row)
            if not quiet:
                print(line(row), flush=True)
    return rows


def line(row: Row) -> str:
    """Return a row of the table for a reader."""
    detail = f"\n      {row.detail}" if row.detail and not row.good else ""
    return f"{'pass' if row.good else 'FAIL'}  {row.name:{_WIDTH}}  {row.figures}{detail}"


if __name__ == "__main__":
    sys.exit(main())
