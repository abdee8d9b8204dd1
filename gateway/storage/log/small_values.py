"""The columns whose values are sealed each by itself: small documents, values of the desk, and sessions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Column, ColumnElement, Delete, LargeBinary, Table, Update, delete, func, literal, update

from gateway.storage.console.session_store import SESSION
from gateway.storage.database.desk_tables import desk_attachment, desk_holding, desk_notice, desk_thread, desk_work
from gateway.storage.database.tables import console_session, document
from gateway.storage.desk.rows import DRAFT, ENVELOPE, OFFICER, PEOPLE, RECEIPT, RECORD, file_place
from gateway.storage.desk.sealing import place
from gateway.storage.documents.document_store import document_place


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of sealed values. `key` finds a row, `place` binds a value to it.

    The values of `key` and `more` that are listed in `named` are the name by which an erasure finds what belongs to an
    exchange. A value that goes takes its row with it where `whole`, and is empty from then on where not.
    """

    sealed: Column[Any]
    place: Callable[..., bytes]
    named: slice
    more: tuple[Column[Any], ...] = ()
    whole: bool = False

    @property
    def _table(self) -> Table:
        return self.sealed.table

    @property
    def key(self) -> tuple[Column[Any], ...]:
        """The columns that find a row."""
        return tuple(self._table.primary_key)

    def name(self, row: Sequence[Any]) -> str:
        """Return the name of a row of `key` and `more`; hashes are no part of it."""
        return "/".join(each for each in row[self.named] if isinstance(each, str))

    def under(self, start: bytes) -> ColumnElement[bool]:
        """Return the condition for values that begin with `start`, the id of their key."""
        return func.substr(self.sealed, 1, len(start)) == literal(start, LargeBinary)

    def changed(self, value: bytes | None) -> Update | Delete:
        """Return the change of a row to the value; None takes it away."""
        if value is None and self.whole:
            return delete(self._table)
        return update(self._table).values({self.sealed.name: value or b""})


_ALL = slice(None)
SEALED = (
    SealedColumn(document.c.value, document_place, slice(1, 2), whole=True),
    SealedColumn(desk_thread.c.officer, partial(place, OFFICER), _ALL),
    SealedColumn(desk_thread.c.draft, partial(place, DRAFT), _ALL),
    SealedColumn(desk_notice.c.envelope, partial(place, ENVELOPE), _ALL, (desk_notice.c.thread_id,)),
    SealedColumn(desk_notice.c.receipt, partial(place, RECEIPT), _ALL, (desk_notice.c.thread_id,)),
    # Without a name: who may not do open work has to stay known, whatever is erased.
    SealedColumn(desk_work.c.people, partial(place, PEOPLE), slice(0, 0)),
    SealedColumn(desk_holding.c.record, partial(place, RECORD), _ALL, (desk_holding.c.source,)),
    SealedColumn(desk_attachment.c.sealed, file_place, _ALL, (desk_attachment.c.thread_id,), whole=True),
    SealedColumn(console_session.c.sealed, partial(place, SESSION), slice(0, 0), whole=True),
)
