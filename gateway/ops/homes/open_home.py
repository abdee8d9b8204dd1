"""Open a home's logs for reading, and load nothing that a search does not need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.audit.entries.entry import Entry, parse_entry
from gateway.audit.reading.show import Shown
from gateway.clock import rfc3339
from gateway.config import Home, Settings, load_settings
from gateway.errors import Misconfigured, NotProved
from gateway.model.names import MemberId, member_id
from gateway.ops.stores import own_keystore
from gateway.ports.journal import Event
from gateway.storage.database.engine import Database
from gateway.storage.database.migrate import require_current
from gateway.storage.database.open import open_storage
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore
from gateway.trust.documents.descriptor import parse_descriptor

OPERATIONS = "operations/1"
"""The log that holds every look at entries; it has one number only."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The logs, keys and trust documents of a home, opened for reading only; its node may be running."""

    settings: Settings
    home: Home
    member: MemberId
    store: SqlLogStore
    keys: KeyStore
    database: Database

    @property
    def descriptors(self) -> dict[str, list[bytes]]:
        """Return all versions of each member's descriptor."""
        return {file.stem: read_lines(file) for file in sorted(self.home.trust.glob("descriptors/*.jsonl"))}

    def offices(self, member: str) -> frozenset[str]:
        """Return the offices that any version of a member's descriptor lists."""
        lines = self.descriptors.get(member, ())
        return frozenset(office for line in lines for office in parse_descriptor(line)[0].offices)


@contextmanager
def open_home(folder: Path) -> Iterator[Evidence]:
    """Open the logs of a home; nothing in it is changed.

    Raises `Misconfigured`, also for a database of an older or newer schema.
    """
    settings = load_settings(folder)
    home = Home(settings.home)
    if not settings.keystore.is_dir():
        raise Misconfigured("there is no keystore", where=str(settings.keystore), remedy="name the home of a node")
    keys = own_keystore(settings)
    with closing(open_storage(settings, read_only=True)) as database:
        require_current(database)
        yield Evidence(settings, home, member_id(settings.node.member), SqlLogStore(database), keys, database)


def require_entry(folder: Path, place: Written, event: Event) -> Written:
    """Return the place of the entry that announces a showing; raise `NotProved` unless it is in the log there."""
    with open_home(folder) as evidence:
        for stored in evidence.store.entries(place.log, place.index, place.index + 1):
            if parse_entry(stored.body).kind == event.kind:
                return place
    raise NotProved("the entry of this inspection is not in the log: nothing is shown", where=place.log)


def public_part(log: str, entry: Entry) -> dict[str, Any]:
    """Return the public part of an entry as JSON."""
    return {
        "log": log,
        "index": entry.index,
        "time": rfc3339(entry.time_us),
        "kind": entry.kind,
        "peer": entry.peer,
        "number": entry.number,
        "exchange_id": entry.exchange_id,
        "request_hash": entry.request_hash.hex(),
        "answer_hash": entry.answer_hash.hex(),
    }


def shown_value(log: str, shown: Shown, why: str = "") -> dict[str, Any]:
    """Return an entry as JSON; `why` is the reason why its private part is closed, or empty."""
    private = {"private": {} if why else shown.private, "closed": why}
    return public_part(log, shown.entry) | private | shown.gone()


def read_lines(file: Path) -> list[bytes]:
    """Return the non-empty lines of a file. Raises `Misconfigured`."""
    try:
        return [line for line in file.read_bytes().split(b"\n") if line.strip()]
    except OSError as error:
        raise Misconfigured(
            "cannot be read: {strerror}", where=str(file), remedy="name a file", strerror=error.strerror
        ) from error


@dataclass(frozen=True, slots=True)
class Written:
    """The place of an entry."""

    log: str
    index: int
