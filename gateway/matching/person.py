"""Whether a row of a source can be the person a query asks for: class, score, and the rules that made it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.matching.dates import BirthFit, compare_births
from gateway.matching.normal import NormalName, normal_name
from gateway.matching.similarity import NameFit, compare_names
from gateway.model.hit import Match, Quality
from gateway.model.query import PersonQuery
from gateway.model.values import PartialDate, Sex

STRONG_NAME = 0.85
"""Likeness from which a name with an agreeing birth date is STRONG."""

_NOBODY = NormalName("")
_BOTH = {Sex.MALE.value, Sex.FEMALE.value}
_SEX_CONFLICT = 0.15
_NATIONALITY_CONFLICT = 0.03
_NAME_FLOOR: dict[BirthFit, float] = {
    BirthFit.SAME_DAY: 0.73,
    BirthFit.COMPATIBLE: 0.85,
    BirthFit.PLACEHOLDER: 0.85,
    BirthFit.SWAPPED: 0.8,
    BirthFit.TYPO: 0.88,
    BirthFit.NEAR: 0.9,
    BirthFit.MISSING: 0.92,
    BirthFit.NOT_ASKED: 0.92,
}
"""The less the birth dates say, the more the name must."""


@dataclass(frozen=True, slots=True)
class PersonFeatures:
    """What is compared of a row: names in any script (aliases, too), birth date, ICAO sex code, nationality."""

    names: tuple[str, ...]
    birth: PartialDate | None
    sex: str = ""
    nationality: str = ""


def score_person(query: PersonQuery, features: PersonFeatures) -> Match | None:
    """How well `features` fit `query`; None = no match.

    STRONG needs a name and a birth date that agree. POSSIBLE: the birth date is missing or only near, or the
    name is only similar. Two full birth dates that conflict are no match, however alike the names.
    """
    birth = compare_births(query.birth, features.birth)
    if birth is BirthFit.CONFLICT:
        return None
    fit, asked, held = _best_name(query, features)
    likeness = fit.score
    rules = [*fit.rules, birth.rule]
    sexes_differ = _sexes_differ(query.sex, features.sex, asked, held)
    if sexes_differ:
        likeness -= _SEX_CONFLICT
        rules.append("sex-conflict")
    if query.nationality and features.nationality and query.nationality != features.nationality:
        likeness -= _NATIONALITY_CONFLICT
        rules.append("nationality-differs")
    if likeness < _NAME_FLOOR[birth]:
        return None
    strong = birth.agrees and likeness >= STRONG_NAME and not sexes_differ
    return Match(Quality.STRONG if strong else Quality.POSSIBLE, round(likeness * birth.weight, 4), tuple(rules))


def _best_name(query: PersonQuery, features: PersonFeatures) -> tuple[NameFit, NormalName, NormalName]:
    """The best fit of any name of the query and any of the row, and the two names."""
    best = (NameFit(0.0, ()), _NOBODY, _NOBODY)
    held_names = [normal_name(name) for name in features.names if name]
    for asked in (normal_name(name.text) for name in query.names):
        for held in held_names:
            fit = compare_names(asked, held)
            if fit.score > best[0].score:
                best = (fit, asked, held)
    return best


def _sexes_differ(asked: Sex | None, held: str, asked_name: NormalName, held_name: NormalName) -> bool:
    """Whether both sides say a sex, by field or by title, and not the same."""
    sides = {(asked.value if asked else "") or asked_name.sex, held or held_name.sex}
    return sides == _BOTH or {asked_name.maybe_sex, held_name.maybe_sex} == _BOTH
