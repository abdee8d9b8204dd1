"""The list of destroyed keys, one a line, in a file outside the database and outside the keystore.

::

    nohit/2023-10 destroyed     durable before the key is
    nohit/2023-10 emptied       its content is overwritten in the database, too

Putting back an older database or an older keystore does not change this file: the keys that it names are destroyed
again at the next start, and a restore empties their content. A malformed line raises `Misconfigured`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from gateway.audit.retention.ports import ErasableKeys
from gateway.errors import LiaisonError, Misconfigured, StorageBroken
from gateway.host.durable import cut_torn_line
from gateway.model.evidence.retention import content_key_id
from gateway.ports.entries.events import ALARM
from gateway.ports.journal import EntryDraft

_DESTROYED, _EMPTIED = "destroyed", "emptied"


class Tombstones:
    """The list of one home."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def destroyed(self) -> list[str]:
        """Return ids of all keys that were destroyed, in order."""
        return [key_id for key_id, state in self._lines() if state == _DESTROYED]

    def unfinished(self) -> list[str]:
        """Return the destroyed keys whose content is not yet said to be overwritten."""
        lines = self._lines()
        return [key_id for key_id, state in lines if state == _DESTROYED and (key_id, _EMPTIED) not in lines]

    def note_destroyed(self, key_id: str) -> None:
        """Write, durably, that a key is about to be destroyed."""
        self._note(key_id, _DESTROYED)

    def note_emptied(self, key_id: str) -> None:
        """Write that the content of a destroyed key is overwritten."""
        self._note(key_id, _EMPTIED)

    def _note(self, key_id: str, state: str) -> None:
        if (key_id, state) in self._lines():
            return
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                cut_torn_line(handle)
                os.write(handle, f"{key_id} {state}\n".encode())
                os.fsync(handle)
            finally:
                os.close(handle)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise StorageBroken(
                "the list of destroyed keys cannot be written: `{strerror}`",
                where=str(self._path),
                remedy="check the disk's space and permissions",
                strerror=error.strerror,
            ) from error

    def _lines(self) -> list[tuple[str, str]]:
        try:
            text = self._path.read_text(encoding="ascii")
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise self._bad() from error
        # A line without its end was not fully written: its key was not destroyed yet.
        lines = text.split("\n")[:-1]
        found = [tuple(line.split(" ")) for line in lines]
        try:
            if any(len(parts) != 2 or parts[1] not in (_DESTROYED, _EMPTIED) for parts in found):
                raise self._bad()
            return [(content_key_id(parts[0]).id, parts[1]) for parts in found]
        except LiaisonError as error:
            raise self._bad() from error

    def _bad(self) -> Misconfigured:
        return Misconfigured(
            "this is not a list of destroyed keys",
            code="bad-tombstones",
            where=str(self._path),
            remedy="restore the file; the entries `key-destroyed` of the operations log name the same keys",
        )


def bury(tombstones: Tombstones, keys: ErasableKeys) -> list[str]:
    """Destroy the keys on the list, before anything is read or written. Return the ids of those that lived.

    So an old keystore that is put back revives no key, and a new one never uses a name again.
    """
    living = set(keys.key_ids())
    destroyed = tombstones.destroyed()
    for key_id in destroyed:
        if not keys.is_destroyed(key_id):
            keys.destroy(key_id)
    return [key_id for key_id in destroyed if key_id in living]


def keys_lost(key_ids: Sequence[str]) -> EntryDraft:
    """Draft the alarm that files of keys are gone, and with them what lies under the keys: one for each loss."""
    return ALARM.draft(code="keys-lost", detail=f"their files are gone: {', '.join(key_ids)}"[:500])


def key_came_back(key_id: str) -> EntryDraft:
    """Draft the alarm that a destroyed key was put back."""
    return ALARM.draft(code="key-came-back", detail=f"{key_id} was destroyed before, and is again")
