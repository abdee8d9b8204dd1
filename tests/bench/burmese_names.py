"""Measure Burmese names against their Latin spellings: `python -m tests.bench.burmese_names [--seed N] [--names N]`.

Names of two to four syllables are drawn from `burmese_names.tsv` (seeded). Each has a birth date and is asked by a
Latin spelling of each syllable, sometimes with words written together. Among the rows, all born on that day, are the
name in Burmese letters, the name with one syllable changed, and three strangers. The figures are the parts of questions
whose row comes first, whose row shares a key of the index, and that find a stranger.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.matching.keys import asked_word_keys, name_keys, query_keys, word_keys
from gateway.matching.person import PersonFeatures, score_person
from gateway.matching.thresholds import SETS
from gateway.model.query import PersonQuery
from gateway.model.values import NameForm, PartialDate

SEED, NAMES = 13, 600
_TOGETHER = 0.25
"""The part of names in which two syllables are written as one Latin word, and of names in one word."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A Burmese name, a Latin spelling, a Burmese name of one other syllable, and the birth date of both."""

    burmese: str
    latin: str
    other: str
    birth: str


@dataclass(frozen=True, slots=True)
class Figures:
    """The parts of questions whose row came first, whose row has a key in common, and with a false hit."""

    thresholds: str
    names: int
    first: float
    by_key: float
    false: float


def syllables() -> list[tuple[str, tuple[str, ...]]]:
    """Return the syllables of the table with their spellings."""
    text = Path(__file__).with_suffix(".tsv").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return [(written, tuple(said.split())) for written, said in csv.reader(lines, delimiter="\t")]


def pairs(seed: int = SEED, names: int = NAMES) -> Iterator[Pair]:
    """Yield pairs of spellings of one name."""
    dice, table = random.Random(seed), syllables()
    for _ in range(names):
        chosen = dice.sample(table, dice.choice((2, 3, 3, 4)))
        said = [dice.choice(spellings) for _, spellings in chosen]
        if (how := dice.random()) < _TOGETHER:
            said = ["".join(said)] if how < _TOGETHER / 2 else ["".join(said[:2]), *said[2:]]
        place = dice.randrange(len(chosen))
        other = _other(dice, table, chosen[place][1])
        written = [each for each, _ in chosen]
        near = [*written[:place], other, *written[place + 1 :]]
        birth = f"{dice.randint(1950, 2004)}-{dice.randint(1, 12):02d}-{dice.randint(2, 28):02d}"
        yield Pair("".join(written), " ".join(said).title(), "".join(near), birth)


def _other(dice: random.Random, table: list[tuple[str, tuple[str, ...]]], said: tuple[str, ...]) -> str:
    """Return a syllable that shares no spelling with `said`."""
    return dice.choice([each for each, spellings in table if set(said).isdisjoint(spellings)])


def measure(thresholds: str, seed: int = SEED, names: int = NAMES) -> Figures:
    """Ask every Latin spelling of a list of Burmese names, all born on the day of the question, for its row."""
    drawn = list(pairs(seed, names))
    first = by_key = false = 0
    for number, pair in enumerate(drawn):
        query = PersonQuery((NameForm(pair.latin),), PartialDate(pair.birth))
        strangers = [drawn[(number + step) % len(drawn)].burmese for step in (1, 7, 31)]
        rows = [pair.burmese, pair.other, *strangers]
        matches = [score_person(query, PersonFeatures((row,), query.birth), SETS[thresholds]) for row in rows]
        scores = [match.score if match else 0.0 for match in matches]
        first += scores[0] > max(scores[1:])
        false += any(scores[2:])
        asked = query_keys(pair.latin) | asked_word_keys(pair.latin)
        by_key += not asked.isdisjoint(name_keys(pair.burmese) | word_keys(pair.burmese))
    total = len(drawn)
    return Figures(thresholds, total, round(first / total, 4), round(by_key / total, 4), round(false / total, 4))


def main() -> None:
    """Print the figures of each set of thresholds as a line of JSON."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=SEED)
    options.add_argument("--names", type=int, default=NAMES)
    chosen = options.parse_args()
    for thresholds in ("usual", "strict"):
        print(json.dumps(asdict(measure(thresholds, chosen.seed, chosen.names))))


if __name__ == "__main__":
    main()
