"""The likeness of two names, from 0 to 1, and the rule that gave it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from rapidfuzz import fuzz
from rapidfuzz.distance import Indel

from gateway.matching.normal import BY_LETTERS, Form, NormalName, normal_name
from gateway.matching.readings import other_surnames
from gateway.matching.scripts import burmese_fit, han, latin, letters, tables
from gateway.matching.scripts import pinyin as syllables

_ORDER = 0.98
_CONSONANTS_ONLY = 0.95
_OTHER_WRITING = {"Hani": 0.8, "Latn": 0.8}
_OTHER_WRITING_ELSE = 0.84
"""Factors for names that sound alike but whose own script says that they differ: never STRONG (see `person`)."""
_MISSING_WORD = 0.07
_OTHER_LETTERS = 0.02
_OTHER_LAST = 0.002
"""The cost of a last word that only one of two Vietnamese names has."""

_GAP = 0.005
"""The cost of a word between those that agree: of two parts of a name, the unbroken one comes first."""

_SURE_SOUND, _UNSURE = 0.9, 0.93
"""A reading by rule that is only near counts less than the letters."""

_OTHER_CLAN = 0.84
"""A surname that may be the same Chinese one, and may as well be another: never STRONG."""
_BY_LETTERS = 0.9995
"""Factor that puts a reading before letters that fit equally well."""

_TURNED = 0.8
"""Factor for the sound if syllables are turned inside one word."""

_FOREIGN = 0.8
"""Factor for pinyin that is only near, if characters transcribe a foreign name: their letters are better evidence."""

_SHORT, _NO_SYLLABLE, _FOREIGN_WORD = 2, 0.7, 0.95
"""The syllables of a short Burmese name, the factor where it shares none with a Latin one, and the likeness to a
foreign word.
"""

_BY_SYLLABLES = 0.5
"""The weight of shared syllables of pinyin beside the sound of the whole."""

_LESS_USUAL, _RARE, _DOUBTFUL = 0.995, 0.99, 0.93
"""Factors for a less usual reading, a rare one, and one without a word that may be a name; the last is squared
unless the rest sounds the same."""

_OTHER_NAME = 0.9
"""Factor for another name of the same place: the place may be listed under it, or be another place."""
_LEAST_GLANCE = 0.75
"""The least rough likeness of another name to be compared in full."""

ROMANISED = "name-romanised"
DOUBTFUL_KIND = "name-kind"
OTHER_NAME = "name-seat"
_GLANCES = 4
"""The forms of each name in the rough comparison."""

_ONE_WORD_OF_MANY = 0.7
_JOINED, _JOINED_OTHERWISE, _JOINED_FLOOR = 0.9, 0.97, 0.7
"""Names written as one word: factor with equal counts of words, with other counts, and the least that counts."""


@dataclass(frozen=True, slots=True)
class NameFit:
    """The likeness of two names, and the rules that made it (words of `explain`)."""

    score: float
    rules: tuple[str, ...]


_NO_FIT = NameFit(0.0, ())


@lru_cache(maxsize=16384)
def compare_names(left: NormalName, right: NormalName) -> NameFit:
    """Return the likeness of two names. If both are in one script, it decides; else their sound in Latin letters."""
    best = _compare_names(left, right)
    if best.score < _OTHER_NAME and (left.also or right.also):
        best = max(best, _compare_other_names(left, right), _compare_other_names(right, left), key=_score)
    return best


def _compare_other_names(place: NormalName, name: NormalName) -> NameFit:
    """Return the best fit of the other names of a place; one that is only near is dropped, as a guess upon a guess."""
    others = (other for other in map(normal_name, place.also) if _at_a_glance(other, name, 1) >= _LEAST_GLANCE)
    best = max((_compare_names(other, name) for other in others), key=_score, default=_NO_FIT)
    return NameFit(best.score * _OTHER_NAME, (OTHER_NAME, *best.rules)) if best.score >= _SURE_SOUND else _NO_FIT


def _compare_names(left: NormalName, right: NormalName) -> NameFit:
    if not left.forms or not right.forms:
        return _NO_FIT
    if left.script != right.script:
        fit = _compare_across(left, right)
        return NameFit(fit.score, (ROMANISED, *fit.rules))
    sound = _compare_readings(left, right)
    if left.script == "Latn":
        if left.marked and right.marked:
            return _compare_marked(left, right, sound)
        return _compare_folded(left, right, _compare_clans(left, right, sound))
    return _compare_script(left, right, sound)


def _compare_readings(left: NormalName, right: NormalName) -> NameFit:
    """Return the best fit of any reading of both; a less usual reading counts a little less."""
    best = _NO_FIT
    for place, one in enumerate(left.forms):
        for other_place, other in enumerate(right.forms):
            fit = _compare_forms(one, other)
            score = fit.score * (_LESS_USUAL if place + other_place else 1.0)
            score *= _RARE if one.rare or other.rare else 1.0
            doubtful = one.doubtful or other.doubtful
            if doubtful:
                score *= _DOUBTFUL if fit.score >= _ORDER else _DOUBTFUL**2
            if score > best.score:
                best = NameFit(score, (*fit.rules, DOUBTFUL_KIND) if doubtful else fit.rules)
    return best


def _score(fit: NameFit) -> float:
    return fit.score


def rough_likeness(left: NormalName, right: NormalName) -> float:
    """Return a quick estimate of the likeness of two names, from 0 to 1, to choose those to compare in full."""
    alike = _at_a_glance(left, right, _GLANCES)
    if left.also or right.also:
        others = [_at_a_glance(normal_name(name), right, 1) for name in left.also]
        others += [_at_a_glance(left, normal_name(name), 1) for name in right.also]
        alike = max(alike, *others)
    return alike


def _at_a_glance(left: NormalName, right: NormalName, forms: int) -> float:
    alike = 0.0
    for one in left.forms[:forms]:
        for other in right.forms[:forms]:
            joined = fuzz.ratio(one.rotations[0], other.rotations[0])
            alike = max(alike, joined, fuzz.token_ratio(one.said, other.said))
    return alike / 100


# ---------------------------------------------------------------- another script, by its letters


def _compare_across(left: NormalName, right: NormalName) -> NameFit:
    """Compare names in two scripts. Letters are better evidence than one reading, if the table has them all."""
    local, other = (left, right) if left.spelled else (right, left)
    if not local.spelled or other.script != "Latn":
        return _compare_readings(left, right)
    if local.script == "Mymr" and (fit := _compare_syllables(local, other)).score:
        return fit
    spelled = _compare_spelled(local, other)
    if local.script in BY_LETTERS:
        return spelled
    sound = _compare_readings(left, right)
    if sound.score < _SURE_SOUND:
        sound = NameFit(sound.score * _UNSURE, sound.rules)
    is_joined = local.script == "Hani" and len(other.forms[0].words) == 1
    is_foreign = is_joined and han.is_foreign("".join(local.own))
    if is_foreign and sound.score < _SURE_SOUND:
        sound = NameFit(sound.score * _FOREIGN, sound.rules)
    best = max(sound, NameFit(spelled.score * _BY_LETTERS, spelled.rules), key=_score)
    if local.script == "Mymr" and _is_short_and_other(local, other, best.score):
        best = NameFit(best.score * _NO_SYLLABLE, best.rules)
    return _weigh_syllables(local, other, best) if is_joined and not is_foreign else best


def _compare_syllables(local: NormalName, latin_name: NormalName) -> NameFit:
    """Compare a Burmese name with a Latin one that spells all of its syllables, in their order up to rotation."""
    words = latin_name.forms[0].words
    if score := burmese_fit.likeness(local.own, words):
        return NameFit(score, ("name-spelled",))
    turned = (words[turn:] + words[:turn] for turn in range(1, len(words)))
    score = max((burmese_fit.likeness(local.own, other) for other in turned), default=0.0)
    return NameFit(score * _ORDER, ("name-spelled", "name-order"))


def _is_short_and_other(local: NormalName, latin_name: NormalName, score: float) -> bool:
    """Tell whether a Burmese name of one or two syllables has none in common with a Latin one.

    Two syllables of a foreign word may be spelled by letters that fit almost exactly.
    """
    count = burmese_fit.count(local.own)
    if count > _SHORT or (count > 1 and score >= _FOREIGN_WORD):
        return False
    return not burmese_fit.shared(local.own, latin_name.forms[0].words)


def _weigh_syllables(local: NormalName, latin_name: NormalName, fit: NameFit) -> NameFit:
    """Weigh Chinese characters and pinyin in one word: unless the two are equal, their common syllables count.

    Syllables in one word keep their order, unlike words: `Guancheng` is not `Chengguan`.
    """
    words = [form.words[0] for form in latin_name.forms]
    said = dict.fromkeys(form.syllables for form in local.forms if form.syllables)
    shares = [share for each in said for word in words if (share := syllables.shared(each, word)) is not None]
    if not shares or max(shares) == 1:
        return fit
    sound = fit.score * (_TURNED if "name-order" in fit.rules else 1)
    return NameFit(_BY_SYLLABLES * max(shares) + (1 - _BY_SYLLABLES) * sound, ("name-syllables", *fit.rules[1:]))


def _compare_spelled(local: NormalName, latin_name: NormalName) -> NameFit:
    """Compare a name in another script with one in Latin letters, by the usual spellings of single letters."""
    words = latin_name.forms[0].words
    count = len(local.own)
    whole = letters.likeness(local.spelled[-1], "".join(words))
    if count == len(words) == 1:
        return NameFit(whole, ("name-spelled",))
    table = [[letters.likeness(one, other) for other in words] for one in local.spelled[:count]]
    if count > len(words):
        table = [list(column) for column in zip(*table, strict=True)]
    pairs = _any_order(table)
    likeness = [table[a][b] for a, b in pairs]
    score = 0.6 * sum(likeness) / len(likeness) + 0.4 * min(likeness) - _MISSING_WORD * abs(count - len(words))
    if min(count, len(words)) == 1:
        score = min(score, _ONE_WORD_OF_MANY)
    fit = NameFit(max(score, 0.0), ("name-spelled", *_align_rules(pairs, likeness, max(count, len(words)))[1:]))
    joined = whole * (_JOINED if count == len(words) else _JOINED_OTHERWISE)
    return NameFit(joined, ("name-spelled", "name-joined")) if joined > max(fit.score, _JOINED_FLOOR) else fit


# ---------------------------------------------------------------- the same script


def _compare_script(left: NormalName, right: NormalName, sound: NameFit) -> NameFit:
    """Compare names in one script other than Latin: the writing decides, since different names share a romanisation."""
    if "".join(left.own) == "".join(right.own):
        return NameFit(1.0, ("name-same-script",))
    if len(left.own) > 1 and sorted(left.own) == sorted(right.own) and sound.score >= _ORDER:
        return NameFit(_ORDER, ("name-same-script", "name-order"))
    factor = _OTHER_WRITING.get(left.script, _OTHER_WRITING_ELSE)
    return NameFit(sound.score * factor, ("name-other-characters", *sound.rules))


def _compare_clans(left: NormalName, right: NormalName, sound: NameFit) -> NameFit:
    """Compare names in Latin letters, one perhaps with a Chinese surname in its southern spelling: `Tan` is `Chen`."""
    best = sound
    for one, other in ((left.forms[0], right.forms[0]), (right.forms[0], left.forms[0])):
        for form in other_surnames(one) if best.score < _SURE_SOUND else ():
            if not set(form.words).isdisjoint(other.words):
                fit = _compare_forms(form, other)
                best = max(best, NameFit(fit.score * _OTHER_CLAN, ("name-clan", *fit.rules)), key=_score)
    return best


def _compare_folded(left: NormalName, right: NormalName, sound: NameFit) -> NameFit:
    """Compare Vietnamese with diacritics and a name that has lost them; another last word lowers the score a little.

    The given name is last, and the kind of a place is before it: so of two parts of a name, the one with the same
    end comes first.
    """
    one, other = left.forms[0].words, right.forms[0].words
    if bool(left.marked) == bool(right.marked) or len(one) == len(other) or one[-1] == other[-1]:
        return sound
    return NameFit(max(0.0, sound.score - _OTHER_LAST), sound.rules)


def _compare_marked(left: NormalName, right: NormalName, sound: NameFit) -> NameFit:
    """Compare names that both kept their diacritics, which decide (RULE-NAMES-6)."""
    if left.marked == right.marked:
        return NameFit(sound.score, ("name-same-script",))
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
    """Return the form with skeletons for sounds."""
    bones = tuple(latin.skeleton(said) for said in form.sounds)
    return replace(
        form,
        sounds=bones,
        said=" ".join(bones),
        rotations=tuple("".join(bones[turn:] + bones[:turn]) for turn in range(len(bones))),
    )


def _compare_forms(left: Form, right: Form) -> NameFit:
    if (left.apart and len(right.words) == 1) or (right.apart and len(left.words) == 1):
        return _NO_FIT
    if left.unvowelled != right.unvowelled:
        fit = _compare_sounds(_consonants(left), _consonants(right))
        return NameFit(fit.score * _CONSONANTS_ONLY, fit.rules)
    return _compare_sounds(left, right)


def _compare_sounds(left: Form, right: Form) -> NameFit:
    if left.sounds == right.sounds:
        if left.words == right.words:
            return NameFit(1.0, ("name-exact",))
        return NameFit(_sounds_alike(left, right), ("name-same-sound",))
    if left.rotations[0] == right.rotations[0]:
        return NameFit(_sounds_alike(left, right), ("name-same-sound",))
    if left.rotations[0] in right.rotations or right.rotations[0] in left.rotations:
        return NameFit(_ORDER, ("name-same-sound", "name-order"))
    fit = _align(left, right)
    joined = max(Indel.normalized_similarity(left.rotations[0], turned) for turned in right.rotations)
    joined *= _JOINED if len(left.sounds) == len(right.sounds) else _JOINED_OTHERWISE
    return NameFit(joined, ("name-joined",)) if joined > max(fit.score, _JOINED_FLOOR) else fit


def _sounds_alike(left: Form, right: Form) -> float:
    """Return just under 1: of names that sound the same, the one with the same letters comes first."""
    return 1 - _OTHER_LETTERS * (1 - Indel.normalized_similarity("".join(left.words), "".join(right.words)))


def _align(left: Form, right: Form) -> NameFit:
    """Pair the words of both names. Burmese syllables keep their order up to rotation; others may be in any order."""
    short, long = (left, right) if len(left.sounds) <= len(right.sounds) else (right, left)
    guessed = left.romanised != right.romanised
    table = [[word_likeness(one, other, guessed) for other in long.sounds] for one in short.sounds]
    pairs = _in_order(table) if left.ordered and right.ordered else _any_order(table)
    likeness = [table[a][b] for a, b in pairs]
    weights = [word_weight(short.words[a]) if one == 1 else 1.0 for (a, _), one in zip(pairs, likeness, strict=True)]
    mean = sum(one * weight for one, weight in zip(likeness, weights, strict=True)) / sum(weights)
    score = 0.6 * mean + 0.4 * min(likeness) - _MISSING_WORD * (len(long.sounds) - len(short.sounds))
    score -= _GAP * (max(b for _, b in pairs) - min(b for _, b in pairs) + 1 - len(pairs))
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
    """Return the rotation of the longer name under which the words, kept in order, are most alike."""
    length = len(table[0])
    turns = [[(place, (place + turn) % length) for place in range(len(table))] for turn in range(length)]
    return max(turns, key=lambda pairs: sum(table[a][b] for a, b in pairs))


def _any_order(table: list[list[float]]) -> list[tuple[int, int]]:
    """Return greedy pairs: the most alike pair of words first; on a tie the one nearest in place."""
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
    """Return the likeness of the sounds of two words: 1 = the same; vowels count, and short words forgive less.

    `guessed` means that the vowels of one of them were read by rule from another script: they count less.
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
    """Return how strongly a word identifies its bearer, from 0 to 1 (`data/common_words.tsv`)."""
    return float(tables.mapping("common_words").get(word, "1"))
