"""The watch over our own log at a running node: reviews picked by chance, findings, and who may see them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec import structs

from gateway.desk.acting.parts import Actor
from gateway.desk.worklist.uses import DeskUses
from gateway.errors import Forbidden, LiaisonError, Malformed, Stale, Unknown
from gateway.model.desk.codes import FindingResult, ReviewResult
from gateway.model.desk.work import Role, WorkKind
from gateway.model.query import DocumentQuery, PersonQuery, Query
from gateway.model.values import NameForm
from gateway.ports.desk import Work, WorkFilter
from gateway.ports.desk_uses import WorkQuery
from tests.support.alerts import actor, author, supervisor
from tests.support.exchange import command, entries, sample_world
from tests.support.nodes import World
from tests.support.simulator import simulated
from tests.support.waiting import until

pytestmark = pytest.mark.process
RULES = """
[rule.same-target]
title = "three times the same"
same = "target"
count = 3
hours = 24

[rule.off-shift]
off = true
title = ""
"""
LISTED = "list,officer,kind,value\nwatched,,person,สมชาย ใจดี\nfamily,th.o.1042,document,K 99\n"


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[World]:
    """One node with a country's own rules; all its questions are reviewed."""
    made = sample_world(tmp_path, ("th", "vn"))
    home = made.home("th")
    (home / "oversight").mkdir()
    (home / "oversight" / "rules.toml").write_text(RULES)
    (home / "oversight" / "listed.csv").write_text(LISTED)
    settings = home / "node.toml"
    settings.write_text(settings.read_text() + "\n[oversight]\nreview_percent = 100.0\n")
    async with simulated(made, ("th",)) as world:
        yield world


def works(world: World, kind: WorkKind) -> list[Work]:
    wanted = WorkFilter(kinds=(kind,), open_only=False)
    return world.nodes["th"].desk.parts.store.works(wanted)


async def ask(world: World, query: Query, who: Actor) -> str:
    return (await world.nodes["th"].asking.searches.start(who.officer, command(query))).id


async def seen_by(uses: DeskUses, who: Actor) -> list[str]:
    return [item.work.id for item in await uses.queue.works(who.officer, WorkQuery(all=True, done=True))]


def acts(world: World) -> Sequence[str]:
    found = entries(world.nodes["th"], "operations")
    return [str(each.private["act"]) for each in found if each.entry.kind == "desk-act"]


async def test_each_picked_question_is_reviewed_by_a_supervisor_and_never_by_its_own_officer(own_world: World) -> None:
    uses = own_world.nodes["th"].desk.uses
    officer, boss = author(), supervisor()
    searches = [await ask(own_world, DocumentQuery(f"A{number}"), officer) for number in range(2)]
    own = await ask(own_world, DocumentQuery("B1"), boss)
    await until(lambda: len(works(own_world, WorkKind.REVIEW)) == 3, "all are picked")
    by_search = {}
    for work in works(own_world, WorkKind.REVIEW):
        who = boss if work.not_by == officer.person.person else supervisor_two()
        looked = await uses.reviews.look(who, work.id)
        by_search[looked.searches[0]] = work
        assert looked.question
    assert by_search.keys() == {*searches, own}
    assert by_search[own].not_by == boss.person.person
    for nobody in (boss, officer, security()):
        with pytest.raises(Forbidden):
            await uses.reviews.look(nobody, by_search[own].id)
    for other in (actor("th", Role.SUPERVISOR, person="9", office="th.blo.elsewhere"), officer):
        with pytest.raises(Forbidden):
            await uses.reviews.review(other, by_search[searches[0]].id, ReviewResult.IN_ORDER)
    await uses.reviews.review(boss, by_search[searches[0]].id, ReviewResult.IN_ORDER, "case file seen")
    with pytest.raises(Stale):
        await uses.reviews.review(boss, by_search[searches[0]].id, ReviewResult.IN_ORDER)
    with pytest.raises(Malformed):
        await uses.reviews.review(boss, by_search[searches[1]].id, ReviewResult.NOT_IN_ORDER)
    await uses.reviews.review(boss, by_search[searches[1]].id, ReviewResult.NOT_IN_ORDER, "no such case")
    (incident,) = works(own_world, WorkKind.INCIDENT)
    found = await uses.reviews.look(security(), incident.id)
    assert (found.rule, found.person, found.searches) == ("review", officer.person.person, (searches[1],))
    (figures,) = await uses.reviews.figures(boss, 0)
    assert (figures.raised, figures.in_time, figures.waiting, figures.not_in_order) == (3, 2, 1, 1)
    assert acts(own_world).count("look") == 4
    assert acts(own_world).count("review") == 2


async def test_a_finding_is_the_security_officers_and_hidden_from_whom_it_is_about(own_world: World) -> None:
    uses = own_world.nodes["th"].desk.uses
    officer = author()
    for text in ("Somphong Rak", "สมพงษ์ รัก", "SOMPHONG RAK"):
        await ask(own_world, PersonQuery((NameForm(text),)), officer)
    await until(lambda: works(own_world, WorkKind.INCIDENT), "the third one is found")
    (work,) = works(own_world, WorkKind.INCIDENT)
    suspect = security("1042")
    assert work.id in await seen_by(uses, security())
    for nobody in (officer, suspect, supervisor()):
        assert work.id not in await seen_by(uses, nobody)
        with pytest.raises(LiaisonError) as caught:
            await uses.queue.work(nobody.officer, work.id)
        assert caught.value.code == "no-such-work"
        with pytest.raises(Forbidden):
            await uses.reviews.look(nobody, work.id)
        with pytest.raises(Unknown):
            await uses.reading.thread(nobody.officer, work.key.thread_id)
    found = await uses.reviews.look(security(), work.id)
    assert (found.rule, found.title, len(found.searches)) == ("same-target", "three times the same", 3)
    assert not found.question, "references only"
    await uses.reviews.settle(security(), work.id, FindingResult.EXPLAINED, "a joint operation")
    assert works(own_world, WorkKind.INCIDENT)[0].result == "explained"


async def test_listed_persons_and_things_are_found_in_any_script_and_raised_once_over_a_restart(
    own_world: World,
) -> None:
    await ask(own_world, PersonQuery((NameForm("Somchai Jaidee"),)), author())
    await ask(own_world, DocumentQuery("k-99"), supervisor())
    await ask(own_world, DocumentQuery("k-99"), author())
    await until(lambda: len(works(own_world, WorkKind.INCIDENT)) == 2, "two are found, and the other's family is not")
    before = {work.id for kind in (WorkKind.INCIDENT, WorkKind.REVIEW) for work in works(own_world, kind)}
    await own_world.stop("th")
    await own_world.start("th")
    await ask(own_world, DocumentQuery("Z1"), author())
    await until(lambda: len(works(own_world, WorkKind.REVIEW)) == 4, "the new one is picked")
    after = {work.id for kind in (WorkKind.INCIDENT, WorkKind.REVIEW) for work in works(own_world, kind)}
    assert len(after - before) == 1


def security(person: str = "s1") -> Actor:
    """A security officer, also by the role of the token."""
    made = actor("th", Role.SECURITY_OFFICER, person=person)
    return replace(made, officer=structs.replace(made.officer, role=Role.SECURITY_OFFICER.value))


def supervisor_two() -> Actor:
    return actor("th", Role.SUPERVISOR, person="8")
