"""The normal forms of a name as written, in any script: what keys and scores are made of."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache

from gateway.matching import burmese, han, khmer, latin, tables, thai
from gateway.matching.scripts import detect_script, script_of

_INVISIBLE = re.compile("[\u00ad\u061c\u200c-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_APOSTROPHES = re.compile("['`´ʻʼʿʾ‘’]")
_BREAKS = re.compile(r"[\s\u200b,;:/\\|<>()\[\]{}\"“”«»·・\-‐-―_.+*&0-9]+")
_DOTTED = re.compile(r"[\s\u200b,;]+")
_RPA = re.compile(r"^[a-z]*(?:xy[aeiouw]+|(?:aa|ee|oo)[bjvsmgd])[bjvsmgd]?$")
_RPA_ENDING = re.compile(r"[aeiouw][bjvsmgd]$|[aeiou]$")


@dataclass(frozen=True, slots=True)
class Form:
    """One reading of a name in Latin letters: plain words, their sounds, and the sounds joined in all rotations."""

    words: tuple[str, ...]
    sounds: tuple[str, ...]
    rotations: tuple[str, ...]
    ordered: bool = False
    """The order of the words carries identity (Burmese names): no free permutation."""


@dataclass(frozen=True, slots=True)
class NormalName:
    """A name ready to be compared. `own` are its words in its own script, `marked` those of a name with diacritics."""

    script: str
    own: tuple[str, ...]
    marked: tuple[str, ...]
    forms: tuple[Form, ...]
    sex: str


@lru_cache(maxsize=32768)
def normal_name(text: str) -> NormalName:
    """The normal forms of `text`. A name without usable letters has no `forms`."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text)))
    script = detect_script(text)
    if script == "Mymr":
        text = burmese.to_unicode(text)
    words, sex = _without_titles(_words(text))
    if not words:
        return NormalName(script, (), (), (), sex)
    marked = tuple(word.casefold() for word in words) if script == "Latn" and latin.is_marked(text) else ()
    own = tuple(han.simplified(word) if script == "Hani" else word.casefold() for word in words)
    return NormalName(script, own, marked, _forms(script, words), sex)


# ---------------------------------------------------------------- words and titles


def _words(text: str) -> list[str]:
    """The words of a name; dots stay inside titles such as `น.ส.` until these are gone."""
    return [word for word in _DOTTED.split(_APOSTROPHES.sub("", text)) if word]


@cache
def _titles(kind: str) -> dict[str, str]:
    return {word: sex for word, sex, its_kind in tables.rows("titles", 3) if its_kind == kind}


@cache
def _prefixes() -> tuple[str, ...]:
    return tuple(sorted(_titles("prefix"), key=len, reverse=True))


def _without_titles(words: list[str]) -> tuple[tuple[str, ...], str]:
    sex = ""
    while words:
        first = latin.plain(words[0].rstrip(".")) if script_of(words[0][0]) == "Latn" else words[0]
        if len(words) > 1 and (first in _titles("word") or first in _titles("prefix")):
            sex = sex or _titles("word").get(first, "") or _titles("prefix").get(first, "")
            words = words[1:]
            continue
        prefix = next((known for known in _prefixes() if first.startswith(known) and len(first) > len(known) + 1), "")
        if not prefix:
            break
        sex = sex or _titles("prefix")[prefix]
        words = [words[0][len(prefix) :], *words[1:]]
    if len(words) > 1 and not sex:
        sex = _titles("soft").get(latin.plain(words[0]) if script_of(words[0][0]) == "Latn" else words[0], "")
    unknown = tables.mapping("placeholders")
    parts = [
        part for word in words if latin.plain(word) not in unknown and word not in unknown for part in _parts(word)
    ]
    return tuple(part for part in parts if latin.plain(part) not in unknown and part not in unknown), sex


def _parts(word: str) -> list[str]:
    return [part for part in _BREAKS.split(word) if part and any(script_of(letter) for letter in part)]


# ---------------------------------------------------------------- readings in Latin letters


def _forms(script: str, words: tuple[str, ...]) -> tuple[Form, ...]:
    if script == "Hani":
        readings = _han_readings("".join(han.simplified(word) for word in words))
    elif script == "Mymr":
        readings = [tuple(burmese.romanise(part) for word in words for part in burmese.syllables(word))]
        readings += _soft(words, readings[0])
    else:
        readings = [tuple(said for said in (_romanise(word) for word in words) if said)]
        readings += _soft(words, readings[0]) + _rpa(readings[0])
    return tuple(_form(reading) for reading in dict.fromkeys(readings) if reading)


def _romanise(word: str) -> str:
    script = script_of(word[0])
    if script in ("Thai", "Laoo"):
        return thai.romanise(word)
    if script == "Khmr":
        return khmer.romanise(word)
    return re.sub("[^a-z]", "", latin.plain(word))


def _soft(words: tuple[str, ...], reading: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The reading without a first word that may be an honorific, when two words remain."""
    first = latin.plain(words[0]) if script_of(words[0][0]) == "Latn" else words[0]
    return [reading[1:]] if len(reading) > 2 and first in _titles("soft") else []


def _rpa(reading: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The popular spelling of a name in Hmong RPA letters, when some word can only be RPA."""
    if not any(_RPA.match(word) for word in reading) or not all(_RPA_ENDING.search(word) for word in reading):
        return []
    return [tuple(tables.rewrite(word, tables.rules("hmong_rpa")) for word in reading)]


def _han_readings(name: str) -> list[tuple[str, ...]]:
    mandarin, vietnamese = han.pinyin(name), han.vietnamese(name)
    readings = [mandarin, vietnamese] if vietnamese else [mandarin]
    readings += [(surname, *mandarin[1:]) for surname in han.surname_readings(name[:1])]
    return [tuple(latin.plain(word) for word in reading) for reading in readings]


@cache
def _burmese() -> dict[str, str]:
    variants = tables.mapping("burmese_variants")
    return {word: word for word in variants.values()} | variants


def _with_clans(words: tuple[str, ...]) -> tuple[str, ...]:
    """Thai `Saelim` as `Sae Lim`: the clan tells people apart, its prefix does not (domain.md, 6.1, rule 3)."""
    if not any(word.startswith("sae") and word[3:] in han.clan_names() for word in words):
        return words
    split = (("sae", word[3:]) if word[:3] == "sae" and word[3:] in han.clan_names() else (word,) for word in words)
    return tuple(part for parts in split for part in parts)


def _form(words: tuple[str, ...]) -> Form:
    words, variants = _with_clans(words), _burmese()
    ordered = len(words) > 1 and all(word in variants for word in words)
    if ordered:
        words = tuple(variants[word] for word in words)
    sounds = tuple(latin.sound(word) for word in words)
    rotations = tuple("".join(sounds[place:] + sounds[:place]) for place in range(len(sounds)))
    return Form(words, sounds, rotations, ordered)
