"""Burmese writing -> Latin syllables; Zawgyi text is recognised and converted first (RULE-NAMES-2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache

from gateway.errors import Misconfigured
from gateway.matching.scripts import tables

_CONSONANT = "[\u1000-\u102a\u103f]"
_ASAT, _STACK = "\u103a", "\u1039"
_TONES = re.compile("[\u1037\u1038]")
# A new syllable starts at a consonant that is neither killed by asat nor stacked under another one.
_START = re.compile(f"(?<!{_STACK}){_CONSONANT}(?![\u1037\u1038]*[{_ASAT}{_STACK}])")
_ZAWGYI = re.compile(
    "[\u1033\u1034\u105a\u1060-\u1097]|\u1039(?![\u1000-\u1021])|(?:^|[\\s\u1037\u1038])[\u1031\u103b]"
)
_ZERO_FOR_WA = re.compile("\u1040(?=[\u1000-\u103e])|(?<=[\u1000-\u103e])\u1040")
_ASAT_LOST = re.compile("(?<=[\u1000-\u103e])([ကငစညတနပမယ])(?=\u1038)")
"""A consonant with the mark of a high tone directly after it: it ends a syllable, also without its sign."""

_CREAKY = "\u1037"
"""The mark of the creaky tone, which many write with a T after a nasal: `Thant`, `Myint`."""

_GLIDE = "\u103d"
_VOWELS = {"ဣ": "အိ", "ဤ": "အီ", "ဥ": "အု", "ဦ": "အူ", "ဧ": "အေ", "ဩ": "အော", "ဪ": "အော်"}
"""Vowels that are letters, as the letter A with a vowel sign."""

LONGEST = 4
"""The most syllables that have a spelling together."""

_KILLED_THEN_STACKED = re.compile(f"{_ASAT}?{_STACK}({_CONSONANT})")


def is_zawgyi(text: str) -> bool:
    """Tell whether Burmese `text` is in the Zawgyi encoding: its letters have an order or place that Unicode lacks."""
    return _ZAWGYI.search(text) is not None


def to_unicode(text: str) -> str:
    """Return `text` in Unicode order, with a digit nought that stands for the letter wa replaced by it."""
    text = tables.rewrite(text, tables.rules("zawgyi")) if is_zawgyi(text) else text
    return _ASAT_LOST.sub(rf"\1{_ASAT}", _ZERO_FOR_WA.sub("\u101d", text))


def syllables(word: str) -> list[str]:
    """Return the written syllables of one word of Burmese letters."""
    word = _KILLED_THEN_STACKED.sub(rf"{_ASAT}\1", word)
    starts = [found.start() for found in _START.finditer(word)]
    if not starts or starts[0]:
        starts.insert(0, 0)
    return [word[start:stop] for start, stop in zip(starts, [*starts[1:], len(word)], strict=True)]


@cache
def _onsets() -> dict[str, tuple[str, ...]]:
    """Return the spellings of each consonant with its marks; that of the letter A is empty."""
    return {letters: tuple(said.split()) or ("",) for letters, said in tables.rows("burmese_onsets", 2)}


@cache
def _rhymes() -> dict[str, tuple[str, ...]]:
    return {signs: tuple(said.split()) for signs, said in tables.rows("burmese_rhymes", 2)}


@cache
def _words() -> dict[tuple[str, ...], tuple[str, ...]]:
    """Return the customary spellings by written syllables, as they are and without tone marks.

    Raises `Misconfigured` for a row that is not made of whole syllables.
    """
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for number, (word, said) in enumerate(tables.rows("burmese_words", 2), 1):
        written = tuple(syllables(to_unicode(word)))
        if not is_whole(word):
            raise Misconfigured(
                "row {number}, `{word}`, is not one to {most} whole Burmese syllables",
                code="bad-table",
                where="burmese_words.tsv",
                remedy="write whole syllables in Burmese letters in the first field",
                number=number,
                word=word,
                most=LONGEST,
            )
        found.setdefault(written, tuple(said.split()))
        found.setdefault(tuple(_TONES.sub("", each) for each in written), tuple(said.split()))
    return found


def is_whole(word: str) -> bool:
    """Tell whether a text is one to `LONGEST` syllables: each a consonant or a vowel letter, and only Burmese signs."""
    written = syllables(to_unicode(word))
    pattern = f"{_CONSONANT}[\u102b-\u103e\u1000-\u1021]*"
    return len(written) <= LONGEST and all(re.fullmatch(pattern, each) for each in written)


@cache
def _same_in_latin() -> dict[str, tuple[str, ...]]:
    """Return the Latin spellings that are one syllable, by the spelling that stands for all of them."""
    found: dict[str, list[str]] = {}
    for variant, usual in tables.rows("burmese_variants", 2):
        found.setdefault(usual, []).append(variant)
    return {usual: tuple(variants) for usual, variants in found.items()}


@lru_cache(maxsize=16384)
def spellings(*written: str) -> dict[str, int]:
    """Return the Latin spellings of written syllables, each with its rank: 0 is the usual one. Empty for none.

    Several syllables have spellings only where the table of words has them together.
    """
    bare = tuple(_TONES.sub("", each) for each in written)
    known = _words().get(written) or _words().get(bare) or ()
    said = [*known, *(_spell(bare[0]) if len(bare) == 1 else ())]
    if _CREAKY in written[-1]:
        said = [*known, *(f"{each}t" for each in said if each.endswith("n")), *said]
    said += [variant for each in said for variant in _same_in_latin().get(each, ())]
    return {each: rank for rank, each in enumerate(dict.fromkeys(said)) if each}


def _spell(bare: str) -> list[str]:
    """Return the spellings of a syllable without tone marks by its onset and its rhyme, the usual ones first."""
    bare = _VOWELS.get(bare[:1], bare[:1]) + bare[1:]
    marks = "".join(mark for mark in "\u103b\u103c\u103e" if mark in bare)
    rest = re.sub("[\u103b\u103c\u103e]", "", bare[1:])
    onsets, glide = _onset(bare[:1], marks), ""
    rhymes = _rhymes().get(rest)
    if rhymes is None and _GLIDE in rest:
        rest, glide = rest.replace(_GLIDE, ""), "w"
        rhymes = _rhymes().get(rest)
    rhymes = rhymes or _rhymes().get(rest[:-2] if rest.endswith(_ASAT) else rest) or _rhymes()[""]
    ranked = sorted((i + j, i, j) for i in range(len(onsets)) for j in range(len(rhymes)))
    return [onsets[i] + glide + rhymes[j] for _, i, j in ranked]


def _onset(consonant: str, marks: str) -> tuple[str, ...]:
    """Return the spellings of a consonant with its marks; one without a row is read by its parts."""
    if known := _onsets().get(consonant + marks):
        return known
    plain = _onsets().get(consonant, ("",))
    y = "y" if "\u103b" in marks or "\u103c" in marks else ""
    return tuple(("h" if "\u103e" in marks else "") + each + y for each in plain)


def units(word: str) -> list[tuple[str, ...]]:
    """Return the syllables of a word, those that the table of words has together as one, the longest first."""
    left, found = syllables(word), []
    while left:
        size = next((size for size in range(min(LONGEST, len(left)), 1, -1) if spellings(*left[:size])), 1)
        found.append(tuple(left[:size]))
        left = left[size:]
    return found


def romanise(*written: str) -> str:
    """Return written syllables in the lower-case Latin letters of the usual spelling of names."""
    return next(iter(spellings(*written)), "")


def reading(words: Sequence[str]) -> tuple[str, ...]:
    """Return the Latin syllables of all words."""
    return tuple(said for word in words for part in units(word) if (said := romanise(*part)))


def with_side(words: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the reading of a place whose last word is a side, such as north, with that word in English, as on maps."""
    side = tables.mapping("burmese_sides").get(words[-1], "") if len(words) > 1 else ""
    return [(*reading(words[:-1]), side)] if side else []
