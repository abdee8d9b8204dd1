"""The Latin spellings of a word in another script: tables of letters and spellings, each with a cost.

The tables (`data/letters_<script>.tsv`) were learned from pairs of words by counting which letters stand for which,
and can be corrected by hand. A cost of 0 is the usual spelling, 100 one that is 2.7 times as rare, 200 7.4 times.
A word is compared with a Latin one by the cheapest way to write the one as the other.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache

from gateway.matching.scripts import han, tables

_SCRIPTS = {
    "Arab": ("arab",),
    "Cyrl": ("cyrl",),
    "Hang": ("hang",),
    "Hani": ("hani", "hani_peoples"),
    "Mymr": ("mymr",),
}
"""The tables of each script; of two costs of a spelling the lower one counts."""

_BY_SYLLABLES = ("Hang", "Hani", "Mymr")
"""Scripts that write a syllable in several signs, often more than it has letters."""

_MAX_LATIN = 5
"""The most Latin letters for which one sign can stand."""

_SKIP_LETTER, _SKIP_LATIN, _OTHER = 500, 420, 620
"""Costs of a sign without a Latin letter, a Latin letter without a sign, and a sign with another letter."""

_EVEN = 360.0
"""The excess cost for each letter at which the likeness is 1/e."""

_BAND = 5
_RARE = 350
"""Spellings that cost more are not tried as readings."""

_USUAL_SIGNS, _LEAST_WIDTH = 24, 8
"""The signs of a word up to which all its beginnings are kept that `readings` may want, and the least that are kept.

Longer words are no names of persons, and fewer of their beginnings are kept, so that they cost no more.
"""

_SPARE = 2
"""The beginnings that are tried for each one that is kept: two ways may give the same letters."""

_NEVER = 1 << 30
_INITIAL = re.compile("([zcs]h|[bpmfdtnlgkhjqxrzcsyw])?(.*)")

Options = tuple[tuple[tuple[int, dict[str, int]], ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Spelling:
    """A word of another script, ready to be compared: for each place its signs and their Latin spellings."""

    options: Options
    least: int
    """The cost of the most usual spelling."""
    signs: float
    """Signs for each letter of that spelling, at least 1."""


@cache
def _table(script: str) -> tuple[dict[str, dict[str, int]], int]:
    found: dict[str, dict[str, int]] = {}
    for sign, latin, cost in (row for name in _SCRIPTS[script] for row in tables.rows(f"letters_{name}", 3)):
        spellings = found.setdefault(sign, {})
        spellings[latin] = min(int(cost), spellings.get(latin, _NEVER))
    return found, 2 if script == "Hani" else max(map(len, found))


def _signs(word: str, script: str) -> tuple[str, ...]:
    """Return the word in the signs of the tables: Korean and Chinese syllables in parts, Arabic without vowel marks."""
    if script == "Hani":
        found = (_INITIAL.match(said) for said in han.pinyin(han.simplified(word)))
        return tuple(part for match in found if match for part in match.groups() if part)
    if script == "Hang":
        return tuple(unicodedata.normalize("NFD", word))
    if script == "Arab":
        return tuple(letter for letter in word if not unicodedata.combining(letter))
    return tuple(word.casefold())


@lru_cache(maxsize=16384)
def spelling(word: str, script: str) -> Spelling | None:
    """Return the Latin spellings of `word`; None for a script without a table, or a word without signs."""
    if script not in _SCRIPTS:
        return None
    table, longest = _table(script)
    signs = _signs(word, script)
    options = tuple(
        tuple(
            (size, table["".join(signs[place : place + size])])
            for size in range(1, min(longest, len(signs) - place) + 1)
            if "".join(signs[place : place + size]) in table
        )
        for place in range(len(signs))
    )
    if not options:
        return None
    least, letters = _least(options)
    each = len(options) / max(1, letters) if script in _BY_SYLLABLES else 1.0
    return Spelling(options, least, max(1.0, each))


def _least(options: Options) -> tuple[int, int]:
    """Return the cost of the most usual spelling and the number of its letters."""
    best = [(0, 0)] + [(_NEVER, 0)] * len(options)
    for place, here in enumerate(options):
        cost, letters = best[place]
        best[place + 1] = min(best[place + 1], (cost + _SKIP_LETTER, letters))
        for size, spellings in here:
            step, latin = min((step, latin) for latin, step in spellings.items())
            best[place + size] = min(best[place + size], (cost + step, letters + len(latin)))
    return best[-1]


def readings(word: Spelling, count: int) -> tuple[str, ...]:
    """Return the `count` most usual ways to spell the word, best first."""
    beams: list[dict[str, int]] = [{"": 0}] + [{} for _ in word.options]
    width = min(2 * count, max(_LEAST_WIDTH, 2 * count * _USUAL_SIGNS // len(word.options)))
    for place, here in enumerate(word.options):
        kept = sorted(beams[place].items(), key=lambda item: item[1])[:width]
        if not here:
            here = ((1, {"": _SKIP_LETTER}),)
        for size, spellings in here:
            target = beams[place + size]
            usual = sorted((step, latin) for latin, step in spellings.items() if step < _RARE)
            for rank, (step, latin) in enumerate(usual, 1):
                # A spelling and a beginning that both have many better ones are together not among the best.
                for said, cost in kept[: _SPARE * width // rank]:
                    if cost + step < target.get(said + latin, _NEVER):
                        target[said + latin] = cost + step
    found = sorted(beams[-1].items(), key=lambda item: (item[1], item[0]))
    return tuple(said for said, _ in found[:count] if said)


def likeness(word: Spelling, latin: str) -> float:
    """Return the likeness of a Latin word to the spellings of `word`, from 0 to 1 (the most usual spelling)."""
    if not latin:
        return 0.0
    return math.exp((word.least - _cost(word.options, latin)) / (_EVEN * len(latin) * word.signs))


@lru_cache(maxsize=16384)
def _pieces(latin: str) -> tuple[tuple[str, ...], ...]:
    """Return, for each place of a Latin word, the pieces that begin there, the empty one first."""
    last = len(latin)
    return tuple(
        tuple(latin[place : place + size] for size in range(min(_MAX_LATIN, last - place) + 1))
        for place in range(last + 1)
    )


def _cost(options: Options, latin: str) -> int:
    """Return the cost of the cheapest way to spell the signs as `latin`, near the diagonal."""
    signs, last = len(options), len(latin)
    pieces = _pieces(latin)
    table = [[_NEVER] * (last + 1) for _ in range(signs + 1)]
    table[0][0] = 0
    for place in range(signs + 1):
        line = table[place]
        middle = place * last // signs
        for at in range(max(0, middle - _BAND), min(last, middle + _BAND) + 1):
            cost = line[at]
            if cost >= _NEVER:
                continue
            if at < last and cost + _SKIP_LATIN < line[at + 1]:
                line[at + 1] = cost + _SKIP_LATIN
            if place == signs:
                continue
            below = table[place + 1]
            if cost + _SKIP_LETTER < below[at]:
                below[at] = cost + _SKIP_LETTER
            if at < last and cost + _OTHER < below[at + 1]:
                below[at + 1] = cost + _OTHER
            for size, spellings in options[place]:
                target = table[place + size]
                for end, piece in enumerate(pieces[at], at):
                    step = spellings.get(piece)
                    if step is not None and cost + step < target[end]:
                        target[end] = cost + step
    return table[signs][last]
