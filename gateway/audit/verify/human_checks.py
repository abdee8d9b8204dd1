"""Check 20: a decision of humans is that of its humans, by the passkeys that were enrolled for them then.

What two persons approve names both, and they are two; over several entries it becomes no more by one of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from gateway.audit.acts.desk_acts import APPROVES, DESK_ACTS
from gateway.audit.acts.humans import HumanEvidence, check_evidence, kept_humans
from gateway.audit.acts.passkeys import Passkey, enrolled_passkey, withdrawn_passkey
from gateway.audit.entries.entry import Entry
from gateway.audit.reading.evidence import Row
from gateway.errors import BadSignature, NotProved
from gateway.ports.entries import events
from gateway.ports.entries.events import EVENTS
from gateway.ports.journal import Party
from gateway.signing import strict_json
from gateway.signing.passkeys.assertion import challenge_of, goes_on
from gateway.statements.envelope import contents

HUMANS: Final = "humans"

DECIDED: Final = events.kinds(events.ASKED, events.DESK_ACT, events.DESK_CLOCK)
"""Kinds that check 20 reads beside answers: JSON writes a word in many ways, so that bytes do not tell what to read."""

_ASKED: Final = ("renewal", "invites")
"""Members of the content of acts since these name both persons: what is asked for, and has no effect yet."""

_FREED: Final = "operation-over"
_ENDS, _BEGINS = ("until_us", "end_us"), ("hidden_until_us",)
_LATE_US = 30_000_000
"""Microseconds after a withdrawal in which a decision may get its entry that was judged before it (decision 0074)."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision in a segment. `challenge` is that of the entry's own statement, empty where that is not shown."""

    index: int
    time_us: int
    humans: tuple[HumanEvidence, ...]
    challenge: bytes


@dataclass(frozen=True, slots=True)
class Extent:
    """A matter after an act; `readers` are its members with their offices, none for all of them.

    `is_shown` is False where the entry's content is not there; `by_two` tells that it approves, `tells` that it is of a
    version whose approvals name both persons. `is_freed` is the clock's word alone, or what may be that: the operation
    is over for which an alert was hidden.
    """

    index: int
    matter: str
    is_shown: bool = False
    is_freed: bool = False
    by_two: bool = False
    tells: bool = False
    is_on: bool = False
    ends_us: int = 0
    hidden_us: int = 0
    readers: tuple[tuple[str, frozenset[str]], ...] = ()
    content: bytes = b""

    def is_more_than(self, before: Extent) -> bool:
        """Tell whether the matter is in force, longer, for more readers or about something else than it was."""
        had = dict(before.readers)
        reads_more = any(member not in had or not _covers(had[member], some) for member, some in self.readers)
        is_longer = self.ends_us > before.ends_us or self.hidden_us < before.hidden_us
        return is_longer or reads_more or self.content != before.content or (self.is_on and not before.is_on)


def _covers(all_of: frozenset[str], some: frozenset[str]) -> bool:
    return not all_of or (bool(some) and some <= all_of)


@dataclass(frozen=True, slots=True)
class Told:
    """What the operations log says about a passkey: `passkey` is None for a withdrawal."""

    time_us: int
    credential: bytes
    passkey: Passkey | None


def decision_of(entry: Entry, private: Mapping[str, Any], row: Row, index: int) -> Decision | Extent | None:
    """Return the decision that an entry shows, or what its act made of a matter, or None.

    Raises `LiaisonError` where it is not well-formed, or takes one person for two.
    """
    check_second(entry, private)
    if HUMANS not in private:
        return extent_of(entry, private, index)
    event = EVENTS[entry.kind]
    parties = ((event.request, row.request, entry.request_hash), (event.answer, row.answer, entry.answer_hash))
    statement, hashed = next(((data, hash_) for party, data, hash_ in parties if party is Party.US), (b"", b""))
    challenge = b""
    if statement:
        payload_type, payload = contents(statement)
        if hashlib.sha256(payload).digest() != hashed:
            raise BadSignature("the statement is not the one whose hash is in the entry", code="other-statement")
        challenge = challenge_of(payload_type, payload)
    return Decision(index, entry.time_us, kept_humans(private[HUMANS]), challenge)


def check_second(entry: Entry, private: Mapping[str, Any]) -> None:
    """Raise `BadSignature` where an entry takes one person for two, or says that it approves what its act does not.

    Entries of version 0.2.1 and before name the second person of an ask alone.
    """
    second = (private.get("officer"), private.get("token"))
    if entry.kind == events.ASKED.kind and "approver_token" in private:
        first, second = second, (private.get("approver"), private["approver_token"])
    elif entry.kind == events.DESK_ACT.kind and isinstance(content := private.get("content"), dict):
        asked = content.get(APPROVES)
        if asked is None:
            return
        needs = DESK_ACTS.get(str(private.get("act")))
        if not isinstance(asked, dict) or needs is None or str(asked.get("act")) not in needs.approves:
            raise BadSignature("it approves what its act does not approve", code="other-act")
        first = (asked.get("officer"), asked.get("token"))
    else:
        return
    if any(one is not None and one == other for one, other in zip(first, second, strict=True)) or not all(second):
        raise BadSignature("two decisions of one human are those of one", code="same-human", where=APPROVES)


def extent_of(entry: Entry, private: Mapping[str, Any], index: int) -> Extent | None:
    """Return what the entry of an act tells of an alert or an operation after it, or that of a clock; else None.

    Raises `BadSignature` where it is not well-formed.
    """
    if entry.kind == events.DESK_CLOCK.kind:
        return Extent(index, entry.exchange_id, is_freed=True) if private.get("code") == _FREED else None
    content = private.get("content")
    if entry.kind != events.DESK_ACT.kind or not isinstance(content, dict):
        return None
    if "to_life" not in content and "invites" not in content:
        return None
    try:
        return Extent(
            index,
            entry.exchange_id,
            is_shown=True,
            by_two=APPROVES in content,
            tells=any(name in content for name in (*_ASKED, APPROVES)),
            is_on=content["stand"] == "on",
            ends_us=next(int(content[name]) for name in _ENDS if name in content),
            hidden_us=next((int(content[name]) for name in _BEGINS if name in content), 0),
            readers=tuple(_reader(each) for each in content["to"]),
            content=hashlib.sha256(strict_json.dumps(content.get("fields"))).digest(),
        )
    except (KeyError, IndexError, TypeError, ValueError, StopIteration) as error:
        raise BadSignature("it approves what its act does not approve", code="other-act") from error


def _reader(told: Any) -> tuple[str, frozenset[str]]:
    """Return a member and its offices, as the entries of alerts and those of operations write them."""
    member, offices = (told["member"], told["offices"]) if isinstance(told, dict) else told[:2]
    return str(member), frozenset(map(str, offices))


def not_shown(entry: Entry, index: int) -> Iterator[Extent]:
    """Yield the gap that an act leaves whose content is not there, and what a clock may have said."""
    if entry.kind in (events.DESK_ACT.kind, events.DESK_CLOCK.kind):
        yield Extent(index, entry.exchange_id, is_freed=entry.kind == events.DESK_CLOCK.kind)


def told_of(entry: Entry, private: Mapping[str, Any]) -> Told:
    """Return what an entry tells of a passkey. Raises `LiaisonError`."""
    if entry.kind == events.PASSKEY_WITHDRAWN.kind:
        detail = {name: private.get(name) for name in ("person", "credential")}
        return Told(entry.time_us, withdrawn_passkey(detail)[1], None)
    names = ("person", "credential", "key", "rp_id", "counter", "aaguid", "backed_up")
    passkey = enrolled_passkey({name: private.get(name) for name in names})
    return Told(entry.time_us, passkey.credential, passkey)


@dataclass(slots=True)
class Extents:
    """Keeps what each matter of a log was after the last act that was shown, and judges the next one by it."""

    shown: int = 0
    _known: dict[str, Extent] = field(default_factory=dict)

    def judge(self, now: Extent) -> None:
        """Judge acts in the order of their entries. Raises `BadSignature`, or `NotProved` for an older version."""
        self.shown += now.is_shown
        before = self._known.pop(now.matter, None)
        if now.is_freed:
            if before is not None:
                self._known[now.matter] = replace(before, hidden_us=0)
            return
        if not now.is_shown:
            return
        is_more = before is not None and not now.by_two and now.is_more_than(before)
        if now.tells:
            self._known[now.matter] = now
        elif before is not None:  # an older version has no say on what two persons approved
            self._known[now.matter] = replace(before, tells=before.tells and not is_more)
        if before is not None and is_more:
            refused = BadSignature if now.tells and before.tells else NotProved
            raise refused(
                "{persons} different persons decide this, and {count} did", code="persons-needed", persons=2, count=1
            )


@dataclass(slots=True)
class Passkeys:
    """The passkeys that the operations logs of a member tell of, and how often each has signed by now.

    `complete` is False where entries of these logs are lost: then a passkey that is not enrolled proves nothing.
    """

    complete: bool = True
    _enrolled: dict[bytes, Told] = field(default_factory=dict)
    _withdrawn: dict[bytes, int] = field(default_factory=dict)
    _counters: dict[bytes, int] = field(default_factory=dict)

    def learn(self, told: Iterable[Told]) -> None:
        """Take in what an operations log tells, in its order. The first enrolment and the first withdrawal count."""
        for item in told:
            if item.passkey is None:
                self._withdrawn.setdefault(item.credential, item.time_us)
            elif item.credential not in self._enrolled:
                self._enrolled[item.credential] = item
                self._counters[item.credential] = item.passkey.counter

    def begin_anew(self, log: str) -> None:
        """Take note that entries of a log are lost."""
        self.complete = self.complete and not log.startswith("operations/")

    def judge(self, decision: Decision) -> None:
        """Judge decisions in the order of their entries. Raises `BadSignature`, and `NotProved` for gaps."""
        if all(human.assertion is None for human in decision.humans):
            return
        if not decision.challenge:
            raise NotProved("its statement is not shown, over whose hash a passkey signed")
        find = partial(self._passkey, decision.time_us)
        used = check_evidence(decision.humans, decision.challenge, find)
        for human, said in zip(decision.humans, used, strict=True):
            if human.assertion is None or said is None:
                continue
            credential = human.assertion.credential
            before, self._counters[credential] = self._counters[credential], said.counter
            if not goes_on(before, said.counter):
                raise BadSignature(
                    "the counter of its passkey went back from {before} to {now}",
                    code="passkey-cloned",
                    before=before,
                    now=said.counter,
                )

    def _passkey(self, at_us: int, human: HumanEvidence) -> Passkey:
        assert human.assertion is not None
        told = self._enrolled.get(human.assertion.credential)
        if told is None and not self.complete:
            raise NotProved("the entry is not there that enrolled its passkey")
        if told is None or told.passkey is None or at_us < told.time_us:
            raise BadSignature("its passkey was not enrolled then", code="passkey-unknown")
        gone_us = self._withdrawn.get(told.credential)
        if gone_us is not None and at_us > gone_us + _LATE_US:
            raise BadSignature("its passkey was withdrawn before", code="passkey-withdrawn")
        return told.passkey
