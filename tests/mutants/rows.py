"""Read the tables of mistakes."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TABLES = Path(__file__).parent / "table"


@dataclass(frozen=True)
class Mutant:
    """One mistake: `old` becomes `new` in `file`, and one of `tests` must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def test_files(self) -> tuple[str, ...]:
        """The files that its tests are in."""
        return tuple(dict.fromkeys(test.partition("::")[0] for test in self.tests))

    def names(self, test: str) -> bool:
        """Tell whether a test is one of its tests, or a row of one."""
        return any(test == own or test.startswith((f"{own}::", f"{own}[")) for own in self.tests)

    def applied(self, text: str) -> str:
        """Return the text of its file with the mistake in it."""
        assert text.count(self.old) == 1, f"{self.name}: stands {text.count(self.old)} times in {self.file}: {self.old}"
        return text.replace(self.old, self.new)


def rows(tables: Path = TABLES) -> list[Mutant]:
    """Return every row of every table, in the order of the files and of their rows."""
    found: dict[str, Mutant] = {}
    for path in sorted(tables.glob("*.toml")):
        for name, row in tomllib.loads(path.read_text(encoding="utf-8")).items():
            assert name not in found, f"{path.name}: `{name}` stands in two tables"
            found[name] = Mutant(name, row["file"], row["old"], row["new"], tuple(row["tests"]))
    return list(found.values())


def chosen(words: Sequence[str], among: Sequence[Mutant]) -> list[Mutant]:
    """Return the rows whose name or file holds one of the words; all of them without a word."""
    return [row for row in among if not words or any(word in row.name or word in row.file for word in words)]
