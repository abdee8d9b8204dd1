"""Find the table of a database for each record type, and fill its [[record]]."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adapters.database_tables import Column, Table
from adapters.draft.code_tables import CodeTables
from adapters.draft.fields import FieldWriter, RecordDraft
from adapters.draft.guess_column import guess_date, kinds_of, look_at
from adapters.draft.key_values import KeyValues, key_values_for
from adapters.draft.lookup_tables import Lookups
from adapters.draft.meanings import Meanings
from adapters.draft.value_forms import SCHEMES, scheme_of
from adapters.draft.written import quoted, ref
from gateway.records.types import RECORD_TYPES


def drafts_of(tables: Sequence[Table], encoding: str, codes: CodeTables, lookups: Lookups) -> list[RecordDraft]:
    """Return a draft for each record type that some table looks like."""
    made = []
    meanings = Meanings(tables, encoding, lookups)
    attributes = {table.name: found for table in tables if (found := key_values_for(table, tables, encoding))}
    for kind, score in _SCORES.items():
        scores = {table.name: score(_Facts(table, meanings, attributes.get(table.name))) for table in tables}
        ranked = sorted(tables, key=lambda table: (table.rows > 0, scores[table.name], table.name), reverse=True)
        likely = [table.name for table in ranked if scores[table.name] >= _LIKELY]
        if not likely:
            continue
        best = next(table for table in tables if table.name == likely[0])
        draft = RecordDraft(kind, best, likely[1:], by_values=meanings.supposed(best))
        writer = _Writer(draft, tables, encoding, codes, meanings, lookups)
        writer.write()
        if best.name in attributes and kind == "Person":
            writer.attributes(*attributes[best.name])
        if draft.fields:
            made.append(draft)
    return made


# ---------------------------------------------------- which table is what

_LIKELY = 4
_MAX_CODE_COLUMNS = 6


class _Facts:
    """The meanings of the names in a table."""

    def __init__(self, table: Table, meanings: Meanings, attributes: tuple[KeyValues, str] | None) -> None:
        kinds = kinds_of(table.name)
        self.kinds = kinds if len(table.columns) <= _MAX_CODE_COLUMNS else kinds - {"codes"}
        self.meanings = {meanings.of(table, column) for column in table.columns}
        self.meanings |= attributes[0].meant.keys() if attributes else set()

    def points(self, kind: str, need: set[str], *useful: str) -> int:
        """Return the likeness of the table to a kind; 0 without one of `need`."""
        if not self.meanings & need or ("codes" in self.kinds and kind not in self.kinds):
            return 0
        return 2 + (3 if kind in self.kinds else 0) + sum(each in self.meanings for each in useful)


_SCORES: dict[str, Callable[[_Facts], int]] = {
    "Person": lambda facts: facts.points(
        "person", {"name", "given", "surname"}, "birth", "birth", "sex", "nationality", "national_id", "father_name"
    ),
    "TravelDocument": lambda facts: (
        0
        if facts.meanings & {"given", "surname", "name"}
        else facts.points("document", {"document_number"}, "document_type", "issuer", "expires", "issued")
    ),
    "Vehicle": lambda facts: facts.points(
        "vehicle", {"plate", "vin"}, "make", "model", "colour", "vin", "province", "plate"
    ),
    "BorderCrossing": lambda facts: facts.points("crossing", {"direction"}, "crossing_point", "crossing_time", "mode"),
    "Consignment": lambda facts: facts.points(
        "consignment", {"consignor", "consignee", "declaration"}, "consignor", "consignee"
    ),
    "Seizure": lambda facts: facts.points(
        "seizure", {"seizure_ref", "seizure_date"}, "seizure_date", "goods", "quantity"
    ),
}


_ATTRIBUTES = {
    "names": "name", "birth": "birth", "sex": "sex", "national_ids": "national_id", "addresses": "address",
}  # fmt: skip
"""Fields of a person that a table of attributes may hold, with the meaning of the attribute."""

# ---------------------------------------------------- one record


class _Writer(FieldWriter):
    """Writes the [[record]] of one draft."""

    def write(self) -> None:
        """Write head, joins, fields and search keys."""
        self.head()
        write = {
            "Person": self._person,
            "TravelDocument": self._document,
            "Vehicle": self._vehicle,
            "BorderCrossing": self._crossing,
            "Consignment": self._consignment,
            "Seizure": self._seizure,
        }[self._draft.type]
        write(self._draft.table)
        self.coded()

    # ------------------------------------------------ record types

    def _person(self, table: Table) -> None:
        self._list("names", self._names(table), "as the agency writes them")
        self._date("birth", table, "birth")
        self._code("sex", table, "sex")
        self._nationality("nationalities", table)
        if column := self._first(table, "national_id"):
            self._national_ids(column)
        self._documents(table)
        self._list("addresses", [f"{{ column = {ref(each.name)} }}" for each in self._all(table, "address")])
        self._list("warnings", [self._warning(table, each) for each in self._all(table, "warning")])
        self._code("status", table, "status")
        for name in ("birth_place", "father_name", "mother_name"):
            if (column := self._first(table, name)) and name in RECORD_TYPES["Person"].fields:
                named = ', convert = "name"' if name.endswith("name") else ""
                self._put(name, f"{{ column = {ref(column.name)}{named} }}")
        names = [f"{{ column = {ref(each.name)} }}" for each in self._all(table, "unmarked_name")]
        self._find("names", "[" + ", ".join(['{ field = "names" }', *names]) + "]" if names else "")
        for key in ("birth", "documents", "national_ids"):
            self._find(key)

    def attributes(self, found: KeyValues, to: str) -> None:
        """Write the person's fields that are in a table of attributes and in no column."""
        for name, meaning in _ATTRIBUTES.items():
            if name in self._draft.fields or meaning not in found.meant:
                continue
            cells = found.cells(found.meant[meaning])
            if toml := self._attribute(name, cells):
                join = self._attribute_join(found, to, found.meant[meaning])
                self._put(name, toml.format(f"from = {quoted(join)}, ", ref(cells.name)), "one attribute a row")
        self._find("names")
        self._find("birth")
        self._find("national_ids")

    def _attribute(self, name: str, cells: Column) -> str:
        """Return a field's TOML, with places for the join and for the column."""
        if name == "names":
            return '[{{ {}column = {}, convert = "name" }}]'
        if name == "addresses":
            return "[{{ {}column = {} }}]"
        if name == "national_ids":
            scheme = scheme_of(look_at(cells, self._encoding))
            known = f', scheme = {{{{ value = "{scheme}" }}}}' if scheme else ""
            return f"[{{{{ {{}}item = {{{{ number = {{{{ column = {{}} }}}}{known} }}}} }}}}]"
        if name == "birth":
            toml = guess_date(look_at(cells, self._encoding), cells).toml
            return f'{{{{ {{}}pick = "last", column = {{}}{toml} }}}}'
        if codes := self._codes.add("attributes", Column(name, "", cells.values), name):
            return f'{{{{ {{}}pick = "last", column = {{}}, convert = "code", codes = {quoted(codes)} }}}}'
        return ""

    def _national_ids(self, column: Column) -> None:
        scheme = scheme_of(look_at(column, self._encoding))
        known = f', scheme = {{ value = "{scheme}" }}, issuer = {{ value = "{SCHEMES[scheme]}" }}' if scheme else ""
        item = f"{{ item = {{ number = {{ column = {ref(column.name)} }}{known} }} }}"
        why = f"its numbers are of {scheme}" if scheme else "TODO scheme and issuer, such as THA-PIN and THA"
        self._put("national_ids", f"[{item}]", why)

    def _warning(self, table: Table, column: Column) -> str:
        codes = self._codes.add(table.name, column, "warning") if look_at(column, self._encoding).is_code else ""
        option = f', convert = "code", codes = {quoted(codes)}' if codes else ""
        return f"{{ column = {ref(column.name)}{option} }}"

    def _document(self, table: Table) -> None:
        self._code("doc_code", table, "document_type")
        self._country("issuer", table, "issuer")
        self._text("number", table, "document_number")
        self._holder(table)
        self._date("issued", table, "issued")
        self._date("expires", table, "expires")
        self._code("status", table, "lost" if self._first(table, "lost") else "status", "lost_document")
        if "number" in self._draft.fields:
            issuer = ', issuer = { field = "issuer" }' if "issuer" in self._draft.fields else ""
            self._draft.search["documents"] = f'{{ item = {{ number = {{ field = "number" }}{issuer} }} }}'

    def _vehicle(self, table: Table) -> None:
        for name in ("plate", "province", "make", "model", "colour"):
            self._text(name, table, name)
        if column := self._first(table, "vin"):
            self._put("vin", f'{{ column = {ref(column.name)}, convert = "compact" }}')
        self._code("status", table, "lost" if self._first(table, "lost") else "status")
        self._date("reported", table, "lost_date")
        if "plate" in self._draft.fields:
            province = ', province = { field = "province" }' if "province" in self._draft.fields else ""
            self._draft.search["plates"] = f'{{ item = {{ plate = {{ field = "plate" }}{province} }} }}'

    def _crossing(self, table: Table) -> None:
        self._code("crossing_point", table, "crossing_point")
        self._code("direction", table, "direction")
        if column := self._first(table, "crossing_time"):
            guess = guess_date(look_at(column, self._encoding), column)
            toml = guess.toml.replace("epoch-date", "epoch-time")
            self._put("at", f"{{ column = {ref(column.name)}{toml} }}", guess.why)
        self._code("mode", table, "mode")
        self._holder(table, "person_name", birth="")
        self._text("vehicle", table, "plate")
        self._find("plates", '{ field = "vehicle" }' if "vehicle" in self._draft.fields else "")

    def _consignment(self, table: Table) -> None:
        for name in ("declaration", "office", "consignor", "consignee"):
            self._text(name, table, name)
        self._code("transport", table, "transport")
        child = self._child(table, "goods") or self._child(table, "container")
        if child:
            join = self._many(table, *child)
            members = {"description": "goods", "tariff": "tariff", "origin": "origin"}
            items = [
                f"{name} = {{ column = {ref(column.name)} }}"
                for name, meaning in members.items()
                if (column := self._first(child[0], meaning))
            ]
            if items:
                self._put("lines", f"{{ from = {quoted(join)}, item = {{ {', '.join(items)} }} }}")
            if column := self._first(child[0], "container"):
                self._put(
                    "containers", f'{{ from = {quoted(join)}, column = {ref(column.name)}, convert = "compact" }}'
                )
        elif column := self._first(table, "container"):
            self._put("containers", f'[{{ column = {ref(column.name)}, convert = "compact" }}]')
        self._find("containers")

    def _seizure(self, table: Table) -> None:
        self._text("reference", table, "seizure_ref")
        self._date("date", table, "seizure_date")
        self._text("office", table, "office")
        self._list("goods", [f"{{ column = {ref(each.name)} }}" for each in self._all(table, "goods")])
        if column := self._first(table, "quantity"):
            self._put("quantity", f'{{ column = {ref(column.name)}, convert = "decimal" }}', "TODO decimal comma?")
        self._text("unit", table, "unit")
        for name, meaning in (("containers", "container"), ("vehicles", "plate")):
            self._list(name, [f"{{ column = {ref(each.name)} }}" for each in self._all(table, meaning)])
        self._find("containers")
        self._find("plates", '{ field = "vehicles" }' if "vehicles" in self._draft.fields else "")
