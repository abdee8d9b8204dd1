"""Count consents from the entries of notices: what was asked of owners and of us, what came of it, and how soon."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.audit.reading.opened import Opened
from gateway.model.desk.notices import About, Ask, NoticeType, ReplyCode
from gateway.ports.entries import events
from gateway.statements.notices.notice import parse_notice

_HOURS = ((8, "8 hours"), (72, "3 days"), (168, "7 days"))
_HOUR_US: Final = 3_600_000_000


def within(time_us: int) -> str:
    """Return the class of a time that a decision took."""
    return next((f"within {name}" for hours, name in _HOURS if time_us <= hours * _HOUR_US), "later")


class ConsentNotices:
    """One pass over entries of notices; `count` counts one of a measure, by a value."""

    def __init__(self, count: Callable[[Opened, str, str], None]) -> None:
        self._count = count
        self._asked: set[tuple[str, object]] = set()
        self._requested: dict[tuple[str, object], int] = {}

    def add(self, opened: Opened) -> None:
        """Count one entry of a notice, if its thread is about a consent."""
        private = opened.private or {}
        thread, says = (opened.entry.peer, private.get("thread")), private.get("says")
        if private.get("notice") == NoticeType.ASK and says == About.CONSENT:
            self._ask(opened, thread, refused=bool(private.get("refusal")))
        elif private.get("notice") == NoticeType.REPLY and says != ReplyCode.CLARIFY:
            self._reply(opened, thread, "granted" if says == ReplyCode.RELEASED else "refused")

    def _ask(self, opened: Opened, thread: tuple[str, object], *, refused: bool) -> None:
        kind = opened.entry.kind
        if kind == events.ASKED.kind:
            self._asked.add(thread)
        elif kind == events.RECEIVED.kind:
            self._count(opened, "consent-received", "not-taken" if refused else "taken")
        elif kind == events.ANSWERED.kind:
            self._requested[thread] = opened.entry.time_us
            self._count(opened, "consent-requested", _use(opened))

    def _reply(self, opened: Opened, thread: tuple[str, object], word: str) -> None:
        kind = opened.entry.kind
        if kind == events.ANSWERED.kind and thread in self._asked:
            self._asked.discard(thread)
            self._count(opened, "consent-received", word)
        elif kind == events.ASKED.kind and thread in self._requested:
            self._count(opened, "consent-decided", word)
            self._count(opened, "consent-time", within(opened.entry.time_us - self._requested.pop(thread)))


def _use(opened: Opened) -> str:
    body = parse_notice(opened.request).body if opened.request else None
    return body.use.use.value if isinstance(body, Ask) and body.use is not None else "none"
