"""Persons of the desks in a running node: training ends access, lists are read again, and mistakes are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.app.run.node import Node
from gateway.clock import SystemClock, rfc3339
from gateway.config import Home, load_settings
from gateway.desk.people.lists import DUTY, PERSONS
from gateway.errors import Misconfigured, Unauthenticated
from gateway.language.languages import Language
from gateway.language.sentences import refusal
from gateway.model.desk.work import Role
from gateway.ops.doctor.home_checks import check_descriptors, check_people
from gateway.ops.finding import CheckContext, Severity
from gateway.ops.homes.lock import only_one
from gateway.ops.homes.reload_request import request_reload
from tests.support.nodes import World, build_world, officer, running

pytestmark = pytest.mark.process
CLOCK = SystemClock()
DAY_US = 86_400_000_000
HEAD = "id,agency,office,roles,channel,language,training_until\n"
ONE = officer("th")


def write(home: Path, name: str, text: str) -> None:
    folder = Home(home).people
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def person(days: int | None, person_id: str = ONE.person) -> str:
    until = rfc3339(CLOCK.now_us() + days * DAY_US)[:10] if days is not None else ""
    return f"{person_id},{ONE.agency},{ONE.office},officer duty,,th,{until}\n"


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[World]:
    made = build_world(tmp_path, {})
    write(made.home("th"), PERSONS, HEAD + person(30))
    async with running(made, ["th"]) as world:
        yield world


async def taken(node: Node, wanted: object) -> None:
    """Wait until the node has read the lists again, in a round of its own."""
    async with asyncio.timeout(30):
        while getattr(node.core.people.person(ONE.person), "training_until_us", None) != wanted:
            await asyncio.sleep(0.05)


async def test_training_that_has_run_out_ends_all_access_while_the_node_runs(own_world: World) -> None:
    node, home = own_world.nodes["th"], own_world.home("th")
    node.core.tokens.check(ONE)
    write(home, PERSONS, HEAD + person(None))
    await taken(node, 0)
    with pytest.raises(Unauthenticated) as caught:
        node.core.tokens.check(ONE)
    assert caught.value.code == "training-missing"
    write(home, PERSONS, HEAD + person(-3))
    async with asyncio.timeout(30):
        while _code(node) != "training-over":
            await asyncio.sleep(0.05)


def _code(node: Node) -> str:
    try:
        node.core.tokens.check(ONE)
    except Unauthenticated as error:
        return error.code
    return ""


@pytest.mark.parametrize("code", ["training-over", "training-missing"])
def test_the_refusal_is_said_in_the_words_of_each_language(code: str) -> None:
    told = {refusal(code, "UNAUTHENTICATED", language) for language in Language}
    assert len(told) == len(Language)
    assert all(told)


async def test_lists_with_a_mistake_leave_those_before_in_force_and_reload_tells_the_line(own_world: World) -> None:
    node, home = own_world.nodes["th"], own_world.home("th")
    write(home, PERSONS, HEAD + person(30) + "th.d.9,police\n")
    with only_one(home / "node.lock"):
        answers = await asyncio.to_thread(request_reload, home)
    assert "people/persons.csv:3" in answers[0].refused
    node.core.tokens.check(ONE)
    assert node.core.people.person(ONE.person) is not None


async def test_a_node_does_not_start_with_lists_that_cannot_be_read(tmp_path: Path) -> None:
    world = build_world(tmp_path, {})
    write(world.home("th"), DUTY, "person,agency,office,role,from,until\nth.d.7,police,th.blo.x,duty,never,2026\n")
    with pytest.raises(Misconfigured) as caught:
        async with running(world, ["th"]):
            pass
    assert caught.value.where == "people/duty.csv:2"


def test_the_doctor_tells_each_mistake_training_that_ends_and_that_nobody_is_on_duty(tmp_path: Path) -> None:
    world = build_world(tmp_path, {})
    home = world.home("th")
    context = CheckContext(load_settings(home, {}), Home(home), CLOCK)
    assert check_people(context) == []
    write(home, PERSONS, HEAD + person(400, "th.d.1"))
    now_us = CLOCK.now_us()
    since, until = (f"{rfc3339(now_us + days * DAY_US)[:16]}Z" for days in (-1, 1))
    shift = f"person,agency,office,role,from,until\nth.d.1,{ONE.agency},{ONE.office},{Role.DUTY},{since},{until}\n"
    write(home, DUTY, shift)
    assert [finding.severity for finding in check_people(context)] == [Severity.GOOD]
    write(home, DUTY, "")
    write(home, PERSONS, HEAD + person(400, "th.d.1") + person(10, "th.d.2") + person(-3, "th.d.3"))
    assert [finding.text.rpartition(": ")[2] for finding in check_people(context)] == [
        "the training ends within 30 days",
        "the training is over, so no access",
        "nobody is on duty now",
    ]
    write(home, PERSONS, HEAD + person(400, "th.d.1") * 2 + "x\n")
    found = check_people(context)
    assert [finding.where for finding in found] == ["people/persons.csv:3", "people/persons.csv:4"]
    assert all(finding.is_stop and finding.remedy for finding in found)


def test_the_doctor_names_offices_of_the_lists_that_no_country_can_write_to_and_the_command_that_publishes_all(
    tmp_path: Path,
) -> None:
    home = build_world(tmp_path, {}).home("th")
    context = CheckContext(load_settings(home, {}), Home(home), CLOCK)
    listed = context.trust.descriptor("th").offices
    assert listed
    assert "offices" not in {finding.check for finding in check_descriptors(context)}
    write(home, PERSONS, HEAD + person(400, "th.d.1") + person(400, "th.d.2").replace(ONE.office, "th.blo.new"))
    (told,) = [finding for finding in check_descriptors(context) if finding.check == "offices"]
    assert "th.blo.new" in told.text
    for office in (*listed, "th.blo.new"):
        assert f"--office {office}" in told.remedy
