"""Print the figures of the house (`python -m tests.house`); exit code 1 where a rule is broken."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.house import docstrings
from tests.house.names import MOST_MODULES, confusing, crowded
from tests.house.tree import folders
from tests.support.citations import find_unresolved
from tests.support.words import missing_translations


def _lines() -> Iterator[str]:
    yield "modules per folder"
    for folder, names in folders().items():
        yield f"  {len(names):3}  {folder}"
    yield "docstrings of functions that are not plain"
    for word, count in docstrings.figures().most_common():
        yield f"  {count:3}  {word}"
    yield f"citations that resolve nowhere in the repository: {len(find_unresolved())}"
    yield "sentences that a language lacks, errors for administrators among them"
    for language, count in missing_translations().items():
        yield f"  {count:4}  {language}"


def main() -> int:
    """Print the figures; return 1 where a rule is broken."""
    for line in _lines():
        sys.stdout.write(line + "\n")
    broken = [*(f"more than {MOST_MODULES} modules: {folder}" for folder in crowded())]
    broken += [f"citation: {citation}" for citation in find_unresolved()]
    broken += [f"forms of one verb: {pair}" for pair in confusing()]
    for line in broken:
        sys.stdout.write(f"broken: {line}\n")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
