"""Our requests for consent, on their way until the owner has decided.

A request is stored before it is sent. The same bytes are sent again until there is a decision or the request's time is
over. The owner keeps one request for each id, so repeats have no further effect. The decision comes back as the answer
to a repeat, so the owner needs no connection to us.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from dataclasses import dataclass, replace

from gateway.errors import Reason, Suspended
from gateway.exchange.parts import Parts
from gateway.exchange.stages import as_error, reraise_fatal
from gateway.model.consent import ConsentAnswer, ConsentRequest, ConsentState, OnwardUse
from gateway.model.exchange import Verified
from gateway.model.names import MemberId
from gateway.ports import events
from gateway.ports.documents import DocumentStore
from gateway.ports.journal import EntryDraft
from gateway.rpc.contract import Calls
from gateway.rpc.methods import CONSENT
from gateway.statements.consent import parse_consent_request, verify_consent_answer
from gateway.storage.log.group_commit import LogWriter

WAITING = "waiting"
"""The state of a request that the owner's node has not taken yet."""

_KIND = "consent-asked"
_OPEN = frozenset({WAITING, ConsentState.TAKEN.value})
_FOR_NOW = frozenset(
    {
        Reason.SUSPENDED,
        Reason.RESOURCE_EXHAUSTED,
        Reason.UNAVAILABLE,
        Reason.DEADLINE_EXCEEDED,
        Reason.FAILED_PRECONDITION,
        Reason.INTERNAL,
    }
)
"""Refusals that may end: the request goes on waiting."""

_LONGEST_WAIT_S = 30.0
_PATIENCE_S = 1.0
_MOMENT_S = 0.5
_LOAD_S = 15.0
_AT_ONCE = 4
"""Requests that are sent to one counterpart in a round: fewer than it takes in half a second."""


@dataclass(frozen=True, slots=True)
class OutgoingConsent:
    """A request of ours. `state` is `waiting` or the owner's answer; `problem` is the last reason why it waits."""

    key: str
    officer: str
    search: str
    request: ConsentRequest
    request_hash: bytes
    envelope: bytes
    state: str = WAITING
    problem: str = ""
    until_us: int = 0

    def encode(self) -> bytes:
        """Return the request as JSON."""
        return json.dumps(
            {
                "officer": self.officer,
                "search": self.search,
                "hash": self.request_hash.hex(),
                "envelope": base64.b64encode(self.envelope).decode(),
                "state": self.state,
                "problem": self.problem,
                "until_us": self.until_us,
            }
        ).encode()

    @classmethod
    def decode(cls, key: str, data: bytes) -> OutgoingConsent:
        """Return the request that `encode` wrote."""
        value = json.loads(data)
        envelope = base64.b64decode(value["envelope"])
        return cls(
            key,
            value["officer"],
            value["search"],
            parse_consent_request(envelope),
            bytes.fromhex(value["hash"]),
            envelope,
            value["state"],
            value["problem"],
            value["until_us"],
        )


def outgoing_key(owner: MemberId, officer: str, search: str, record: str, wanted: OnwardUse) -> str:
    """Return the key of the one request for this use of this record by this officer; another use has another key."""
    to = wanted.to
    parts = (officer, search, record, to.member, to.agency, to.office, wanted.purpose.value, wanted.use.value)
    return f"{owner}/{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()}"


@dataclass(slots=True)
class _Turn:
    """The time at which a request is sent next, how often it was sent, and when last."""

    at: float
    tries: int = 0
    sent: float = float("-inf")


class ConsentOutbox:
    """All requests of ours that are under way; with `shared` also those that other processes of this node put."""

    def __init__(self, parts: Parts, peers: Calls, operations: LogWriter, *, shared: bool = False) -> None:
        self._parts = parts
        self._peers = peers
        self._shared = shared
        self._operations = operations
        self._turns: dict[str, _Turn] = {}
        self._busy: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._load_at = float("-inf")

    @property
    def _documents(self) -> DocumentStore:
        return self._parts.documents

    def get(self, key: str) -> OutgoingConsent | None:
        """Return the request under this key, unless its time is over."""
        data = self._documents.get(_KIND, key)
        return OutgoingConsent.decode(key, data) if data is not None else None

    async def put(self, outgoing: OutgoingConsent) -> None:
        """Store a request durably, and make it due after a moment, unless it is sent by then.

        Its entry was written before.
        """
        await asyncio.to_thread(self._store, outgoing)
        self._turns[outgoing.key] = _Turn(self._parts.clock.monotonic() + _PATIENCE_S)

    def begin(self, key: str) -> asyncio.Task[None]:
        """Send one request in a task of its own, which goes on when its caller does not wait."""
        task = asyncio.create_task(self.send(key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def finish(self) -> None:
        """Cancel the requests that are being sent (the node stops); they are sent again after the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def send(self, key: str) -> None:
        """Send one request now, unless it is being sent or was sent a moment ago, however often officers ask for it.

        A counterpart that is silent, refuses or lies leaves it waiting.
        """
        turn = self._turns.setdefault(key, _Turn(0.0))
        now = self._parts.clock.monotonic()
        if key in self._busy or now - turn.sent < _MOMENT_S:
            return
        turn.sent = now
        self._busy.add(key)
        try:
            outgoing = await asyncio.to_thread(self.get, key)
            if outgoing is None or outgoing.state not in _OPEN:
                self._turns.pop(key, None)
                return
            await self._send(outgoing)
            self._later(key)
        finally:
            self._busy.discard(key)

    async def round(self) -> None:
        """Send due requests, to all counterparts at once and a few to each. Raises the first error that is ours."""
        now = self._parts.clock.monotonic()
        if now >= self._load_at:
            keys = await asyncio.to_thread(self._documents.keys, _KIND)
            self._turns |= {key: _Turn(now) for key in keys if key not in self._turns}
            self._load_at = now + _LOAD_S if self._shared else float("inf")
        sent = await asyncio.gather(*(self.send(key) for key in self._due()), return_exceptions=True)
        for problem in sent:
            if isinstance(problem, BaseException):
                raise problem

    def _due(self) -> list[str]:
        """Return the keys of due requests, longest waiting first, a few for each counterpart."""
        now = self._parts.clock.monotonic()
        waiting = sorted((turn.at, key) for key, turn in self._turns.items() if turn.at <= now)
        chosen: dict[str, list[str]] = {}
        for _, key in waiting:
            mine = chosen.setdefault(key.partition("/")[0], [])
            if len(mine) < _AT_ONCE:
                mine.append(key)
        return [key for keys in chosen.values() for key in keys]

    def _later(self, key: str) -> None:
        turn = self._turns[key]
        turn.at = self._parts.clock.monotonic() + min(2.0**turn.tries, _LONGEST_WAIT_S)
        turn.tries = min(turn.tries + 1, 10)

    async def _send(self, outgoing: OutgoingConsent) -> None:
        parts, request = self._parts, outgoing.request
        try:
            self._check_suspended(request)
            data = await self._peers.call(request.recipient, CONSENT, outgoing.envelope)
            answer = verify_consent_answer(
                data,
                keys=parts.trust(),
                member=request.recipient,
                me=parts.member,
                request=request,
                request_hash=outgoing.request_hash,
                now_us=parts.clock.now_us(),
            )
        except Exception as problem:  # noqa: BLE001 - whatever goes wrong in a verification is no answer
            reraise_fatal(problem)
            await self._note(replace(outgoing, problem=as_error(problem).code), outgoing)
            return
        await self._answered(outgoing, answer)

    def _check_suspended(self, request: ConsentRequest) -> None:
        owner, purpose = request.recipient, request.asked.purpose.value
        if (reason := self._parts.suspensions.suspends(peer=owner, purpose=purpose)) is not None:
            raise Suspended("exchange with `{owner}` is suspended: {reason}", where=owner, owner=owner, reason=reason)

    async def _answered(self, outgoing: OutgoingConsent, answer: Verified[ConsentAnswer]) -> None:
        """Store the owner's answer; a new one has an entry that is durable before the officer can see it."""
        changed = _with(outgoing, answer.value)
        refused_anew = answer.value.refusal is not None and changed.problem != outgoing.problem
        if changed.state != outgoing.state or refused_anew:
            await self._operations.write(_received(changed, answer))
        await self._note(changed, outgoing)

    async def _note(self, changed: OutgoingConsent, before: OutgoingConsent) -> None:
        if changed != before:
            await asyncio.to_thread(self._store, changed)

    def _store(self, outgoing: OutgoingConsent) -> None:
        self._documents.put(_KIND, outgoing.key, outgoing.encode(), outgoing.request.expires_us)


def _with(outgoing: OutgoingConsent, answer: ConsentAnswer) -> OutgoingConsent:
    """Return the request after the owner's answer. A refusal that may end changes only the reason to wait."""
    refusal = answer.refusal
    if refusal is not None and refusal.reason in _FOR_NOW and refusal.code != "expired":
        return replace(outgoing, problem=refusal.code)
    return replace(
        outgoing, state=answer.state.value, problem=refusal.code if refusal else "", until_us=answer.until_us
    )


def _received(outgoing: OutgoingConsent, answer: Verified[ConsentAnswer]) -> EntryDraft:
    request = outgoing.request
    return events.CONSENT_RECEIVED.draft(
        peer=request.recipient,
        exchange_id=request.exchange_id,
        request_hash=outgoing.request_hash,
        answer_hash=answer.payload_hash,
        consent=request.id,
        officer=outgoing.officer,
        search=outgoing.search,
        record=request.record,
        state=answer.value.state.value,
        code=answer.value.refusal.code if answer.value.refusal else "",
        until_us=answer.value.until_us,
        statement=base64.b64encode(answer.envelope).decode(),
    )
