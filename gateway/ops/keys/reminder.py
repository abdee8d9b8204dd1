"""Remind of keys and certificates that end soon: the request for the authority is written before anyone asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from gateway.clock import Clock
from gateway.config import Home
from gateway.model.names import MemberId
from gateway.ops.keys.files import is_certified, is_listed, key_files, use_of_file
from gateway.ops.keys.requests import KeyDesk
from gateway.ops.keys.rotation import Rotations
from gateway.ops.keys.status import SOON_DAYS, days_left
from gateway.ops.keys.steps import Standing
from gateway.ports.entries import events
from gateway.ports.holders import NoneKnown
from gateway.ports.journal import EntryDraft
from gateway.trust.view import TrustView

REQUEST = "renew.request"
"""The file in a home with the request for all keys that end soon."""


class _Told(NamedTuple):
    files: tuple[str, ...]
    version: int


class Reminder:
    """Writes the request, and an alarm, when another key has less than 30 days left.

    The request names the descriptor in force, so that another version has it written anew, without an alarm.
    """

    def __init__(self, home: Home, member: MemberId, clock: Clock) -> None:
        self._home = home
        self._member = member
        self._clock = clock
        self._told = _Told((), 0)

    def look(self, view: TrustView) -> list[EntryDraft]:
        """Look at all keys; return the alarm where there is a new one that ends soon. Blocks."""
        standing = Standing(self._member, view, NoneKnown(), self._clock.now_us())
        if standing.version == 0:
            return []
        found = _Told(tuple(self._soon(standing)), standing.version)
        before, self._told = self._told, found
        if found == before or not found.files:
            return []
        path = self._home.path / REQUEST
        KeyDesk(self._home, self._clock).renew(found.files, None, path)
        return [_alarm(found.files, path)] if set(found.files) - set(before.files) else []

    def _soon(self, standing: Standing) -> list[str]:
        running = {rotation.file for rotation in Rotations(self._home).all()}
        return [
            file
            for file in key_files(self._home)
            if file not in running
            and (is_certified(file) or is_listed(file))
            and (days := days_left(self._home, file, standing)) is not None
            and days < SOON_DAYS
        ]


def _alarm(files: tuple[str, ...], path: Path) -> EntryDraft:
    uses = ", ".join(use_of_file(file) for file in files)
    return events.ALARM.draft(code="keys-end-soon", detail=f"{uses}: `liaison cert sign` answers {path}"[:500])
