"""The [[record]] of a draft: its parts as TOML, guessed from columns and their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from adapters.database_tables import Column, Table
from adapters.draft.code_tables import CodeTables
from adapters.draft.guess_column import coded_by, guess_date, kinds_of, look_at, points_to, words_of
from adapters.draft.guess_country import guess_country
from adapters.draft.key_values import KeyValues
from adapters.draft.lookup_tables import Lookups
from adapters.draft.meanings import Meanings
from adapters.draft.written import bare, quoted, ref
from gateway.records.types import RECORD_TYPES

_NAMES = ("given", "middle", "surname")
_GIVEN_BESIDE_SURNAME = ("_ชื่อ_", "_ຊື່_", "_ឈ្មោះ_", "_名_")
_PERSONAL = frozenset((
    "name", "given", "middle", "surname", "alias", "unmarked_name", "father_name", "mother_name", "birth", "address",
    "phone", "issued", "expires", "changed", "created",
))  # fmt: skip
_NUMBERS = frozenset(("document_number", "national_id"))
_SHOWN = 12
_LAST_DAY = "  # TODO is this the last day on which a row counts?"
_NO_LIVE = "# live = [...]   TODO are cancelled rows kept in the table? How are they known?"


@dataclass(slots=True)
class RecordDraft:
    """One record type from one table: joins, fields and search keys as TOML, each with a comment."""

    type: str
    table: Table
    rivals: Sequence[str]
    joins: dict[str, list[str]] = field(default_factory=dict)
    joined_tables: set[str] = field(default_factory=set)
    fields: dict[str, tuple[str, str]] = field(default_factory=dict)
    search: dict[str, str] = field(default_factory=dict)
    head: list[str] = field(default_factory=list)
    live: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    by_values: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return the lines of the [[record]]."""
        main = RECORD_TYPES[self.type].main
        missing = [name for name in main if name not in self.fields]
        made = [f"# {self.type}: `{bare(self.table.name)}` looks like it.  TODO is this the right table?"]
        if self.rivals:
            rivals = ", ".join(f"`{bare(name)}`" for name in self.rivals)
            made.append(f"# Other tables that do: {rivals}.")
        made += ["[[record]]", f"type = {quoted(self.type)}", f"table = {quoted(self.table.name)}", *self.head]
        made += ["live = [", *self.live, "]"] if self.live else [_NO_LIVE]
        if missing:
            made.append(f"left_out = [{', '.join(map(quoted, missing))}]  # TODO map those that the agency holds")
        for name, lines in self.joins.items():
            made += ["", f"[record.join.{quoted(name)}]  # TODO do the rows belong together so?", *lines]
        made += ["", "[record.fields]"]
        made += [f"{name} = {toml}  # {bare(self._note(toml, note))}" for name, (toml, note) in self.fields.items()]
        made += self.notes
        said = "\n".join(made)
        unused = [
            each.name for each in self.table.columns if quoted(each.name) not in said and ref(each.name) not in said
        ]
        if unused:
            made.append(f"# Columns that nothing uses: {', '.join(map(bare, unused))}.")
        made += ["", "[record.search]  # TODO what may a row be found by?"]
        made += [f"{name} = {toml}  # TODO by this?" for name, toml in self.search.items()]
        return made

    def _note(self, toml: str, note: str) -> str:
        """Return what is said behind a field: everything in a draft is a guess that a person confirms."""
        named = [name for name in self.by_values if ref(name) in toml]
        told = f"TODO is it? By its values alone: {', '.join(named)}" if named else "TODO is it? By the column's name"
        return note if "TODO" in note and not named else f"{told}; {note}" if note else told


class FieldWriter:
    """Writes parts of one draft from the tables of a database."""

    def __init__(
        self,
        draft: RecordDraft,
        tables: Sequence[Table],
        encoding: str,
        codes: CodeTables,
        meanings: Meanings,
        lookups: Lookups,
    ) -> None:
        self._lookups = lookups
        self._draft = draft
        self._meanings = meanings
        self._tables = tables
        self._encoding = encoding
        self._codes = codes

    def head(self) -> None:
        """Write key, column of changes, category, and the rule for rows that count."""
        table, head = self._draft.table, self._draft.head
        if len(table.key) == 1 and table.column(table.key[0]):
            head.append(f"key = {quoted(table.key[0])}")
        else:
            head.append(self._key(table))
        if changed := self._first(table, "changed"):
            head.append(f"changed = {ref(changed.name)}  # TODO does it grow with every change of a row?")
        self._draft.live += [line for column in table.columns if (line := self._live(table, column))]
        head.append('category = "UNKNOWN"  # TODO what the subjects are to the agency: TRAVELLER, SUSPECT, ...')

    def _key(self, table: Table) -> str:
        """Return the line of the key where no column alone is the primary one: the first that tells all rows apart.

        Days of birth and names differ in few rows by chance, and numbers of persons are no key beside one of several
        columns.
        """
        beside = _PERSONAL | (_NUMBERS if len(table.key) > 1 else frozenset())
        free = [each for each in table.columns if self._meanings.of(table, each) not in beside]
        looks = ((column, look_at(column, self._encoding)) for column in free)
        apart = (each for each, look in looks if len(look.counts) == len(each.values) > 1)
        column = next(apart, None)
        why = "TODO one column that tells rows apart"
        if column is None and len(table.key) > 1:
            why = f"TODO no column alone tells rows apart: a view makes one of {', '.join(map(bare, table.key))}"
        return f"key = {quoted((column or table.columns[0]).name)}  # {why}"

    def _live(self, table: Table, column: Column, join: str = "") -> str:
        meaning, look = self._meanings.of(table, column), look_at(column, self._encoding)
        if meaning == "live_to" and look.matches(r"\d{8}"):
            return f'    {{ column = {ref(column.name, join)}, not_past = "yyyymmdd" }},{_LAST_DAY}'
        if meaning == "live_to" and look.matches(r"\d{4}-\d\d-\d\d.*"):
            return f'    {{ column = {ref(column.name, join)}, not_past = "yyyy-mm-dd" }},{_LAST_DAY}'
        if meaning not in ("deleted", "active") or not look.is_code:
            return ""
        usual = look.counts.most_common(1)[0][0]
        others = [code for code in look.counts if code != usual]
        told = ", ".join(f"{bare(code)}: {count}" for code, count in look.counts.most_common())
        is_status = meaning == "active" or len(others) > 1
        test = f"in = [{quoted(usual)}]" if is_status else f"not_in = [{', '.join(map(quoted, others))}]"
        return f"    {{ column = {ref(column.name, join)}, {test} }},  # TODO which values count? seen {told}"

    # ------------------------------------------------ fields

    def _put(self, name: str, toml: str, note: str = "") -> None:
        self._draft.fields[name] = (toml, note)

    def _list(self, name: str, parts: list[str], note: str = "") -> None:
        if parts:
            self._put(name, f"[{', '.join(parts)}]", note)

    def _find(self, key: str, toml: str = "") -> None:
        if toml or key in self._draft.fields:
            self._draft.search[key] = toml or f"{{ field = {quoted(key)} }}"

    def _first(self, table: Table, meaning: str) -> Column | None:
        return next(iter(self._all(table, meaning)), None)

    def _all(self, table: Table, meaning: str) -> list[Column]:
        return self._meanings.columns(table, meaning)

    def _text(self, name: str, table: Table, meaning: str) -> None:
        if column := self._first(table, meaning):
            self._put(name, f"{{ column = {ref(column.name)} }}")

    def _date(self, name: str, table: Table, meaning: str, join: str = "") -> None:
        if column := self._first(table, meaning):
            guess = guess_date(look_at(column, self._encoding), column)
            note = guess.why if guess.is_sure or "TODO" in guess.why else f"TODO {guess.why}"
            self._put(name, f"{{ column = {ref(column.name, join)}{guess.toml} }}", note)

    def _code(self, name: str, table: Table, meaning: str, codes_of: str = "") -> None:
        column = self._first(table, meaning)
        if column is None:
            return
        target = coded_by(table, column, self._tables)
        if target and (spoken := self._spoken(*target)):
            self._put_spoken(name, column, target, spoken, codes_of or meaning)
        elif codes := self._codes.add(table.name, column, codes_of or meaning, is_free=self._is_free(name)):
            self._put(name, f'{{ column = {ref(column.name)}, convert = "code", codes = {quoted(codes)} }}')
        elif self._is_free(name):
            self._put(name, f"{{ column = {ref(column.name)} }}", f"TODO is this the {meaning.replace('_', ' ')}?")
        else:
            self._draft.notes.append(f"# TODO {name}: `{bare(column.name)}` needs a table of codes.")

    def _is_free(self, name: str) -> bool:
        """Tell whether a field takes any words."""
        return bool(RECORD_TYPES[self._draft.type].by_name[name].shape("?"))

    def coded(self) -> None:
        """Tell what the codes of the columns mean that no field uses, where a shared table of codes says it."""
        used = "\n".join(toml for toml, _ in self._draft.fields.values())
        for column in self._draft.table.columns:
            if ref(column.name) not in used and (meant := self._lookups.of(self._draft.table.name, column)):
                words = "; ".join(f"{bare(code)} {bare(said)}" for code, said in meant.told(_SHOWN))
                more = " ..." if len(meant.words) > _SHOWN else ""
                told = f"class {bare(meant.group)} of `{bare(meant.table)}`: {words}{more}"
                self._draft.notes.append(f"# TODO which field? `{bare(column.name)}` holds codes of {told}")
                self._lookups.used.add(meant.table)

    def _put_spoken(self, name: str, column: Column, target: tuple[str, str], spoken: Column, meaning: str) -> None:
        """Write a field whose words are in a table of codes; those of a closed list are looked up once more."""
        is_free = self._is_free(name)
        codes = "" if is_free else self._codes.add(target[0], spoken, meaning)
        if not is_free and not codes:
            self._draft.notes.append(f"# TODO {name}: `{bare(column.name)}` needs a table of codes.")
            return
        said = f', convert = "code", codes = {quoted(codes)}' if codes else ""
        join = self._codes_join(column.name, target)
        self._put(name, f"{{ column = {ref(spoken.name, f'{join}.')}{said} }}", "its text in the table of codes")

    def _spoken(self, table: str, key: str) -> Column | None:
        """Return the column of a code table with the words for the code: the first one with words, else the first."""
        found = next(each for each in self._tables if each.name == table)
        others = [column for column in found.columns if column.name != key]
        worded = [each for each in others if look_at(each, self._encoding).matches(r".*[^\W\d_].*", 0.5)]
        return next(iter(worded or others), None)

    def _codes_join(self, name: str, target: tuple[str, str]) -> str:
        return self._join(name.lower(), "codes", target[0], target[1], name)

    def _join(self, name: str, kind: str, table: str, column: str, to: str, key: str = "") -> str:
        lines = [
            f"kind = {quoted(kind)}",
            f"table = {quoted(table)}",
            f"column = {quoted(column)}",
            f"to = {ref(to)}",
        ]
        told = f"key = {quoted(key)}  # TODO one column that tells its rows apart"
        self._draft.joins[name] = [*lines, told] if key else lines
        self._draft.joined_tables.add(table)
        return name

    def _country(self, name: str, table: Table, meaning: str, *, is_list: bool = False) -> None:
        column = self._first(table, meaning)
        if column is None:
            return
        part = self._country_part(column)
        note = "" if part else "TODO neither codes of two or three letters, nor numbers, nor names: a table of codes?"
        if 'scheme = "numeric"' in part:
            note = "TODO figures are often the agency's own: are these the numbers of ISO 3166?"
        part = part or f'{{ column = {ref(column.name)}, convert = "country" }}'
        self._put(name, f"[{part}]" if is_list else part, note)

    def _country_part(self, column: Column, join: str = "") -> str:
        options = guess_country(look_at(column, self._encoding))
        if options is None:
            return ""
        said = "".join(f", {key} = {quoted(each) if isinstance(each, str) else each}" for key, each in options.items())
        return f'{{ column = {ref(column.name, join)}, convert = "country"{said} }}'

    def _nationality(self, name: str, table: Table) -> None:
        column = self._first(table, "nationality")
        target = coded_by(table, column, self._tables) if column else None
        if (
            column
            and self._lookups.of(table.name, column)
            and (own := self._codes.add(table.name, column, "nationality"))
        ):
            self._put(name, f'[{{ column = {ref(column.name)}, convert = "code", codes = {quoted(own)} }}]')
            return
        if column is None or target is None:
            self._country(name, table, "nationality", is_list=True)
            return
        codes = next(each for each in self._tables if each.name == target[0])
        # A code of three figures may be the agency's own; codes of letters are not. Codes go before names.
        schemes = {"alpha-3": 0, "alpha-2": 0, "name": 1}
        guesses = ((each, guess_country(look_at(each, self._encoding))) for each in codes.columns)
        said = [(each, guess.get("scheme", "alpha-3")) for each, guess in guesses if guess is not None]
        lettered = [(each, schemes[str(scheme)]) for each, scheme in said if scheme in schemes]
        if not lettered:
            self._country(name, table, "nationality", is_list=True)
            return
        best, _ = min(lettered, key=lambda found: found[1])
        join = self._codes_join(column.name, target)
        self._put(name, f"[{self._country_part(best, f'{join}.')}]")

    def _names(self, table: Table, join: str = "") -> list[str]:
        """Return name parts in the order of their columns, grouped by language; then whole names; then aliases."""
        groups: dict[str, list[str]] = {}
        whole = self._all(table, "name")
        parts = [column for column in table.columns if self._meanings.of(table, column) in _NAMES]
        if parts and not self._all(table, "surname"):
            # Beside a column of given names, one that is only called "name" holds the surname.
            parts += [column for column in whole if words_of(column.name) in ("_nom_", "_name_", "_nam_")]
        elif parts and not self._all(table, "given"):
            # In these languages the plain word for "name" means the given name.
            beside = self._all(table, "surname")
            parts += [column for column in whole if self._is_given(column, beside)]
        for column in table.columns:
            if column in parts:
                groups.setdefault(_language(column.name), []).append(ref(column.name, join))
        made = [f'{{ columns = [{", ".join(columns)}], convert = "name" }}' for columns in groups.values()]
        whole = [column for column in whole if column not in parts]
        made += [f'{{ column = {ref(each.name, join)}, convert = "name" }}' for each in whole]
        if not join:
            for each in self._all(table, "alias"):
                separator = ";" if any(";" in value for value in look_at(each, self._encoding).counts) else ","
                made.append(f'{{ column = {ref(each.name)}, convert = "names", separator = "{separator}" }}')
        return made

    def _is_given(self, column: Column, surnames: Sequence[Column]) -> bool:
        """Tell whether a column of names beside one of surnames holds the given name: by its name, or one word each."""
        if words_of(column.name) in _GIVEN_BESIDE_SURNAME:
            return True
        look = look_at(column, self._encoding)
        scripts = [all(map(str.isascii, look_at(each, self._encoding).counts)) for each in surnames]
        return look.matches(r"\S+", 0.8) and all(map(str.isascii, look.counts)) in scripts

    def _holder(self, table: Table, name: str = "holder_name", birth: str = "birth") -> None:
        """Write the name and birth date of the person that a row points to."""
        for column in table.columns:
            target = points_to(table, column, self._tables)
            person = next((each for each in self._tables if target and each.name == target[0]), None)
            if target is None or person is None or target[1] not in person.indexed:
                continue
            if parts := self._names(person, "person."):
                self._join("person", "one", target[0], target[1], column.name)
                self._draft.live += [line for each in person.columns if (line := self._live(person, each, "person."))]
                self._list(name, parts)
                if birth:
                    self._date(birth, person, "birth", "person.")
                return

    def _documents(self, table: Table) -> None:
        if child := self._child(table, "document_number"):
            join = self._many(table, *child)
            self._put("documents", f"{{ from = {quoted(join)}, item = {{ {self._document_item(child[0])} }} }}")
        elif self._first(table, "document_number"):
            self._put("documents", f"[{{ item = {{ {self._document_item(table)} }} }}]")

    def _document_item(self, table: Table) -> str:
        number = self._first(table, "document_number")
        assert number is not None
        items = [f"number = {{ column = {ref(number.name)} }}"]
        if (kind := self._first(table, "document_type")) and (
            codes := self._codes.add(table.name, kind, "document_type")
        ):
            items.append(f'doc_code = {{ column = {ref(kind.name)}, convert = "code", codes = {quoted(codes)} }}')
        issuer = self._first(table, "issuer")
        if issuer and (part := self._country_part(issuer)):
            items.append(f"issuer = {part}")
        return ", ".join(items)

    def _child(self, table: Table, meaning: str) -> tuple[Table, str, str] | None:
        """Return a table whose rows point to this one and hold `meaning`, with the pointing column and its target."""
        for other in self._tables:
            if other.name == table.name or not self._first(other, meaning) or kinds_of(other.name) & {"crossing"}:
                continue
            for column in other.columns:
                target = points_to(other, column, self._tables)
                if target and target[0] == table.name:
                    return other, column.name, target[1]
        return None

    def _attribute_join(self, found: KeyValues, to: str, attribute: str) -> str:
        """Write the join to the rows of one attribute, and return its name."""
        others = [name for name in found.table.key if name not in (found.owner.name, found.key.name)]
        key = next(iter(others), found.value.name)
        where = f"where = [{{ column = {ref(found.key.name)}, in = [{quoted(attribute)}] }}]"
        name = words_of(attribute).strip("_") or "attribute"
        made = self._join(f"its_{name}", "many", found.table.name, found.owner.name, to, key)
        self._draft.joins[made].append(where)
        return made

    def _many(self, table: Table, child: Table, column: str, to: str) -> str:
        del table
        key = child.key[-1] if child.key else child.columns[0].name
        return self._join(words_of(child.name).strip("_") or "rows", "many", child.name, column, to, key)


def _language(column: str) -> str:
    """Return the language at the end of a column's name, such as `th` and `en` in `FNAME_TH` and `FNAME_EN`."""
    last = words_of(column).strip("_").rpartition("_")[2]
    return (
        last
        if last in ("th", "en", "kh", "km", "vi", "vn", "lo", "la", "my", "mm", "zh", "cn", "lat", "native")
        else ""
    )
