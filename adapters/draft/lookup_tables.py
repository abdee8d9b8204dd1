"""Find tables in which all codes of a database stand together (`SEX, 1, male`), and the words for a column's codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from adapters.database_tables import Column, Table
from adapters.draft.guess_column import kinds_of, look_at, meaning_of, words_of
from adapters.draft.key_values import key_values_of
from adapters.values.cells import cleaner
from gateway.errors import LiaisonError

Words = Mapping[str, tuple[str, ...]]
"""The words for each code of a class, in the order of their columns."""

_MOST_COLUMNS = 8
_MOST_CLASSES = 200
_LONGEST_CODE = 20
_COVERED = 0.3
_ABOUT_PERSONS = frozenset(("birth", "national_id", "document_number", "surname", "given", "direction", "plate"))
_ENDS = frozenset(("id", "cd", "code", "codes", "dm", "ma", "no", "typ", "type", "lb", "key", "val", "class"))
"""Last words of a column's name that say that it holds codes."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """A table of several classes of codes: the words for each code, by class."""

    table: str
    classes: Mapping[str, Words]


@dataclass(frozen=True, slots=True)
class Meant:
    """The words for the codes of one column: those of a class of a table."""

    table: str
    group: str
    words: Words

    def told(self, most: int) -> list[tuple[str, str]]:
        """Return the first codes, each with its words."""
        return [(code, ", ".join(words)) for code, words in list(self.words.items())[:most]]


class Lookups:
    """All shared tables of codes of a database."""

    def __init__(self, tables: Sequence[Table], encoding: str) -> None:
        self._encoding = encoding
        self._found = [found for table in tables if (found := _lookup_of(table, encoding))]
        self.used: set[str] = set()

    def of(self, table: str, column: Column) -> Meant | None:
        """Return the words for a column's codes: of the class that is called as it is, else of the only one that fits.

        A class of figures alone fits many columns, so that it must be called as the column is.
        """
        look = look_at(column, self._encoding)
        if not look.counts or any(each.table == table for each in self._found):
            return None
        fitting = [
            Meant(each.table, group, words)
            for each in self._found
            for group, words in each.classes.items()
            if look.counts.keys() <= words.keys()
        ]
        named = [each for each in fitting if _is_called(column.name, each.group)]
        is_said = not all(map(str.isdecimal, look.counts)) and len(look.counts) > 1
        alone = [
            each
            for each in fitting
            if is_said and "codes" in kinds_of(each.table) and len(look.counts) >= _COVERED * len(each.words)
        ]
        chosen = named if len(named) == 1 else alone if len(fitting) == 1 else []
        return chosen[0] if chosen else None


def _is_called(column: str, group: str) -> bool:
    """Tell whether a class is called as a column is, apart from words for "code" at either end."""
    mine, theirs = _bare(column), _bare(group)
    if mine and (mine == theirs or mine in (f"fk{theirs}", f"c{theirs}")):
        return True
    meaning = meaning_of(column)
    return meaning != "" and meaning == meaning_of(group)


def _bare(name: str) -> str:
    """Return the letters of a name without its last words that mean "code": `PHET_ID` and `phet` are `phet`."""
    words = words_of(name).strip("_").split("_")
    while len(words) > 1 and words[-1] in _ENDS:
        words.pop()
    while len(words) > 1 and words[0] in _ENDS:
        words.pop(0)
    joined = "".join(words)
    return next(
        (joined[: -len(end)] for end in ("dm", "lb", "cd", "id") if len(joined) > 3 and joined.endswith(end)), joined
    )


def _lookup_of(table: Table, encoding: str) -> Lookup | None:
    """Return a table as one of classes of codes; None for any other table."""
    if not 3 <= len(table.columns) <= _MOST_COLUMNS or table.rows < 4 or key_values_of(table, encoding):
        return None
    if table.foreign or {meaning_of(column.name) for column in table.columns} & _ABOUT_PERSONS:
        return None
    cells = {column.name: _texts(column, encoding) for column in table.columns}
    keyed = [name for name in table.key if name in cells]
    for group, code in permutations(keyed if len(keyed) > 1 else list(cells)[:4], 2):
        words = [name for name in cells if name not in (group, code) and _are_words(cells[name])]
        if words and _is_keyed(cells[group], cells[code]):
            return Lookup(table.name, _classes(cells, group, code, words))
    return None


def _texts(column: Column, encoding: str) -> list[str]:
    clean, texts = cleaner(encoding or "utf-8", frozenset()), []
    for value in column.values:
        try:
            made = clean(value)
        except LiaisonError:
            made = None
        texts.append("" if made is None else str(made))
    return texts


def _is_keyed(groups: list[str], codes: list[str]) -> bool:
    """Tell whether two columns are a class and the codes in it: classes come again, and each code is there once."""
    counts = Counter(groups)
    is_apart = len(set(zip(groups, codes, strict=True))) == len(groups)
    is_named = all(any(map(str.isalpha, group)) for group in counts)
    few = 2 <= len(counts) <= min(_MOST_CLASSES, len(groups) // 2)
    return is_apart and is_named and few and all(0 < len(code) <= _LONGEST_CODE for code in codes)


def _are_words(texts: list[str]) -> bool:
    lettered = sum(any(map(str.isalpha, text)) for text in texts)
    return lettered >= 0.8 * len(texts) and 2 * len(set(texts)) > len(texts)


def _classes(
    cells: Mapping[str, list[str]], group: str, code: str, words: list[str]
) -> dict[str, dict[str, tuple[str, ...]]]:
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for place, (name, each) in enumerate(zip(cells[group], cells[code], strict=True)):
        found.setdefault(name, {})[each] = tuple(text for word in words if (text := cells[word][place]))
    return found
