"""The fold of a thread: the table, crossing notices, lies about places, and the clock."""

from __future__ import annotations

import random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.desk.fold import CROSSED, LIMIT, RESERVE, RULES, TABLE, admits, fold, merge, timed, told
from gateway.errors import LiaisonError
from gateway.model.desk.notices import About, ChangeCode, NoticeType, OutcomeCode, ReplyCode, ServiceCode, StatusCode
from gateway.model.desk.rooms import RoomCode
from gateway.model.desk.threads import Placed, Side, ThreadKind, ThreadState
from gateway.model.desk.watches import WatchCode
from tests.support.tables import table

_CODES: dict[NoticeType, list[str]] = {
    NoticeType.ASK: [*About],
    NoticeType.REPLY: [*ReplyCode],
    NoticeType.ALERT: [""],
    NoticeType.STATUS: [*StatusCode],
    NoticeType.CHANGE: [*ChangeCode],
    NoticeType.OUTCOME: [*OutcomeCode],
    NoticeType.NOTE: [""],
    NoticeType.SERVICE: [*ServiceCode],
    NoticeType.ROOM: [*RoomCode],
    NoticeType.WATCH: ["", *WatchCode],
}
_WORDS = [(type_, str(code)) for type_, codes in _CODES.items() for code in codes]


def say(side: Side, seq: int, seen: int, word: str, *, expires_us: int = 0) -> Placed:
    """Return a notice; `word` is `type` or `type CODE`."""
    type_, _, code = word.partition(" ")
    return Placed(side, seq, seen, NoticeType(type_), code, issued_us=seq, expires_us=expires_us)


def own(seq: int, seen: int, word: str, **more: int) -> Placed:
    return say(Side.OPENER, seq, seen, word, **more)


def theirs(seq: int, seen: int, word: str) -> Placed:
    return say(Side.OTHER, seq, seen, word)


def thread(kind: ThreadKind, *notices: Placed) -> ThreadState:
    """Return the state after all notices, each of which must be admitted."""
    state, placed = ThreadState.NEW, list[Placed]()
    for notice in notices:
        state = admits(kind, placed, notice)
        placed.append(notice)
    return state


def refusal(kind: ThreadKind, placed: list[Placed], new: Placed) -> str:
    """Return the code with which `new` is refused, empty where it is admitted."""
    try:
        admits(kind, placed, new)
    except LiaisonError as error:
        return error.code
    return ""


@table(
    ("code", "state"),
    [
        ("RELEASED", ThreadState.ANSWERED),
        ("PARTLY", ThreadState.ANSWERED),
        ("NOTHING_HELD", ThreadState.ANSWERED),
        ("PASSED_ON", ThreadState.ANSWERED),
        ("REFUSED", ThreadState.REFUSED),
        ("NEEDS_COURT", ThreadState.REFUSED),
        ("CLARIFY", ThreadState.BACK),
    ],
)
def test_an_ask_is_answered_by_the_other_side_only(code: str, state: ThreadState) -> None:
    asked = own(1, 0, "ask hit")
    assert thread(ThreadKind.ASK, asked, theirs(1, 1, f"reply {code}")) is state
    assert refusal(ThreadKind.ASK, [asked], own(2, 0, f"reply {code}")) == "not-now"
    assert refusal(ThreadKind.ASK, [], theirs(1, 0, f"reply {code}")) == "not-now"


def test_an_ask_comes_back_for_clarification_and_is_read_and_ended_by_its_outcome() -> None:
    state = thread(
        ThreadKind.ASK,
        own(1, 0, "ask hit"),
        theirs(1, 1, "status READ"),
        theirs(2, 1, "reply CLARIFY"),
        own(2, 2, "ask hit"),
        theirs(3, 2, "status OVERDUE"),
        theirs(4, 2, "reply PARTLY"),
        own(3, 4, "status READ"),
        own(4, 4, "outcome ARRESTED"),
        own(5, 4, "outcome SEIZED"),
        own(6, 4, "status NOT_SAME"),
    )
    assert state is ThreadState.ENDED


@table("first", ["own", "theirs"])
@table(
    ("answer", "state"),
    [("RELEASED", ThreadState.ANSWERED), ("REFUSED", ThreadState.REFUSED), ("CLARIFY", ThreadState.ENDED)],
)
def test_an_answer_that_crossed_with_the_withdrawal_stands(first: str, answer: str, state: ThreadState) -> None:
    asked, withdrawn = own(1, 0, "ask question"), own(2, 0, "change WITHDRAWN")
    replied = theirs(1, 1, f"reply {answer}")
    later = [withdrawn, replied] if first == "own" else [replied, withdrawn]
    assert thread(ThreadKind.ASK, asked, *later) is state


def test_an_answer_after_the_withdrawal_was_seen_is_refused() -> None:
    placed = [own(1, 0, "ask question"), own(2, 0, "change WITHDRAWN")]
    assert refusal(ThreadKind.ASK, placed, theirs(1, 2, "reply RELEASED")) == "not-now"
    unadmitted = [*placed, theirs(1, 2, "reply RELEASED")]
    assert told(ThreadKind.ASK, unadmitted) is ThreadState.ENDED


def test_of_two_that_crossed_the_opener_s_stands_first() -> None:
    asked, withdrawn, read = own(1, 0, "ask hit"), own(2, 0, "change WITHDRAWN"), own(3, 1, "status READ")
    replied, note = theirs(1, 1, "reply RELEASED"), theirs(2, 1, "note")
    ordered = [asked, withdrawn, replied, read, note]
    assert merge(reversed(ordered)) == ordered


def test_only_an_answer_that_its_author_could_give_stands_against_a_crossing_end() -> None:
    ended = [own(1, 0, "ask hit"), theirs(1, 1, "reply REFUSED"), own(2, 1, "outcome NO_ACTION")]
    second = theirs(2, 1, "reply RELEASED")
    assert refusal(ThreadKind.ASK, ended, second) == "not-now"
    assert told(ThreadKind.ASK, [*ended, second]) is ThreadState.ENDED


def test_an_acknowledgement_that_had_not_seen_the_correction_does_not_acknowledge_it() -> None:
    alert = [own(1, 0, "alert"), own(2, 0, "change CORRECTED"), theirs(1, 1, "status ACKNOWLEDGED")]
    assert thread(ThreadKind.ALERT, *alert) is ThreadState.OPEN
    assert thread(ThreadKind.ALERT, *alert, theirs(2, 2, "status ACTING")) is ThreadState.ANSWERED


def test_only_its_owner_ends_an_alert() -> None:
    alert = [own(1, 0, "alert"), theirs(1, 1, "outcome WRONG_PERSON")]
    assert thread(ThreadKind.ALERT, *alert) is ThreadState.ANSWERED
    assert refusal(ThreadKind.ALERT, alert, theirs(2, 1, "change WITHDRAWN")) == "not-now"
    lifted = [*alert, own(2, 1, "change WITHDRAWN")]
    assert thread(ThreadKind.ALERT, *lifted, theirs(2, 2, "status ERASED")) is ThreadState.ENDED
    assert refusal(ThreadKind.ALERT, lifted, own(3, 1, "alert")) == "not-now"


def test_a_change_is_confirmed_or_objected_to_and_never_changed_again() -> None:
    change = own(1, 0, "change WITHDRAWN")
    objected = [change, theirs(1, 1, "status OBJECTED")]
    assert thread(ThreadKind.CHANGE, *objected) is ThreadState.REFUSED
    assert thread(ThreadKind.CHANGE, *objected, theirs(2, 1, "status ERASED")) is ThreadState.ANSWERED
    assert refusal(ThreadKind.CHANGE, [change], own(2, 0, "change CORRECTED")) == "not-now"


def test_word_of_an_outage_is_acknowledged_and_ends_with_the_return() -> None:
    outage = [own(1, 0, "service OUTAGE"), theirs(1, 1, "status ACKNOWLEDGED")]
    assert thread(ThreadKind.SERVICE, *outage) is ThreadState.ANSWERED
    assert thread(ThreadKind.SERVICE, *outage, own(2, 1, "service INCIDENT")) is ThreadState.OPEN
    assert thread(ThreadKind.SERVICE, *outage, own(2, 1, "service RESUMED")) is ThreadState.ENDED


@table(
    ("new", "code"),
    [
        (theirs(1, 1, "reply REFUSED"), "seq-taken"),
        (theirs(0, 1, "status READ"), "seq-taken"),
        (theirs(4, 1, "status READ"), "gap"),
        (theirs(3, 3, "status READ"), "seen-beyond"),
        (theirs(3, 1, "status READ"), "seen-back"),
        (theirs(3, 2, "reply RELEASED"), "not-now"),
        (theirs(3, 2, "status READ"), ""),
    ],
)
def test_lies_about_the_place_of_a_notice_are_told_apart(new: Placed, code: str) -> None:
    placed = [own(1, 0, "ask hit"), theirs(1, 1, "reply RELEASED"), own(2, 1, "status READ"), theirs(2, 2, "note")]
    assert refusal(ThreadKind.ASK, placed, new) == code


def test_a_full_thread_takes_no_more_notes_and_still_an_answer() -> None:
    placed = [own(1, 0, "ask hit"), *(theirs(seq, 1, "note") for seq in range(1, LIMIT + 1))]
    assert refusal(ThreadKind.ASK, placed, theirs(LIMIT + 1, 1, "note")) == "thread-full"
    assert refusal(ThreadKind.ASK, placed, theirs(LIMIT + 1, 1, "reply RELEASED")) == ""
    more = [own(seq, 0, "alert") for seq in range(1, LIMIT + RESERVE + 1)]
    assert refusal(ThreadKind.ALERT, more[:-1], more[-1]) == ""
    assert refusal(ThreadKind.ALERT, more, own(LIMIT + RESERVE + 1, 0, "change CUT")) == "thread-full"


@table(
    ("kind", "state", "due", "expires", "now", "shown"),
    [
        (ThreadKind.ASK, ThreadState.OPEN, 100, 0, 99, ThreadState.OPEN),
        (ThreadKind.ASK, ThreadState.OPEN, 100, 0, 100, ThreadState.OVERDUE),
        (ThreadKind.ASK, ThreadState.OPEN, 100, 90, 500, ThreadState.OVERDUE),
        (ThreadKind.ASK, ThreadState.OPEN, 100, 100, 500, ThreadState.OVERDUE),
        (ThreadKind.ASK, ThreadState.OPEN, 100, 200, 199, ThreadState.OVERDUE),
        (ThreadKind.ASK, ThreadState.OPEN, 100, 200, 200, ThreadState.EXPIRED),
        (ThreadKind.ASK, ThreadState.OPEN, 0, 90, 90, ThreadState.EXPIRED),
        (ThreadKind.ASK, ThreadState.BACK, 0, 90, 500, ThreadState.BACK),
        (ThreadKind.ASK, ThreadState.BACK, 100, 90, 500, ThreadState.BACK),
        (ThreadKind.ASK, ThreadState.ANSWERED, 100, 200, 500, ThreadState.ANSWERED),
        (ThreadKind.ALERT, ThreadState.OPEN, 100, 200, 150, ThreadState.OVERDUE),
        (ThreadKind.ALERT, ThreadState.ANSWERED, 100, 200, 200, ThreadState.EXPIRED),
        (ThreadKind.ALERT, ThreadState.ENDED, 100, 200, 500, ThreadState.ENDED),
        (ThreadKind.CHANGE, ThreadState.OPEN, 100, 90, 100, ThreadState.OVERDUE),
        (ThreadKind.SERVICE, ThreadState.OPEN, 0, 90, 100, ThreadState.OPEN),
    ],
)
def test_the_clock_makes_overdue_and_expired(
    kind: ThreadKind, state: ThreadState, due: int, expires: int, now: int, shown: ThreadState
) -> None:
    assert timed(kind, state, now, due, expires) is shown


def test_a_late_answer_is_taken_and_a_renewed_alert_runs_on() -> None:
    asked = [own(1, 0, "ask hit", expires_us=90)]
    assert fold(ThreadKind.ASK, asked, 200, 100) is ThreadState.OVERDUE
    assert fold(ThreadKind.ASK, [*asked, theirs(1, 1, "reply RELEASED")], 200, 100) is ThreadState.ANSWERED
    alert = [own(1, 0, "alert", expires_us=90), theirs(1, 1, "status ACTING")]
    assert fold(ThreadKind.ALERT, alert, 100) is ThreadState.EXPIRED
    renewed = [*alert, own(2, 1, "alert", expires_us=300)]
    assert fold(ThreadKind.ALERT, renewed, 100) is ThreadState.OPEN


def test_the_table_has_no_rule_twice_and_no_state_of_the_clock() -> None:
    rows = sum(len(rule.states) * len(rule.codes) for rules in RULES.values() for rule in rules)
    assert rows == len(TABLE)
    states = {state for (_, state, *_), to in TABLE.items() for state in (state, to)}
    assert states == set(ThreadState) - {ThreadState.OVERDUE, ThreadState.EXPIRED}
    assert {kind for kind, *_ in CROSSED} == {ThreadKind.ASK}


@table("kind", ThreadKind)
def test_each_state_of_the_table_is_reached_and_only_the_kind_s_own_type_begins_a_thread(kind: ThreadKind) -> None:
    reached, edges = {ThreadState.NEW}, [(key[1], to) for key, to in TABLE.items() if key[0] is kind]
    while more := {to for state, to in edges if state in reached} - reached:
        reached |= more
    assert {state for state, _ in edges} <= reached
    assert {(key[2].value, key[4]) for key in TABLE if key[0] is kind and key[1] is ThreadState.NEW} == {
        (kind.value, Side.OPENER)
    }


class _Node:
    """One side of a thread: what it holds, and what the other side has not got yet."""

    def __init__(self, kind: ThreadKind, side: Side) -> None:
        self.kind = kind
        self.side = side
        self.placed: list[Placed] = []
        self.sent: list[Placed] = []

    def count(self, side: Side) -> int:
        return sum(notice.side is side for notice in self.placed)

    def author(self, word: tuple[NoticeType, str]) -> None:
        """Say `word` where the table has it."""
        mine = self.count(self.side)
        new = Placed(self.side, mine + 1, len(self.placed) - mine, *word, issued_us=0)
        before = told(self.kind, self.placed)
        if refusal(self.kind, self.placed, new):
            assert (self.kind, before, new.type, new.code, self.side) not in TABLE
            assert told(self.kind, [*self.placed, new]) is before
            return
        self.placed.append(new)
        self.sent.append(new)

    def take(self, other: _Node) -> None:
        """Take the next notice of the other side: what its author was allowed to say is never refused."""
        taken = self.count(other.side)
        if taken < len(other.sent):
            admits(self.kind, self.placed, other.sent[taken])
            self.placed.append(other.sent[taken])


@given(kind=st.sampled_from(ThreadKind), seed=st.integers(0, 2**32))
def test_both_sides_come_to_the_same_state_however_their_notices_cross(kind: ThreadKind, seed: int) -> None:
    chance = random.Random(seed)
    sides = _Node(kind, Side.OPENER), _Node(kind, Side.OTHER)
    allowed = [word for word in _WORDS if any(key[0] is kind and key[2:4] == word for key in TABLE)]
    for _ in range(chance.randrange(40)):
        at = chance.randrange(2)
        if chance.random() < 0.6:
            sides[at].author(chance.choice(allowed if chance.random() < 0.9 else _WORDS))
        else:
            sides[at].take(sides[1 - at])
        assert {told(kind, node.placed) for node in sides} <= {state for _, state, *_ in TABLE} | set(TABLE.values())
    for at in (0, 1):
        for _ in sides[1 - at].sent:
            sides[at].take(sides[1 - at])
    assert merge(sides[0].placed) == merge(sides[1].placed)
    shuffled = chance.sample(sides[0].placed, len(sides[0].placed))
    assert told(kind, shuffled) is told(kind, sides[0].placed) is told(kind, sides[1].placed)


@given(kind=st.sampled_from(ThreadKind), seed=st.integers(0, 2**32))
def test_the_order_never_puts_a_notice_before_what_its_author_had_seen(kind: ThreadKind, seed: int) -> None:
    chance = random.Random(seed)
    sides = _Node(kind, Side.OPENER), _Node(kind, Side.OTHER)
    for _ in range(30):
        at = chance.randrange(2)
        sides[at].author(chance.choice(_WORDS))
        if chance.random() < 0.5:
            sides[at].take(sides[1 - at])
    ordered = merge({msgspec.json.encode(notice): notice for node in sides for notice in node.sent}.values())
    for index, notice in enumerate(ordered):
        before = ordered[:index]
        assert [one.seq for one in before if one.side is notice.side] == list(range(1, notice.seq))
        assert sum(one.side is not notice.side for one in before) >= notice.seen


_GARBAGE = st.builds(
    Placed,
    st.sampled_from(Side),
    st.integers(-1, 6),
    st.integers(-1, 6),
    st.sampled_from(NoticeType),
    st.sampled_from(sorted({code for _, code in _WORDS} | {"x" * 9})),
    st.just(0),
)


@given(kind=st.sampled_from(ThreadKind), garbage=st.lists(_GARBAGE, max_size=12))
def test_any_notices_fold_to_a_state_and_only_what_is_admitted_moves_it(
    kind: ThreadKind, garbage: list[Placed]
) -> None:
    placed: list[Placed] = []
    for new in garbage:
        before = told(kind, placed)
        if refusal(kind, placed, new) == "":
            placed.append(new)
        else:
            assert told(kind, placed) is before
    assert fold(kind, garbage, 10, 5) in ThreadState
