"""The comparison of two names, step by step, for the officer who asks why (RULE-NAMES-12)."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.matching.explain import explain
from gateway.matching.keys import name_keys, query_keys
from gateway.matching.normal import NormalName, normal_name
from gateway.matching.person import PersonFeatures, score_person
from gateway.matching.thresholds import RANKED, USUAL, Thresholds
from gateway.model.query import PersonQuery

_SCRIPTS = {
    "": "no letters",
    "Arab": "Arabic",
    "Cyrl": "Cyrillic",
    "Hang": "Korean",
    "Hani": "Chinese",
    "Khmr": "Khmer",
    "Laoo": "Lao",
    "Latn": "Latin",
    "Mymr": "Burmese",
    "Thai": "Thai",
}
NONE = "none"
"""The class of two names that do not count as one person."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two names: its script in words, and its readings in Latin letters (the usual one first)."""

    name: str
    script: str
    readings: tuple[str, ...]
    sex: str


@dataclass(frozen=True, slots=True)
class DecidingRow:
    """A row of a table by which a name is read, and the comparison without it.

    It `decides` where the score, the class or the finding by a search would be another. It is not `alone` where rows of
    other tables, which are left out with it, say the same.
    """

    table: str
    where: str
    row: str
    own: bool
    alone: bool
    decides: bool
    score: float
    quality: str
    read: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two names compared: class (`EXACT_ID`, `STRONG`, `POSSIBLE`, `none`), score, rules, and their sentences.

    `keys` are those by which an index search for the first would find the second; without one, only a birth date can
    bring the two together.
    """

    asked: Side
    held: Side
    keys: tuple[str, ...]
    score: float
    quality: str
    rules: tuple[str, ...]
    because: tuple[str, ...]
    thresholds: str
    rows: tuple[DecidingRow, ...] = ()


def compare(query: PersonQuery, features: PersonFeatures, thresholds: Thresholds = USUAL) -> Comparison:
    """Compare the first name of `query` with the first of `features` as a search would."""
    asked, held = query.names[0].text, features.names[0]
    match = score_person(query, features, thresholds)
    shown = match or score_person(query, features, RANKED)
    rules = shown.rules if shown else ()
    return Comparison(
        asked=_side(asked),
        held=_side(held),
        keys=tuple(sorted(query_keys(asked) & name_keys(held))),
        score=shown.score if shown else 0.0,
        quality=match.quality.value if match else NONE,
        rules=rules,
        because=tuple(explain(rules)) if rules else ("the names are not alike",),
        thresholds=thresholds.name,
    )


def _side(name: str) -> Side:
    normal: NormalName = normal_name(name)
    script = _SCRIPTS.get(normal.script, normal.script)
    said = tuple(dict.fromkeys(" ".join(form.words) for form in normal.forms))
    return Side(name, script, said, normal.sex)
