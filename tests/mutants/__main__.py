"""`python -m tests.mutants` (`make mutants`): each mistake must make a test fail; 1 when one survives or is broken."""

from __future__ import annotations

import argparse
import json
import resource
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from tests.mutants.rows import chosen, rows
from tests.mutants.run import BROKEN, HUNG, KILLED, SURVIVED, Outcome, Runs

_REMEDY = {
    SURVIVED: "write the test that sees it, in a file that its row names",
    BROKEN: "no test told anything: mend the row, or the tests that fail without it",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the mistakes; return 1 when one survives or is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="words of a name or of a file: only those mistakes")
    parser.add_argument("--list", action="store_true", help="print the mistakes and their tests, and run nothing")
    parser.add_argument("--json", action="store_true", help="print what came of each as one JSON document")
    parser.add_argument("--fresh", action="store_true", help="run what is known already as well")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once (2)")
    given = parser.parse_args(arguments)
    mutants = chosen(given.names, rows())
    if not mutants:
        print(f"no mistake has {' or '.join(given.names)} in its name or file", file=sys.stderr)
        return 2
    if given.list:
        for mutant in mutants:
            print(f"{mutant.name}\n    {mutant.file}: {' '.join(mutant.tests)}")
        return 0
    outcomes = []
    for outcome in Runs(mutants, jobs=given.jobs, fresh=given.fresh).outcomes():
        outcomes.append(outcome)
        if not given.json:
            print(f"{len(outcomes):3}/{len(mutants)}  {_line(outcome)}", flush=True)
    wrong = [outcome for outcome in outcomes if outcome.verdict in _REMEDY]
    if given.json:
        print(json.dumps({"ok": not wrong, "mutants": [asdict(outcome) for outcome in outcomes]}, indent=2))
    else:
        print(_table(outcomes, wrong))
    return int(bool(wrong))


def _line(outcome: Outcome) -> str:
    taken = "  known" if outcome.kept else f"{outcome.seconds:5.1f} s"
    return f"{outcome.verdict:8}  {taken}  {outcome.name}"


def _table(outcomes: Sequence[Outcome], wrong: Sequence[Outcome]) -> str:
    counts = Counter(outcome.verdict for outcome in outcomes)
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = ["", *(f"{verdict:10}{counts[verdict]:4}" for verdict in (KILLED, HUNG, SURVIVED, BROKEN))]
    lines.append(f"{'CPU':10}{cpu.ru_utime + cpu.ru_stime:4.0f} s")
    for outcome in wrong:
        lines += ["", f"{outcome.verdict}: {outcome.name}", f"  {outcome.detail}", f"  {_REMEDY[outcome.verdict]}"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
