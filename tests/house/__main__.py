"""Print the figures of the house (`python -m tests.house`); exit code 1 where a rule is broken.

python -m tests.house                       every figure in a line
python -m tests.house pairs circles         some sections, with the list behind each figure
python -m tests.house field --field until_us
python -m tests.house --json                all of it, with the lists
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from tests.house import costs, docstrings, imports, journeys
from tests.house.names import confusing
from tests.house.tree import folders
from tests.support.citations import find_unresolved
from tests.support.words import missing_translations


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with what is counted, and the list behind it."""

    count: int
    name: str
    behind: Sequence[str] = ()


def _modules() -> Iterator[Figure]:
    for folder, names in folders().items():
        yield Figure(len(names), f"modules in {folder}", names)


def _docstrings() -> Iterator[Figure]:
    for word, count in docstrings.figures().most_common():
        yield Figure(count, f"docstrings of functions that are not plain: {word}")


def _citations() -> Iterator[Figure]:
    found = [str(each) for each in find_unresolved()]
    yield Figure(len(found), "citations that resolve nowhere in the repository", found)


def _languages() -> Iterator[Figure]:
    for language, count in missing_translations().items():
        yield Figure(count, f"sentences that {language} lacks, errors for administrators among them")


def _named(what: str, found: costs.Named) -> Iterator[Figure]:
    yield Figure(len(found.product), f"product files that name {what}", found.product)
    others = len(found.others)
    yield Figure(len(found.product) + others, f"all files that name {what}, {others} beside these", found.others)


def _fields(names: Sequence[str]) -> Iterator[Figure]:
    for name in names:
        yield from _named(f"the field {name}", costs.field(name))


def _notices() -> Iterator[Figure]:
    for kind in costs.NOTICES:
        yield from _named(f"the notice {kind}", costs.notice(kind))


def _questions() -> Iterator[Figure]:
    for kind in costs.QUESTIONS:
        yield from _named(f"the question {kind}", costs.question(kind))


def _pairs() -> Iterator[Figure]:
    found = imports.pairs()
    yield Figure(len(found), "pairs of folders that import each other")
    for one, other, lines in found:
        yield Figure(len(lines), f"imports of {other} in {one}, which it imports", [str(line) for line in lines])


def _circles() -> Iterator[Figure]:
    found = imports.circles()
    yield Figure(len(found), "circles of folders")
    for circle in found:
        lines = imports.upward(circle)
        yield Figure(len(circle), f"folders in the circle of {circle[0]}", circle)
        yield Figure(len(lines), "imports that close it", [str(line) for line in lines])


def _mirrors() -> Iterator[Figure]:
    found = costs.mirrors()
    behind = [
        f"{common} of {len(one.fields)} and {len(other.fields)}: {one.name} {one.place}, {other.name} {other.place}"
        for common, one, other in found
    ]
    yield Figure(len(found), "pairs of classes that mirror each other", behind)


def _journeys() -> Iterator[Figure]:
    for name, modules in journeys.run().items():
        yield Figure(len(modules), f"modules entered, {name}", modules)


def _sections(fields: Sequence[str]) -> Mapping[str, Callable[[], Iterator[Figure]]]:
    return {
        "modules": _modules,
        "docstrings": _docstrings,
        "citations": _citations,
        "languages": _languages,
        "field": lambda: _fields(fields),
        "notice": _notices,
        "question": _questions,
        "pairs": _pairs,
        "circles": _circles,
        "mirrors": _mirrors,
        "journeys": _journeys,
    }


def _broken() -> list[str]:
    """Return where a rule of the house is broken."""
    broken = [f"citation: {citation}" for citation in find_unresolved()]
    return broken + [f"forms of one verb: {pair}" for pair in confusing()]


def main(arguments: Sequence[str]) -> int:
    """Print the figures; return 1 where a rule is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.house", description="Measure the house.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"one of {', '.join(_sections(()))}")
    parser.add_argument("--field", action="append", help="the name of a field, in place of two of an alert")
    parser.add_argument("--json", action="store_true", help="write one JSON document, with all lists")
    parser.add_argument("--verbose", action="store_true", help="write the list behind each figure")
    chosen = parser.parse_args(arguments)
    sections = _sections(chosen.field or costs.FIELDS)
    if unknown := set(chosen.sections) - set(sections):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    found = {name: list(sections[name]()) for name in chosen.sections or sections}
    broken = [] if chosen.sections else _broken()
    command = " ".join(["python -m tests.house", *arguments])
    if chosen.json:
        shown = {name: [asdict(figure) for figure in figures] for name, figures in found.items()}
        sys.stdout.write(json.dumps({"command": command, "sections": shown, "broken": broken}, indent=1) + "\n")
        return int(bool(broken))
    sys.stdout.write(f"{command}\n")
    for name, figures in found.items():
        sys.stdout.write(f"{name}\n")
        for figure in figures:
            sys.stdout.write(f"  {figure.count:5}  {figure.name}\n")
            for line in figure.behind if chosen.verbose or chosen.sections else ():
                sys.stdout.write(f"           {line}\n")
    for line in broken:
        sys.stdout.write(f"broken: {line}\n")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
