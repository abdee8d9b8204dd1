"""Tell counterparts the decisions that officers gave with `liaison consent`: each is a reply in its thread."""

from __future__ import annotations

import asyncio
import dataclasses

from msgspec.structs import replace

from gateway.desk.acting.parts import DeskParts
from gateway.desk.consent.book import Consent, ConsentBook, Decision
from gateway.desk.consent.persons import ConsentPersons
from gateway.desk.delivery.authoring import Also, Post, check_notice
from gateway.desk.delivery.effects import Effects
from gateway.desk.evidence.deciders import Decider, HumanDesk
from gateway.desk.second_step.proposals import evidence
from gateway.desk.second_step.release import AskedFor
from gateway.errors import Forbidden, Stale
from gateway.model.desk.notices import Notice, Reply, ReplyCode
from gateway.model.desk.work import WorkKind
from gateway.ports.desk import Thread, WorkFilter
from gateway.ports.entries import events

_REFUSED = "refused-by-owner"


class ConsentReplies:
    """Writes the reply for each decision that is kept, in a round of the process that leads."""

    def __init__(self, desk: DeskParts, book: ConsentBook, humans: HumanDesk, persons: ConsentPersons) -> None:
        self._desk = desk
        self._book = book
        self._humans = humans
        self._persons = persons
        self._told: set[str] = set()

    async def round(self) -> None:
        """Write the reply for each decision that has none yet."""
        names = await asyncio.to_thread(self._book.kept)
        self._told &= set(names)
        for name in names:
            if name not in self._told:
                consent = await asyncio.to_thread(self._book.untold, name)
                if consent is None or await self._tell(consent):
                    self._told.add(name)

    async def _tell(self, consent: Consent) -> bool:
        """Write one reply. A decision that does not count is dropped, with an alarm: somebody decides anew. Return
        whether it stands.
        """
        assert consent.decision is not None
        try:
            await self._write(consent, consent.decision)
        except Stale as error:
            if error.code not in ("not-now", "thread-moved"):  # it has ended, or was decided at the desk, meanwhile
                raise
        except Forbidden as error:
            await asyncio.to_thread(self._drop, consent, error)
            return False
        return True

    async def _write(self, consent: Consent, decision: Decision) -> None:
        key, author = consent.thread.key, self._desk.author
        post = self._post(consent, decision)
        written = await asyncio.to_thread(author.prepare, key, post)
        decider = Decider(decision.officer, decision.reason)
        persons = await self._needed(consent) if decision.granted else 1
        found = await asyncio.to_thread(self._humans.prove, written.payload_type, written.payload, [decider], persons)
        post = dataclasses.replace(post, told=evidence(found))
        await author.post(key, post, self._ending(decision), written)

    async def _needed(self, consent: Consent) -> int:
        head = consent.notice.head
        row = await asyncio.to_thread(self._desk.store.notice, head.sender, head.notice_id)
        return await self._persons.needed(AskedFor(consent.notice, row.payload_hash if row is not None else b""))

    def _drop(self, consent: Consent, error: Forbidden) -> None:
        self._book.drop(consent)
        detail = f"the decision of {consent.decision.by if consent.decision else ''} does not count: {error.message}"
        self._desk.parts.operations.append([events.ALARM.draft(code=error.code, detail=detail[:200])])

    def _post(self, consent: Consent, decision: Decision) -> Post:
        head, officer = consent.notice.head, decision.officer
        code = ReplyCode.RELEASED if decision.granted else ReplyCode.REFUSED
        reply = Reply(code, reason="" if decision.granted else _REFUSED, until_us=decision.until_us)
        who = officer.as_requester(self._desk.pseudonym(officer.person, head.sender))
        return dataclasses.replace(Post.under(head, reply, who, officer), expires_us=head.expires_us)

    def _ending(self, decision: Decision) -> Also:
        """Return what ends the work of deciding together with the reply."""

        def end(_before: Thread | None, after: Thread, notice: Notice) -> Effects:
            check_notice(self._desk.parts, notice, notice.issued_us)
            waiting = self._desk.store.works(WorkFilter(key=after.key, kinds=(WorkKind.DECIDE,)))
            now_us = notice.issued_us
            return Effects(
                works=tuple(replace(each, done_us=now_us, by=decision.by, result=notice.code) for each in waiting)
            )

        return end
