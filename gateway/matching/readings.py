"""The readings of a name from which keys are made: spellings of another script, southern spellings of surnames."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product

from gateway.matching.normal import Form, NormalName, form_of
from gateway.matching.scripts import burmese_fit, han, latin, letters

_MIXED = 300
"""The most ways to spell all words of a name that are tried."""

_SPELLED_APART = 8
"""The spellings of a word that are made apart for each one that is tried."""

_SPELLED = 2
"""The number of spellings of a word that are made for each one that is kept."""


def readings(name: NormalName, count: int, mixed: bool = False) -> Iterator[Form]:
    """Yield the forms of a name for keys, the most usual first, at least one and as a rule at most `count`.

    A name in another script has several spellings; `mixed` adds a rare one of one word beside a usual one of another,
    and the syllables of a name in Latin letters that may be Burmese.
    A name in Latin letters that begins or ends with a Chinese surname as it is spelled in the south (Tan, Lim, Ng) has
    a form with the surname in pinyin, too.
    """
    yield from name.forms
    if mixed and name.script == "Mymr":
        yield from (form_of(words, name.script) for words in burmese_fit.readings(name.own))
    if name.spelled:
        yield from (
            islice(_mixed_spellings(name, count), count)
            if mixed and len(name.own) > 1
            else _other_spellings(name, count)
        )
        if name.script == "Hani" and (place := letters.spelling(han.without_kind("".join(name.own)), name.script)):
            yield from (form_of((word,), name.script) for word in letters.readings(place, count // 4))
    elif name.script == "Latn" and name.forms:
        yield from other_surnames(name.forms[0])
        if mixed and not name.marked:
            yield from (form_of(words, name.script) for words in burmese_fit.read_latin(name.forms[0].words))


def _other_spellings(name: NormalName, count: int) -> Iterator[Form]:
    each_has = max(1, count // len(name.own))
    spellings = [letters.readings(word, each_has) or ("",) for word in name.spelled[: len(name.own)]]
    for rank in range(max(map(len, spellings))):
        line = (each[min(rank, len(each) - 1)] for each in spellings)
        if words := tuple(filter(None, line)):
            yield form_of(words, name.script)


def _mixed_spellings(name: NormalName, count: int) -> Iterator[Form]:
    """Yield spellings with all combinations of the words' sounds, those whose words are all usual first."""
    spelled = name.spelled[: len(name.own)]
    tried = max(1, int(_MIXED ** (1 / len(spelled))))
    spellings = [_sounding_apart(word, min(count, _SPELLED_APART * tried)) or ("",) for word in spelled]
    ranks = product(*(range(min(len(each), tried)) for each in spellings))
    for line in sorted(ranks, key=sum):
        if words := tuple(filter(None, (each[rank] for rank, each in zip(line, spellings, strict=True)))):
            yield form_of(words, name.script)


def _sounding_apart(word: letters.Spelling, count: int) -> tuple[str, ...]:
    """Return the usual spellings of a word; of those with the same consonants (the same key) only the most usual."""
    found: dict[str, str] = {}
    for said in letters.readings(word, _SPELLED * count):
        found.setdefault(latin.skeleton(latin.sound(said)), said)
    return tuple(islice(found.values(), count))


def other_surnames(form: Form) -> Iterator[Form]:
    """Yield a name in Latin letters with its first or last word, a Chinese surname spelled otherwise, in pinyin."""
    for place in {0, len(form.words) - 1}:
        for surname in han.pinyin_of(form.words[place]):
            yield form_of((*form.words[:place], surname, *form.words[place + 1 :]), "Latn")
