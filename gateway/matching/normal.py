"""The normal forms of a name as written, in any script, from which keys and scores are made."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import islice

from gateway.matching import places
from gateway.matching.scripts import burmese, damaged, han, khmer, latin, letters, tables, thai
from gateway.matching.scripts.cost import MAX_TEXT
from gateway.matching.scripts.detect import begins_word, detect_script, script_of

_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200c-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")
_AGAIN = re.compile(r"(?<![^\sๆໆៗ])([^\sๆໆៗ]++)\s*+[ๆໆៗ]")
"""The sign that repeats the word before it: a doubled name is another name."""

_APOSTROPHES = re.compile("['`´ʻʼʿʾ‘’]")
_BREAKS = re.compile(r"[\s\u200b,;:/\\|<>()\[\]{}\"“”«»·・\-‐-―_.+*&\d\u104a\u104b\u17d4-\u17d6\u17d8-\u17da]+")
_DOTTED = re.compile(r"[\s\u200b,;]+")
_UNVOWELLED = ("Hebr",)

BY_LETTERS = ("Arab", "Cyrl", "Hang")
"""Scripts that are read by the tables of `letters` alone."""

_OF_PLACE = 8
"""Readings of a place without its kind."""

_OF_BARE = 2
"""The same in other scripts: unchanged, and with its lost marks."""

_ARTICLE = "ال"
_MAX_WORDS, _MAX_LETTERS = 12, 48
"""Text with more words, or letters in a word is not a name; it would only cost time."""

_OF_EACH_SCRIPT = ("ทองคำ", "ຄຳ", "NGUYỄN VAN A", "王小明", "ដារា កែវ", "အောင်ဆန်း", "Иван", "محمد", "김")
"""A name for the tables of each script."""

_RPA = re.compile(r"^[a-z]*(?:xy[aeiouw]+|(?:aa|ee|oo)[bjvsmgd])[bjvsmgd]?$")
_RPA_ENDING = re.compile(r"[aeiouw][bjvsmgd]$|[aeiou]$")


@dataclass(frozen=True, slots=True)
class Form:
    """One reading of a name in Latin letters: plain words, their sounds, and the sounds joined in all rotations."""

    words: tuple[str, ...]
    sounds: tuple[str, ...]
    rotations: tuple[str, ...]
    said: str = ""
    """The sounds with blanks between them."""
    ordered: bool = False
    """The order of the words carries identity (Burmese names): no free permutation."""
    romanised: bool = False
    """Read by our rules from another script: its vowels are a guess."""
    unvowelled: bool = False
    """Read from a script that leaves short vowels out (Arabic, Hebrew): only consonants can be compared."""
    syllables: tuple[str, ...] = ()
    """The syllables of a name read in pinyin, however its words are joined."""
    rare: bool = False
    """Another name is usually meant: a character read as in few names."""
    apart: bool = False
    """Its first word is a surname as the south spells it, which is never joined to the other names."""
    beside: bool = False
    """A reading of Chinese characters in another language or spelling: Sino-Vietnamese, Cantonese, Wade-Giles."""
    doubtful: bool = False
    """Without a word that may be the kind of a place and may as well be a name."""


@dataclass(frozen=True, slots=True, eq=False)
class NormalName:
    """A name ready to be compared. `own` are its words in its own script, `marked` those of a name with diacritics
    in one of several Vietnamese spellings.

    `sex` comes from a title, `maybe_sex` from a first word that may also be a name (Saw, Naw, Nang). Names
    are compared by identity, so that they are cheap keys of caches.
    """

    script: str
    own: tuple[str, ...] = ()
    marked: tuple[str, ...] = ()
    forms: tuple[Form, ...] = ()
    sex: str = ""
    maybe_sex: str = ""
    spelled: tuple[letters.Spelling, ...] = ()
    """The words (and, if there are several, last the whole) as `letters` compares them with Latin ones."""
    also: tuple[str, ...] = ()
    """Other names of the place that bears this name."""


@lru_cache(maxsize=32768)
def normal_name(text: str) -> NormalName:
    """Return the normal forms of `text`. A name without usable letters has no `forms`."""
    text = _INVISIBLE.sub("", text[:MAX_TEXT])
    # A single sign may become eighteen: `㍿` and others of U+33xx.
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text)[:MAX_TEXT])
    text = _AGAIN.sub(r"\1 \1", text)
    script = detect_script(text)
    if script == "Mymr":
        text = burmese.to_unicode(text)
    elif script == "Arab":
        text = tables.rewrite(text, tables.rules("arabic_variants"))
    written, sex = _without_titles(_words(text))
    words = _known_parts(written)
    if not words:
        return NormalName(script, sex=sex)
    marked = tuple(map(latin.one_spelling, words)) if script == "Latn" and latin.is_marked(text) else ()
    own = tuple(han.simplified(word) if script == "Hani" else word.casefold() for word in words)
    maybe = _titles("soft").get(places.table_form(words[0]), "") if len(words) > 1 else ""
    spelled = _spelled(script, own)
    forms = tuple(dict.fromkeys((*_forms(script, words), *_bare_forms(script, written, words))))
    also = places.other_names(script, own, marked)
    return NormalName(script, own, marked, forms, sex, sex or maybe, spelled, also)


asked_name = lru_cache(maxsize=512)(normal_name.__wrapped__)
"""Returns what `normal_name` does, for names of questions: askers choose them, and a long one takes fifty kilobytes."""


def read_tables() -> None:
    """Read the tables of all scripts, 0.4 s of work that else falls on the first questions by name after a start."""
    for name in _OF_EACH_SCRIPT:
        asked_name(name)


def _spelled(script: str, own: tuple[str, ...]) -> tuple[letters.Spelling, ...]:
    whole = ("".join(own),) if len(own) > 1 else ()
    found = [letters.spelling(word, script) for word in own + whole]
    return tuple(word for word in found if word) if all(found) else ()


# ---------------------------------------------------------------- words and titles


def _words(text: str) -> list[str]:
    """Return the words of a name; dots stay inside titles such as `น.ส.` until these are removed."""
    return [word for word in _DOTTED.split(_APOSTROPHES.sub("", text)) if word]


@cache
def _titles(kind: str) -> dict[str, str]:
    return {word: sex for word, sex, its_kind in tables.rows("titles", 3) if its_kind == kind}


@cache
def _prefixes() -> tuple[str, ...]:
    return tuple(sorted(_titles("prefix"), key=len, reverse=True))


def _without_titles(words: list[str]) -> tuple[list[str], str]:
    sex, full, prefix = "", _titles("word"), _titles("prefix")
    while words:
        first = places.table_form(words[0])
        if len(words) > 1 and (first in full or first in prefix):
            sex = sex or full.get(first, "") or prefix.get(first, "")
            words = words[1:]
            continue
        title = next((known for known in _prefixes() if _leads(known, first)), "")
        if not title:
            break
        sex = sex or prefix[title]
        words = [words[0][len(title) :], *words[1:]]
    return words, sex


def _leads(title: str, word: str) -> bool:
    """Tell whether `word` is `title` and a name written together; a vowel sign after the title means one word."""
    rest = word[len(title) :]
    return word.startswith(title) and len(rest) > 1 and begins_word(rest)


def _known_parts(words: Sequence[str]) -> tuple[str, ...]:
    """Return the parts of all words without placeholders such as FNU, which carry no weight."""
    unknown = tables.mapping("placeholders")
    parts = (part for word in words if places.table_form(word) not in unknown for part in _parts(word))
    known = (part[:_MAX_LETTERS] for part in parts if places.table_form(part) not in unknown)
    return tuple(_with_endings(known))[:_MAX_WORDS]


def _with_endings(words: Iterable[str]) -> list[str]:
    """Return the words with endings joined: `Jalal uddin` and `Najib Allah` become one word each, the usual way."""
    found: list[str] = []
    for word in words:
        if found and places.table_form(word) in tables.mapping("endings"):
            found[-1] += word
        else:
            found.append(word)
    return found


def _parts(word: str) -> list[str]:
    """Return a word without dots and hyphens; an Arabic article becomes a word of its own, as in Latin letters."""
    parts = [part for part in _BREAKS.split(word) if part and any(script_of(letter) for letter in part)]
    if not any(part.startswith(_ARTICLE) and len(part) > 4 for part in parts):
        return parts
    return [piece for part in parts for piece in part.replace(_ARTICLE, f"{_ARTICLE} ", 1).split(" ")]


# ---------------------------------------------------------------- readings in Latin letters


def _forms(script: str, words: tuple[str, ...]) -> tuple[Form, ...]:
    if script == "Hani":
        return _han_forms("".join(han.simplified(word) for word in words))
    if script in BY_LETTERS:
        read = tuple(_read(word, script) for word in words)
        readings = [tuple(said for said in read if said)]
    elif script == "Mymr":
        readings = [burmese.reading(words)]
        readings += _soft(words, readings[0]) + burmese.with_side(words)
    else:
        readings = [tuple(said for said in (_romanise(word) for word in words) if said)]
        readings += _soft(words, readings[0]) + _rpa(readings[0]) + _restored(script, words)
    return tuple(form_of(reading, script) for reading in dict.fromkeys(readings) if reading)


def _bare_forms(script: str, written: Sequence[str], words: Sequence[str]) -> Iterator[Form]:
    """Yield readings of a place with its kind as a word of its own, and without it.

    An abbreviated kind has its dot only in `written`.
    """
    bare = places.without_kind(written, script) or places.without_kind(words, script)
    if bare and (left := _known_parts(bare.words)):
        yield from _forms(script, _known_parts(bare.apart))[:1] if bare.apart else ()
        yield from (replace(form, doubtful=not bare.sure) for form in _forms(script, left)[:_OF_BARE])


def _read(word: str, script: str) -> str:
    """Return the most usual Latin spelling of a word; if the tables have none, letter by letter."""
    spelling = None if word == _ARTICLE else letters.spelling(word.casefold(), script)
    return next(iter(letters.readings(spelling, 1)), "") if spelling else _romanise(word)


def _romanise(word: str) -> str:
    script = script_of(word[0])
    if script in ("Thai", "Laoo"):
        return thai.romanise(word)
    if script == "Khmr":
        return khmer.romanise(word)
    return "al" if word == _ARTICLE else re.sub("[^a-z]", "", latin.plain(word))


def _soft(words: tuple[str, ...], reading: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the reading without a first word that may be an honorific, if two words remain."""
    return [reading[1:]] if len(reading) > 2 and places.table_form(words[0]) in _titles("soft") else []


def _restored(script: str, words: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the reading of Khmer or Lao words whose lost marks are known; empty if nothing was restored."""
    whole = damaged.restored(words) if script in ("Khmr", "Laoo") else words
    return [tuple(said for said in map(_romanise, whole) if said)] if whole != words else []


def _rpa(reading: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the popular spelling of a name in Hmong RPA letters, if some word can only be RPA."""
    if not any(_RPA.match(word) for word in reading) or not all(_RPA_ENDING.search(word) for word in reading):
        return []
    return [tuple(tables.rewrite(word, tables.rules("hmong_rpa")) for word in reading)]


def _han_forms(name: str) -> tuple[Form, ...]:
    """Return the readings of Chinese characters, the most usual first; then those of the name without its kind."""
    place = han.without_kind(name)
    is_person = not place
    forms: dict[tuple[str, ...], Form] = {}
    for form in (*_han_readings(name, is_person), *islice(_han_readings(place, is_person), _OF_PLACE)):
        forms.setdefault(form.words, form)
    forms.pop((), None)
    return tuple(forms.values())


def _han_readings(name: str, is_person: bool) -> Iterator[Form]:
    """Yield the readings of Chinese characters: Mandarin; for a person Sino-Vietnamese, Cantonese and Wade-Giles, too;
    and surnames of the south.
    """
    mandarin = han.pinyin(name)
    yield from _in_pinyin(mandarin, rare=False)
    said_in_vietnam = dict.fromkeys(map(_plain, han.vietnamese(name))) if is_person else ()
    vietnamese = [replace(form_of(said, "Hani"), beside=True) for said in said_in_vietnam]
    yield from vietnamese[:1]
    for said in (han.cantonese(name), han.wade_giles(mandarin)) if is_person else ():
        if said:
            yield replace(form_of(said, "Hani"), beside=True, apart=True, rare=True)
    others = dict.fromkeys((han.pinyin(name, as_surname=False), *han.other_pinyin(name, mandarin)))
    for other in others:
        if other != mandarin:
            yield from _in_pinyin(other, rare=True)
    yield from vietnamese[1:]
    for surname in han.surname_readings(name[:1]):
        yield replace(form_of(_plain((surname, *mandarin[1:])), "Hani"), apart=True)


def _in_pinyin(said: tuple[str, ...], rare: bool) -> Iterator[Form]:
    """Yield the ways to join pinyin: syllables apart, the surname apart from the given name, and all in one word."""
    syllables = _plain(said)
    ways = [syllables, (*syllables[:1], "".join(syllables[1:])), ("".join(syllables),)]
    for words in dict.fromkeys(tuple(filter(None, way)) for way in ways):
        yield replace(form_of(words, "Hani"), syllables=syllables, rare=rare)


def _plain(said: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for word in map(latin.plain, said) if word)


@cache
def _burmese() -> dict[str, str]:
    variants = tables.mapping("burmese_variants")
    return {word: word for word in variants.values()} | variants


def _with_clans(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return Thai `Saelim` as `Sae Lim`: the clan tells people apart, its prefix does not (RULE-NAMES-3)."""
    if not any(word.startswith("sae") and word[3:] in han.clan_names() for word in words):
        return words
    split = (("sae", word[3:]) if word[:3] == "sae" and word[3:] in han.clan_names() else (word,) for word in words)
    return tuple(part for parts in split for part in parts)


def form_of(words: tuple[str, ...], script: str) -> Form:
    """Return one reading of a name, by its plain words; `script` is that of the name."""
    words, variants = _with_clans(words[:_MAX_WORDS]), _burmese()
    ordered = len(words) > 1 and all(word in variants for word in words)
    if ordered:
        words = tuple(variants[word] for word in words)
    sounds = tuple(latin.sound(word) for word in words)
    rotations = tuple("".join(sounds[place:] + sounds[:place]) for place in range(len(sounds)))
    return Form(words, sounds, rotations, " ".join(sounds), ordered, script != "Latn", script in _UNVOWELLED)
