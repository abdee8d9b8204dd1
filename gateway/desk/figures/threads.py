"""Count threads: asks by urgency and time, alerts, changes, outcomes, and words of nodes. A pure function of rows.

All times are those that the authors signed, and all notices are such that both sides have. So both members of a thread
count the same of it, each from its own rows. A matter belongs to the month in which its first notice was written; an
outcome to the month in which it was told.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.desk.clocks import DEFAULTS
from gateway.desk.figures.tally import Tally, side_of
from gateway.desk.second_step.questions import outcome_group
from gateway.errors import LiaisonError
from gateway.model.desk.counted import CountedNotice, CountedThread
from gateway.model.desk.notices import (
    About,
    Alert,
    Ask,
    ChangeCode,
    Notice,
    NoticeType,
    OutcomeReport,
    Reply,
    ReplyCode,
    StatusCode,
    Urgency,
)
from gateway.model.desk.threads import ThreadKind
from gateway.statements.notices.notice import parse_notice

_S = 1_000_000
WITHIN = {"within-8h": 8 * 3_600, "within-3d": 3 * 86_400, "within-7d": 7 * 86_400}
"""The times of Directive (EU) 2023/977, article 5, in seconds."""

LATER, WAITING, TAKEN_BACK = "later", "waiting", "taken-back"
ASKED, IN_CLOCK = "asked", "in-clock"
DISCLOSED, UNDISCLOSED = "disclosed", "undisclosed"
ERASED = "erased"
"""The value that stands for the content of a notice that is erased."""

_GIVEN = (ReplyCode.RELEASED, ReplyCode.PARTLY)
_GONE = (StatusCode.ERASED, StatusCode.NOT_HELD)
_MOST_SUBSTANCE = 40
_TYPE_OF_KIND = {
    ThreadKind.ASK: NoticeType.ASK,
    ThreadKind.ALERT: NoticeType.ALERT,
    ThreadKind.CHANGE: NoticeType.CHANGE,
}


@dataclass(frozen=True, slots=True)
class Told:
    """An outcome of a thread, and when it was reported: a later one with the same code and substance stands for it."""

    outcome: OutcomeReport
    side: str
    time_us: int


@dataclass(slots=True)
class ThreadCount:
    """Counts threads of a period. `wanted` tells whether a thread belongs to the offices that are counted."""

    since_us: int
    until_us: int
    tally: Tally
    wanted: Callable[[CountedThread], bool]
    _outcomes: dict[tuple[str, str, str], Told] = field(default_factory=dict)

    def add(self, thread: CountedThread) -> None:
        """Count one thread."""
        if not thread.notices or not self.wanted(thread):
            return
        first = thread.notices[0]
        begun = self._is_within(first) and first.placed.type is _TYPE_OF_KIND.get(thread.kind)
        if begun and thread.kind is ThreadKind.ASK:
            self._ask(thread, first)
        elif begun and thread.kind is ThreadKind.ALERT:
            self._alert(thread, first)
        elif begun and thread.kind is ThreadKind.CHANGE:
            self._change(thread, first)
        for notice in filter(self._is_within, thread.notices):
            if notice.placed.type is NoticeType.OUTCOME:
                self._outcome(thread, notice)
            elif notice.placed.type is NoticeType.SERVICE:
                self.tally.count("service", notice.placed.code, side_of(ours=notice.ours))

    def close(self) -> None:
        """Count the outcomes, each once for its thread."""
        for told in self._outcomes.values():
            outcome, side = told.outcome, told.side
            self.tally.count("outcome", outcome.code.value, side)
            self.tally.amount("outcome", outcome.code.value, side, "persons", outcome.persons)
            if outcome.substance:
                substance = _plain(outcome.substance)
                self.tally.count("seized", substance, side)
                self.tally.amount("seized", substance, side, "grams", outcome.grams)
                self.tally.amount("seized", substance, side, "pieces", outcome.units)

    def _is_within(self, notice: CountedNotice) -> bool:
        return self.since_us <= notice.placed.issued_us < self.until_us

    # ------------------------------------------------------------ kinds

    def _ask(self, thread: CountedThread, first: CountedNotice) -> None:
        placed, side, count = first.placed, side_of(ours=thread.opener), self.tally.count
        reply = next((each for each in thread.notices if _decides(each, thread)), None)
        about, urgency = placed.code, placed.urgency.value
        count("about", about, side)
        if about in (About.EXTENSION, About.ERROR):
            self._special(thread, first, reply)
        if about == About.ERROR:
            return
        count(ASKED, urgency, side)
        if reply is None:
            back = any(each.placed.code == ChangeCode.WITHDRAWN for each in thread.notices)
            count(TAKEN_BACK if back else WAITING, urgency, side)
        else:
            self._answered(first, reply, side)
        if about == About.HIT:
            given = reply is not None and reply.placed.code in _GIVEN
            count("follow-up", DISCLOSED if given else UNDISCLOSED if reply else WAITING, side)

    def _answered(self, first: CountedNotice, reply: CountedNotice, side: str) -> None:
        placed, urgency = first.placed, first.placed.urgency.value
        took_s = (reply.placed.issued_us - placed.issued_us) / _S
        self.tally.time("answer", urgency, side, placed.issued_us, reply.placed.issued_us)
        for name, seconds in WITHIN.items():
            if took_s <= seconds:
                self.tally.count(name, urgency, side)
        if took_s > WITHIN["within-7d"]:
            self.tally.count(LATER, urgency, side)
        hit = placed.code in (About.HIT, About.CONSENT)
        if took_s <= DEFAULTS.answer_s(Urgency(urgency), hit=hit):
            self.tally.count(IN_CLOCK, urgency, side)
        self.tally.count("reply", reply.placed.code, side)
        if reply.placed.code == ReplyCode.REFUSED:
            notice = _opened(reply)
            body = notice.body if notice is not None else None
            self.tally.count("reply-refused", body.reason or "none" if isinstance(body, Reply) else ERASED, side)

    def _special(self, thread: CountedThread, first: CountedNotice, reply: CountedNotice | None) -> None:
        """Count an extension of retention, or an error that was told to the owner."""
        placed, side = first.placed, side_of(ours=thread.opener)
        state = WAITING if reply is None else "granted" if reply.placed.code in _GIVEN else "refused"
        if placed.code == About.ERROR:
            state = WAITING if reply is None else "settled"
            if reply is not None:
                self.tally.time("error", "", side, placed.issued_us, reply.placed.issued_us)
        self.tally.count(placed.code, state, side)

    def _alert(self, thread: CountedThread, first: CountedNotice) -> None:
        side, notice = side_of(ours=thread.opener), _opened(first)
        body = notice.body if notice is not None else None
        action = body.action if isinstance(body, Alert) else ERASED
        said = {each.placed.code for each in thread.notices if each.ours is not thread.opener}
        found = said & {"SEIZED", "ARRESTED", "LOCATED", "VICTIM_IDENTIFIED"}
        self.tally.count("alert", action, side)
        if said & {StatusCode.ACKNOWLEDGED, StatusCode.ACTING}:
            self.tally.count("alert-acknowledged", action, side)
        if found or StatusCode.ACTING in said:
            self.tally.count("alert-hit", action, side)
        if said & {StatusCode.NOT_EXECUTED, StatusCode.CANNOT}:
            self.tally.count("alert-not-executed", action, side)

    def _change(self, thread: CountedThread, first: CountedNotice) -> None:
        side, code = side_of(ours=thread.opener), first.placed.code
        self.tally.count("change", code, side)
        others = [each for each in thread.notices if each.ours is not thread.opener]
        gone = next((each for each in others if each.placed.code in _GONE), None)
        if gone is not None:
            self.tally.count("change-erased", code, side)
            self.tally.time("erasure", code, side, first.placed.issued_us, gone.placed.issued_us)
        elif any(each.placed.code == StatusCode.OBJECTED for each in others):
            self.tally.count("change-objected", code, side)

    def _outcome(self, thread: CountedThread, notice: CountedNotice) -> None:
        opened = _opened(notice)
        if opened is None or not isinstance(outcome := opened.body, OutcomeReport):
            self.tally.count("outcome", ERASED, side_of(ours=notice.ours))
            return
        matter = f"{thread.key.peer} {_matter(thread, outcome)} {notice.ours}"
        place = (matter, outcome.code.value, _plain(outcome.substance))
        known = self._outcomes.get(place)
        if known is None or known.time_us <= notice.placed.issued_us:
            self._outcomes[place] = Told(outcome, side_of(ours=notice.ours), notice.placed.issued_us)


def _decides(notice: CountedNotice, thread: CountedThread) -> bool:
    placed = notice.placed
    is_reply = placed.type is NoticeType.REPLY and placed.code != ReplyCode.CLARIFY
    return is_reply and notice.ours is not thread.opener


def _matter(thread: CountedThread, outcome: OutcomeReport) -> str:
    """Return the name of what an outcome is of: of a hit, whether it was followed up or not, or of the thread."""
    hit = outcome.hit
    if hit is None and thread.kind is ThreadKind.ASK:
        first = _opened(thread.notices[0])
        hit = first.body.hit if first is not None and isinstance(first.body, Ask) else None
    return outcome_group(hit) if hit is not None else thread.key.thread_id


def _opened(notice: CountedNotice) -> Notice | None:
    """Return a notice whole; None where it is erased."""
    envelope = notice.envelope()
    try:
        return parse_notice(envelope) if envelope else None
    except LiaisonError:
        return None


def opening_head(thread: CountedThread) -> Notice | None:
    """Return the first notice of a thread whole; None where it is erased."""
    return _opened(thread.notices[0])


def _plain(substance: str) -> str:
    """Return the name of a substance as it is counted: a few words, without case and invisible signs."""
    seen = "".join(sign for sign in unicodedata.normalize("NFKC", substance) if unicodedata.category(sign) != "Cf")
    return " ".join(seen.casefold().split())[:_MOST_SUBSTANCE]
