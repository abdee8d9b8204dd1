"""`liaison adapter init`: a commented draft of a mapping out of a database's tables and some of their values.

The draft is valid TOML and names real columns only. It marks its guesses as such, and decisions of a person as
TODO. If it can guess nothing about a record, it says nothing rather than something wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.database_tables import Table
from adapters.draft.character_sets import guess_encoding
from adapters.draft.code_tables import CodeTables
from adapters.draft.fields import RecordDraft
from adapters.draft.guess_column import look_at
from adapters.draft.lookup_tables import Lookups
from adapters.draft.others import others_of
from adapters.draft.records import drafts_of
from adapters.draft.written import quoted
from adapters.mapping.file import open_decisions

_HEAD = """\
# Draft of a mapping, made from the catalogue and some rows of a database. Work through every TODO, then run
#   liaison adapter check THIS_FILE --url URL
# The guide is docs/guides/connect-an-agency-system.md, the words of a mapping are in docs/guides/mapping.md.

[source]
id = "TODO"      # TODO <member>.<agency>.<name>, such as "th.police.records"
agency = "TODO"  # TODO the agency, such as "police": it owns and signs the records
kind = "TODO"    # TODO how officers read it, such as "police records"
"""

_MARKING = """
[marking]
level = "OFFICIAL"   # TODO how secret the records are
use = ["U2"]         # TODO not onward without consent?
releasable_to = []   # TODO members that may be told at all, such as ["kh", "vn"]; empty is nobody
onward = "ASK"       # TODO may a receiver pass them on?
"""

_JUNK_AT_LEAST = 2


@dataclass(frozen=True, slots=True)
class Draft:
    """The text of a mapping, the record types in it, and the number of decisions left to a person."""

    text: str
    records: tuple[str, ...]
    todo: int


def draft_of(tables: Sequence[Table]) -> Draft:
    """Return the draft for all tables of a database whose names can be written in a file."""
    tables = [table for table in tables if _is_writable(table)]
    encoding = guess_encoding(tables)
    lookups = Lookups(tables, encoding)
    codes = CodeTables(encoding, lookups)
    drafts = drafts_of(tables, encoding, codes, lookups)
    lines = [_HEAD.rstrip("\n")]
    if encoding:
        lines.append(f"encoding = {quoted(encoding)}  # TODO is it? The bytes read as letters of one script in it")
    if junk := _junk(drafts, encoding):
        lines.append(f"junk = [{', '.join(map(quoted, junk))}]  # seen in the rows; TODO right for every column?")
    lines += [_MARKING.rstrip("\n"), *codes.lines()]
    for draft in drafts:
        lines += ["", *draft.lines()]
    if not drafts:
        lines += ["", "# TODO no table looks like one of the record types; take one of the skeletons below"]
    lines += ["", *others_of(_others(tables, drafts, lookups.used), encoding)]
    text = "\n".join(lines).rstrip("\n") + "\n"
    return Draft(text, tuple(draft.type for draft in drafts), open_decisions(text))


def _is_writable(table: Table) -> bool:
    """Tell whether all names of a table are text; a name of broken UTF-8 cannot be in a mapping."""
    return not any(
        "\ud800" <= mark <= "\udfff" for name in (table.name, *(c.name for c in table.columns)) for mark in name
    )


def _junk(drafts: Sequence[RecordDraft], encoding: str) -> list[str]:
    """Return values that mean "unknown" and repeat in the tables that are drafted."""
    seen = {
        text
        for draft in drafts
        for column in draft.table.columns
        for text, count in look_at(column, encoding).junk.items()
        if count >= _JUNK_AT_LEAST
    }
    return sorted(seen)


def _others(tables: Sequence[Table], drafts: Sequence[RecordDraft], read: set[str]) -> list[Table]:
    used = read | {draft.table.name for draft in drafts} | {join for draft in drafts for join in draft.joined_tables}
    return [table for table in tables if table.name not in used]
