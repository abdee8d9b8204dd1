"""Keep a fresh copy for each device of an office, and take in the look-ups that come back.

All goes through files of the home (`offices`), as the lists of people do: a copy can be fetched also while the node is
down. A copy is written anew when its alerts change, and every quarter of an hour.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from gateway.audit.acts.table import Proof
from gateway.clock import rfc3339
from gateway.desk.acting.parts import DeskParts
from gateway.desk.alerts.gate import AlertGate
from gateway.desk.packs.copies import content_hash, copy_for, sealed_copy
from gateway.desk.packs.devices import Device, read_device
from gateway.desk.packs.lookups import FIRST, Lookup, chained, read_signed
from gateway.desk.raising import for_review
from gateway.errors import LiaisonError, Malformed
from gateway.host.durable import PRIVATE, make_folder, replace
from gateway.model.desk.notices import Urgency
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.names import ExchangeId
from gateway.ports.desk import DeskRows, Thread
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.signing import strict_json

DEVICES, COPIES, RETURNED = "devices", "copies", "returned"
_FRESH_US = 900_000_000
_KIND = "office-device"
_MAX_RETURNED = 64 << 20


@dataclass(frozen=True, slots=True)
class _Due:
    """A copy that is to be written: for which device, what it holds, and its entry."""

    device: str
    content: str
    made_us: int
    sealed: bytes
    draft: EntryDraft


class Shelf:
    """The copies and look-ups of one node, for the process that leads."""

    def __init__(self, desk: DeskParts, gate: AlertGate, folder: Path) -> None:
        self._desk = desk
        self._gate = gate
        self._folder = folder
        self._made: dict[str, tuple[str, int]] = {}

    def devices(self) -> Iterator[Device]:
        """Yield the devices that the home knows."""
        for path in sorted((self._folder / DEVICES).glob("*.json")):
            yield read_device(path)

    # ------------------------------------------------------------ copies

    async def write_copies(self, note: Callable[[EntryDraft], Awaitable[object]]) -> None:
        """Write each copy that is due, after its entry."""
        for due in await asyncio.to_thread(self._due):
            await note(due.draft)
            await asyncio.to_thread(self._put, due)

    def _due(self) -> list[_Due]:
        known = {device.id: device for device in self.devices()}
        for path in (self._folder / COPIES).glob("*.copy"):
            if path.stem not in known:
                path.unlink()  # the device was taken out: its copy goes, too
        return [due for device in known.values() if (due := self._copy(device)) is not None]

    def _put(self, due: _Due) -> None:
        make_folder(self._folder / COPIES)
        replace(self._folder / COPIES / f"{due.device}.copy", due.sealed, PRIVATE)
        self._made[due.device] = due.content, due.made_us

    def _copy(self, device: Device) -> _Due | None:
        """Return a device's copy where it is to be written anew."""
        parts = self._desk.parts
        now_us = parts.clock.now_us()
        alerts = [(alert, self._gate.trusted_until_us(alert)) for alert in self._gate.alerts]
        copy = copy_for(device, alerts, self._gate.missing, now_us)
        told = content_hash(copy)
        before, made_us = self._made.get(device.id, ("", 0))
        if told == before and now_us - made_us < _FRESH_US:
            return None
        sealed = sealed_copy(copy, device, parts.key)
        content = {
            "device": device.id,
            "alerts": len(copy.alerts),
            "hash": hashlib.sha256(sealed).hexdigest(),
            "until_us": copy.until_us,
        }
        who = {"office": device.office, "agency": device.agency, "proof": Proof.UNPROVED.value}
        draft = events.DESK_ACT.draft_of({"act": "office-copy", "content": content} | who)
        return _Due(device.id, told, now_us, sealed, draft)

    # ------------------------------------------------------------ look-ups

    async def take_in(self) -> None:
        """Take in the look-ups that were brought back: each has an entry with both times, and is reviewed."""
        for path in sorted((self._folder / RETURNED).glob("*.json")):
            try:
                device, found = await asyncio.to_thread(self._returned, path)
            except (LiaisonError, msgspec.ValidationError) as error:
                code = error.code if isinstance(error, LiaisonError) else "bad-lookups"
                await self._desk.pen.write(
                    self._desk.parts.member,
                    self._key(path.stem),
                    lambda told=code, name=path.name: events.ALARM.draft(code=told, detail=f"look-ups: {name}"[:300]),  # type: ignore[misc]
                )
                path.rename(path.with_suffix(".refused"))
                continue
            for lookup in found:
                key = self._key(device.id)
                await self._desk.pen.write(
                    self._desk.parts.member,
                    key,
                    lambda one=lookup, of=device, at=key: self._entry(of, one, at),  # type: ignore[misc]
                )
            path.unlink()

    def _returned(self, path: Path) -> tuple[Device, list[Lookup]]:
        """Return the look-ups of a file that were not taken in before. Raises `LiaisonError`."""
        value = strict_json.loads(path.read_bytes(), _MAX_RETURNED)
        known = {device.id: device for device in self.devices()}
        device = known.get(value.get("device", "")) if isinstance(value, dict) else None
        if device is None:
            raise Malformed("no device of ours is named so", code="unknown-device", where=path.name)
        lookups = chained([read_signed(one) for one in value.get("lookups", ())], device, 0, FIRST)
        store, key = self._desk.store, self._key(device.id)
        return device, [one for one in lookups if store.work(_review_id(key, device, one)) is None]

    def _key(self, device_id: str) -> ThreadKey:
        """Return the thread at home that the reviews of a device's look-ups are in."""
        named = hashlib.sha256(b"liaison office device\n" + device_id.encode()).hexdigest()[:32]
        return ThreadKey(self._desk.parts.member, ExchangeId(named))

    def _entry(self, device: Device, lookup: Lookup, key: ThreadKey) -> EntryDraft:
        now_us = self._desk.parts.clock.now_us()
        before = self._desk.store.thread(key)
        thread = before or Thread(
            key,
            ThreadKind.SERVICE,
            opener=True,
            state=ThreadState.ENDED,
            urgency=Urgency.ROUTINE,
            version=0,
            opened_us=now_us,
            office=device.office,
            agency=device.agency,
        )
        thread = msgspec.structs.replace(thread, version=thread.version + 1, closed_us=now_us)
        review = for_review(thread, f"{device.id}.{lookup.number}", lookup.person, now_us)
        content: dict[str, Any] = msgspec.to_builtins(lookup)
        told = {
            "officer": lookup.person,
            "office": device.office,
            "agency": device.agency,
            "act": "offline-lookup",
            "work": review.id,
            "kind": review.kind.value,
            "reason": lookup.case or lookup.ticket,
            "content": content | {"time": rfc3339(lookup.time_us), "brought": rfc3339(now_us)},
            "proof": Proof.UNPROVED.value,
        }
        draft = events.DESK_ACT.draft_of(told, peer=key.peer, exchange_id=key.thread_id)
        draft.rows = DeskRows(thread=thread, before=before.version if before is not None else 0, works=(review,))
        return draft


def _review_id(key: ThreadKey, device: Device, lookup: Lookup) -> str:
    return f"review.{key.peer}.{device.id}.{lookup.number}"
