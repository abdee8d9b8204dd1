"""Compare a Burmese name with Latin words, syllable by syllable, and read Latin words as Burmese syllables.

A syllable has a set of Latin spellings (`burmese.spellings`). Words may be written together in both: `Kyawzinthant`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import islice, product

from gateway.matching.scripts import burmese, latin, tables

_LONGEST = 8
"""The most Latin letters of a syllable, or of several that have a spelling together."""

_MOST_LETTERS, _MOST_SYLLABLES = 64, 24
"""Longer text is not a name."""

_LESS_USUAL, _LEAST = 0.004, 0.96
"""The cost of each rank of a spelling, as a part of the name, and the least likeness of a name with such spellings."""

_READINGS, _TRIED = 24, 300
"""The most readings of a name for keys, and the most that are tried for them."""

_CUTS = 6
"""The most ways to cut a Latin word into syllables that are tried."""


@lru_cache(maxsize=8192)
def _written(own: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(each for word in own for each in burmese.syllables(word))


def count(own: tuple[str, ...]) -> int:
    """Return the number of written syllables of the words of a Burmese name."""
    return len(_written(own))


@lru_cache(maxsize=8192)
def _options(own: tuple[str, ...]) -> tuple[tuple[tuple[int, dict[str, int]], ...], ...]:
    """Return, for each place of the syllables of a name, how many have a spelling together, and their spellings."""
    written = _written(own)
    sizes = range(1, burmese.LONGEST + 1)
    return tuple(
        tuple(
            (size, said)
            for size in sizes
            if place + size <= len(written) and (said := burmese.spellings(*written[place : place + size]))
        )
        for place in range(len(written))
    )


def likeness(own: tuple[str, ...], words: tuple[str, ...]) -> float:
    """Return the likeness of the words of a Burmese name to Latin ones that spell its syllables in their order, or 0.

    A syllable of one Latin word never goes on in the next.
    """
    text = "".join(words)
    options = _options(own)
    if not options or len(text) > _MOST_LETTERS or len(options) > _MOST_SYLLABLES:
        return 0.0
    ends = _ends(words)
    best: list[dict[int, int]] = [{0: 0}] + [{} for _ in options]
    for place, here in enumerate(options):
        for at, cost in best[place].items():
            for size, said in here:
                for end in range(at + 1, min(ends[at], at + _LONGEST) + 1):
                    rank = said.get(text[at:end])
                    target = best[place + size]
                    if rank is not None and cost + rank < target.get(end, 1 << 30):
                        target[end] = cost + rank
    cost = best[-1].get(len(text), -1)
    return 0.0 if cost < 0 else max(_LEAST, 1 - _LESS_USUAL * cost / len(options))


def _ends(words: Sequence[str]) -> list[int]:
    """Return, for each letter of the joined words and for their end, where its word ends."""
    ends, last = [], 0
    for word in words:
        last += len(word)
        ends += [last] * len(word)
    return [*ends, last]


def shared(own: tuple[str, ...], words: Sequence[str]) -> int:
    """Return how many syllables of a Burmese name are spelled by a whole Latin word, or begin or end one."""
    return sum(
        any(
            word == each or (len(each) > 3 and (word.startswith(each) or word.endswith(each)))
            for word in words
            for _, said in here
            for each in said
        )
        for here in _options(own)
    )


# ---------------------------------------------------------------- readings for keys


@lru_cache(maxsize=512)
def readings(own: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return spellings of a Burmese name whose consonants differ, the usual ones first."""
    units = [unit for word in own for unit in burmese.units(word)]
    return _combined([_sounding_apart(tuple(burmese.spellings(*unit))) for unit in units])


@lru_cache(maxsize=512)
def read_latin(words: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return the readings of Latin words as Burmese syllables, each as its usual spelling; empty if they are not."""
    cuts = [_cuts(word) for word in words]
    found: dict[tuple[str, ...], None] = {}
    for way in islice(product(*cuts), _TRIED):
        syllables = tuple(each for cut in way for each in cut)
        for said in _combined([_usual(each) for each in syllables]):
            found.setdefault(said)
        if len(found) >= _READINGS:
            break
    return tuple(islice(found, _READINGS))


def _combined(each: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Return combinations of one spelling of each syllable, those of usual ones first."""
    if not each or not all(each) or len(each) > _MOST_SYLLABLES:
        return ()
    tried = max(1, int(_TRIED ** (1 / len(each))))
    ranks = sorted(product(*(range(min(len(said), tried)) for said in each)), key=sum)
    return tuple(tuple(each[place][rank] for place, rank in enumerate(line)) for line in ranks[:_READINGS])


def _sounding_apart(said: tuple[str, ...]) -> tuple[str, ...]:
    """Return the spellings whose consonants differ, the most usual of each."""
    found: dict[str, str] = {}
    for each in said:
        found.setdefault(latin.skeleton(latin.sound(each)), each)
    return tuple(found.values())


@lru_cache(maxsize=4096)
def _cuts(word: str) -> tuple[tuple[str, ...], ...]:
    return tuple(islice(_cut(word), _CUTS))


def _cut(word: str) -> Iterator[tuple[str, ...]]:
    """Yield the ways to cut a Latin word into Burmese syllables, those of few first."""
    if not word:
        yield ()
    for size in range(min(_LONGEST, len(word)), 0, -1):
        if _usual(word[:size]):
            yield from ((word[:size], *rest) for rest in _cuts(word[size:]))


@lru_cache(maxsize=16384)
def _usual(syllable: str) -> tuple[str, ...]:
    """Return the usual spellings of the syllables that may be spelled so, if their consonants differ."""
    found = dict.fromkeys(_of_words().get(syllable, ()))
    for place in range(len(syllable)):
        for onset in _inverse("burmese_onsets").get(syllable[:place], ()):
            for rhyme in _inverse("burmese_rhymes").get(syllable[place:], ()):
                found.setdefault(onset + rhyme)
    return _sounding_apart(tuple(found))


@cache
def _of_words() -> dict[str, tuple[str, ...]]:
    """Return the usual spellings of the syllables of the table of words, by each of their spellings."""
    found: dict[str, dict[str, None]] = {}
    for _, row in tables.rows("burmese_words", 2):
        for each in row.split():
            found.setdefault(each, {})[row.split()[0]] = None
    for variant, usual in tables.rows("burmese_variants", 2):
        found.setdefault(variant, {})[usual] = None
    return {said: tuple(usual) for said, usual in found.items()}


@cache
def _inverse(table: str) -> dict[str, tuple[str, ...]]:
    """Return the usual spellings of the rows of a table that may be spelled so."""
    found: dict[str, dict[str, None]] = {}
    for _, row in tables.rows(table, 2):
        said = row.split() or [""]
        for each in said:
            found.setdefault(each, {})[said[0]] = None
    return {said: tuple(usual) for said, usual in found.items()}
