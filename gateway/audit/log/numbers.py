"""The numbers of a log: find the newest one, and check that it was opened in full."""

from __future__ import annotations

from pathlib import Path

from gateway.audit.entries.entry import parse_entry
from gateway.audit.log.highwater import numbers_there
from gateway.errors import Misconfigured
from gateway.ports.log_store import LogState, LogStore


def store_name(name: str, number: int) -> str:
    """Return the name under which a log's rows are in the store."""
    return f"{name}/{number}"


def newest_number(store: LogStore, highwater: Path, name: str) -> int:
    """Return the newest number of a log, by the database and the high-water files: either may be an old copy."""
    stored = [log.partition("/") for log in store.logs()]
    numbers = {int(number) for found, _, number in stored if found == name and number.isdigit()}
    return max(numbers | numbers_there(highwater, name) | {1})


def require_begun(log: str, number: int, state: LogState | None) -> None:
    """Raise `Misconfigured` where a number after the first has no entry: the act that opens it was interrupted."""
    if number > 1 and (state is None or state.size == 0):
        raise Misconfigured(
            "number {number} of the log was not opened to the end",
            code="log-half-opened",
            where=f"log {log}",
            remedy="give `liaison audit next-log` again",
            number=number,
        )


def begun_us(store: LogStore, log: str) -> int:
    """Return when the first entry of a later number of a log was written; 0 for number 1, or without an entry."""
    if log.endswith("/1"):
        return 0
    return next((parse_entry(body).time_us for _, body, _ in store.bodies(log, 0, 1)), 0)


def kept_us(store: LogStore, log: str) -> int:
    """Return the time of the last entry that the number before `log` kept; 0 for number 1, or without an entry."""
    name, _, number = log.rpartition("/")
    before = store_name(name, int(number) - 1)
    state = store.state(before)
    if state is None or not state.size:
        return 0
    return next((parse_entry(body).time_us for _, body, _ in store.bodies(before, state.size - 1, state.size)), 0)
