"""A draft is kept whole, and lapses with its class's clock or when the person is held no longer."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from gateway.desk.clocks import DEFAULTS
from gateway.desk.second_step.approval import Draft, draft_of, lapses_us
from gateway.desk.second_step.arriving import is_late
from gateway.desk.second_step.proposals import proposal_of
from gateway.errors import Stale
from gateway.model.desk.notices import About, Ask, Urgency
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.names import ExchangeId
from gateway.ports.desk import Thread
from tests.support.nodes import officer
from tests.support.notices import HEAD, OFFICER, PLACE
from tests.support.sealing import NOW, SECOND, VN
from tests.support.tables import table

MINUTE = 60 * SECOND
ASK = Ask(About.HIT, "facts", hit=PLACE, fields=("names",), values=(("urgency-reason", "held"),))
DRAFT = Draft(
    ask=ASK,
    urgency=Urgency.FLASH,
    purpose=HEAD.purpose,
    offence=HEAD.offence,
    case=HEAD.case,
    ticket="",
    agreement=HEAD.agreement,
    to_office="",
    officer=officer(),
    requester=OFFICER,
    lapses_us=NOW,
)


def thread(draft: bytes, *, opener: bool = True) -> Thread:
    """A thread with a draft."""
    key = ThreadKey(VN, ExchangeId("0a" * 16))
    return Thread(key, ThreadKind.ASK, opener, ThreadState.NEW, Urgency.FLASH, 1, NOW, draft=draft)


def test_a_draft_comes_back_as_it_was_kept() -> None:
    assert draft_of(thread(DRAFT.encoded())) == DRAFT


def test_a_thread_without_a_draft_says_so() -> None:
    with pytest.raises(Stale) as caught:
        draft_of(thread(b""))
    assert caught.value.code == "no-draft"


@table("kind", [each for each in ThreadKind if each is not ThreadKind.ASK])
def test_what_waits_in_a_thread_of_another_kind_is_no_draft_of_an_ask(kind: ThreadKind) -> None:
    with pytest.raises(Stale) as caught:
        draft_of(replace(thread(b'{"matter":"incident"}'), kind=kind))
    assert caught.value.code == "no-draft"


def test_a_proposal_to_the_other_side_is_no_draft_of_an_ask() -> None:
    with pytest.raises(Stale) as caught:
        draft_of(thread(b"{}", opener=False))
    assert caught.value.code == "no-draft"


@pytest.mark.parametrize("draft", [b"", DRAFT.encoded()])
def test_a_draft_of_ours_is_no_proposal(draft: bytes) -> None:
    with pytest.raises(Stale) as caught:
        proposal_of(thread(draft), bytes(32), NOW)
    assert caught.value.code == "no-proposal"


@table(
    ("urgency", "held_min", "minutes"),
    [
        (Urgency.FLASH, 0, 15),
        (Urgency.FLASH, 9, 9),
        (Urgency.FLASH, 1, 3),  # there is time to approve it, always
        (Urgency.FLASH, 60, 15),
        (Urgency.URGENT, 0, 480),
        (Urgency.URGENT, 30, 60),
        (Urgency.PRIORITY, 0, 2880),
    ],
)
def test_when_a_draft_lapses(urgency: Urgency, held_min: int, minutes: int) -> None:
    held_us = NOW + held_min * MINUTE if held_min else 0
    assert lapses_us(urgency, About.HIT, held_us, NOW, DEFAULTS) == NOW + minutes * MINUTE


@table(("due_us", "late"), [(0, False), (NOW - 1, True), (NOW, False), (NOW + 1, False)])
def test_an_answer_is_late_after_its_time_only(due_us: int, late: bool) -> None:
    assert is_late(due_us, NOW) is late


def test_a_draft_is_delivered_until_its_clock_is_over_or_the_person_is_free() -> None:
    assert DRAFT.post(NOW, DEFAULTS).expires_us == NOW + 15 * MINUTE
    held = replace(DRAFT, ask=replace(ASK, held_until_us=NOW + 30 * MINUTE))
    assert held.post(NOW, DEFAULTS).expires_us == NOW + 30 * MINUTE
