"""An audit log, as those see it who write to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from gateway.model.exchange import LogProof
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.content_keys import Retention


class ReplayClaim(msgspec.Struct, frozen=True):
    """The claim of an answered (sender, exchange id): at most one of them is ever committed."""

    sender: MemberId
    exchange_id: ExchangeId
    request_hash: bytes
    expires_us: int


class EntryDraft(msgspec.Struct):
    """An entry before it has its place. `channel` is the peer whose channel counter `n` the entry takes, and
    the direction (`in`: they asked, `out`: we asked); empty = the entry has no number of its own.

    `number` is given where the counterpart counted (`received`). `private` is JSON; `request` and `answer` are
    the exact envelopes, kept encrypted beside the entry.
    """

    kind: str
    peer: str = ""
    exchange_id: str = ""
    request_hash: bytes = b""
    answer_hash: bytes = b""
    channel: str = ""
    number: int | None = None
    private: Mapping[str, Any] = msgspec.field(default_factory=dict)
    request: bytes = b""
    answer: bytes = b""
    retention: Retention = Retention.NO_HIT
    claim: ReplayClaim | None = None


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
        """An item for each draft, in order: `Logged`, or the stored answer when the draft's claim lost.

        Raises `StorageBroken` when the storage failed: nothing was acknowledged, and the process must end.
        """

    def stored_answers(
        self, claims: Sequence[tuple[MemberId, ExchangeId]]
    ) -> Mapping[tuple[MemberId, ExchangeId], StoredAnswer]:
        """Those of `claims` that are answered and not yet expired."""

    def proof(self, index: int, origin: str = "") -> LogProof:
        """The proof of an entry under the newest signed checkpoint, of another number of the log with `origin`."""
