"""Judge if a row of a source can be the person of a query: class, score, and the rules that made it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.matching import one_word
from gateway.matching.dates import BirthFit, compare_births
from gateway.matching.normal import NormalName, asked_name, normal_name
from gateway.matching.similarity import (
    DOUBTFUL_KIND,
    OTHER_NAME,
    ROMANISED,
    NameFit,
    compare_names,
    rough_likeness,
    word_likeness,
    word_weight,
)
from gateway.matching.thresholds import USUAL, Thresholds
from gateway.model.hit import Match, Quality
from gateway.model.query import PersonQuery
from gateway.model.values import PartialDate, Sex

_NOBODY = NormalName("")
_BOTH = {Sex.MALE.value, Sex.FEMALE.value}
_GLIMPSE = 0.01
"""Keeps a row whose name is not alike at all apart from one that its birth date rules out."""

_SAME_WORD = 0.8
"""The score of one word that agrees beside the same full birth date: a marriage or a nickname changes the others."""

_READINGS = 2
"""The readings of each name in which a word that agrees is looked for."""

_SAME_FATHER = 0.75
_COST = {"sex-conflict": 0.15, "nationality-differs": 0.03, "father-differs": 0.3}
"""The amount by which each contradiction lowers the likeness of the names."""

_NEVER_STRONG = frozenset({"sex-conflict", "father-differs", DOUBTFUL_KIND, OTHER_NAME})


@dataclass(frozen=True, slots=True)
class PersonFeatures:
    """The compared values of a row: names in any script (aliases, too), birth date, ICAO sex code, nationality,
    and the father's name.
    """

    names: tuple[str, ...]
    birth: PartialDate | None
    sex: str = ""
    nationality: str = ""
    father: str = ""


def score_person(query: PersonQuery, features: PersonFeatures, thresholds: Thresholds = USUAL) -> Match | None:
    """Return the match of `features` with `query`; None = no match.

    STRONG needs a name and a birth date that agree. POSSIBLE: the birth date is missing or only near, or the name is
    only similar, or only one word of it is known. Under the usual thresholds two full birth dates that conflict are
    never a match, even if the names are the same. Otherwise the likeness of the names decides on a match; the score
    puts matches in order.
    """
    birth = compare_births(query.birth, features.birth)
    if thresholds.floor(birth) > 1:
        return None
    fit, asked, held = _best_name(query, features)
    conflicts = _conflicts(query, features, asked, held)
    likeness = fit.score - sum(_COST[rule] for rule in conflicts)
    if likeness < thresholds.floor(birth):
        return _by_one_word(query, features, thresholds, birth)
    strong = birth.agrees and likeness >= thresholds.strong and _NEVER_STRONG.isdisjoint((*conflicts, *fit.rules))
    quality = Quality.STRONG if strong else Quality.POSSIBLE
    if birth is BirthFit.SAME_DAY and likeness < _SAME_WORD and not conflicts:
        likeness = max(likeness, _SAME_WORD * _best_word(asked, held))
    return Match(quality, round(max(likeness, 0.0) * birth.weight, 4), (*fit.rules, birth.rule, *conflicts))


def _by_one_word(query: PersonQuery, features: PersonFeatures, thresholds: Thresholds, birth: BirthFit) -> Match | None:
    """Return the match by one word of a name, beside the same full birth date or the same father's name."""
    father = birth.agrees and _father_likeness(query, features) >= _SAME_FATHER
    if not thresholds.one_word or (birth is not BirthFit.SAME_DAY and not father):
        return None
    rules = (one_word.RULE, birth.rule)
    for asked in (asked_name(name.text) for name in query.names):
        for held in (normal_name(name) for name in features.names if name):
            if one_word.is_one_word_of(asked, held):
                conflicts = _conflicts(query, features, asked, held)
                if _NEVER_STRONG.isdisjoint(conflicts):
                    return Match(Quality.POSSIBLE, round(one_word.LIKENESS * birth.weight, 4), (*rules, *conflicts))
    return None


def _father_likeness(query: PersonQuery, features: PersonFeatures) -> float:
    """Return the likeness of the fathers' names; 0 where one of them is not known."""
    if not query.father or not features.father:
        return 0.0
    return compare_names(asked_name(query.father), normal_name(features.father)).score


def _best_word(asked: NormalName, held: NormalName) -> float:
    """Return the likeness of the two words of the names that are most alike; of a common word it is less."""
    pairs = (
        word_likeness(one, other) * word_weight(word)
        for form in asked.forms[:_READINGS]
        for word, one in zip(form.words, form.sounds, strict=True)
        for others in held.forms[:_READINGS]
        for other in others.sounds
    )
    return max(pairs, default=0.0)


def _conflicts(query: PersonQuery, features: PersonFeatures, asked: NormalName, held: NormalName) -> list[str]:
    """Return the other contradictions; in Myanmar the father's name is the custom to tell people apart."""
    found = []
    if _sexes_differ(query.sex, features.sex, asked, held):
        found.append("sex-conflict")
    if query.nationality and features.nationality and query.nationality != features.nationality:
        found.append("nationality-differs")
    if query.father and features.father and _father_likeness(query, features) < _SAME_FATHER:
        found.append("father-differs")
    return found


def rough_score(query: PersonQuery, features: PersonFeatures, thresholds: Thresholds = USUAL) -> float:
    """Return a quick estimate of `score_person`; 0 = the birth dates rule the row out."""
    birth = compare_births(query.birth, features.birth)
    if thresholds.floor(birth) > 1:
        return 0.0
    names = [normal_name(name) for name in features.names if name]
    asked = [asked_name(name.text) for name in query.names]
    return birth.weight * (_GLIMPSE + max((rough_likeness(one, other) for one in asked for other in names), default=0))


def _best_name(query: PersonQuery, features: PersonFeatures) -> tuple[NameFit, NormalName, NormalName]:
    """Return the best fit of any name of the query and any of the row, and the two names.

    Of equal fits the one in one script is returned: its reason is the plainer one.
    """
    best = (NameFit(0.0, ()), _NOBODY, _NOBODY)
    held_names = [normal_name(name) for name in features.names if name]
    for asked in (asked_name(name.text) for name in query.names):
        for held in held_names:
            fit = compare_names(asked, held)
            if (fit.score, ROMANISED not in fit.rules) > (best[0].score, ROMANISED not in best[0].rules):
                best = (fit, asked, held)
    return best


def _sexes_differ(asked: Sex | None, held: str, asked_name: NormalName, held_name: NormalName) -> bool:
    """Tell whether both sides give a sex, by field or by title, and the two differ."""
    sides = {(asked.value if asked else "") or asked_name.sex, held or held_name.sex}
    return sides == _BOTH or {asked_name.maybe_sex, held_name.maybe_sex} == _BOTH
