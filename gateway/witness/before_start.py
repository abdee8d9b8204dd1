"""Compare our own log with the heads that its witnesses have seen, before a start signs anything (design, section 7).

A node that goes on from an old backup, or from a second copy of the data, signs another head where one was signed
already. The database and the high-water file cannot show that: both may be old. A witness can: it shows the largest
head that it has seen, and our own key signed that. A larger head means that our copy is behind; another root, that it
forked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

import msgspec

from gateway.audit.tree.checkpoint import Checkpoint, following, foreign_head, parse_checkpoint
from gateway.clock import Clock
from gateway.errors import BadSignature, Contradicted, LiaisonError, Malformed, NotProved, TimedOut, Unavailable
from gateway.model.evidence.witness import HeadEvidence
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.signing.keys import VerifyKey
from gateway.witness.ports import ComparedLog, Evidence, WitnessPeers
from gateway.witness.seen_heads import MAX_EVIDENCE

BUDGET_S = 6.0
"""Seconds in which a witness must have answered for all logs; all witnesses are asked at once."""

ANSWER_S = 0.75
"""Seconds that an ordinary start waits for each answer of a witness (decision 0039)."""

_Ask = Callable[[str, str], Awaitable[bytes]]

_REMEDY = (
    "stop every other node that runs on a copy of this home; bring back the database that holds all signed entries, "
    "then start again; where they are lost for good, `liaison audit next-log`. `liaison audit evidence` shows both "
    "heads, docs/guides/witness.md what to do"
)


WAITS_TOO = "waits-too"
"""The code of a witness that waits as we do, and showed what it remembers."""


class Compared(msgspec.Struct, frozen=True):
    """The result of a start: who has seen our logs, up to which size of each, and who could not be asked, and why.

    A witness that was restored itself is in both: what it remembers may be as old as its backup.
    """

    seen: tuple[tuple[str, str, int], ...]
    missing: tuple[tuple[str, str], ...]


class Comparison:
    """Compares logs with the heads that a witness shows. `keys` returns all keys that our member lists for its logs."""

    def __init__(
        self, peers: WitnessPeers, store: Evidence, keys: Callable[[], Iterable[VerifyKey]], clock: Clock
    ) -> None:
        self._peers = peers
        self._store = store
        self._keys = keys
        self._clock = clock

    async def at_start(self, logs: Sequence[ComparedLog], witnesses: Iterable[str]) -> Compared:
        """Compare all logs with all witnesses that answer in time.

        A log that came from another place is compared with patience. An ordinary start does not wait for a witness that
        says nothing: the first round compares with it.

        A witness that waits itself shows what it remembers, and all of them must do so where none runs: a federation
        that was restored as a whole has no other memory, and one that is missing may know a newer head (decision 0139).

        Raises `Contradicted` when one of them shows a head of ours that our log does not extend, `NotProved` when a log
        came from another place and no witness could be asked.
        """
        wanted = [log for log in logs if parse_checkpoint(log.checkpoint).size]
        await asyncio.to_thread(self._recall, logs)
        names = list(witnesses) if wanted else []
        answer_s = BUDGET_S if any(log.moved for log in wanted) else ANSWER_S
        answers = await asyncio.gather(*(self._all(logs, wanted, name, answer_s) for name in names))
        seen = [item for found, _ in answers for item in found]
        missing = [(name, error.code) for name, (_, error) in zip(names, answers, strict=True) if error]
        is_known = any(found and not error for found, error in answers)
        is_known = is_known or bool(seen and all(code == WAITS_TOO for _, code in missing))
        if not is_known and (moved := next((log for log in wanted if log.moved), None)) is not None:
            raise NotProved(
                "the log was moved or copied{moved}, and no witness can be asked whether it is the newest copy",
                code="unwitnessed-copy",
                where=f"log {moved.store_name}",
                remedy="bring the domestic witness or a counterpart into reach and start again; where all were "
                "restored, start all of them; where that cannot be, `liaison witness waive` starts once without, on "
                "your word; `liaison audit next-log` begins anew",
                moved=moved.moved,
            )
        return Compared(tuple(seen), tuple(missing))

    async def _remembered(
        self, every: Sequence[ComparedLog], logs: Sequence[ComparedLog], witness: str
    ) -> list[tuple[str, str, int]]:
        """Compare all logs with what a witness remembers that waits as we do; return nothing where it does not wait.

        Raises `Contradicted` as for any witness.
        """
        found, ask = [], self._peers.remembered_head
        try:
            async with asyncio.timeout(BUDGET_S):
                for log in logs:
                    size, evidence = await self._look(log, witness, ask)
                    if evidence is not None:
                        raise self.refusal(log, evidence, witness)
                    found.append((witness, log.store_name, size))
                for log in every:
                    await self._not_continued(log, witness, ask)
        except Contradicted:
            raise
        except (TimeoutError, LiaisonError):
            return []
        return found

    def _recall(self, logs: Sequence[ComparedLog]) -> None:
        """Raise `Contradicted` for a head that a witness showed before, if the log still does not extend it."""
        for evidence in self._store.evidence():
            for log in logs:
                if evidence.origin == log.origin and self._stands(log, evidence):
                    raise self.refusal(log, evidence, None)

    def _stands(self, log: ComparedLog, evidence: HeadEvidence) -> bool:
        """Tell whether the log still does not extend the shown head. One that our key did not sign proves nothing."""
        try:
            return bool(_compare(log, self._ours(evidence.known, log.origin)))
        except BadSignature:
            return False

    async def _all(
        self, every: Sequence[ComparedLog], logs: Sequence[ComparedLog], witness: str, answer_s: float
    ) -> tuple[list[tuple[str, str, int]], LiaisonError | None]:
        """Compare all logs with one witness; each of its answers must come within `answer_s` seconds."""
        found = []
        now = asyncio.get_running_loop().time
        until = now() + BUDGET_S
        try:
            async with asyncio.timeout(answer_s) as limit:
                for log in logs:
                    size, evidence = await self._look(log, witness, self._peers.largest_head)
                    limit.reschedule(min(until, now() + answer_s))
                    if evidence is not None:
                        raise self.refusal(log, evidence, witness)
                    found.append((witness, log.store_name, size))
                for log in every:
                    await self._not_continued(log, witness, self._peers.largest_head)
                    limit.reschedule(min(until, now() + answer_s))
        except TimeoutError:
            return [], TimedOut("the witness did not answer in time")
        except Contradicted:
            raise
        except LiaisonError as error:
            if any(log.moved for log in logs) and (found := await self._remembered(every, logs, witness)):
                return found, Unavailable("it waits for its own witnesses", code=WAITS_TOO)
            return [], error
        return found, None

    async def with_witness(self, log: ComparedLog, witness: str) -> HeadEvidence | None:
        """Evidence that the log is behind or forked, kept; None when it extends all that this witness has seen.

        Raises `BadSignature` when the witness shows a head that our key never signed, others when it cannot be asked.
        """
        return (await self._look(log, witness, self._peers.largest_head))[1]

    async def _not_continued(self, log: ComparedLog, witness: str, ask: _Ask) -> None:
        """Raise `Contradicted` where the witness has seen the log's next number: this copy is from before that."""
        origin = following(log.origin)
        data = await ask(witness, origin)
        if data and (shown := self._ours(data, origin)).size:
            raise Contradicted(
                "`{witness}` has seen {length} entries of this log's next number, which this node's "
                "key signed: this is an old backup{moved}",
                code="log-continued",
                where=f"log {log.store_name}",
                remedy=_REMEDY,
                witness=witness or "domestic",
                length=shown.size,
                moved=log.moved,
            )

    async def _look(self, log: ComparedLog, witness: str, ask: _Ask) -> tuple[int, HeadEvidence | None]:
        data = await ask(witness, log.origin)
        if not data:
            return 0, None
        shown = self._ours(data, log.origin)
        await asyncio.to_thread(log.follow)
        code = _compare(log, shown)
        if not code:
            return shown.size, None
        evidence = HeadEvidence(log.origin, code, shown.data, log.checkpoint, self._clock.now_us())
        await asyncio.to_thread(self._store.keep_evidence, evidence, MAX_EVIDENCE)
        return shown.size, evidence

    def _ours(self, data: bytes, origin: str) -> Checkpoint:
        try:
            return foreign_head(data, origin, self._keys())
        except LiaisonError as error:
            raise BadSignature(
                "the witness shows a head that our key did not sign", code="untrue-witness", where=origin
            ) from error

    @staticmethod
    def refusal(log: ComparedLog, evidence: HeadEvidence, witness: str | None) -> Contradicted:
        """Return the error because of which the node does not go on. `witness` is None for evidence from before."""
        size = parse_checkpoint(evidence.known).size
        who = f"`{witness}`" if witness else "the domestic witness" if witness is not None else "a witness"
        own = parse_checkpoint(evidence.offered).size
        if evidence.code == "ahead":
            text = f"{who} has seen {size} entries that this node's key signed, and the database holds {own}"
        else:
            text = f"{who} has seen another head over {size} entries that this node's key signed: the log has forked"
        return Contradicted(
            "{text}: this is an old backup, or a second copy of the node's data{moved}",
            code=f"log-{evidence.code}",
            where=f"log {log.store_name}",
            remedy=_REMEDY,
            text=text,
            moved=log.moved,
        )


def evidence_entry(evidence: HeadEvidence, member: str) -> EntryDraft:
    """Return the entry of two heads that contradict each other, for the log of `member`; the peer owns them."""
    owner = evidence.origin.partition(".")[0]
    return events.FORK_FOUND.draft(
        peer="" if owner == member else owner,
        origin=evidence.origin,
        code=evidence.code,
        known=evidence.known.decode("utf-8", "replace"),
        offered=evidence.offered.decode("utf-8", "replace"),
    )


def _compare(log: ComparedLog, shown: Checkpoint) -> str:
    """Return `ahead` or `fork`; empty where our log extends the shown head."""
    try:
        return "" if log.root(shown.size) == shown.root else "fork"
    except Malformed:
        return "ahead"
