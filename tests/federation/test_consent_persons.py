"""A consent to the onward use of a record takes two persons where the release of the record would."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from gateway.app.run.node import Node
from gateway.desk.acting.parts import Actor
from gateway.desk.consent.book import ConsentBook, Decision
from gateway.desk.roles import Person
from gateway.errors import Forbidden
from gateway.model.desk.notices import ReplyCode
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Role, WorkKind
from gateway.model.handed.asks import Decide
from gateway.model.names import ExchangeId
from gateway.ports.desk import WorkFilter
from tests.support.consents import Found, found
from tests.support.exchange import TH, entries, sample_world
from tests.support.nodes import World, officer
from tests.support.samples import ONE_EACH
from tests.support.simulator import simulated
from tests.support.waiting import until


def protected(world: World) -> World:
    """Let Viet Nam's records say that their source is protected."""
    mapping, home = world.home("vn").parent / "protected.toml", world.home("vn")
    plain = next(sample.mapping_file for sample in ONE_EACH if sample.member == "vn")
    text = plain.read_text(encoding="utf-8")
    mapping.write_text(text.replace('onward = "ASK"\n', 'onward = "ASK"\ncaveats = ["SRC"]\n', 1), encoding="utf-8")
    settings = home / "node.toml"
    settings.write_text(settings.read_text().replace(str(plain), str(mapping)))
    assert str(mapping) in settings.read_text()
    return world


def duty(person: str) -> Actor:
    """A duty officer of the agency whose record it is."""
    who = structs.replace(
        officer("vn"), person=f"vn.d.{person}", role="duty", agency="immigration", token_hash=person.encode() * 8
    )
    return Actor(who, Person(who.person, frozenset({Role.DUTY}), "immigration", who.office, 2**62))


async def asked(world: World, about: Found) -> ThreadKey:
    """The thread of an ask for consent that the owner has taken."""
    answer = await world.nodes["th"].desk.onward.use(about.officer, about.wish())
    key = ThreadKey(TH, ExchangeId(answer.consent))
    store = world.nodes["vn"].core.desk
    await until(lambda: bool(store.works(WorkFilter(key=key))), "it is taken")
    return key


async def is_allowed(world: World, about: Found) -> bool:
    return (await world.nodes["th"].desk.onward.use(about.officer, about.wish())).allowed


def alarms(node: Node) -> list[str]:
    """The codes of a node's alarms."""
    return [item.private["code"] for item in entries(node, "operations") if item.entry.kind == "alarm"]


async def test_a_consent_to_the_use_of_a_protected_record_takes_two_persons(tmp_path: Path) -> None:
    world = protected(sample_world(tmp_path, ("th", "vn")))
    async with simulated(world) as world:
        th, vn = world.nodes["th"], world.nodes["vn"]
        about = await found(world)
        key = await asked(world, about)
        (work,) = vn.core.desk.works(WorkFilter(key=key, kinds=(WorkKind.DECIDE,)))
        decisions = vn.desk.second_step.decisions
        decide = Decide(work=work.id, answer=ReplyCode.RELEASED, reason="same case")
        first = await decisions.decide(duty("7"), decide)
        assert first.state == "second"
        assert not await is_allowed(world, about)
        with pytest.raises(Forbidden, match="of their own"):
            await decisions.sign(duty("7"), first.work, "same case")
        second = await decisions.sign(duty("8"), first.work, "I agree")
        assert second.state == "sent"
        assert not vn.core.desk.works(WorkFilter(key=key, kinds=(WorkKind.DECIDE,)))
        there = ThreadKey(vn.core.parts.member, key.thread_id)
        await until(lambda: th.core.desk.thread(there).state == "answered", "it is told")  # type: ignore[union-attr]
        assert await is_allowed(world, about)
        humans = [item.private["humans"] for item in entries(vn) if "humans" in item.private]
        assert [[human["by"] for human in each] for each in humans] == [["vn.d.7", "vn.d.8"]]


async def test_a_refusal_and_a_consent_to_what_is_not_protected_take_one(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with simulated(world) as world:
        about = await found(world)
        key = await asked(world, about)
        vn = world.nodes["vn"]
        (work,) = vn.core.desk.works(WorkFilter(key=key, kinds=(WorkKind.DECIDE,)))
        decide = Decide(work=work.id, answer=ReplyCode.RELEASED, reason="same case")
        assert (await vn.desk.second_step.decisions.decide(duty("7"), decide)).state == "sent"


async def test_one_person_s_word_at_the_command_line_is_dropped_with_an_alarm_and_a_refusal_counts(
    tmp_path: Path,
) -> None:
    world = protected(sample_world(tmp_path, ("th", "vn")))
    async with simulated(world) as world:
        vn = world.nodes["vn"]
        about = await found(world)
        key = await asked(world, about)
        book = ConsentBook(vn.core.parts.documents, vn.core.desk)
        now_us = vn.core.parts.clock.now_us()
        consent = book.get(key.thread_id, now_us)
        until_us = consent.notice.head.expires_us
        who = duty("7").officer
        place = (who.role, who.office, who.agency, who.token_hash.hex())
        book.decide(consent, Decision(True, who.person, "same case", now_us, until_us, *place, "act-1"))
        await until(lambda: "persons-needed" in alarms(vn), "its node has dropped it")
        assert not await is_allowed(world, about)
        again = book.get(key.thread_id, now_us)
        assert not again.is_decided
        book.decide(again, Decision(False, who.person, "source at risk", now_us, 0, *place, "act-2"))
        await until(lambda: book.get(key.thread_id, now_us).reply is not None, "it is told")
        assert book.get(key.thread_id, now_us).state == "refused"
