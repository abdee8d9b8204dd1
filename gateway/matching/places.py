"""The words before or after the name of a place that say only its kind: `Huyện`, `ភូមិ`, `ບ້ານ`, `မြို့`.

`data/place_kinds.tsv` lists the kinds of all languages. The kinds of a Chinese place in characters are in `han`.

A place has another name as well: a county may be listed under the town of its office, and the town under the county.
`data/place_seats.tsv` has such pairs for China and Viet Nam, from the official codes of divisions.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from gateway.matching.scripts import han, latin, tables
from gateway.matching.scripts.damaged import is_damaged, unmarked
from gateway.matching.scripts.detect import begins_word, script_of
from gateway.matching.scripts.pinyin import SYLLABLE

_SEAT = frozenset({"chengguanzhen", "chengguan", "chengguanqu"})
"""The town at the seat of a county, which bears the county's name."""

_MOST_SEATS = 2
"""The most other names of a place: a town's name that more counties share identifies none of them."""

_JOINING = ("Thai", "Laoo", "Khmr", "Mymr")
"""Scripts that are written without blanks between words."""

_LONGEST = 2
"""The most words of a kind."""

_LEAST_DAMAGED = 3
"""The least letters of a kind without its marks: shorter ones are also other words."""


@dataclass(frozen=True, slots=True)
class Bare:
    """The words of a place without its kind; not `sure` when the part left out may be a name as well."""

    words: tuple[str, ...]
    sure: bool = True
    apart: tuple[str, ...] = ()
    """All words, with the kind as a word of its own, if it was written together with the first."""


def without_kind(words: Sequence[str], script: str) -> Bare | None:
    """Return `words` of a name in `script` without the kind of place before or after them; None if they have none.

    The rest is never empty: a kind alone is a name.
    Text that has lost all its marks above and below the letters, as old databases of Khmer and Lao places have, is
    compared with kinds that have lost them, too.
    """
    if not words or script not in (*_JOINING, "Latn"):
        return None
    if script == "Latn":
        return _own_word(words, damaged=False) or _in_pinyin(words)
    damaged = is_damaged(words)
    return _own_word(words, damaged) or _joined(words, damaged)


def other_names(script: str, own: Sequence[str], marked: Sequence[str]) -> tuple[str, ...]:
    """Return other names of a place, by `own` in simplified characters or `marked` in one Vietnamese spelling.

    Vietnamese without its diacritics has none: too many names are alike then.
    """
    if script == "Hani":
        name = "".join(own)
        return _seats().get(name) or _seats().get(han.without_kind(name), ())
    if not marked:
        return ()
    bare = without_kind(marked, script)
    return _seats().get(" ".join(marked)) or (_seats().get(" ".join(bare.words), ()) if bare else ())


def _own_word(words: Sequence[str], damaged: bool) -> Bare | None:
    first, last = table_form(words[0]), table_form(words[-1])
    if not damaged and first not in _first_words("before") and last not in _first_words("after"):
        return None
    for count in range(min(_LONGEST, len(words) - 1), 0, -1):
        if (sure := _known("before", words[:count], damaged)) is not None:
            return Bare(tuple(words[count:]), sure)
        if (sure := _known("after", words[-count:], damaged)) is not None:
            return Bare(tuple(words[:-count]), sure)
    return None


def _known(where: str, words: Sequence[str], damaged: bool) -> bool | None:
    """Return True if `words` are surely a kind at that place, False if perhaps, None if not."""
    kinds, text = _kinds(where), " ".join(words).casefold()
    if script_of(text[0]) == "Latn" and text not in kinds:
        text = " ".join(map(table_form, words))
    elif damaged and text not in kinds:
        return False if text in _damaged(where) else None
    return kinds.get(text)


def table_form(word: str) -> str:
    """Return a word in the form of the tables: Latin without diacritics and dot, other scripts unchanged."""
    return latin.plain(word.rstrip(".")) if script_of(word[0]) == "Latn" else word


def _joined(words: Sequence[str], damaged: bool) -> Bare | None:
    """Return the words without a kind that is written together with the first or the last word."""
    if (found := _pattern("joined", damaged).match(words[0])) and begins_word(found["name"]):
        left = (found["name"], *words[1:])
        return Bare(left, sure=False, apart=(found["kind"], *left))
    if found := _pattern("ending", damaged).fullmatch(words[-1]):
        return Bare((*words[:-1], found["name"]), _kinds("ending").get(found["kind"], False))
    return None


def _in_pinyin(words: Sequence[str]) -> Bare | None:
    if len(words) == _LONGEST and latin.plain(words[1]) in _SEAT:
        return Bare((words[0],))
    found = _pinyin_place().fullmatch(latin.plain(words[0])) if len(words) == 1 else None
    return Bare((found[1],)) if found else None


@cache
def _pinyin_place() -> re.Pattern[str]:
    """Return the pattern of a place in pinyin with its kind joined to it."""
    return re.compile(f"((?:{SYLLABLE}){{2,4}}?)(?:{'|'.join(_kinds('pinyin'))})")


# ---------------------------------------------------------------- the table


@cache
def _kinds(where: str) -> dict[str, bool]:
    """Return the kinds at a place, and if each is sure. Kinds that can be joined are words of their own, too."""
    own = {"before": ("before", "joined"), "after": ("after", "ending")}.get(where, (where,))
    table = tables.rows("place_kinds", 4)
    rows = [(unicodedata.normalize("NFKC", kind), sure) for kind, stands, sure, _ in table if stands in own]
    plain = {" ".join(map(latin.plain, kind.split())): sure for kind, sure in rows if _loses_marks(kind, sure)}
    return {kind: sure != "maybe" for kind, sure in (plain | dict(rows)).items()}


def _loses_marks(kind: str, sure: str) -> bool:
    return script_of(kind[0]) == "Latn" and sure != "marked"


@cache
def _damaged(where: str) -> frozenset[str]:
    """Return the kinds at a place without their marks."""
    bare = (unmarked(kind) for kind in _kinds(where) if script_of(kind[0]) != "Latn")
    return frozenset(kind for kind in bare if len(kind) >= _LEAST_DAMAGED)


@cache
def _first_words(where: str) -> frozenset[str]:
    """Return the words with one of which a name with a kind there begins or ends, in the form of `table_form`."""
    return frozenset(table_form(kind.split()[0 if where == "before" else -1]) for kind in _kinds(where))


@cache
def _pattern(where: str, damaged: bool) -> re.Pattern[str]:
    """Return the pattern of a name of two signs or more joined with a kind; the longest kind counts."""
    kinds = sorted({*_kinds(where), *(_damaged(where) if damaged else ())}, key=len, reverse=True)
    kind = f"(?P<kind>{'|'.join(map(re.escape, kinds))})"
    return re.compile(f"{kind}(?P<name>.{{2,}})" if where == "joined" else f"(?P<name>.{{2,}}?){kind}", re.DOTALL)


@cache
def _seats() -> dict[str, tuple[str, ...]]:
    """Return the other names of each name; single Vietnamese words are left out, since they may be given names."""
    found: dict[str, tuple[str, ...]] = {}
    for pair in tables.rows("place_seats", 2):
        for name, other in (pair, pair[::-1]):
            if " " in name or script_of(name[0]) == "Hani":
                found[name] = (*found.get(name, ()), other)
    return {name: others for name, others in found.items() if len(others) <= _MOST_SEATS}
