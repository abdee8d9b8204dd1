"""A name of one word, such as HENG, that is one of the words of a longer name.

One word alone is shared by too many people to count as a name. It counts beside a full birth date or the same
father's name, where the thresholds allow it, and is never more than POSSIBLE.
"""

from __future__ import annotations

from gateway.matching.normal import Form, NormalName, asked_name
from gateway.matching.scripts import han, letters, pinyin
from gateway.matching.similarity import word_likeness
from gateway.model.query import PersonQuery, Query

RULE = "name-one-word"
"""The rule of a match by one word of the name."""

NOT_SEARCHED = "one-word"
"""The word in `missing` of an answer whose thresholds do not search for one word alone."""

LIKENESS = 0.7
"""The likeness of a name to one of its words."""

_SAME, _SPELLED = 0.9, 0.7
"""The least likeness of the sounds of two words, and of a word to the usual spellings of its letters."""

_UNSPACED = ("Thai", "Laoo", "Khmr")
"""Scripts that are written without blanks: one written word may be a whole name."""

_SEVERAL = 2
"""The syllables from which the pinyin of Chinese characters in one word may be a surname and a name."""

_LONG = 9
"""The letters from which a reading of a word of these scripts may be a whole name."""


def asks_for_one_word(query: Query) -> bool:
    """Tell whether `query` asks for a person by names of one word only."""
    return isinstance(query, PersonQuery) and all(_has_one_word(asked_name(name.text)) for name in query.names)


def _has_one_word(name: NormalName) -> bool:
    if not name.forms or len(name.forms[0].words) != 1:
        return False
    return name.script not in _UNSPACED or len(name.forms[0].words[0]) < _LONG


def is_one_word_of(one: NormalName, other: NormalName) -> bool:
    """Tell whether one of two names is a single word, and a word or neighbouring words of the other sound like it.

    Two names in one script other than Latin are compared as they are written, where that has words.
    """
    if one.script == other.script == "Hani":
        left, right = "".join(one.own), "".join(other.own)
        return left != right and (left in right or right in left)
    if one.script == other.script != "Latn" and (len(one.own) > 1 or len(other.own) > 1):
        return _is_own_word(one, other) or _is_own_word(other, one)
    return _sounds_in(one, other) or _sounds_in(other, one) or _spelled_in(one, other) or _spelled_in(other, one)


def _is_own_word(short: NormalName, long: NormalName) -> bool:
    return len(short.own) == 1 and short.own[0] in long.own


def _sounds_in(short: NormalName, long: NormalName) -> bool:
    return any(
        _part_of(one, other)
        for one in short.forms
        if len(one.words) == 1
        for other in long.forms
        if len(other.words) > len(one.words)
    )


def _part_of(short: Form, long: Form) -> bool:
    """Tell whether the words of `long` in some place sound like `short`; the vowels of a guessed one count less."""
    whole, guessed, count = short.rotations[0], short.romanised != long.romanised, len(long.sounds)
    if len(short.words) == 1 and any(
        word_likeness(whole, said, guessed) >= _SAME and _has_syllables(short, word)
        for word, said in zip(long.words, long.sounds, strict=True)
    ):
        return True
    runs = ((first, last) for first in range(count) for last in range(first + 2, count + 1) if last - first < count)
    return any(whole == "".join(long.sounds[first:last]) for first, last in runs)


def _has_syllables(short: Form, word: str) -> bool:
    """Tell whether a Latin word has all syllables of several Chinese characters: `Leiyi` is not the surname `Lei`."""
    return len(short.syllables) < _SEVERAL or pinyin.shared(short.syllables, word) == 1


def _spelled_in(local: NormalName, latin: NormalName) -> bool:
    """Tell whether the letters of one word of a name in another script usually spell a word of a name in Latin ones.

    Burmese is read by syllables instead: a name in one word has several. Chinese characters spell letters only
    where they transcribe a foreign name.
    """
    if local.script == "Hani" and not han.is_foreign("".join(local.own)):
        return False
    if not local.spelled or local.script == "Mymr" or latin.script != "Latn" or not latin.forms:
        return False
    words = latin.forms[0].words
    if (len(local.own) == 1) == (len(words) == 1):
        return False
    spelled = local.spelled[: len(local.own)]
    return any(letters.likeness(word, said) >= _SPELLED for word in spelled for said in words)
