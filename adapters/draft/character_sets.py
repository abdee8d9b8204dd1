"""Find the character set of bytes that are not UTF-8, by the letters that they become."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from typing import Any

from adapters.database_tables import Table
from adapters.values.charsets import decoder
from gateway.errors import Malformed

_ENCODINGS = (
    ("tis-620", "THAI"),
    ("cp1252", "LATIN"),
    ("cp1258", "VIETNAMESE"),
    ("tcvn3", "VIETNAMESE"),
    ("viscii", "VIETNAMESE"),
    ("vni", "VIETNAMESE"),
    ("gbk", "CJK"),
    ("big5", "CJK"),
)
"""The usual sets of the region; of two that read as many texts, the first one counts."""

_OTHERS = ("gb18030", "shift_jis", "euc-kr", "cp1251")
"""Sets that are named when fewer than three of the usual ones can read the bytes at all."""

# Marks on nothing, vowels before nothing, figures within words: bytes of another set that were read as Thai.
_UNTHAI = re.compile(
    "(?:^|[^\u0e01-\u0e2e\u0e31\u0e34-\u0e3a\u0e47-\u0e4e])[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]"
    "|[\u0e40-\u0e44](?![\u0e01-\u0e2e])|[\u0e01-\u0e3a][\u0e50-\u0e5b]"
)


_MOSTLY = 0.7
"""The share of syllables from which a text is one of their language."""


def guess_encoding(tables: Iterable[Table]) -> str:
    """Return the character set of the bytes in all tables; empty if every byte is UTF-8 or there are none."""
    odd = {
        value
        for table in tables
        for column in table.columns
        for value in column.values
        if isinstance(value, bytes) and not is_utf8(value)
    }
    found = [name for share, name in _ranked(odd) if share > 0]
    return found[0] if found else ""


def likely_encodings(odd: Collection[bytes], most: int = 3) -> list[str]:
    """Return the sets that most of the bytes look like a text of, best first; then sets that can read them at all."""
    ranked = [name for share, name in _ranked(odd) if share > 0]
    able = [name for name in (*(name for name, _ in _ENCODINGS), *_OTHERS) if name not in ranked and _reads(name, odd)]
    return [*ranked, *able][:most]


def _ranked(odd: Collection[bytes]) -> list[tuple[float, str]]:
    shares = []
    for name, script in _ENCODINGS if odd else ():
        decode = decoder(name)
        likeness = sum(_is_like(decode, raw, script) * _usual(name, raw) for raw in odd) / len(odd)
        # That words are syllables of one language says more than that they are of Latin letters.
        says_more = script == "VIETNAMESE" and likeness > _MOSTLY and _tell_apart(decode, odd)
        shares.append((likeness + (1 - _MOSTLY) * says_more, name))
    return sorted(shares, key=lambda found: -found[0])


def _tell_apart(decode: Any, odd: Collection[bytes]) -> bool:
    """Tell whether a set reads some of the bytes as another text than cp1252 does: else the two are equally likely."""
    return any(_read(decode, raw) != _read(decoder("cp1252"), raw) for raw in odd)


def _read(decode: Any, raw: bytes) -> str:
    try:
        return unicodedata.normalize("NFC", decode(raw))
    except (UnicodeError, Malformed):
        return ""


_COMMON = {"gbk": range(0xB0, 0xD8), "big5": range(0xA4, 0xC7)}
"""First bytes of the everyday Chinese letters in each set."""


def _usual(name: str, raw: bytes) -> float:
    """Return the share of everyday letters among those of a Chinese set; 1 for other sets."""
    if name not in _COMMON:
        return 1.0
    firsts, place = [], 0
    while place < len(raw):
        is_double = raw[place] > 0x80
        firsts += [raw[place]] if is_double else []
        place += 1 + is_double
    return 0.5 + 0.5 * sum(first in _COMMON[name] for first in firsts) / len(firsts) if firsts else 1.0


def _reads(name: str, odd: Collection[bytes]) -> bool:
    decode = decoder(name)
    assert decode is not None
    try:
        return all(decode(raw) for raw in odd)
    except (UnicodeError, Malformed):
        return False


def is_utf8(raw: bytes) -> bool:
    """Tell whether bytes are UTF-8."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_like(decode: Any, raw: bytes, script: str) -> float:
    text = _read(decode, raw)
    return _vietnamese(text) if script == "VIETNAMESE" else is_like(text, script)


_TONES = re.compile("[\u0300\u0301\u0303\u0309\u0323]")
_SYLLABLE = re.compile(
    "(?:ngh|ng|nh|gh|gi|kh|ch|ph|th|tr|qu|[bcdđghklmnpqrstvx])?[aăâeêioôơuưy]{1,3}(?:ch|nh|ng|[ckmnpt])?"
)


def _vietnamese(text: str) -> float:
    """Return the share of Vietnamese syllables among words with letters beyond ASCII; 0 where other signs are."""
    words = [word for word in re.findall(r"[^\W\d_]+", text.lower()) if not word.isascii()]
    marks = sum(ord(mark) > 0x7F and not mark.isspace() for mark in text)
    if not words or marks != sum(ord(mark) > 0x7F for word in words for mark in word):
        return 0.0
    return sum(map(_said, words)) / len(words)


def _said(word: str) -> bool:
    """Tell whether a word is one syllable with at most one tone."""
    apart = unicodedata.normalize("NFD", word)
    return len(_TONES.findall(apart)) <= 1 and bool(
        _SYLLABLE.fullmatch(unicodedata.normalize("NFC", _TONES.sub("", apart)))
    )


def is_like(text: str, script: str) -> bool:
    """Tell whether a text's letters beyond ASCII have names that begin with `script`, and look like real text."""
    if script == "THAI" and _UNTHAI.search(text):
        return False
    letters = [mark for mark in text if ord(mark) > 0x7F and not mark.isspace()]
    if script == "LATIN" and sum(map(str.isalpha, text)) < 2 * len(letters):
        return False  # words in Latin letters are not mostly of letters with marks
    return bool(letters) and all(unicodedata.name(mark, "").startswith(script) for mark in letters)
