"""One rule says how a member stands: the strongest cause comes first, and silence is never a cause of ours."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.clock import ManualClock, SystemClock
from gateway.config.suspensions import Suspensions
from gateway.exchange.counterparts import Counterparts
from gateway.language.languages import Language
from gateway.model.exchange import Outcome, Refusal
from gateway.model.members import Contact, LastWord, MemberState
from gateway.model.names import MemberId
from gateway.model.search import Line
from gateway.ops.members.state import Standing, standing_of
from gateway.trust.view import TrustView
from gateway.views.members.words import state_text
from tests.support.federation import Federation, make_federation
from tests.support.tables import table

VN = MemberId("vn")
NOW_US = SystemClock().now_us()
OFF = LastWord(Outcome.SUSPENDED, "suspended", "they said so", 5)


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    return make_federation(tmp_path_factory.mktemp("state"), ("th", "vn"))


@pytest.fixture
def view(founded: Federation) -> TrustView:
    return founded.view("th")


def switches(folder: Path, *targets: str) -> Suspensions:
    file = folder / "suspensions.jsonl"
    line = '{"id": "%s", "time": "", "action": "suspend", "target": "%s", "reason": "stolen"}\n'
    file.write_text("".join(line % (number, target) for number, target in enumerate(targets)))
    return Suspensions(file, lambda: 0.0)


@pytest.mark.parametrize(
    ("contact", "standing"),
    [
        (None, Standing(MemberState.ACTIVE)),
        (Contact(connected=True), Standing(MemberState.SERVING)),
        (Contact(connected=True, said=OFF), Standing(MemberState.SUSPENDED_BY_THEM, 5, "suspended", "they said so")),
        (Contact(connected=False, last_seen_us=3, said=OFF), Standing(MemberState.SILENT, 3)),
        (Contact(connected=True, silent_since_us=4, last_seen_us=9), Standing(MemberState.SILENT, 4)),
        (Contact(), Standing(MemberState.SILENT)),
        (Contact(dismissed="key-removed", last_seen_us=2), Standing(MemberState.DISMISSED, 2, "key-removed")),
        (Contact(connected=True, dismissed="key-removed"), Standing(MemberState.SERVING)),
        (Contact(refused="server-untrusted", said=OFF), Standing(MemberState.NOT_TRUSTED, code="server-untrusted")),
    ],
)
def test_a_running_node_tells_a_refusal_from_silence(
    view: TrustView, tmp_path: Path, contact: Contact | None, standing: Standing
) -> None:
    assert standing_of(view, "vn", "th", NOW_US, switches(tmp_path), contact) == standing


@pytest.mark.parametrize("target", ["peer:vn", "all"])
def test_our_own_switch_comes_before_what_their_node_does(view: TrustView, tmp_path: Path, target: str) -> None:
    found = standing_of(view, "vn", "th", NOW_US, switches(tmp_path, target), Contact())
    assert found == Standing(MemberState.SUSPENDED_BY_US, text="stolen")


def test_a_switch_for_records_of_one_type_suspends_nobody(view: TrustView, tmp_path: Path) -> None:
    found = standing_of(view, "vn", "th", NOW_US, switches(tmp_path, "peer:vn/Person"), Contact(connected=True))
    assert found.state is MemberState.SERVING


def test_a_status_that_is_over_is_told_before_the_silence_that_follows(view: TrustView, tmp_path: Path) -> None:
    later = NOW_US + 73 * 3_600 * 1_000_000
    found = standing_of(view, "vn", "th", later, switches(tmp_path), Contact())
    assert (found.state, found.code) == (MemberState.OUT_OF_TIME, "status-expired")


@table("language", list(Language))
@table("state", list(MemberState))
def test_each_state_has_a_sentence_in_every_language(state: MemberState, language: Language) -> None:
    said = {"state": state.value, "since": "2026-11-24T09:30:00Z", "code": "", "reason": "stolen"}
    told = state_text(said, language)
    assert told
    assert "{" not in told
    assert language is Language.EN or told != state_text(said)


# ---------------------------------------------------------------- what they said


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


def test_only_a_verified_answer_is_their_word(clock: ManualClock) -> None:
    found = Counterparts(clock, lambda _us: None)
    refusal = Refusal("SUSPENDED", "suspended", "off")  # type: ignore[arg-type]
    asked_us = clock.now_us() - 40_000
    found.answered(Line(VN, Outcome.SUSPENDED, refusal=refusal), asked_us)  # our own switch: nothing left
    found.answered(Line(VN, Outcome.SILENT, exchange_id="1"), asked_us)
    assert found.said(VN) is None
    found.answered(Line(VN, Outcome.SUSPENDED, refusal=refusal, exchange_id="1", entry_index=7), asked_us)
    assert found.said(VN) == LastWord(Outcome.SUSPENDED, "suspended", "off", clock.now_us(), 40_000)
    found.answered(Line(VN, Outcome.NO_HIT, exchange_id="2", entry_index=8), asked_us)
    assert found.said(VN) == LastWord(Outcome.NO_HIT, "", "", clock.now_us(), 40_000)


def test_the_clock_of_a_member_is_that_of_its_last_statement(clock: ManualClock) -> None:
    compared: list[int] = []
    found = Counterparts(clock, compared.append)
    assert found.clock_of(VN) is None
    found.cosigned(VN, clock.now_us() - 1_400_000)  # whole seconds, and its way
    assert (told := found.clock_of(VN)) is not None
    assert told.ahead_us == 0
    found.signed(VN, clock.now_us() + 40_000_000)
    found.cosigned(VN, clock.now_us() - 9_000_000)  # the statement is newer than a minute, and tells it better
    assert (told := found.clock_of(VN)) is not None
    assert told.ahead_us == 40_000_000
    clock.advance(timedelta(minutes=2))
    found.cosigned(VN, clock.now_us() - 9_000_000)
    assert (told := found.clock_of(VN)) is not None
    assert told.ahead_us == -9_000_000
    assert len(compared) == 4
