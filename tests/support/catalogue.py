"""What the code under test writes into private parts, compared with the catalogue of entries."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.audit.entries.event_fields import COMMON
from gateway.audit.entries.events import EVENTS
from gateway.audit.log import log as audit_log
from gateway.audit.log.batch import encoded_private
from gateway.ports.journal import EntryDraft

_SEEN = os.environ.get("LIAISON_SEEN_FIELDS", "")
"""A file to which kind and members of each entry are appended, for who wants to know what is never written."""


class UnknownMember(AssertionError):
    """An entry has a private member that the catalogue does not name."""


class Catalogue:
    """Entries that were written with members that nobody has described."""

    def __init__(self) -> None:
        self.unknown: set[str] = set()
        self.allowed: frozenset[str] = frozenset()

    def look(self, draft: EntryDraft) -> None:
        """Note what the catalogue does not name."""
        event = EVENTS.get(draft.kind)
        if event is None:
            return  # the log itself refuses it
        self.unknown |= {f"{draft.kind}.{name}" for name in set(draft.private) - set(event.fields) - set(COMMON)}
        if _SEEN:
            with Path(_SEEN).open("a", encoding="utf-8") as file:
                file.writelines(f"{draft.kind}.{name}\n" for name in draft.private)

    def check(self) -> None:
        """Raise `UnknownMember` for what was noted, once."""
        found, self.unknown = self.unknown - self.allowed, set()
        if found:
            raise UnknownMember(
                f"private members that the catalogue of entries does not name: {', '.join(sorted(found))}\n"
                "name them in gateway/audit/entries/events.py, say what they mean in "
                "gateway/audit/entries/event_fields.py, then run "
                "python -m gateway.audit.entries.events docs/audit-events.md"
            )


CATALOGUE = Catalogue()


@contextmanager
def watching() -> Iterator[Catalogue]:
    """Look at each entry that a log of this process is given."""

    def looked_at(log: str, position: int, draft: EntryDraft, salts: bytes) -> bytes:
        CATALOGUE.look(draft)
        return encoded_private(log, position, draft, salts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit_log, "encoded_private", looked_at)
        yield CATALOGUE


@contextmanager
def made_up(names: Collection[str]) -> Iterator[None]:
    """Let a test write members (`kind.name`) of its own invention."""
    CATALOGUE.allowed = frozenset(names)
    try:
        yield
    finally:
        CATALOGUE.unknown -= CATALOGUE.allowed
        CATALOGUE.allowed = frozenset()
