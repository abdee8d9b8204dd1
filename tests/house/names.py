"""Find modules of one folder whose names are inflections of one word, which readers mix up."""

from __future__ import annotations

from itertools import combinations

from tests.house.tree import folders

_ENDINGS = ("ations", "ation", "ables", "able", "ings", "ing", "ures", "ure", "ers", "er", "eds", "ed", "es", "s", "e")
_SHORTEST = 3


def stem(word: str) -> str:
    """Return a word without the endings that English verbs and plurals take."""
    while True:
        ending = next((end for end in _ENDINGS if word.endswith(end) and len(word) - len(end) >= _SHORTEST), "")
        if not ending:
            return word
        word = word[: -len(ending)]


def _singular(word: str) -> str:
    """Return a noun's singular: a plural is the same word, and no other form of a verb."""
    if word.endswith(("ches", "shes", "xes", "sses")):
        return word.removesuffix("es")
    return word.removesuffix("s") if not word.endswith("ss") else word


def inflections(names: list[str]) -> list[tuple[str, str]]:
    """Return the pairs of names that hold one word in two forms. A shared qualifier makes no such pair."""
    found = []
    for one, other in combinations(sorted(names), 2):
        words = [{_singular(word) for word in name.split("_")} for name in (one, other)]
        forms = [{stem(word) for word in words[side] - words[1 - side]} for side in (0, 1)]
        if forms[0] & forms[1]:
            found.append((one, other))
    return found


def confusing() -> list[str]:
    """Return the pairs of modules of one folder that hold one verb in two forms."""
    return [f"{folder}: {one}, {other}" for folder, names in folders().items() for one, other in inflections(names)]
