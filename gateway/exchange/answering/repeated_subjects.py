"""One subject asked for under several purposes is an alarm (design, section 5).

A record may be hidden for one purpose and a hit for another. An asker who tries one purpose after the other may be
looking for hidden records. The asker chooses the purpose, so this must not change an answer; a human is told instead.

The memory names no person: it holds keyed hashes of (counterpart, subject) under a key that is never stored, with the
purposes, for half a day to a day. It ends with the process, and each process of a node has its own.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from hashlib import blake2b

from gateway.matching.identifiers import numbers_in
from gateway.matching.scripts.cost import MAX_NAME_COST
from gateway.model.names import MemberId
from gateway.model.purpose import Purpose
from gateway.model.query import Query
from gateway.recent import Recent

HALF_A_DAY_US = 12 * 3_600_000_000
MOST = 100_000
"""Subjects that are remembered of half a day, some thirty megabytes; a counterpart with more of them forgets sooner."""

_HASH_BYTES = 12
_BITS = {purpose: 1 << place for place, purpose in enumerate(Purpose)}
_LATIN_MARKS = re.compile("[\u0300-\u036f]")


_LONGEST = MAX_NAME_COST
"""Letters of a name that is noted; no source looks for a longer one."""


class Subjects:
    """The purposes under which each counterpart asked for each subject. For one thread."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._since_us = 0
        self._newer: Recent[bytes, int] = Recent(MOST)
        self._older: Recent[bytes, int] = Recent(MOST)

    def note(self, peer: MemberId, query: Query, purpose: Purpose, now_us: int) -> tuple[Purpose, ...]:
        """Remember a question; return all purposes of its subject when this adds one to others, else nothing."""
        self._forget(now_us)
        bit, several = _BITS[purpose], 0
        for subject in subjects(query):
            name = blake2b(f"{peer}\n{subject}".encode(), digest_size=_HASH_BYTES, key=self._key).digest()
            known = self._newer.held.get(name) or self._older.held.get(name, 0)
            self._newer.put(peer, name, known | bit)
            if known and not known & bit:
                several |= known | bit
        return tuple(each for each, its in _BITS.items() if its & several) if several else ()

    def _forget(self, now_us: int) -> None:
        if now_us - self._since_us > HALF_A_DAY_US:
            is_recent = now_us - self._since_us <= 2 * HALF_A_DAY_US
            self._older, self._newer = self._newer if is_recent else Recent(MOST), Recent(MOST)
            self._since_us = now_us


def subjects(query: Query) -> Iterator[str]:
    """Yield the subjects of a query, in one spelling of each number or name; nothing where the query names none.

    The issuer of a document does not count, since the asker may leave it out; spellings of a name each count.
    """
    yield from {f"{query.kind} {asked.subject}" for asked in numbers_in(query)}
    if (by_name := query.named) is not None:
        birth = by_name.birth.value if by_name.birth else ""
        names = [name.text for name in by_name.names if len(name.text) <= _LONGEST]
        yield from {f"{query.kind} {words} {birth}" for name in names if (words := _words(name))}


def _words(name: str) -> str:
    """Return the words of a name in one order, without case, punctuation and the marks of Latin letters."""
    bare = unicodedata.normalize("NFC", _LATIN_MARKS.sub("", unicodedata.normalize("NFKD", name)))
    # Vowels of Thai, Lao, Khmer and Burmese are marks, too, and tell names apart.
    signs = (sign if sign.isalnum() or unicodedata.category(sign)[0] == "M" else " " for sign in bare.casefold())
    return " ".join(sorted("".join(signs).split()))
