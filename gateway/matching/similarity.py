"""How alike two names are, from 0 to 1, and by which rule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import Indel

from gateway.matching import latin, tables
from gateway.matching.normal import Form, NormalName

_ORDER = 0.98
_CONSONANTS_ONLY = 0.95
_OTHER_WRITING = {"Hani": 0.8, "Latn": 0.8}
_OTHER_WRITING_ELSE = 0.84
"""Factors for names that sound alike but whose own script says that they differ: never STRONG (see `person`)."""
_MISSING_WORD = 0.07
_ONE_WORD_OF_MANY = 0.7
_JOINED, _JOINED_OTHERWISE, _JOINED_FLOOR = 0.9, 0.97, 0.7
"""Names written as one word: factor with as many words on both sides, with other counts, and the least that counts."""


@dataclass(frozen=True, slots=True)
class NameFit:
    """The likeness of two names, and the rules that made it (words of `explain`)."""

    score: float
    rules: tuple[str, ...]


_NO_FIT = NameFit(0.0, ())


@lru_cache(maxsize=16384)
def compare_names(left: NormalName, right: NormalName) -> NameFit:
    """How alike two names are. Their own script decides where both have it, else their sound in Latin letters."""
    if not left.forms or not right.forms:
        return _NO_FIT
    sound = max((_compare_forms(a, b) for a in left.forms for b in right.forms), key=lambda fit: fit.score)
    if left.script != right.script:
        return NameFit(sound.score, ("name-romanised", *sound.rules))
    if left.script == "Latn":
        return _compare_marked(left, right, sound) if left.marked and right.marked else sound
    return _compare_script(left, right, sound)


# ---------------------------------------------------------------- the same script


def _compare_script(left: NormalName, right: NormalName, sound: NameFit) -> NameFit:
    """Names in one script other than Latin: the writing decides, since different names share a romanisation."""
    if "".join(left.own) == "".join(right.own):
        return NameFit(1.0, ("name-same-script",))
    if len(left.own) > 1 and sorted(left.own) == sorted(right.own) and sound.score >= _ORDER:
        return NameFit(_ORDER, ("name-same-script", "name-order"))
    factor = _OTHER_WRITING.get(left.script, _OTHER_WRITING_ELSE)
    return NameFit(sound.score * factor, ("name-other-characters", *sound.rules))


def _compare_marked(left: NormalName, right: NormalName, sound: NameFit) -> NameFit:
    """Names that both kept their diacritics: those decide (domain.md, 6.1, rule 6)."""
    if left.marked == right.marked:
        return NameFit(1.0, ("name-same-script",))
    if sorted(left.marked) == sorted(right.marked):
        return NameFit(min(_ORDER, sound.score), ("name-same-script", "name-order"))
    differing = set(left.marked) ^ set(right.marked)
    folded = [latin.plain(word) for word in differing]
    clash = len(set(folded)) < len(folded) or (len(left.marked) == len(right.marked) and len(differing) == 2)
    if not clash:
        return sound
    return NameFit(sound.score * _OTHER_WRITING[left.script], ("name-other-diacritics", *sound.rules))


# ---------------------------------------------------------------- sounds


@lru_cache(maxsize=16384)
def _consonants(form: Form) -> Form:
    """The form with skeletons for sounds."""
    bones = tuple(latin.skeleton(said) for said in form.sounds)
    return Form(form.words, bones, tuple("".join(bones[turn:] + bones[:turn]) for turn in range(len(bones))))


def _compare_forms(left: Form, right: Form) -> NameFit:
    if left.unvowelled != right.unvowelled:
        fit = _compare_sounds(_consonants(left), _consonants(right))
        return NameFit(fit.score * _CONSONANTS_ONLY, fit.rules)
    return _compare_sounds(left, right)


def _compare_sounds(left: Form, right: Form) -> NameFit:
    if left.sounds == right.sounds:
        return NameFit(1.0, ("name-exact",) if left.words == right.words else ("name-same-sound",))
    if left.rotations[0] == right.rotations[0]:
        return NameFit(1.0, ("name-same-sound",))
    if left.rotations[0] in right.rotations or right.rotations[0] in left.rotations:
        return NameFit(_ORDER, ("name-same-sound", "name-order"))
    fit = _align(left, right)
    joined = max(Indel.normalized_similarity(left.rotations[0], turned) for turned in right.rotations)
    joined *= _JOINED if len(left.sounds) == len(right.sounds) else _JOINED_OTHERWISE
    return NameFit(joined, ("name-joined",)) if joined > max(fit.score, _JOINED_FLOOR) else fit


def _align(left: Form, right: Form) -> NameFit:
    """Words set against words. Burmese syllables keep their order up to rotation; others may be in any order."""
    short, long = (left, right) if len(left.sounds) <= len(right.sounds) else (right, left)
    guessed = left.romanised != right.romanised
    table = [[word_likeness(one, other, guessed) for other in long.sounds] for one in short.sounds]
    pairs = _in_order(table) if left.ordered and right.ordered else _any_order(table)
    likeness = [table[a][b] for a, b in pairs]
    weights = [word_weight(short.words[a]) if one == 1 else 1.0 for (a, _), one in zip(pairs, likeness, strict=True)]
    mean = sum(one * weight for one, weight in zip(likeness, weights, strict=True)) / sum(weights)
    score = 0.6 * mean + 0.4 * min(likeness) - _MISSING_WORD * (len(long.sounds) - len(short.sounds))
    if len(short.sounds) == 1 and len(long.sounds) > 1:
        score = min(score, _ONE_WORD_OF_MANY)
    return NameFit(max(score, 0.0), _align_rules(pairs, likeness, len(long.sounds)))


def _align_rules(pairs: list[tuple[int, int]], likeness: list[float], words: int) -> tuple[str, ...]:
    rules = ["name-similar" if min(likeness) < 1 else "name-same-sound"]
    if len(pairs) < words:
        rules.append("name-part")
    places = [place for _, place in pairs]
    if places != sorted(places):
        rules.append("name-order")
    return tuple(rules)


def _in_order(table: list[list[float]]) -> list[tuple[int, int]]:
    """The rotation of the longer name under which the words, kept in order, are most alike."""
    length = len(table[0])
    turns = [[(place, (place + turn) % length) for place in range(len(table))] for turn in range(length)]
    return max(turns, key=lambda pairs: sum(table[a][b] for a, b in pairs))


def _any_order(table: list[list[float]]) -> list[tuple[int, int]]:
    """Greedy: the most alike pair of words first; on a tie the one nearest in place."""
    options = sorted((-alike, abs(i - j), i, j) for i, line in enumerate(table) for j, alike in enumerate(line))
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, _, i, j in options:
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return sorted(pairs.items())


@lru_cache(maxsize=131072)
def word_likeness(left: str, right: str, guessed: bool = False) -> float:
    """How alike two sounds of words are: 1 = the same; vowels count, and short words forgive less than long ones.

    `guessed` says that the vowels of one of them were read by rule from another script: they count less.
    """
    if left == right:
        return 1.0
    if not left or not right:
        return 0.0
    if len(left) == 1 or len(right) == 1:
        return 0.75 if left[0] == right[0] else 0.0
    alike = Indel.normalized_similarity(left, right)
    bone = latin.skeleton(left)
    same_consonants = bone == latin.skeleton(right)
    if guessed and same_consonants and len(bone) > 1:
        return 0.5 + 0.5 * alike
    if min(len(left), len(right)) < 5:
        return alike
    return 0.3 + 0.7 * alike if same_consonants else 0.95 * alike


@lru_cache(maxsize=16384)
def word_weight(word: str) -> float:
    """How much a word says about who it is, from 0 to 1 (`data/common_words.tsv`)."""
    return float(tables.mapping("common_words").get(word, "1"))
