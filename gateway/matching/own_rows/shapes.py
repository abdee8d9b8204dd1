"""The tables that a country can extend: their columns, and which of these are the key of a row."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.matching import places
from gateway.matching.scripts import burmese, han


@dataclass(frozen=True, slots=True)
class Column:
    """The values of one column: a pattern of the whole field, and what it is in words."""

    pattern: str
    says: str
    is_usable: Callable[[str], bool] = lambda _: True

    def takes(self, text: str) -> bool:
        """Tell whether `text` can be in this column."""
        return re.fullmatch(self.pattern, text) is not None and self.is_usable(text)


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of a table, of which the first `keys` name a row.

    An own row with `-` in all others takes the packaged row away where the table is `removable`. A key is written in
    the form of `form`: in another it would never meet a name.
    """

    columns: tuple[Column, ...]
    keys: int = 1
    removable: bool = True
    form: Callable[[str], str] = str
    most: int = 2_000
    """The most own rows: some tables are tried row by row on each name."""

    def key(self, fields: Sequence[str]) -> tuple[str, ...]:
        """Return the key of a row, with letters as names have them: `ำ` is two signs there, and one in tables."""
        key = tuple(fields[: self.keys])
        return key if self.form is str else tuple(unicodedata.normalize("NFKC", text) for text in key)


def _weight(text: str) -> bool:
    return 0 <= float(text) <= 1


def _lower(text: str) -> str:
    return places.table_form(text).lower()


def _simplified(text: str) -> str:
    return han.simplified(text).lower()


def _single(text: str) -> bool:
    return bool(han.pinyin(text))


_WORD = Column(r"\S+", "one word")
_TEXT = Column(r"\S+(?: \S+)?", "one word or two")
_MEANING = Column(r".*", "a remark")
_LATIN = Column(r"[a-z]+", "a word of the letters a to z")
_LATINS = Column(r"[a-z]+(?: [a-z]+)*", "words of the letters a to z, the usual one first")
_HAN = Column(r"[\u3400-\u9fff\U00020000-\U0003ffff]", "one Chinese character")
_READ = Column(r"[\u3400-\u9fff\U00020000-\U0003ffff]", "one Chinese character that has a reading", _single)
_HANS = Column(r"[\u3400-\u9fff\U00020000-\U0003ffff]+", "Chinese characters")
_VIETNAMESE = Column(r"[^\W\d_A-Z]+(?: [^\W\d_A-Z]+)*", "words in lower case")
_BURMESE = Column(r"[\u1000-\u109f]+", "Burmese letters")
_SYLLABLES = Column(r"[\u1000-\u109f]+", f"one to {burmese.LONGEST} whole Burmese syllables", burmese.is_whole)
_KHMER = Column(r"[\u1780-\u17ff]+", "Khmer letters")
_THAI = Column(r"[\u0e01-\u0e7f]+\*?", "Thai letters, with * for the end of a word")
_LAO = Column(r"[\u0e81-\u0eff]+\*?", "Lao letters, with * for the end of a word")
_ARABIC = Column(r"[\u0600-\u06ff]*", "Arabic letters")
_SOUND = Column(r"[a-zCNYW]*", "the letters of sounds, a to z and C, N, Y, W")
_COST = Column(r"\d{1,3}", "a cost from 0 to 999")

_MOST_RULES = 200
"""The most own rows of a table whose rows are applied one after the other to each word."""

_LETTERS = Shape((Column(r"\S{1,24}", "up to 24 letters"), Column(r"[a-z]{0,16}", _LATIN.says), _COST), keys=2)

TABLES = {
    "arabic_variants": Shape(
        (Column(r"[\u0600-\u06ff]", "one Arabic letter"), _ARABIC), removable=False, most=_MOST_RULES
    ),
    "burmese_onsets": Shape((_BURMESE, _LATINS), removable=False),
    "burmese_rhymes": Shape((_BURMESE, _LATINS), removable=False),
    "burmese_sides": Shape((_BURMESE, _LATIN)),
    "burmese_variants": Shape((_LATIN, _LATIN)),
    "burmese_words": Shape((_SYLLABLES, _LATINS)),
    "common_words": Shape((_LATIN, Column(r"[01](?:\.\d{1,3})?", "a weight from 0 to 1", _weight))),
    "endings": Shape((_WORD, _MEANING), form=_lower),
    "han_cantonese": Shape((_HAN, _LATIN), form=_simplified),
    "han_foreign": Shape((_HAN, Column(r"\d{1,4}", "a number")), form=_simplified),
    "han_kinds": Shape((_HANS, Column("kind|people", "kind or people")), form=_simplified),
    "han_polyphones": Shape((_HAN, _LATINS), form=_simplified),
    "han_readings": Shape((_READ, _LATINS), form=_simplified),
    "han_surnames": Shape((_READ, _LATIN), form=_simplified),
    "han_variants": Shape((_HAN, _HAN)),
    "han_vietnamese": Shape((_HAN, _VIETNAMESE), form=_simplified),
    "khmer_spellings": Shape((_KHMER, Column(r"[\u1780-\u17ff]*", _KHMER.says)), removable=False, most=_MOST_RULES),
    "khmer_words": Shape((_KHMER, _LATIN)),
    "lao_words": Shape((_LAO, _LAO)),
    "latin_sounds": Shape(
        (Column(r"\^?[a-z]+\$?", "letters a to z, with ^ for the beginning and $ for the end of a word"), _SOUND),
        removable=False,
        most=_MOST_RULES,
    ),
    "letters_arab": _LETTERS,
    "letters_cyrl": _LETTERS,
    "letters_hang": _LETTERS,
    "letters_hani": _LETTERS,
    "letters_hani_peoples": _LETTERS,
    "letters_mymr": _LETTERS,
    "place_kinds": Shape(
        (
            _TEXT,
            Column("before|joined|after|ending|pinyin", "before, joined, after, ending or pinyin"),
            Column("sure|maybe|marked", "sure, maybe or marked"),
            _MEANING,
        ),
        keys=2,
        form=str.casefold,
    ),
    "place_seats": Shape((_MEANING, _MEANING), keys=2, removable=False, form=_simplified),
    "place_words": Shape((_WORD, _MEANING)),
    "placeholders": Shape((_WORD, _MEANING), form=_lower),
    "thai_words": Shape((_THAI, _THAI)),
    "titles": Shape(
        (_WORD, Column("[MF]?", "M, F or -"), Column("word|prefix|soft", "word, prefix or soft")), form=_lower
    ),
    "vietnamese_surnames": Shape((_HAN, _VIETNAMESE), form=_simplified),
    "wade_giles": Shape((_LATIN, _LATIN)),
}
"""The tables that can be extended, by name. The others are rules in an order, or alphabets."""
