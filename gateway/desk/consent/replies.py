"""Tell counterparts the decisions that officers gave with `liaison consent`: each is a reply in its thread."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from gateway.audit.acts.humans import HumanEvidence
from gateway.desk.consent.book import Consent, ConsentBook, Decision
from gateway.desk.delivery.authoring import Also, Post
from gateway.desk.delivery.effects import Effects
from gateway.desk.parts import DeskParts
from gateway.errors import Stale
from gateway.model.desk.notices import Notice, Reply, ReplyCode
from gateway.model.desk.work import WorkKind
from gateway.model.requester import Requester
from gateway.ports.desk import Thread, WorkFilter

_REFUSED = "refused-by-owner"


class ConsentReplies:
    """Writes the reply for each decision that is kept, in a round of the process that leads."""

    def __init__(self, desk: DeskParts, book: ConsentBook) -> None:
        self._desk = desk
        self._book = book
        self._told: set[str] = set()

    async def round(self) -> None:
        """Write the reply for each decision that has none yet."""
        names = await asyncio.to_thread(self._book.kept)
        self._told &= set(names)
        for name in names:
            if name not in self._told:
                consent = await asyncio.to_thread(self._book.untold, name)
                if consent is not None:
                    await self._tell(consent)
                self._told.add(name)

    async def _tell(self, consent: Consent) -> None:
        assert consent.decision is not None
        decision = consent.decision
        try:
            await self._desk.author.post(
                consent.thread.key, self._post(consent, decision), _ending(self._desk, decision)
            )
        except Stale as error:
            if error.code != "not-now":  # the thread has ended, or was decided at the desk, meanwhile
                raise

    def _post(self, consent: Consent, decision: Decision) -> Post:
        head, officer = consent.notice.head, decision.officer
        code = ReplyCode.RELEASED if decision.granted else ReplyCode.REFUSED
        human = HumanEvidence(
            officer.person, officer.role, officer.office, officer.agency, decision.reason, decision.token
        )
        return Post(
            Reply(code, reason="" if decision.granted else _REFUSED, until_us=decision.until_us),
            head.urgency,
            head.purpose,
            head.offence,
            Requester(officer.role, officer.office, officer.agency, self._desk.pseudonym(officer.person, head.sender)),
            case=head.case,
            ticket=head.ticket,
            agreement=head.agreement,
            expires_us=head.expires_us,
            by=officer,
            told={"humans": [human.as_json()]},
        )


def _ending(desk: DeskParts, decision: Decision) -> Also:
    """Return what ends the work of deciding together with the reply."""

    def end(_before: Thread | None, after: Thread, notice: Notice) -> Effects:
        open_ones = desk.store.works(WorkFilter(key=after.key, kinds=(WorkKind.DECIDE,)))
        done = [replace(work, done_us=notice.head.issued_us, by=decision.by, result=notice.code) for work in open_ones]
        return Effects(works=tuple(done))

    return end
