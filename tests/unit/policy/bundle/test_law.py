"""Law and hours as data: thresholds, death-penalty exposure, and nights that no kept decision outlives."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.clock import to_us
from gateway.config.toml import parse_toml
from gateway.errors import Misconfigured
from policy.bundle.hours import Hours, read_hours
from policy.bundle.law import read_law
from policy.engine.engine import PolicyEngine
from tests.support.policies import DOCUMENT, NATIONAL, NOW_US, QUESTION, VN
from tests.support.tables import table

MINUTE_US = 60_000_000
NIGHT_RULE = """
@id("vn-not-at-night")
forbid (principal, action == Action::"answer", resource)
when { context.night }
unless { context.purpose == Purpose::"THREAT_TO_LIFE" };
"""


def _hours(text: str) -> Hours:
    return read_hours(parse_toml("hours.toml", text.encode()))


def _at(hour: int, minute: int = 0) -> int:
    return to_us(datetime(2026, 11, 24, hour, minute, tzinfo=UTC))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "vn"
    shutil.copytree(NATIONAL / "vn", copy)
    return copy


def test_a_night_over_midnight_in_local_time() -> None:
    hours = _hours("night_from = 22:00:00\nnight_until = 06:00:00\nutc_offset = 420\n")
    assert [hours.at(_at(hour))[0] for hour in (14, 15, 20, 22, 23)] == [False, True, True, True, False]


@given(
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.integers(NOW_US, NOW_US + 3 * 86_400_000_000),
    st.integers(0, 1 << 40),
)
def test_what_is_said_of_the_night_holds_in_its_whole_window(since: int, until: int, now_us: int, more: int) -> None:
    hours = Hours(since, until if until != since else (since + 1) % 1440)
    night, window = hours.at(now_us)
    assert now_us in window
    inside = window.since_us + more % (window.until_us - window.since_us)
    assert hours.at(inside)[0] == night


def test_a_decision_made_by_day_is_not_kept_into_the_night(folder: Path) -> None:
    (folder / "hours.toml").write_text("night_from = 22:00:00\nnight_until = 06:00:00\nutc_offset = 420\n")
    (folder / "night.cedar").write_text(NIGHT_RULE)
    engine = PolicyEngine.load(folder, VN)
    dusk = _at(15)
    assert engine.may_answer(QUESTION, dusk - 1).allow
    assert not engine.may_answer(QUESTION, dusk).allow
    assert engine.may_answer(QUESTION, dusk + 8 * 60 * MINUTE_US).allow
    assert engine.may_answer(replace(QUESTION, purpose="THREAT_TO_LIFE", has_case=True), dusk).allow


def test_an_offence_that_may_cost_a_life_goes_to_a_human_without_an_assurance(folder: Path) -> None:
    question = replace(QUESTION, offence="NARC")
    record = replace(DOCUMENT, question=question)
    assert PolicyEngine.load(folder, VN).release(record, NOW_US).decision.allow
    law = folder / "law.toml"
    law.write_text(law.read_text().replace('assured = ["kh", "la", "th"]', "assured = []"))
    release = PolicyEngine.load(folder, VN).release(record, NOW_US)
    assert not release.decision.allow
    assert not release.hide
    assert release.decision.policies == ("base/release-death-penalty",)


def test_thresholds_of_one_and_four_years() -> None:
    years = {"EWASTE": 3, "ODS": 0, "NARC": 20}
    offences = "\n".join(f"{name} = {years.get(name, 4)}" for name in _offences())
    law = read_law(parse_toml("law.toml", f"assured = []\n[member.th]\n{offences}\n".encode()))
    said = {name: law.covers("th", name) for name in ("ODS", "EWASTE", "TIP", "NARC")}
    assert [said[name].minimum for name in said] == [False, True, True, True]
    assert [said[name].serious for name in said] == [False, False, True, True]
    assert not law.covers("xx", "NARC").known


def test_an_agreement_without_the_law_of_its_party_does_not_load(folder: Path) -> None:
    law = folder / "law.toml"
    law.write_text(law.read_text().replace("[member.th]", "[member.xx]").replace('"la", "th"]', '"la"]'))
    with pytest.raises(Misconfigured, match="`th`, a party to an agreement"):
        PolicyEngine.load(folder, VN)
    law.unlink()
    with pytest.raises(Misconfigured, match=r"no `law\.toml`"):
        PolicyEngine.load(folder, VN)


@table(
    "text",
    [
        "",
        "assured = ['th']\n[member.vn]\n",
        "[member.th]\nNARC = -1\n",
        "[member.th]\nHERESY = 1\n",
        "[member]\nth = 3\n",
        "[member.th]\nNARC = { years = 1, deadly = true }\n",
    ],
)
def test_a_law_that_says_something_else_does_not_load(text: str) -> None:
    with pytest.raises(Misconfigured):
        read_law(parse_toml("law.toml", text.encode()))


@table(
    "text",
    [
        "night_from = 22:00:00\nutc_offset = 420\n",
        "night_from = 22:00:00\nnight_until = 22:00:00\nutc_offset = 0\n",
        "night_from = 22:00:00\nnight_until = 06:00:00\nutc_offset = 9999\n",
        "night_from = '22'\nnight_until = 06:00:00\nutc_offset = 0\n",
        "night_from = 22:00:00\nnight_until = 06:00:00\nutc_offset = 0\nmore = 1\n",
    ],
)
def test_hours_that_say_something_else_do_not_load(text: str) -> None:
    with pytest.raises(Misconfigured):
        _hours(text)


def test_a_day_has_one_night(folder: Path) -> None:
    hours = _hours("night_from = 22:00:00\nnight_until = 06:00:00\nutc_offset = 420\n")
    night = sum(hours.at(NOW_US + minute * MINUTE_US)[0] for minute in range(24 * 60))
    assert timedelta(minutes=night) == timedelta(hours=8)


def _offences() -> list[str]:
    from gateway.model.purpose import Offence

    return [offence.value for offence in Offence]
