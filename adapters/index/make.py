"""From the rows of one record to its entry in the key index: work that needs neither source nor index."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from adapters.index.rows import index_record
from adapters.mapping.mapping import Mapping as SourceMapping
from adapters.mapping.rows import Builder, Rows
from gateway import matching
from gateway.errors import LiaisonError
from gateway.matching.scripts.tables import own_rows
from gateway.model import forms
from gateway.model.forms import numbers
from gateway.storage.index.index_file import IndexedRecord


class Task(NamedTuple):
    """The rows of one live record; `digest` is of them and of `links`, before anything was made of them."""

    record_type: str
    rows: Rows
    links: Mapping[str, Any]
    digest: int

    @property
    def key(self) -> str:
        """The record's own key."""
        return str(self.rows[0][0])


Made = tuple[IndexedRecord, Sequence[str]] | str
"""A record and the reasons for its missing values; or the reason for no record."""


def make(builders: Mapping[str, Builder], record_type: str, rows: Rows, links: Mapping[str, Any]) -> Made:
    """Return the index's entry for the record in `rows`, or the reason for none; `rows` are used up."""
    try:
        built = builders[record_type].build(rows)
        return index_record(built, links), [f"{record_type}, the value alone: {reason}" for reason in built.spared]
    except LiaisonError as error:
        return reason_of(record_type, error)


def reason_of(record_type: str, error: LiaisonError) -> str:
    """Return the reason why a record cannot be read, as it is counted."""
    return f"{error.where or record_type}: {error.message}"


def rules_of(mapping: SourceMapping) -> str:
    """Return the state on which an index depends apart from the rows: it is rebuilt when this changes."""
    return f"{mapping.digest}|{_rules_digest()}{own_rows().digest}"


@cache
def _rules_digest() -> str:
    """Return a hash of all that makes records and keys: an index built by other rules would miss records."""
    digest = hashlib.sha256()
    package, adapters, model = Path(matching.__path__[0]), Path(__file__).parents[1], Path(forms.__path__[0])
    words = (*package.rglob("data/*.*"), *adapters.glob("data/*.tsv"), *model.glob("*.*"), Path(numbers.__file__))
    rooms = [path for room in ("values", "mapping", "index") for path in adapters.glob(f"{room}/*.py")]
    for path in sorted((*package.rglob("*.py"), *adapters.glob("*.py"), *rooms, *words)):
        digest.update(path.read_bytes())
    return digest.hexdigest()
