"""The plan after a theft: commands that exist, what is done already, and what counterparts' doctors say."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from gateway.clock import SystemClock, from_us
from gateway.config import Home, load_settings
from gateway.errors import Misused
from gateway.ops.doctor.removed_keys import check_removed_keys
from gateway.ops.finding import CheckContext, Finding, Severity
from gateway.ops.removals.incident import plan_incident
from gateway.ops.removals.revoke import revoke
from gateway.trust.ceremony.ceremony import import_document, publish_descriptor
from tests.support.cli import Liaison
from tests.support.federation import Federation, make_federation
from tests.support.nodes import write_settings
from tests.unit.cli.test_remedies import problem

CLOCK = SystemClock()
DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    made = make_federation(tmp_path_factory.mktemp("incident"))
    for member in made.members:
        write_settings(made[member].home, member, 7443, ())
    return made


@pytest.fixture
def federation(founded: Federation, tmp_path: Path) -> Federation:
    return founded.copy(tmp_path, CLOCK)


def doctor(federation: Federation, member: str) -> list[Finding]:
    settings = load_settings(federation[member].home)
    return check_removed_keys(CheckContext(settings, Home(settings.home), CLOCK))


@pytest.mark.parametrize("use", ["statement", "agency/immigration", "log", "tls", "witness"])
def test_each_step_is_a_command_and_what_is_done_is_said(federation: Federation, use: str) -> None:
    home, since_us = federation["vn"].home, CLOCK.now_us() - DAY_US
    if use == "witness":
        with pytest.raises(Misused, match="name one by its id"):
            plan_incident(home, use, CLOCK, since_us)
        return
    plan = plan_incident(home, use, CLOCK, since_us)
    assert [step.is_done for step in plan.steps] == [False] * len(plan.steps)
    for step in plan.steps:
        words = step.command.removeprefix("liaison ")
        if not words.startswith("cert rotate "):  # another part of the program
            assert problem(words) == "", step.command
        assert shlex.split(step.command)[0] == "liaison"
    assert any("key-report" in step.command for step in plan.steps) == (use != "tls")
    revoke(home, use, "stolen", CLOCK, since_us)
    again = plan_incident(home, plan.key.key_id[:12], CLOCK)
    assert again.since_us == since_us
    assert [step.is_done for step in again.steps[:2]] == [True, False]


def test_nothing_says_since_when(federation: Federation) -> None:
    with pytest.raises(Misused, match="--since"):
        plan_incident(federation["vn"].home, "statement", CLOCK)


@pytest.mark.long
def test_the_doctor_of_a_counterpart_names_key_window_and_command(federation: Federation) -> None:
    vn, th = federation["vn"], federation["th"]
    assert doctor(federation, "th") == []
    since_us = (CLOCK.now_us() - DAY_US) // 1_000_000 * 1_000_000
    done = revoke(vn.home, "statement", "stolen", CLOCK, since_us)
    import_document(th.home / "trust", done.documents, CLOCK)
    (found,) = doctor(federation, "th")
    assert found.severity is Severity.WARN
    assert "`vn` removed its key for statement" in found.text
    assert done.keys[0].key_id in found.remedy
    assert problem(found.remedy.removeprefix("liaison ")) == ""
    (own,) = doctor(federation, "vn")
    assert (own.severity, "cert rotate statement" in own.remedy) == (Severity.STOP, True)
    # The descriptor then says since when; the status of the moment could not.
    data = publish_descriptor(
        vn.home, vn.authority, CLOCK, endpoints=["127.0.0.1:7555"], offices=[], agencies=vn.agencies
    )
    import_document(th.home / "trust", data, CLOCK)
    (found,) = doctor(federation, "th")
    assert found.remedy.endswith(from_us(since_us).strftime("--since %Y-%m-%dT%H:%M:%SZ"))


def test_the_command_writes_the_plan(federation: Federation, capsys: pytest.CaptureFixture[str]) -> None:
    ran = Liaison(capsys)("trust", "incident", "--home", federation["vn"].home, "--key", "statement", "--since", "1d")
    assert ran.code == 0, ran.err
    assert "1. remove the key" in ran.out
    assert "liaison cert rotate statement --home" in ran.out
    assert len(federation.view("vn").withdrawn) == 0
