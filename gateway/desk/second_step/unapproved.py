"""Drafts of asks: what an officer wrote, sealed with its thread until a second human approves it."""

from __future__ import annotations

import msgspec

from gateway.clock import SECOND_US
from gateway.conversion import converter
from gateway.desk.clocks import Clocks
from gateway.desk.delivery.authoring import Post
from gateway.errors import Stale
from gateway.model.desk.attachments import Attachment
from gateway.model.desk.notices import About, Ask, Urgency
from gateway.model.desk.threads import ThreadKind
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Officer, Requester
from gateway.ports.desk import Thread

URGENCY_REASON = "urgency-reason"
"""The code of the value of an ask that says why it is so urgent."""


class Draft(msgspec.Struct, frozen=True):
    """An ask that nobody has approved yet. `lapses_us` is when it is over."""

    ask: Ask
    urgency: Urgency
    purpose: Purpose
    offence: Offence
    case: str
    ticket: str
    agreement: str
    to_office: str
    officer: Officer
    requester: Requester
    lapses_us: int
    attachments: tuple[Attachment, ...] = ()

    def encoded(self) -> bytes:
        """Return the bytes that a thread's row keeps."""
        return msgspec.json.encode(self)

    def post(
        self, now_us: int, clocks: Clocks, approver: Requester | None = None, approved_by: Officer | None = None
    ) -> Post:
        """Return the notice that is written when it is approved. It is delivered until its clock is over, at least."""
        whole_us = clocks.answer_s(self.urgency, hit=self.ask.about is About.HIT) * SECOND_US
        return Post(
            self.ask,
            self.urgency,
            self.purpose,
            self.offence,
            self.requester,
            case=self.case,
            ticket=self.ticket,
            agreement=self.agreement,
            expires_us=max(now_us + whole_us, self.ask.held_until_us),
            to_office=self.to_office,
            approver=approver,
            by=self.officer,
            approved_by=approved_by,
            agency=self.officer.agency,
            office=self.officer.office,
            officer=self.officer.person,
            attachments=self.attachments,
        )


_read = converter(Draft)


def draft_of(thread: Thread) -> Draft:
    """Return the draft of a thread. Raises `Stale` where it has none any more, or where no ask of ours waits in it.

    Threads of other kinds keep what waits in them in the same place: an alert, a report, a watch, an operation.
    """
    if not thread.draft or thread.kind is not ThreadKind.ASK or not thread.opener:
        raise Stale("there is no draft any more", code="no-draft", where="thread", remedy="liaison desk show")
    return _read(msgspec.json.decode(thread.draft))


def lapses_us(urgency: Urgency, about: About, held_until_us: int, now_us: int, clocks: Clocks) -> int:
    """Return when a draft lapses: at the end of its class's clock, or when the person is held no longer.

    It never lapses before the time for its approval is over.
    """
    hit = about is About.HIT
    end_us = now_us + clocks.answer_s(urgency, hit=hit) * SECOND_US
    least_us = now_us + clocks.approve_s(urgency, hit=hit) * SECOND_US
    return max(least_us, min(end_us, held_until_us or end_us))
