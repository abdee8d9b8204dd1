"""`python -m tests.nightly` (`make nightly`): runs all parts of a night; 1 when one has failed or was not run."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from tests.nightly.parts import PARTS, Part
from tests.nightly.run import PASSED, Night, Result
from tests.support.optional import missing
from tests.support.shared import PROJECT

_INTERRUPTED = 130


def main(
    arguments: Sequence[str] | None = None, parts: Sequence[Part] = PARTS, folder: Path = PROJECT / "tmp" / "nightly"
) -> int:
    """Run the parts that are asked for; return 1 when one of them has failed or was not run."""
    parser = argparse.ArgumentParser(prog="python -m tests.nightly", description=__doc__)
    parser.add_argument("--list", action="store_true", help="print the parts, what each needs and how long it takes")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[], help="run these, also one that has failed")
    parser.add_argument("--fresh", action="store_true", help="run these or all anew, also what has passed")
    parser.add_argument("--json", action="store_true", help="print the list or the table as one JSON document")
    given = parser.parse_args(arguments)
    if unknown := set(given.only) - {part.name for part in parts}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; `--list` names all")
    chosen = [part for part in parts if not given.only or part.name in given.only]
    if given.list:
        print(json.dumps([asdict(part) for part in chosen], indent=2) if given.json else "\n".join(listed(chosen)))
        return 0
    # Set for SIGINT, too: what a shell starts in the background ignores it.
    previous = {each: signal.signal(each, signal.default_int_handler) for each in (signal.SIGINT, signal.SIGTERM)}
    night = Night(folder, PROJECT)
    results: list[Result] = []
    tell = partial(print, file=sys.stderr, flush=True)
    try:
        with night.opened([part.name for part in chosen] if given.fresh else []) as known:
            results += night.run(chosen, known, given.only, tell)
    except KeyboardInterrupt:
        tell("interrupted: the next call goes on here")
        return _INTERRUPTED
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
    print(json.dumps([asdict(row) for row in results], indent=2) if given.json else "\n".join(table(results)))
    return int(any(row.result != PASSED for row in results))


def listed(parts: Sequence[Part]) -> Iterator[str]:
    """Yield the lines of the list for a reader."""
    wide = max(len(part.name) for part in parts)
    for part in parts:
        yield f"{part.name:{wide}}  {part.minutes:3} min  {part.holds}"
        yield f"{'':{wide}}           {shlex.join(part.command)}"
        if part.needs:
            lacking = missing(part.needs)
            yield f"{'':{wide}}           needs {', '.join(part.needs)}{'; ' if lacking else ''}{lacking}"
    yield f"{len(parts)} parts, about {sum(part.minutes for part in parts) / 60:.1f} hours"


def table(results: Sequence[Result]) -> Iterator[str]:
    """Yield the lines of the table for a reader."""
    wide = max(len(row.name) for row in results)
    yield f"{'part':{wide}}  {'result':8}  minutes  log"
    for row in results:
        yield f"{row.name:{wide}}  {row.result:8}  {row.minutes:7.1f}  {row.log}{'  ' if row.why else ''}{row.why}"
    passed = sum(row.result == PASSED for row in results)
    yield f"{passed} of {len(results)} passed"


if __name__ == "__main__":
    sys.exit(main())
