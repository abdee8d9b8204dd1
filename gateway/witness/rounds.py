"""Bring our heads to their witnesses, beside the path of exchanges (design, section 7).

A round does this for each of our logs whose newest head is not cosigned by all witnesses that are asked:

1. each witness gets the head, with the proof from the head that it cosigned last, or says from which (409);
2. signature lines that verify are kept, once for each head and key;
3. a witness that has a head that our log does not extend is asked for it. If our key signed it, it is a fork: both
   heads are kept, an entry says so, and the node ends, since it may be an old copy that went on.

A loss of the quorum is an entry and does not stop service; so is its end.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Sequence

from gateway.audit.log.log import AuditLog
from gateway.audit.tree.checkpoint import Checkpoint, parse_checkpoint
from gateway.audit.tree.cosignature import Witness, foreign_names, read_lines, verify_cosignatures
from gateway.clock import Clock, ProvedTime
from gateway.errors import BadProof, BadSignature, HeadConflict, LiaisonError
from gateway.model.names import MemberId
from gateway.ports.documents import DocumentStore
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.witness.before_start import Comparison, evidence_entry
from gateway.witness.plan import WitnessPlan
from gateway.witness.ports import WitnessPeers, WitnessStore
from gateway.witness.service import build_request
from gateway.witness.standing import Standing, standing

_THINNED = ((6 * 3_600_000_000, 3_600_000_000), (90 * 86_400_000_000, 86_400_000_000))
"""Of cosigned heads older than the first time, one is kept for each stretch of the second (microseconds)."""

UNKNOWN_NAME = "cosignature-unknown"
"""The code of a cosignature under a name, or by a key, that its witness is not listed with."""

_NAMES_SHOWN = 200
_CORRECTIONS = 2
_LOOKED_AT = 16
_EVIDENCE = "evidence"
_THIN_EVERY_US = 3_600_000_000


class Witnessing:
    """The rounds. `stop` ends the process: another head was signed with our key."""

    def __init__(
        self,
        member: str,
        logs: Sequence[AuditLog],
        store: WitnessStore,
        peers: WitnessPeers,
        plan: Callable[[], WitnessPlan],
        comparison: Comparison,
        clock: Clock,
        proved: ProvedTime,
        documents: DocumentStore,
        note: Callable[[EntryDraft], Awaitable[object]],
        stop: Callable[[LiaisonError], None],
        cosigned: Callable[[MemberId, int], None],
    ) -> None:
        self._member = member
        self._logs = logs
        self._store = store
        self._peers = peers
        self._plan = plan
        self._comparison = comparison
        self._clock = clock
        self._proved = proved
        self._documents = documents
        self._note = note
        self._stop = stop
        self._cosigned = cosigned
        self._begun_us = clock.now_us()
        self._sizes: dict[tuple[str, str], int] = {}
        self._held: dict[tuple[str, str], bytes] = {}
        self._standings: dict[str, Standing] = {}
        self._lost: set[str] = set()
        self._failing: dict[str, str] = {}
        self._unknown: dict[str, str] = {}
        self._thinned_us = 0

    @property
    def standings(self) -> list[Standing]:
        """The state of each log after the last round."""
        return list(self._standings.values())

    @property
    def failing(self) -> dict[str, str]:
        """Witnesses that did not cosign in the last round, each with the code of its error."""
        return dict(self._failing)

    @property
    def unknown(self) -> dict[str, str]:
        """The witnesses whose last cosignature is under a name or key that none of them is listed with, and that name.

        Such a witness believes that it witnesses, and what it signs counts for nothing.
        """
        return dict(self._unknown)

    async def round(self) -> None:
        """Bring the newest head of each log to its witnesses, and write an entry when a quorum is lost or back."""
        await self.note_evidence()
        plan = self._plan()
        for kept in (self._failing, self._unknown):
            for name in set(kept).difference(plan.asked):
                del kept[name]
        for log in self._logs:
            await self._witness(log, plan)
            await self._look_at_quorum(log, plan)
        await self._thin()

    async def note_evidence(self) -> None:
        """Write an entry for each pair of heads that does not go together, ours or a counterpart's, and has none."""
        found = await asyncio.to_thread(self._store.evidence)
        known = set(await asyncio.to_thread(self._documents.keys, _EVIDENCE)) if found else set()
        for evidence in found:
            key = hashlib.sha256(evidence.known + evidence.offered).hexdigest()
            if key not in known:
                await self._note(evidence_entry(evidence, self._member))
                await asyncio.to_thread(self._documents.put, _EVIDENCE, key, b"1")

    # ------------------------------------------------------------ one log

    async def _witness(self, log: AuditLog, plan: WitnessPlan) -> None:
        await asyncio.to_thread(log.follow)
        head = parse_checkpoint(log.checkpoint)
        waiting = [name for name in plan.asked if self._sizes.get((log.origin, name)) != head.size]
        if not head.size or not waiting:
            return
        answers = await asyncio.gather(*(self._ask(log, head, name, plan) for name in waiting))
        lines = [line for answer in answers for line in answer]
        if lines:
            put = self._store.put_cosignatures
            await asyncio.to_thread(put, log.store_name, head.size, head.data, lines, self._clock.now_us())

    async def _ask(self, log: AuditLog, head: Checkpoint, witness: str, plan: WitnessPlan) -> list[bytes]:
        """Carry out steps 1 and 2. Return the lines of one witness that verify."""
        place = (log.origin, witness)
        try:
            keys = plan.of(self._member, witness)
            if place not in self._held:
                self._held[place] = await asyncio.to_thread(self._held_before, log, keys)
            answer = await self._add(log, head, witness)
            came = read_lines(answer)
            found = verify_cosignatures(head, came, keys, self._clock.now_us())
            for item in found if witness else ():  # our own country's witness has its time from where we have ours
                self._cosigned(MemberId(witness), item.time_s * 1_000_000)
            if not found and (names := foreign_names(came, keys)):
                self._unknown[witness] = ", ".join(names)[:_NAMES_SHOWN]
                raise BadSignature("the cosignature is under an unknown name", code=UNKNOWN_NAME)
            self._unknown.pop(witness, None)
            if not found:
                raise BadSignature("no cosignature verifies", code="bad-cosignature")
        except (HeadConflict, BadProof) as error:
            self._failing[witness] = error.code
            await self._compare(log, witness)
            return []
        except LiaisonError as error:
            self._failing[witness] = error.code
            return []
        self._failing.pop(witness, None)
        self._sizes[place] = head.size
        lines = [item.line for item in found]
        self._held[place] = head.data + b"".join(lines)
        return lines

    def _held_before(self, log: AuditLog, keys: Sequence[Witness]) -> bytes:
        """Return the newest head that this witness cosigned before we started, with its lines; empty without one."""
        for head in self._store.recent(log.store_name, _LOOKED_AT):
            found = verify_cosignatures(parse_checkpoint(head.checkpoint), head.lines, keys, self._clock.now_us())
            if found:
                return head.checkpoint + b"".join(item.line for item in found)
        return b""

    async def _add(self, log: AuditLog, head: Checkpoint, witness: str) -> bytes:
        """Ask a witness to cosign, and again with the proof from each size that it says it has: the head that it
        cosigned last, and a larger one that it saw."""
        place = (log.origin, witness)
        held, size = self._held.get(place, b""), self._sizes.get(place, 0)
        for _ in range(_CORRECTIONS):
            try:
                return await self._peers.add_checkpoint(witness, self._request(log, head, size), held)
            except HeadConflict as conflict:
                if conflict.size > head.size or conflict.size == size:
                    raise
                size = conflict.size
        return await self._peers.add_checkpoint(witness, self._request(log, head, size), held)

    def _request(self, log: AuditLog, head: Checkpoint, old: int) -> bytes:
        return build_request(old, log.extension(old, head.size), head.data)

    async def _compare(self, log: AuditLog, witness: str) -> None:
        """Carry out step 3. A witness's claim proves nothing; a head that our own key signed does."""
        self._sizes.pop((log.origin, witness), None)
        try:
            evidence = await self._comparison.with_witness(log, witness)
        except LiaisonError as error:
            self._failing[witness] = error.code
            return
        if evidence is not None:
            await self.note_evidence()
            self._stop(self._comparison.refusal(log, evidence, witness))

    # ------------------------------------------------------------ quorum

    def look(self) -> list[Standing]:
        """Return the state of each log as the store tells it now, also where another process makes the rounds."""
        plan, now_us = self._plan(), self._clock.now_us()
        return [self._standing(log, plan, now_us) for log in self._logs]

    def _standing(self, log: AuditLog, plan: WitnessPlan, now_us: int) -> Standing:
        size = parse_checkpoint(log.checkpoint).size
        return standing(
            self._store, log.store_name, size, plan.counted, plan.quorum, now_us, log.time_of, self._begun_us
        )

    async def _look_at_quorum(self, log: AuditLog, plan: WitnessPlan) -> None:
        now_us = self._clock.now_us()
        found = await asyncio.to_thread(self._standing, log, plan, now_us)
        size = found.size
        self._standings[log.store_name] = found
        if found.lost(now_us) == (log.store_name in self._lost):
            return
        event = events.QUORUM_LOST if found.lost(now_us) else events.QUORUM_BACK
        draft = event.draft(
            log=log.store_name,
            covered=found.covered,
            size=size,
            age_s=found.age_s(now_us),
            witnesses=list(_shown(plan.asked)),
            failing=sorted(f"{name or 'domestic'}: {code}" for name, code in self._failing.items()),
        )
        await self._note(draft)
        self._lost.symmetric_difference_update({log.store_name})

    async def _thin(self) -> None:
        now_us = self._proved.now_us()
        if now_us - self._thinned_us < _THIN_EVERY_US:
            return
        self._thinned_us = now_us
        for older_us, every_us in _THINNED:
            await asyncio.to_thread(self._store.thin, now_us - older_us, every_us)


def _shown(witnesses: Iterable[str]) -> Iterable[str]:
    return (name or "domestic" for name in witnesses)
