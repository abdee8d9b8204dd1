"""Carry out acts that erase and hold, and erase content that is older than the settings allow.

A node does it in its rounds; a command does it itself where no node runs. Erasing by age under the settings is no act
of a human and needs no proof.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from gateway.audit.acts.act import Act, Proved
from gateway.audit.acts.table import ActKind, Lane, Proof, rule_of
from gateway.audit.retention.erase import Eraser
from gateway.audit.retention.erase_key import ErasureReason, KeyEraser
from gateway.audit.retention.holds import HoldAction, lapsed_entry, lifted_entry, placed_entry, read_holds, verify_hold
from gateway.audit.retention.plan import DOCUMENTS, ERASED_BY_AGE, Erased, Targets, in_silence
from gateway.clock import HOUR_US
from gateway.config.sections.desk import RetentionMonths
from gateway.errors import Forbidden, LiaisonError, Malformed, Replayed, Unknown
from gateway.model.evidence.retention import months_before, read_steps
from gateway.ops.acts.mailbox import Mailbox, Order
from gateway.ops.acts.prove import HomeTrust, Used, document_of
from gateway.ports.content_keys import Retention
from gateway.ports.entries import events
from gateway.ports.journal import Event

MAX_ERASED = 300_000
"""Entries of a log that one act erases; what an entry keeps of the act has no room for more."""

LOST_KEY = "lost-key"
"""The ground of an erasure whose two persons declare that keys are lost for good."""

_COPY_US = 60 * 1_000_000


def ages(months: RetentionMonths, now_us: int) -> dict[str, int]:
    """Return for each class of keys the time before which a month must have ended for its content to be erased."""
    return {
        Retention.HIT: months_before(now_us, months.hit),
        Retention.NO_HIT: months_before(now_us, months.no_hit),
        Retention.OPERATIONS: months_before(now_us, months.operations),
        Retention.JUSTIFICATION: months_before(now_us, months.justification),
        Retention.DESK: months_before(now_us, months.desk),
        DOCUMENTS: months_before(now_us, 1),
    }


class ErasureDesk:
    """Erasures, holds and retention of one home. One thread at a time.

    A node runs retention by itself, so there `proved` tells whether somebody else vouches for its time; a command of a
    human asks `timely` only.
    """

    def __init__(
        self,
        one: KeyEraser,
        mailbox: Mailbox,
        trust: HomeTrust,
        used: Used,
        months: RetentionMonths,
        copy_keys: Callable[[], object],
        timely: Callable[[], None],
        proved: Callable[[], bool] = lambda: True,
    ) -> None:
        self._one = one
        self.eraser = Eraser(one)
        self._mailbox = mailbox
        self._trust = trust
        self._used = used
        self._months = months
        self._copy_keys = copy_keys
        self._timely = timely
        self._time_is_proved = proved
        self._next_us = 0
        self._next_copy_us = 0
        self.retained_us = one.clock.now_us()
        """When content was last erased by age, or when this process began."""

        self.effects: dict[ActKind, Callable[[Order], Mapping[str, Any]]] = {
            ActKind.ERASE_AGE: self._erase,
            ActKind.ERASE_ENTRIES: self._erase,
            ActKind.SEEK: self._seek,
            ActKind.HOLD: self._hold,
            ActKind.LIFT: self._hold,
        }

    # ------------------------------------------------------------ rounds

    def round(self) -> None:
        """Carry out acts, run retention and copy the keystore when due; a node calls this once a second.

        Of several processes of one home only one does it.
        """
        now_us = self._one.clock.now_us()
        if not self._mailbox.waiting(Lane.LONG) and now_us < min(self._next_us, self._next_copy_us):
            return
        with self._mailbox.our_turn(Lane.LONG) as ours:
            if ours:
                self._run_acts()
                self.run_retention()
                self._next_copy_us = now_us + _COPY_US
                self._copy_keys()

    def run_acts(self) -> int:
        """Carry out the waiting acts; return their number. Of several processes of one home only one does it."""
        with self._mailbox.our_turn(Lane.LONG) as ours:
            return self._run_acts() if ours else 0

    def _run_acts(self) -> int:
        if not self._mailbox.waiting(Lane.LONG):
            return 0
        self.eraser.resume()
        return self._mailbox.run(Lane.LONG, self._carry_out)

    def erase_for_owner(self, entries: Mapping[str, list[int]], notice: str) -> bool:
        """Erase what a counterpart has withdrawn by a notice; False where another process is erasing now.

        Raises `Forbidden` where one of the entries is under a legal hold: nothing was erased.
        """
        with self._mailbox.our_turn(Lane.LONG) as ours:
            if ours and entries:
                self.eraser.resume()
                self.eraser.entries(entries, ErasureReason("owner", "liaison", "its owner changed it", notice))
                self._copy_keys()
            return ours

    def run_retention(self) -> list[Erased]:
        """Finish what a crash left, let holds lapse and erase by age, once an hour; return the erased keys.

        While our time is not proved, nothing ages (decision 0044).
        """
        now_us = self._one.clock.now_us()
        if now_us < self._next_us:
            return []
        proved = self._time_is_proved()
        self._next_us = now_us + (HOUR_US if proved else _COPY_US)
        self.eraser.resume()
        if not proved:
            return []
        self._timely()
        self._lapse(now_us)
        erased = self.eraser.by_age(ages(self._months, now_us), ErasureReason("age", "liaison", reason="retention"))
        self.retained_us = now_us
        return erased

    def _lapse(self, now_us: int) -> None:
        for hold in read_holds(self._one.store, self._one.keys):
            if not hold.ended and hold.until_us <= now_us:
                self._one.operations.append([lapsed_entry(hold)])

    # ------------------------------------------------------------ acts

    def _carry_out(self, order: Order) -> Mapping[str, Any]:
        rule_of(order.kind)
        effect = self.effects.get(ActKind(order.kind))
        if effect is None:
            raise Forbidden("`{kind}` erases and holds nothing", code="unknown-act", kind=order.kind)
        self._one.progress = self._mailbox.progress_of(order)
        try:
            return effect(order)
        finally:
            self._one.progress = in_silence

    def _proved(self, order: Order) -> tuple[Act, Proved]:
        act, proved = self._trust.verify(document_of(order.document))
        if act.kind != order.kind:
            raise Malformed("the document says another act", code="bad-order")
        return act, Proved(proved.proof, proved.persons, proved.data, order.account, order.id)

    def _note(self, act: Act, proved: Proved, event: Event) -> None:
        """Write the entry of an act, durably, before its effect begins; once, also over a crash."""
        private = {"by": proved.words, "reason": act.reason, "reference": act.reference, "order": act.id}
        draft = event.draft_of(private | proved.members())
        self._used.once(act.id, act.expires_us, proved.order, event.kind, lambda: self._one.note(draft))

    def _erase(self, order: Order) -> Mapping[str, Any]:
        act, proved = self._proved(order)
        by_age = act.kind is ActKind.ERASE_AGE
        before = _before(act.detail) if by_age else {}
        wanted, ground = ({}, "age") if by_age else _entries(act.detail)
        targets, lost = Targets(), {}
        if by_age:
            self._timely()
        elif ground == LOST_KEY:
            self._timely()  # a month that is not over by a wrong clock would be
            lost = self.eraser.look_up_lost(_keys(act.detail))
        else:  # refused here, so that no entry orders an erasure that cannot be done
            targets = self.eraser.look_up(wanted)
        if act.reference and ground != LOST_KEY:
            ground = "court-order"
        why = ErasureReason(ground, proved.words, act.reason, act.reference, act.id)
        self._note(act, proved, events.ERASURE_ORDERED)
        if lost:
            return self._erased(self.eraser.lost(lost, why))
        return self._erased(self.eraser.by_age(before, why) if by_age else self.eraser.targets(targets, why))

    def _erased(self, found: list[Erased]) -> Mapping[str, Any]:
        """Return the result of an erasure. `problem` says why keys may live on in the copy of the keystore."""
        problem = ""
        try:
            self._copy_keys()
        except LiaisonError as error:
            problem = str(error)
        return {"erased": [asdict(item) for item in found], "problem": problem}

    def _seek(self, order: Order) -> Mapping[str, Any]:
        act, proved = self._proved(order)
        self._note(act, proved, events.ERASURE_SOUGHT)
        return {}

    def _hold(self, order: Order) -> Mapping[str, Any]:
        now_us, rule = self._one.clock.now_us(), rule_of(order.kind)
        persons = [person for person in self._trust.persons() if person.role in rule.roles]
        keys = [person.key for person in persons]
        wanted = verify_hold(document_of(order.document), self._trust.member, keys, now_us)
        signed = tuple(person for person in persons if person.key.key_id in wanted.signers)
        proved = Proved(Proof.SIGNATURES, signed, account=order.account)
        known = {hold.id: hold for hold in read_holds(self._one.store, self._one.keys)}
        if (wanted.action is HoldAction.PLACE) != (order.kind == ActKind.HOLD):
            raise Malformed("the document says another act", code="bad-order")
        if wanted.action is HoldAction.PLACE:
            if wanted.id in known:
                raise Replayed("the hold `{id}` was placed before", code="hold-known", id=wanted.id)
            self._check_there(wanted.entries)
            self._one.operations.append([placed_entry(wanted, proved.members())])
        else:
            if wanted.id not in known or known[wanted.id].ended:
                raise Unknown("no hold `{id}` stands", code="no-such-hold", id=wanted.id)
            self._one.operations.append([lifted_entry(wanted, proved.members())])
        return {"hold": wanted.id, "action": wanted.action.value, "approvers": list(wanted.signers)}

    def _check_there(self, entries: Mapping[str, tuple[int, ...]]) -> None:
        for log, indexes in entries.items():
            state = self._one.store.state(log)
            size = state.size if state else 0
            if any(index >= size for index in indexes):
                raise Unknown(
                    "there is no entry {indexes} in {log}",
                    code="no-such-entry",
                    where=log,
                    indexes=max(indexes),
                    log=log,
                )


def _before(detail: Mapping[str, Any]) -> dict[str, int]:
    before = detail.get("before")
    known = {*map(str, ERASED_BY_AGE), DOCUMENTS}
    if not isinstance(before, dict) or not set(before) <= known or not all(type(us) is int for us in before.values()):
        raise Malformed("an erasure by age names classes and times", code="bad-act")
    return before


def _keys(detail: Mapping[str, Any]) -> list[str]:
    keys = detail.get("keys")
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) for key in keys):
        raise Malformed("a declaration that keys are lost names them", code="bad-act")
    return keys


def _entries(detail: Mapping[str, Any]) -> tuple[dict[str, list[int]], str]:
    entries, ground = detail.get("entries"), detail.get("ground")
    if ground not in ("entry", "subject", LOST_KEY):
        raise Malformed("an erasure says whether it is of entries, of a subject or of lost keys", code="bad-act")
    if not isinstance(entries, dict) or not all(isinstance(items, list | str) for items in entries.values()):
        raise Malformed("an erasure names entries by log", code="bad-act")
    found = {log: read_steps(items, MAX_ERASED) if isinstance(items, str) else items for log, items in entries.items()}
    if any(type(index) is not int or index < 0 for items in found.values() for index in items):
        raise Malformed("an entry's index is a whole number", code="bad-act")
    return found, ground
