"""Index keys of names: those that a source's key index stores for each row, and those that a query looks up.

A row stores few keys (about ten for each name); a query asks for many more, since a key without rows costs one
look-up: every rotation of its words, and several readings of another script. Keys are opaque short strings without
personal meaning beyond consonants:
- `j` the consonants of the whole name as if written in one word, in the order of the row; and the same with one
  consonant left out, so that one wrong, missing or added consonant is forgiven
- `p` two words of the name, in any order
- `w` one word; a source's index joins it with the year of birth
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations, islice

from gateway.errors import Malformed
from gateway.matching.normal import Form, NormalName, asked_name, normal_name
from gateway.matching.readings import readings
from gateway.matching.scripts import latin
from gateway.matching.scripts.cost import MAX_NAME_COST, name_cost
from gateway.matching.similarity import word_weight
from gateway.model.query import Query

_MAX_WORDS = 6
_ALL_PAIRS = 4
_PARTICLE = 0.2
_COMMON_PAIR = 1.3
"""Two words of less weight together are shared by too many people to be a key beside a third word."""

_LEAST_LEFT = 2
"""Consonants that must be left: fewer would be shared by too many."""

_LEAST_TOLD = 2
"""The fewest consonants of a name that is looked for in a text."""

_FORGIVEN_WORDS = 4
"""The most words in which one consonant is forgiven: of more words, two right ones are enough."""

_HELD, _ASKED = 4, 32
"""The readings of a name for which a row stores keys, beside those in other languages, and for which a query asks."""

_MAX_ASKED_WORDS = 24
"""The most words that one name of a query looks up with the year of birth."""

_MAX_ASKED = 256
"""The most keys that one name of a query looks up: those of its usual readings come first."""

_MAX_QUERY_COST = 800
"""The most that all names of a query may cost together (`name_cost`)."""

_UNIT_S = 0.00005
"""The processor seconds of one unit of cost, where it costs most."""


VESSEL = "v"
"""Stands before each key of a vessel's name, so that no person is found by it; no key of a person begins so."""


def query_cost(query: Query) -> float:
    """Return the estimate of the processor seconds of a query by name before any work on it; 0 for one by number.

    Raises `Malformed` where its names would cost too much.
    """
    asked = query.named
    if asked is None:
        return 0.0
    total = 0
    for text in (*(name.text for name in asked.names), asked.father):
        cost = name_cost(text, MAX_NAME_COST)
        total += cost
        if cost <= MAX_NAME_COST and total <= _MAX_QUERY_COST:
            continue
        raise Malformed(
            "the names of the question have too many letters",
            code="query-too-costly",
            where="query.names",
            remedy="at most {one} letters in a name and {all} in all; a Chinese character counts as four letters, "
            "an Arabic, Cyrillic or Korean one as two",
            one=MAX_NAME_COST,
            all=_MAX_QUERY_COST,
        )
    return total * _UNIT_S


@lru_cache(maxsize=4096)
def name_keys(name: str) -> frozenset[str]:
    """Return the keys that a row stores for one name as written. Empty for a placeholder."""
    return frozenset(key for words in _held_readings(name) for key in _held_keys(words))


@lru_cache(maxsize=512)
def query_keys(name: str) -> frozenset[str]:
    """Return the keys that a query looks up for one name, `name_keys` of the same name included."""
    keys = {key for words in _asked_readings(name, _held_count(asked_name(name))) for key in _held_keys(words)}
    for words in _asked_readings(name, _ASKED):
        keys.update(islice(_asked_keys(words), max(0, _MAX_ASKED - len(keys))))
    for other in asked_name(name).also:
        for words in _held_readings(other):
            keys.update(islice(_sure_keys(words), max(0, _MAX_ASKED - len(keys))))
    return frozenset(keys)


def whole_keys(text: str) -> frozenset[str]:
    """Return those of the keys of a row that stand for a whole name with all consonants right, if `text` is a name.

    Its words may be in another order. Nothing is kept: a long text has thousands of parts that may be names.
    """
    name = normal_name.__wrapped__(text)
    read = [[said for said, _ in words] for words in _readings(name, _held_count(name))]
    wholes = {_joined(said[place:] + said[:place]) for said in read for place in range(len(said))}
    return frozenset(f"j{whole}" for whole in wholes if len(whole) >= _LEAST_TOLD)


@lru_cache(maxsize=4096)
def word_keys(name: str) -> frozenset[str]:
    """Return broad keys, one for each word of the name, for look-ups with a birth year only.

    In a large source thousands of rows share one. They find a name with one word missing or misspelt.
    """
    return _word_keys(_held_readings(name))


@lru_cache(maxsize=512)
def asked_word_keys(name: str) -> frozenset[str]:
    """Return the broad keys that a query looks up: those of `word_keys`, and those of rarer readings."""
    more = (f"w{latin.skeleton(said)}" for words in _asked_readings(name, _ASKED) for said, _ in words)
    usual = _word_keys(_asked_readings(name, _held_count(asked_name(name))))
    return usual | frozenset(islice(dict.fromkeys(more), _MAX_ASKED_WORDS))


Words = tuple[tuple[str, float], ...]
"""The sounds of the words of one reading, each with the weight of its word."""


def _word_keys(read: Sequence[Words]) -> frozenset[str]:
    return frozenset(f"w{latin.skeleton(said)}" for words in read for said, _ in words)


@lru_cache(maxsize=4096)
def _held_readings(name: str) -> tuple[Words, ...]:
    """Return the readings of a name of a row."""
    return _readings(normal_name(name), _held_count(normal_name(name)))


@lru_cache(maxsize=512)
def _asked_readings(name: str, count: int) -> tuple[Words, ...]:
    """Return the readings of a name of a query."""
    return _readings(asked_name(name), count)


def _held_count(name: NormalName) -> int:
    return _HELD + sum(form.beside for form in name.forms)


def _readings(name: NormalName, count: int) -> tuple[Words, ...]:
    """Return up to `count` readings. Of the many that a query asks for, those beside Mandarin are left out."""
    many = count == _ASKED
    forms = (form for form in readings(name, count, many) if not (many and form.beside))
    return tuple(islice(dict.fromkeys(words for form in forms if (words := _telling(form))), count))


def _telling(form: Form) -> Words:
    """Return the words that identify: particles such as `al` and `bin` only if there are no other words."""
    weighed = [(said, word_weight(word)) for word, said in zip(form.words, form.sounds, strict=True)]
    telling = [(said, weight) for said, weight in weighed if weight > _PARTICLE]
    return tuple((said, weight) for said, weight in (telling or weighed)[:_MAX_WORDS] if latin.skeleton(said))


def _held_keys(words: Words) -> Iterator[str]:
    yield from _sure_keys(words)
    yield from _without_one([word for word, _ in words])


def _sure_keys(words: Words) -> Iterator[str]:
    """Yield the keys of a name with all consonants right; another name of a place counts only so."""
    yield "j" + _joined([word for word, _ in words])
    yield from _pairs(words)


def _asked_keys(words: Words) -> Iterator[str]:
    said = [word for word, _ in words]
    yield from _pairs(words)
    for place in range(len(said)):
        turned = said[place:] + said[:place]
        yield "j" + _joined(turned)
        yield from _without_one(turned)
    if len(said) > _LEAST_LEFT:
        yield from (_pair(_joined(said[:place]), _joined(said[place:])) for place in range(1, len(said)))


def _pairs(words: Words) -> Iterator[str]:
    """Yield keys of pairs of words; for a long name only neighbours, and not two words of little weight."""
    pairs = combinations(words, 2) if len(words) <= _ALL_PAIRS else zip(words, words[1:] + words[:1], strict=True)
    for (left, weight), (right, other) in pairs:
        if len(words) == _LEAST_LEFT or weight + other >= _COMMON_PAIR:
            yield _pair(latin.skeleton(left), latin.skeleton(right))


def _without_one(said: Sequence[str]) -> Iterator[str]:
    """Yield keys of the whole name without one consonant; of several words, first consonants are never left out."""
    whole = _joined(said)
    if len(whole) <= _LEAST_LEFT or len(said) > _FORGIVEN_WORDS:
        return
    starts = {len(_joined(said[:count])) for count in range(len(said))} if len(said) > 1 else set()
    places = (place for place in range(len(whole)) if place not in starts or whole[place] == "a")
    yield from ("j" + whole[:place] + whole[place + 1 :] for place in places)


def _joined(said: Sequence[str]) -> str:
    """Return the consonants of words as if they were written as one."""
    return latin.skeleton("".join(said))


def _pair(left: str, right: str) -> str:
    return f"p{left}.{right}" if left <= right else f"p{right}.{left}"
