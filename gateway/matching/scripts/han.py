"""Chinese characters -> simplified characters, pinyin, Wade-Giles, Sino-Vietnamese, Cantonese, surnames."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache, partial
from itertools import islice

from gateway.matching.scripts import tables

_MAX_OTHER = 3
"""The most other readings of a name that are tried."""


@cache
def _read() -> Callable[[str], list[str]]:
    """Return the function from characters to syllables, with `v` for u-umlaut.

    It is loaded here, since its tables take longer than the rest of matching.
    """
    from pypinyin import Style, lazy_pinyin

    return partial(lazy_pinyin, style=Style.NORMAL, errors="ignore")


@lru_cache(maxsize=4096)
def simplified(text: str) -> str:
    """Return `text` with traditional and variant characters replaced by simplified ones."""
    variants = tables.mapping("han_variants")
    return "".join(variants.get(character, character) for character in text)


@lru_cache(maxsize=4096)
def pinyin(name: str, as_surname: bool = True) -> tuple[str, ...]:
    """Return toneless pinyin of a name in simplified characters, a syllable for each; u-umlaut is `yu` as in passports.

    A first character that has another reading as a surname gets that one; without `as_surname`, its ordinary one.
    """
    syllables = [syllable.replace("v", "yu") for syllable in _read()(name)]
    surname = tables.mapping("han_surnames").get(name[:1])
    if surname and syllables:
        ordinary = _read()(name[0])[0].replace("v", "yu")
        syllables[0] = surname if as_surname else ordinary
    return tuple(syllables)


def other_pinyin(name: str, usual: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return `usual` pinyin of a name with one of its characters read as in some names of people and places."""
    if len(name) != len(usual):
        return ()
    table = tables.mapping("han_polyphones")
    others = ((place, said) for place, character in enumerate(name) for said in table.get(character, "").split())
    found = ((*usual[:place], said, *usual[place + 1 :]) for place, said in others if said != usual[place])
    return tuple(islice(found, _MAX_OTHER))


def without_kind(name: str) -> str:
    """Return a place's name without its kind and the peoples that it is named for; empty if it has no kind."""
    bare = _without(name, "kind")
    while bare and (shorter := _without(bare, "people")):
        bare = shorter
    return bare


def _without(name: str, which: str) -> str:
    """Return `name` without its longest such ending; empty if it has none, or too little would be left."""
    return next((name[: -len(end)] for end in _endings(which) if name.endswith(end) and len(name) > len(end) + 1), "")


@cache
def _endings(which: str) -> tuple[str, ...]:
    return tuple(sorted((end for end, of in tables.rows("han_kinds", 2) if of == which), key=len, reverse=True))


@lru_cache(maxsize=16384)
def is_foreign(name: str) -> bool:
    """Tell whether simplified characters seem to transcribe a foreign name: half or more are mostly used for that."""
    return 2 * sum(character in tables.mapping("han_foreign") for character in name) >= len(name)


def vietnamese(name: str) -> tuple[tuple[str, ...], ...]:
    """Return Sino-Vietnamese readings of a name, the usual one first, then those with one character read otherwise.

    Empty when a character is not in the table, and for a name that seems to transcribe a foreign one.
    """
    if is_foreign(name) and name[:1] not in tables.mapping("vietnamese_surnames"):
        return ()
    table = tables.mapping("han_vietnamese")
    each = [table.get(character, "").split() for character in name]
    if not all(each):
        return ()
    usual = tuple(said[0] for said in each)
    others = ((*usual[:place], said, *usual[place + 1 :]) for place, rest in enumerate(each) for said in rest[1:])
    return (usual, *islice(others, _MAX_OTHER))


def cantonese(name: str) -> tuple[str, ...]:
    """Return the Cantonese reading of a name as Hong Kong spells it; empty when a character is not in the table."""
    table = tables.mapping("han_cantonese")
    said = tuple(table.get(character, "") for character in name)
    return said if all(said) and not is_foreign(name) else ()


def wade_giles(pinyin: tuple[str, ...]) -> tuple[str, ...]:
    """Return the Wade-Giles spelling of pinyin syllables; empty where it sounds the same."""
    table = tables.mapping("wade_giles")
    said = tuple(table.get(syllable, syllable) for syllable in pinyin)
    return said if said != pinyin else ()


def surname_readings(character: str) -> tuple[str, ...]:
    """Return other Latin spellings of a surname character: Cantonese, Hokkien, Teochew, Wade-Giles."""
    return tuple(tables.mapping("han_readings").get(character, "").split())


@cache
def _surnames_in_pinyin() -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for character in tables.mapping("han_readings"):
        for spelling in surname_readings(character):
            found.setdefault(spelling, {})[pinyin(character)[0]] = None
    return {spelling: tuple(said for said in each if said != spelling) for spelling, each in found.items()}


def pinyin_of(surname: str) -> tuple[str, ...]:
    """Return the pinyin of the surnames that are spelled `surname` in southern China and abroad: `lim` is `lin`."""
    return _surnames_in_pinyin().get(surname, ())


@cache
def clan_names() -> frozenset[str]:
    """Return all Latin spellings of Chinese surnames that the tables know: pinyin and the spellings of the south."""
    surnames = tables.mapping("han_readings")
    spellings = {spelling for character in surnames for spelling in surname_readings(character)}
    return frozenset(spellings | {pinyin(character)[0] for character in surnames})
