"""Counterparts' asks for consent at the owner, with the decisions of humans.

A person decides with `liaison consent`, which needs no running node, or at the desk. A decision of the first kind is
kept here until the node has written its reply (`gateway.desk.consent.replies`). It counts from that entry on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import msgspec

from gateway.errors import Forbidden, Malformed, Stale, Unknown
from gateway.model.desk.notices import About, Ask, Notice, NoticeType, Reply, ReplyCode
from gateway.model.desk.threads import Side, ThreadKey, ThreadState
from gateway.model.desk.work import WorkKind
from gateway.model.names import ExchangeId, MemberId
from gateway.model.requester import Officer
from gateway.model.values import text_value
from gateway.ports.desk import DeskStore, NoticeRow, Thread, WorkFilter
from gateway.ports.documents import DocumentStore
from gateway.statements.notices.notice import parse_notice

_KIND = "consent-decided-by"
_MAX_TEXT = 300
_OPEN = frozenset({ThreadState.OPEN, ThreadState.BACK})


@dataclass(frozen=True, slots=True)
class Decision:
    """A human's decision. `until_us` is 0 for a refusal.

    `by` is the officer's person id, `token` the hash of the token that proves it, `order` the act's name in the
    mailbox.
    """

    granted: bool
    by: str
    reason: str
    decided_us: int
    until_us: int
    role: str
    office: str
    agency: str
    token: str
    order: str
    exchange_id: str = ""
    """The exchange of the record: what is erased of it takes the decision along."""

    @property
    def officer(self) -> Officer:
        """Return the officer who decided, as the token named them."""
        return Officer(self.by, self.role, self.office, self.agency, frozenset(), bytes.fromhex(self.token))


class Consent(msgspec.Struct, frozen=True):
    """An ask for consent that was taken. `notice` is the newest ask of its thread.

    `decision` is one that was given with `liaison consent`; `reply` is the decision as the counterpart is told it, and
    `done_by` who gave it at the desk.
    """

    thread: Thread
    notice: Notice
    received_us: int
    decision: Decision | None = None
    reply: Reply | None = None
    done_by: str = ""
    done_us: int = 0

    @property
    def key(self) -> str:
        """The name under which a decision is kept."""
        return f"{self.thread.key.peer}/{self.thread.key.thread_id}"

    @property
    def ask(self) -> Ask:
        """Return the body of the ask."""
        assert isinstance(self.notice.body, Ask)
        return self.notice.body

    @property
    def is_decided(self) -> bool:
        """Tell whether a human has decided."""
        return self.decision is not None or self.reply is not None

    @property
    def state(self) -> str:
        """`open`, `granted` or `refused`."""
        if self.reply is not None:
            return "granted" if self.reply.code is ReplyCode.RELEASED else "refused"
        if self.decision is None:
            return "open"
        return "granted" if self.decision.granted else "refused"


@dataclass(frozen=True, slots=True)
class ConsentBook:
    """All asks for consent that counterparts have sent us, and whose time is not over."""

    documents: DocumentStore
    store: DeskStore

    def all(self, now_us: int) -> Iterator[Consent]:
        """Yield the asks by peer and id."""
        for key in self.store.asks(About.CONSENT, now_us):
            if (found := self._read(key)) is not None:
                yield found

    def get(self, name: str, now_us: int) -> Consent:
        """Return the ask with this id, or `<peer>/<id>` where two peers chose one id; else raise `Unknown`."""
        peer, _, thread_id = name.rpartition("/")
        named = [
            thread.key for thread in self.store.find_thread(ExchangeId(thread_id)) if peer in ("", thread.key.peer)
        ]
        found = [
            each for key in named if (each := self._read(key)) is not None and now_us < each.notice.head.expires_us
        ]
        if len(found) > 1:
            raise Malformed(
                "two counterparts chose this id",
                where="--id",
                remedy="give one of {keys}",
                keys=", ".join(each.key for each in found),
            )
        if not found:
            raise Unknown(
                "no such request for consent, or its time is over", where="--id", remedy="see `liaison consent list`"
            )
        return found[0]

    def decide(self, consent: Consent, decision: Decision) -> None:
        """Keep a human's decision, once and for all; raise `Forbidden` when there is a decision already."""
        text_value(decision.reason, "--reason", _MAX_TEXT)
        head = consent.notice.head
        if decision.decided_us >= head.expires_us:
            raise Stale("the time of this request is over", code="expired", where="--id")
        if decision.granted and not decision.decided_us < decision.until_us <= head.expires_us:
            raise Malformed(
                "a consent ends when the record's time does, at the latest", where="--hours", remedy="fewer hours"
            )
        if consent.thread.state not in _OPEN and not consent.is_decided:
            raise Stale("the counterpart has withdrawn this request", code="not-now", where="--id")
        value = json.dumps(asdict(decision), ensure_ascii=False).encode()
        if consent.reply is not None or self.documents.put_new(_KIND, consent.key, value, head.expires_us) is not None:
            raise Forbidden("somebody has decided this already", code="already-decided", where="--id")

    def drop(self, consent: Consent) -> None:
        """Delete a decision that does not count."""
        self.documents.delete(_KIND, consent.key)

    def kept(self) -> list[str]:
        """Return the names of all decisions that are kept."""
        return self.documents.keys(_KIND)

    def untold(self, name: str) -> Consent | None:
        """Return the ask with this decision while the counterpart has no reply; None once it has one."""
        peer, _, thread_id = name.partition("/")
        found = self._read(ThreadKey(MemberId(peer), ExchangeId(thread_id)))
        is_open = found is not None and found.thread.state in _OPEN
        return found if is_open and found is not None and found.decision is not None else None

    def _read(self, key: ThreadKey) -> Consent | None:
        thread = self.store.thread(key)
        if thread is None or thread.opener:
            return None
        rows = self.store.notices(key)
        ask = _last(rows, Side.OPENER, NoticeType.ASK)
        if ask is None or ask.placed.code != About.CONSENT or not ask.envelope:
            return None
        consent = Consent(thread, parse_notice(ask.envelope), ask.time_us, reply=_reply(rows))
        kept = self.documents.get(_KIND, consent.key)
        decision = Decision(**json.loads(kept)) if kept is not None else None
        by, done_us = self._done(key)
        return msgspec.structs.replace(consent, decision=decision, done_by=by, done_us=done_us)

    def _done(self, key: ThreadKey) -> tuple[str, int]:
        """Return who ended the newest decision of a thread, and when."""
        works = self.store.works(WorkFilter(key=key, kinds=(WorkKind.DECIDE,), open_only=False))
        done = max((work for work in works if work.done_us), key=lambda work: work.done_us, default=None)
        return (done.by, done.done_us) if done is not None else ("", 0)


def _last(rows: list[NoticeRow], side: Side, kind: NoticeType) -> NoticeRow | None:
    return next((row for row in reversed(rows) if row.placed.side is side and row.placed.type is kind), None)


def _reply(rows: list[NoticeRow]) -> Reply | None:
    """Return the decision that was told, None while there is none or it was asked back."""
    row = _last(rows, Side.OTHER, NoticeType.REPLY)
    if row is None or row.placed.code == ReplyCode.CLARIFY or not row.envelope:
        return None
    body = parse_notice(row.envelope).body
    return body if isinstance(body, Reply) else None
