"""Say whom to phone about a thread: our own people on duty for what waits, and the counterpart's offices."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from gateway.desk.people.persons import OnDuty
from gateway.desk.second_step.approval import draft_of
from gateway.errors import Unknown
from gateway.model.desk.offices import Contact
from gateway.model.desk.threads import ThreadKey, ThreadKind
from gateway.model.desk.work import Role
from gateway.ports.desk import DeskStore, Work, WorkFilter
from gateway.statements.notices.notice import parse_notice
from gateway.trust.view import TrustView


class Waiting(msgspec.Struct, frozen=True):
    """Work that waits in a thread, and who is on duty to do it."""

    work: Work
    who: OnDuty


class DutyCard(msgspec.Struct, frozen=True):
    """Whom to phone about a thread: `here` for each item of work, `there` at the counterpart's."""

    key: ThreadKey
    here: tuple[Waiting, ...]
    there: tuple[Contact, ...]


class Phoning:
    """Finds whom to phone. `card` returns who is to do work of an agency, office and role, or the national desk."""

    def __init__(
        self,
        store: DeskStore,
        trust: Callable[[], TrustView],
        card: Callable[[str, str, Role, int], OnDuty],
        now_us: Callable[[], int],
    ) -> None:
        self._store = store
        self._trust = trust
        self._card = card
        self._now_us = now_us

    def of(self, key: ThreadKey) -> DutyCard:
        """Return whom to phone about a thread that the caller may read. It reads the store, and blocks."""
        now_us = self._now_us()
        works = [work for work in self._store.works(WorkFilter(key=key)) if work.opened_us <= now_us]
        return DutyCard(key, tuple(self._waiting(work, now_us) for work in works), self._there(key))

    def _waiting(self, work: Work, now_us: int) -> Waiting:
        who = self._card(work.agency, work.office, work.role, now_us)
        others = tuple(one for one in who.persons if one.id != work.not_by)
        if who.persons and not others:  # the author alone is on duty there
            return Waiting(work, self._card("", "", Role.NATIONAL_DESK, now_us))
        return Waiting(work, replace(who, persons=others))

    def _there(self, key: ThreadKey) -> tuple[Contact, ...]:
        """Return the contacts of the office that was asked and of the national desks; without these all of them."""
        try:
            descriptor = self._trust().descriptor(key.peer)
        except Unknown:
            return ()
        asked = self._offices(key)
        wanted = asked | set(descriptor.addressable.national_desks)
        first = sorted(
            (each for each in descriptor.contacts if each.office in wanted), key=lambda each: each.office not in asked
        )
        return tuple(first) or descriptor.contacts

    def _offices(self, key: ThreadKey) -> set[str]:
        """Return the offices of the counterpart that a thread names: the one that is asked, and its author's."""
        thread = self._store.thread(key)
        is_draft = thread is not None and thread.kind is ThreadKind.ASK and thread.draft
        found = {draft_of(thread).to_office} if thread is not None and is_draft else set[str]()
        for row in self._store.notices(key):
            if row.envelope and row.placed.seq == 1:
                head = parse_notice(row.envelope).head
                found.add(head.to_office if head.recipient == key.peer else head.requester.office)
        return found - {""}
