"""The page of the neighbours: each state in words, what waits, whom to phone, and nothing of what was found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import ManualClock, SystemClock
from gateway.config.suspensions import Suspensions
from gateway.console.pages.neighbours import NeighboursView, neighbours_view
from gateway.desk.people.cards import DutyCard
from gateway.desk.people.persons import Person
from gateway.language.languages import Language
from gateway.model.desk.work import Role
from gateway.model.exchange import Outcome
from gateway.model.members import Contact, CosignedLog, LastWord, MemberState
from gateway.model.names import MemberId
from gateway.ops.members.describe import Knowledge, describe_members
from gateway.ops.members.neighbours import Neighbourhood
from gateway.ports.desk import Outbox
from tests.support.federation import Federation, make_federation
from tests.support.tables import table

NOW_US = SystemClock().now_us()
CARD = DutyCard("vn", "vn.national", "Trực ban", "+84 24 1234 5678", "vi en", "24/7")
DESK = Person("th.n.1", "police", "th.national", frozenset({Role.NATIONAL_DESK}), "+66 2 123")


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    return make_federation(tmp_path_factory.mktemp("neighbours"), ("th", "vn", "kh"))


@pytest.fixture
def known(founded: Federation, tmp_path: Path) -> Knowledge:
    log = CosignedLog("exchange", 47, 40, 1, 12, {"vn": NOW_US})
    switches = Suspensions(tmp_path / "suspensions.jsonl", ManualClock(SystemClock().now()).monotonic)
    return Knowledge(founded.view("th"), "th", NOW_US, switches, logs=(log,))


def shown(
    known: Knowledge, contact: Contact, *outboxes: Outbox, language: Language = Language.EN, problem: str = ""
) -> NeighboursView:
    members = describe_members(replace(known, contact=lambda member: contact if member == "vn" else Contact()), "node")
    return neighbours_view(Neighbourhood(members, outboxes, (CARD,), (DESK,), problem), NOW_US, language)


def texts(value: Any) -> str:
    return repr(value)


def test_a_silent_neighbour_comes_first_and_is_not_told_as_no_hit(known: Knowledge) -> None:
    view = shown(known, Contact(connected=True, last_seen_us=NOW_US))
    assert [(line.name, line.tag.text, line.tag.tone) for line in view.lines] == [
        ("Cambodia (kh)", "silent", "quiet"),
        ("Viet Nam (vn)", "can be asked", "done"),
    ]
    assert "does not mean no hit" in texts(view.lines[0].said)


@pytest.mark.parametrize("outcome", [Outcome.HIT, Outcome.NO_HIT, Outcome.NOT_SEARCHED])
def test_what_an_answer_found_is_told_to_nobody(known: Knowledge, outcome: Outcome) -> None:
    view = shown(known, Contact(connected=True, said=LastWord(outcome, "", "", NOW_US, 42_000)))
    assert view.lines[1].said == ("answered after 42 ms",)
    assert "hit" not in texts(view.neighbours[1])


def test_what_waits_is_counted_with_its_age(known: Knowledge) -> None:
    waits = Outbox(MemberId("vn"), 3, NOW_US - 60_000_000, NOW_US + 9_500_000, "unreachable")
    view = shown(known, Contact(), waits)
    silent = next(view for view in view.neighbours if view.id == "vn")
    assert "notices that wait for delivery: 3" in silent.line.said
    (row,) = [row for row in silent.rows if row.name == "Waiting for delivery"]
    assert (row.values[0], row.note) == ("notices: 3", "tried again in 9 s")


def test_the_duty_card_is_there_and_without_one_the_page_says_where_it_goes(known: Knowledge) -> None:
    cards = {view.id: view.phones for view in shown(known, Contact()).neighbours}
    assert cards["vn"][0].values == ("+84 24 1234 5678",)
    assert "people/cards.csv" in texts(cards["kh"])


def test_our_own_side_tells_witnesses_and_who_is_on_duty(known: Knowledge) -> None:
    witnesses, desk = shown(known, Contact()).ours
    assert witnesses.values == ("40 of 47 entries are cosigned", "by Viet Nam")
    assert witnesses.note == "the rest has waited 12 s"
    assert "+66 2 123" in texts(desk.values)


def test_cards_that_cannot_be_read_are_told(known: Knowledge) -> None:
    (banner,) = shown(known, Contact(), problem="people/cards.csv:3: no phone").alarms
    assert banner.lines == ("people/cards.csv:3: no phone",)


@pytest.mark.long
@table("language", list(Language))
@table("state", list(MemberState))
def test_each_state_has_a_word_in_every_language(known: Knowledge, state: MemberState, language: Language) -> None:
    members = describe_members(known, "node")
    members["members"]["vn"] |= {"state": state.value, "since": "2026-11-24T09:30:00.123456Z"}
    view = neighbours_view(Neighbourhood(members, (), (), ()), NOW_US, language)
    line = next(each.line for each in view.neighbours if each.id == "vn")
    assert line.tag.text
    assert "{" not in line.tag.text
    assert line.tag.tone == "done" or state is not MemberState.SERVING
    if language is not Language.EN:
        english = neighbours_view(Neighbourhood(members, (), (), ()), NOW_US, Language.EN)
        assert line.tag.text != next(each.line for each in english.neighbours if each.id == "vn").tag.text
