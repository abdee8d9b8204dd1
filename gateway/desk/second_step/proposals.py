"""Replies that wait for a passkey or a second person: the exact bytes that humans decide on, sealed with the thread."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.audit.acts.humans import HumanEvidence
from gateway.conversion import converter
from gateway.desk.evidence.deciders import Decider
from gateway.errors import Stale
from gateway.model.requester import Officer
from gateway.ports.desk import Holding, Thread
from gateway.signing.passkeys.assertion import Assertion, kept_assertion
from gateway.statements.notices.notice import WrittenNotice

STANDS_US = 3_600_000_000
"""A proposal stands for so long: then the record is read anew."""


class Given(msgspec.Struct, frozen=True):
    """A decision that was given to a proposal: the officer, why, and the assertion of a passkey where there is one."""

    officer: Officer
    reason: str
    assertion: dict[str, Any] | None = None

    def decider(self) -> Decider:
        """Return it as evidence is taken from it."""
        kept = kept_assertion(self.assertion) if self.assertion is not None else None
        return Decider(self.officer, self.reason, kept)


class Proposal(msgspec.Struct, frozen=True):
    """A reply that humans decide on, for one item of work.

    `author` is the person who proposed it; `persons` are needed. `told` is for its entry, `holding` for the ledger of
    copies. `policy` is the hash of the policy that allowed it, and `reason` that of the author, whose passkey
    is waited for.
    """

    work: str
    author: str
    written: WrittenNotice
    persons: int
    made_us: int
    policy: bytes
    told: dict[str, Any] = {}
    holding: Holding | None = None
    given: tuple[Given, ...] = ()
    reason: str = ""

    def encoded(self) -> bytes:
        """Return the bytes that a thread's row keeps."""
        return msgspec.json.encode(self)

    def deciders(self) -> list[Decider]:
        """Return the humans who have decided so far."""
        return [each.decider() for each in self.given]


_read = converter(Proposal)


def given(decider: Decider) -> Given:
    """Return a decision in the form that a proposal keeps."""
    assertion: Assertion | None = decider.assertion
    return Given(decider.officer, decider.reason, assertion.as_json() if assertion is not None else None)


def proposal_of(thread: Thread, policy: bytes, now_us: int) -> Proposal:
    """Return the proposal of a thread. Raises `Stale` where there is none that stands."""
    if thread.draft and not thread.opener:
        found = _read(msgspec.json.decode(thread.draft))
        if found.policy == policy and 0 <= now_us - found.made_us < STANDS_US:
            return found
    raise Stale(
        "there is no proposal that stands: the thread, the policy or the time has moved on",
        code="no-proposal",
        where="work",
        remedy="decide anew: `liaison desk decide`",
    )


def evidence(humans: tuple[HumanEvidence, ...]) -> dict[str, Any]:
    """Return the member of an entry that holds the evidence."""
    return {"humans": [human.as_json() for human in humans]}
