"""Erase content by age and by entry; one key at a time, as in `gateway.audit.retention.erase_key`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import chain

from gateway.audit.retention.destroyed_keys import key_came_back
from gateway.audit.retention.erase_key import ErasureReason, KeyEraser
from gateway.audit.retention.holds import Hold
from gateway.audit.retention.plan import (
    RESEALED,
    Erased,
    Sorted,
    Targets,
    due,
    everything,
    look_up,
    sort_lost,
    standing,
)
from gateway.errors import LiaisonError, StorageBroken
from gateway.model.evidence.retention import ContentKeyId, content_key_id


class Eraser:
    """Erases the content of one node. One at a time for a home (`gateway.ops.acts`)."""

    def __init__(self, key_eraser: KeyEraser) -> None:
        self._one = key_eraser

    def by_age(self, before: Mapping[str, int], why: ErasureReason) -> list[Erased]:
        """Erase the content of months that ended before the time given for its class.

        A key whose content cannot be sorted is left alone, and does not stop the others: its error is raised at the
        end.
        """
        self._one.look_again()
        holds = self._standing()
        found: list[Erased] = []
        failed: LiaisonError | None = None
        for key in due(self._one.keys, before):
            try:
                if key.name in RESEALED:
                    found.append(self._one.reseal(key, _nothing, why))
                elif (erased := self._one.erase(key, holds, everything, why)) is not None:
                    found.append(erased)
            except StorageBroken:
                raise
            except LiaisonError as error:
                failed = failed or error
        if found:
            self._one.content.wipe()
        if failed is not None:
            raise failed
        return found

    def entries(self, wanted: Mapping[str, Iterable[int]], why: ErasureReason) -> list[Erased]:
        """Erase the content of single entries; the rest of their months is wrapped anew first.

        Documents that name their exchanges are erased with them. Entries that are erased already are skipped. Raises
        `Forbidden` when one of them is held, or is a proof that is never erased, and `Unknown` when there is no such
        entry: then nothing is changed.
        """
        return self.targets(self.look_up(wanted), why)

    def look_up(self, wanted: Mapping[str, Iterable[int]]) -> Targets:
        """Return the entries that an order names. Raises like `entries`; nothing is changed."""
        return look_up(self._one.store, self._one.keys, self._standing(), wanted, self._one.progress)

    def targets(self, targets: Targets, why: ErasureReason) -> list[Erased]:
        """Erase what `look_up` has found a moment ago."""
        self._one.look_again()
        found = self._documents(targets, why)
        for key in targets.keys.values():
            erased = self._one.erase(key, [], targets.wanted, why)
            if erased is not None:
                found.append(erased)
        if found:
            self._one.content.wipe()
        return found

    def look_up_lost(self, key_ids: Iterable[str]) -> dict[ContentKeyId, Sorted]:
        """Return what lies under keys that are lost. Raises like `sort_lost`; nothing is changed."""
        one, now_us = self._one, self._one.clock.now_us()
        holds = self._standing()
        return {content_key_id(each): sort_lost(one.content, one.keys, holds, each, now_us) for each in key_ids}

    def lost(self, found: Mapping[ContentKeyId, Sorted], why: ErasureReason) -> list[Erased]:
        """Erase what lies under keys that `look_up_lost` has found lost a moment ago."""
        self._one.look_again()
        erased = [self._one.erase_lost(key, plan, why) for key, plan in found.items()]
        self._one.content.wipe()
        return erased

    def _documents(self, targets: Targets, why: ErasureReason) -> list[Erased]:
        """Erase documents and values of the desk that name one of the exchanges or searches: shown searches, copies of
        records, requests for consent, notices. The rest is sealed anew before the old key is destroyed: an older backup
        still holds all of them."""
        if not targets.names:
            return []
        names = Names(targets.names)

        def named(key: str, value: bytes) -> bool:
            return names.any_in(value) or names.any_in(key.encode())

        keys = [content_key_id(text) for text in self._one.keys.key_ids() if text.partition("/")[0] in RESEALED]
        return [self._one.reseal(key, named, why) for key in keys if key.end_us > targets.since_us]

    # ------------------------------------------------------------ after a crash, after a restore

    def resume(self) -> int:
        """Finish what was begun: destroy the keys on the list, and overwrite their content. Return the number of
        revived keys.

        A finished key that lives was put back: it is destroyed again, with an alarm.
        """
        unfinished = self._one.tombstones.unfinished()
        living = set(self._one.keys.key_ids())
        revived = [key for key in self._one.tombstones.destroyed() if key in living and key not in unfinished]
        for text in revived:
            self.alarm_revived(text)
        for text in (*unfinished, *revived):
            self._one.finish(text)
        if unfinished or revived:
            self._one.content.wipe()
        return len(revived)

    def alarm_revived(self, key_id: str) -> None:
        """Write the alarm that a destroyed key was put back."""
        self._one.note(key_came_back(key_id))

    def _standing(self) -> list[Hold]:
        return standing(self._one.store, self._one.keys, self._one.clock.now_us())


class Names:
    """Names that are looked for in many values. Each value is gone through once, however many names there are."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names: dict[int, set[bytes]] = defaultdict(set)
        for name in names:
            self._names[len(name.encode())].add(name.encode())
        letters = b"".join(
            b"\\x%02x" % letter for letter in sorted({*chain.from_iterable(chain(*self._names.values()))})
        )
        self._runs = {length: re.compile(b"[%s]{%d,}" % (letters, length)) for length in self._names}

    def any_in(self, value: bytes) -> bool:
        """Tell whether one of the names is somewhere in a value."""
        for length, names in self._names.items():
            for run in self._runs[length].findall(value):
                if any(run[at : at + length] in names for at in range(len(run) - length + 1)):
                    return True
        return False


def _nothing(key: str, value: bytes) -> bool:
    del key, value
    return False
