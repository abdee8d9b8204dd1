"""The time for which a recipient may keep a released record: the shortest that base and national policy name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.clock import MINUTE_US, from_us
from gateway.config.toml import TomlTable
from gateway.errors import Forbidden
from gateway.model.marking import PUBLIC_CAVEATS, Marking, ReleaseMarking
from gateway.model.purpose import Purpose
from gateway.recent import Recent
from gateway.records.types import RECORD_TYPES

_MAX_HOURS = 5 * 365 * 24
_MAX_MADE = 1024


@dataclass(frozen=True, slots=True)
class Retention:
    """Hours by purpose and by record type; a purpose or type that is not listed may not be released at all."""

    purpose: Mapping[str, int]
    record_type: Mapping[str, int]
    _made: Recent[tuple[Marking, str, str], tuple[int, ReleaseMarking]] = field(
        default_factory=lambda: Recent(_MAX_MADE), compare=False
    )

    def not_after(self, record_type: str, purpose: str, now_us: int, keep_hours: int | None = None) -> datetime:
        """Return the end of the time, in UTC and whole minutes; `keep_hours` is the limit of the record's own marking.

        Raises `Forbidden` for a purpose or type that is not listed.
        """
        by_purpose, by_type = self.purpose.get(purpose), self.record_type.get(record_type)
        if by_purpose is None or by_type is None:
            raise Forbidden("no time of retention is known for this record and purpose", code="policy-denies")
        return from_us(now_us).replace(second=0, microsecond=0) + timedelta(
            hours=min(by_purpose, by_type, by_purpose if keep_hours is None else keep_hours)
        )

    def release_marking(self, marking: Marking, record_type: str, purpose: str, now_us: int) -> ReleaseMarking:
        """Return the recipient's duties: the part of the internal marking that may leave (design, section 6)."""
        minute_us = now_us - now_us % MINUTE_US
        key = (marking, record_type, purpose)
        found = self._made.use(purpose, key)
        if found is None or found[0] != minute_us:
            found = (minute_us, self._make(marking, record_type, purpose, minute_us))
            self._made.put(purpose, key, found)
        return found[1]

    def _make(self, marking: Marking, record_type: str, purpose: str, now_us: int) -> ReleaseMarking:
        return ReleaseMarking(
            level=marking.level,
            use=marking.use,
            caveats=marking.caveats & PUBLIC_CAVEATS,
            onward=marking.onward,
            purposes=frozenset({str(purpose)}),
            not_after=self.not_after(record_type, purpose, now_us, marking.keep_hours),
            evaluation=marking.evaluation,
            delete_after_use=marking.delete_after_use,
        )


def read_retention(documents: Iterable[TomlTable]) -> Retention:
    """Return the first document's times (the base policy's), shortened by the others'. Raises `Misconfigured`."""
    read = [_read(document) for document in documents]
    return Retention(_shortest([one.purpose for one in read]), _shortest([one.record_type for one in read]))


def _shortest(tables: list[Mapping[str, int]]) -> dict[str, int]:
    """Return the shortest time for each key of the first table: a later one can shorten a time, and cannot add one."""
    return {key: min(table.get(key, hours) for table in tables) for key, hours in tables[0].items()}


def _read(document: TomlTable) -> Retention:
    document.only("purpose", "record_type")
    return Retention(
        _hours(document, "purpose", [purpose.value for purpose in Purpose]),
        _hours(document, "record_type", RECORD_TYPES),
    )


def _hours(document: TomlTable, key: str, known: Collection[str]) -> dict[str, int]:
    table = document.table(key)
    table.only(*known)
    for name, hours in table.data.items():
        if type(hours) is not int or not 1 <= hours <= _MAX_HOURS:
            table.fail(f"`{name}` must be 1 to {_MAX_HOURS} hours", name)
    return table.data
