"""An audit log for its writers: events, drafts of entries, and the journal that takes them.

An entry is drafted through its event (`gateway.ports.entries.events` defines one for each kind), so that no entry has a
kind or a private member that the catalogue does not name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from gateway.model.exchange import LogProof
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.content_keys import Retention
from gateway.ports.desk import DeskRows


class LogName(StrEnum):
    """The two logs of a node, and the one of a source process in an agency's building."""

    EXCHANGE = "exchange"
    OPERATIONS = "operations"
    SOURCE = "source"


class Party(StrEnum):
    """The signer of a statement that is kept with an entry."""

    US = "us"
    PEER = "peer"
    NOBODY = "nobody"


_PERSONAL = frozenset(
    {"officer", "requester", "query", "case", "ticket", "record", "auditor", "action", "looked_for", "person"}
)


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """One kind of entry: its log, its meaning, the members of its private part and its retention class.

    `request` and `answer` name the signers of the statements that are kept with it. An entry that is `counted` takes
    the next number of the channel on which the peer asks us. The statements of a `strict` one were verified before it
    was written.
    """

    kind: str
    log: LogName
    meaning: str
    fields: tuple[str, ...]
    retention: Retention
    request: Party = Party.NOBODY
    answer: Party = Party.NOBODY
    counted: bool = False
    strict: bool = True
    _members: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Keep the members as a set, since each draft is compared with it."""
        object.__setattr__(self, "_members", frozenset(self.fields))

    @property
    def personal(self) -> bool:
        """Tell whether the private part can name a person, an officer or a case: then only an auditor sees it."""
        return self.log is not LogName.OPERATIONS or not _PERSONAL.isdisjoint(self.fields)

    def draft(
        self,
        *,
        peer: str = "",
        exchange_id: str = "",
        request_hash: bytes = b"",
        answer_hash: bytes = b"",
        number: int | None = None,
        rows: DeskRows | None = None,
        **private: Any,
    ) -> EntryDraft:
        """Return the draft of an entry without statements; `private` are the members of its private part, in order.

        Raises `TypeError` for a member that the event does not have.
        """
        return self.draft_of(
            private,
            peer=peer,
            exchange_id=exchange_id,
            request_hash=request_hash,
            answer_hash=answer_hash,
            number=number,
            rows=rows,
        )

    def draft_of(
        self,
        private: Mapping[str, Any],
        *,
        peer: str = "",
        exchange_id: str = "",
        request_hash: bytes = b"",
        answer_hash: bytes = b"",
        channel: str = "",
        number: int | None = None,
        request: bytes = b"",
        answer: bytes = b"",
        retention: Retention | None = None,
        claim: ReplayClaim | None = None,
        rows: DeskRows | None = None,
        trace: str = "",
    ) -> EntryDraft:
        """Return the draft of an entry with this private part, and with the statements that are kept with it.

        `retention` is given where the class depends on what was found. Each exchange uses this method: collecting
        keyword arguments costs several times what a mapping costs. Raises `TypeError` like `draft`.
        """
        if not self._members.issuperset(private):
            unknown = ", ".join(sorted(set(private) - self._members))
            raise TypeError(f"an entry `{self.kind}` has no private member {unknown} (gateway/ports/entries/events.py)")
        return EntryDraft(
            self,
            peer,
            exchange_id,
            request_hash,
            answer_hash,
            channel,
            number,
            private,
            request,
            answer,
            retention or self.retention,
            claim,
            rows,
            trace,
        )


class ReplayClaim(msgspec.Struct, frozen=True):
    """The claim of an answered (sender, exchange id): at most one of them is ever committed."""

    sender: MemberId
    exchange_id: ExchangeId
    request_hash: bytes
    expires_us: int


class EntryDraft(msgspec.Struct):
    """An entry before it has its place. Only an `Event` makes one.

    `channel` is the peer whose channel counter `n` the entry takes, and the direction (`in`: they asked, `out`: we
    asked); an entry without one has no number of its own. `number` is given where the counterpart counted (`received`).
    `private` is JSON; `request` and `answer` are the exact envelopes, kept encrypted beside the entry. `rows` are those
    of the desk that are written in the entry's own transaction. `trace` is the step that the entry is about (a W3C
    `traceparent`, or empty), for the log line; it is not written.
    """

    event: Event
    peer: str
    exchange_id: str
    request_hash: bytes
    answer_hash: bytes
    channel: str
    number: int | None
    private: Mapping[str, Any]
    request: bytes
    answer: bytes
    retention: Retention
    claim: ReplayClaim | None
    rows: DeskRows | None = None
    trace: str = ""

    @property
    def kind(self) -> str:
        """The kind, as the entry's public part names it."""
        return self.event.kind


class Logged(msgspec.Struct, frozen=True):
    """A durable entry: its index in the log, its public part (the leaf's exact bytes), number and proof."""

    index: int
    entry: bytes
    number: int | None
    proof: LogProof


class StoredAnswer(msgspec.Struct, frozen=True):
    """The answer that was committed for a (sender, exchange id): exact envelopes and the entry's index."""

    request_hash: bytes
    answer: bytes
    entry: bytes
    index: int


class Journal(Protocol):
    """One audit log. Thread-safe; `append` is one transaction, durable and signed when it returns."""

    def append(self, drafts: Sequence[EntryDraft]) -> list[Logged | StoredAnswer]:
        """Write an entry for each draft; return in their order `Logged`, or the stored answer if the claim lost.

        Raises `Outdated` when rows of a draft build on another version of their thread, or two drafts are about one
        thread: nothing was written. Raises `StorageBroken` when the storage failed: nothing was acknowledged, and the
        process must end.
        """

    def stored_answers(
        self, claims: Sequence[tuple[MemberId, ExchangeId]]
    ) -> Mapping[tuple[MemberId, ExchangeId], StoredAnswer]:
        """Return the stored answers of those `claims` that are answered and not yet expired."""

    def proof(self, index: int, origin: str = "") -> LogProof:
        """Return the proof of an entry under the newest signed checkpoint; `origin` names an earlier log number."""
