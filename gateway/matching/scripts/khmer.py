"""Khmer writing -> Latin, by consonant series and the customary spelling of names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

from gateway.matching.scripts import tables

_COENG = "\u17d2"
_TO_FIRST, _TO_SECOND = "\u17c9", "\u17ca"
_SHORT = "\u17cb"
_IGNORED = frozenset("\u17cc\u17cd\u17ce\u17cf\u17d0\u17d1\u17d3\u17d7\u17dd\u17b4\u17b5")
_LEFT_OF_LAST = frozenset(["ង", "ញ", "ណ", "ន", "ម", "ត", "ដ", "ទ", "ក", "ច", "ព", "ប", "ល"])


_SYLLABLES = frozenset("ឥឦឧឩឪឫឬឭឮឯឰឱឲឳ")
"""Vowels that are letters."""

_NEVER_LAST = _SYLLABLES | {"អ", "ឡ", "ហ"}


@dataclass(frozen=True, slots=True)
class _Cluster:
    """Stacked consonants, and the vowel signs after them."""

    letters: str
    series: int
    sign: str
    short: bool


@cache
def _consonants() -> dict[str, tuple[int, str, str]]:
    return {letter: (int(series), start, end) for letter, series, start, end in tables.rows("khmer_consonants", 4)}


@cache
def _vowels() -> dict[str, tuple[str, str]]:
    return {sign: (first, second) for sign, first, second in tables.rows("khmer_vowels", 3)}


def _clusters(word: str) -> list[_Cluster]:
    found, place, consonants = [], 0, _consonants()
    while place < len(word):
        if word[place] not in consonants:
            place += 1
            continue
        letters, place = word[place], place + 1
        series, sign, short = consonants[letters][0], "", False
        while place < len(word) and word[place] not in consonants:
            mark = word[place]
            if mark == _COENG and place + 1 < len(word) and word[place + 1] in consonants:
                letters += word[place + 1]
                below = consonants[word[place + 1]]
                series = series if word[place + 1] in "មយរលវងញន" else below[0]
                place += 1
            elif mark in (_TO_FIRST, _TO_SECOND):
                series = 1 if mark == _TO_FIRST else 2
                letters = letters.replace("ប", "ផ") if mark == _TO_FIRST else letters  # the mark turns b into p
            elif mark == _SHORT:
                short = True
            elif mark not in _IGNORED and mark != _COENG:
                sign += mark
            place += 1
        found.append(_Cluster(letters, series, sign, short))
    return found


def _start(cluster: _Cluster) -> str:
    return "".join(_consonants()[letter][1] for letter in cluster.letters)


def _end(cluster: _Cluster) -> str:
    """Return the cluster as the end of a syllable: only its first consonant is spoken; doubles and r are written."""
    first = cluster.letters[0]
    sound = _consonants()[first][2]
    if _doubled(cluster):
        return sound * 2
    return sound + "r" if cluster.letters[1:] == "រ" else sound


def _doubled(cluster: _Cluster) -> bool:
    return cluster.letters[1:] == cluster.letters[0]


def _vowel(cluster: _Cluster) -> str:
    pair = _vowels().get(cluster.sign) or _vowels().get(cluster.sign[:1])
    return pair[cluster.series - 1] if pair else ""


@lru_cache(maxsize=16384)
def romanise(word: str) -> str:
    """Return one word of Khmer letters (no blanks) as lower-case Latin letters, as Cambodian passports spell names."""
    known = tables.mapping("khmer_words").get(word)
    if known:
        return known
    clusters = _clusters(tables.rewrite(word, tables.rules("khmer_spellings")))
    found: list[str] = []
    closes = False  # the cluster before waits for a final consonant
    for place, cluster in enumerate(clusters):
        bare = not cluster.sign
        last = place + 1 == len(clusters)
        following = clusters[place + 1] if not last else None
        if bare and closes and _can_end(cluster) and (last or cluster.short or _starts_anew(following)):
            found.append(_end(cluster))
            closes = False
            continue
        found.append(_split(cluster, closes))
        closes = True
        if bare and cluster.letters in _SYLLABLES:
            continue
        if bare:
            found.append("o" if cluster.series == 2 and following and not _doubled(following) else "a")
        else:
            found.append(_vowel(cluster))
            closes = "ំ" not in cluster.sign and "ះ" not in cluster.sign
    return "".join(found)


def _can_end(cluster: _Cluster) -> bool:
    return cluster.letters not in _NEVER_LAST


def _starts_anew(cluster: _Cluster | None) -> bool:
    """Tell whether a cluster can only be the start of a syllable: it has a vowel sign, or is a vowel itself."""
    return cluster is not None and (bool(cluster.sign) or cluster.letters in _NEVER_LAST)


def _split(cluster: _Cluster, closes: bool) -> str:
    """Return a cluster before a vowel; if the syllable before is open, its first consonant closes that syllable."""
    consonants = _consonants()
    if closes and len(cluster.letters) > 1 and cluster.letters[0] in _LEFT_OF_LAST and cluster.letters[1] not in "រលយវ":
        return consonants[cluster.letters[0]][2] + "".join(consonants[letter][1] for letter in cluster.letters[1:])
    return _start(cluster)
