"""An office reaches the office that faces it and national desks, at the author as at the taker (decision 0082)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from gateway.desk.acting.home import home_key
from gateway.desk.delivery.offices import office_still_reached
from gateway.errors import Forbidden
from gateway.model.desk.notices import About, Ask, Body, Note, Service, ServiceCode
from gateway.model.desk.offices import ANY_OFFICE, Addressable, Facing
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import DeliveryState, WorkKind
from gateway.model.names import MemberId
from gateway.ports.desk import WorkFilter
from gateway.ports.entries import events
from gateway.trust.ceremony.ceremony import publish_descriptor
from tests.federation.test_alerts import HOUR_US, spread
from tests.federation.test_desk_machine import post
from tests.support.alerts import author, raising, supervisor, there
from tests.support.approving import approve_waiting
from tests.support.desks import Desk, Desks, entries_of, make_desks
from tests.support.exchange import entries, sample_world
from tests.support.simulator import publish_offices, simulated

TH, VN = MemberId("th"), MemberId("vn")
FACING, OTHER, NATIONAL, ENDED = "vn.blo.one", "vn.blo.two", "vn.national", "vn.blo.before"
AUTHOR = "th.blo.one"
RULE = Addressable((NATIONAL,), (Facing(FACING, (AUTHOR,)), Facing(OTHER, ("th.blo.two",))))
ASK = Ask(About.QUESTION, "a truck was left at the bridge", topic="vehicle")


def publish(
    desks: Desks, *, share: bool, offices: tuple[str, ...] = (FACING, OTHER, NATIONAL), rule: Addressable = RULE
) -> None:
    """Let Viet Nam publish its offices and a rule, to Thailand as well or not yet."""
    vn = desks.federation["vn"]
    held = vn.view().descriptor("vn")
    data = publish_descriptor(
        vn.home, vn.authority, desks.clock, endpoints=held.endpoints, agencies=held.agencies,
        offices=offices, addressable=rule,
    )  # fmt: skip
    if share:
        desks.federation.share(data)


async def ask(desk: Desk, office: str, body: Body = ASK, author: str = AUTHOR) -> ThreadKey:
    """Let an office of Thailand ask an office of Viet Nam."""
    sent = post(desk, body)
    requester = structs.replace(sent.requester, office=author)
    return await desk.author.open(VN, replace(sent, to_office=office, requester=requester))


async def test_an_ask_reaches_the_facing_office_and_the_national_desk(tmp_path: Path) -> None:
    desks = make_desks(tmp_path)
    publish(desks, share=True)
    for member in (TH, VN):
        desks.desks[member].read_documents()
    th, vn = desks.desks[TH], desks.desks[VN]
    keys = [await ask(th, FACING), await ask(th, NATIONAL), await ask(th, "")]
    await desks.settle()
    assert {vn.store.thread(ThreadKey(TH, key.thread_id)).office for key in keys} == {FACING, NATIONAL, ""}  # type: ignore[union-attr]
    assert not th.store.deliveries((DeliveryState.REFUSED,))
    # What comes later in a thread follows it, whatever office it names.
    await th.author.post(keys[0], replace(post(th, Note("en", "a word")), to_office=OTHER))
    await desks.settle()
    assert not th.store.deliveries((DeliveryState.REFUSED,))
    await desks.stop()


@pytest.mark.parametrize(
    ("author", "office", "code"),
    [
        (AUTHOR, OTHER, "not-facing"),
        ("th.national", FACING, "not-facing"),
        (AUTHOR, ENDED, "unknown-office"),
    ],
)
async def test_no_other_office_is_reached(tmp_path: Path, author: str, office: str, code: str) -> None:
    desks = make_desks(tmp_path)
    th, vn = desks.desks[TH], desks.desks[VN]
    publish(desks, share=True, offices=(FACING, OTHER, NATIONAL, ENDED), rule=ANY_OFFICE)
    th.read_documents()
    # Thailand has not heard of the rule: its notice is refused at the taker, signed and with an entry.
    publish(desks, share=False)
    vn.read_documents()
    key = await ask(th, office, author=author)
    await desks.settle()
    assert vn.store.thread(ThreadKey(TH, key.thread_id)) is None
    assert [one.key for one in th.store.deliveries((DeliveryState.REFUSED,))] == [key]
    assert not entries_of(vn, events.ANSWERED)
    assert set(entries_of(vn, events.REFUSED)) == {key.thread_id}
    (received,) = entries_of(th, events.RECEIVED).values()
    assert received.exchange_id == key.thread_id
    # Once it has, its officer is told before anything is written.
    publish(desks, share=True)
    th.read_documents()
    with pytest.raises(Forbidden) as refused:
        await ask(th, office, author=author)
    assert refused.value.code == code
    assert len(th.store.threads()) == 1
    await desks.stop()


async def test_n205_an_office_that_a_country_does_not_have_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    """Also where the country sets no rule for its offices."""
    desks = make_desks(tmp_path)
    publish(desks, share=True, rule=ANY_OFFICE)
    th = desks.desks[TH]
    th.read_documents()
    for office in ("vn.blo.nowhere", ENDED, AUTHOR, "kh.blo.one"):
        for body in (ASK, Service(ServiceCode.INCIDENT, "a leak")):
            with pytest.raises(Forbidden) as refused:
                await ask(th, office, body)
            assert (refused.value.code, refused.value.where) == ("unknown-office", "to_office")
    assert not th.store.threads()
    # What was asked of an office that ended meanwhile goes on in its thread, which has its way there.
    asked = await ask(th, OTHER)
    publish(desks, share=True, offices=(FACING, NATIONAL), rule=ANY_OFFICE)
    th.read_documents()
    view = desks.federation["th"].view()
    assert office_still_reached(view.descriptor("vn"), ASK, AUTHOR, OTHER) == ""
    assert office_still_reached(view.descriptor("vn"), ASK, AUTHOR, FACING) == FACING
    await th.author.post(asked, replace(post(th, Note("en", "a word")), to_office=OTHER))
    await desks.stop()


@pytest.mark.parametrize("asks", ["first", "renewal"])
async def test_an_office_that_closes_keeps_no_alert_from_the_others(tmp_path: Path, asks: str) -> None:
    """Neither at its approval nor later; the approver is told which has closed. Without any office it is refused."""
    async with simulated(sample_world(tmp_path, ("th", "vn"))) as own_world:
        th, vn = own_world.nodes["th"], own_world.nodes["vn"]
        own, store, now_us = th.desk.alerts.own, th.desk.parts.store, th.core.parts.clock.now_us
        stays, closes = "vn.blo.moc-bai", "vn.blo.cha-lo"
        await publish_offices(own_world, VN, (stays, closes))
        offices = (closes, stays)
        until_us = 0
        if asks == "renewal":
            alert_id, taken = await spread(own_world, offices=offices)
            until_us = now_us() + 96 * HOUR_US
            await own.renew(author(), alert_id, until_us)
        else:
            alert_id = await own.raise_alert(author(), raising(offices=offices))
        await publish_offices(own_world, VN, (stays,))
        key = home_key(TH, alert_id)
        (work,) = store.works(WorkFilter(key=key, kinds=(WorkKind.APPROVE,)))
        assert await own.approve(supervisor(), alert_id, "", work.id) == (closes,)
        pair = await there(th, alert_id)
        assert not store.deliveries((DeliveryState.REFUSED,)), (
            "nothing was refused there for the office that has closed"
        )
        alert = await own.show(author(), alert_id)
        if asks == "renewal":
            held = [each for each in vn.asking.gate.alerts if each.key == taken]
            assert [alert.until_us, *(each.until_us for each in held)] == [until_us, until_us]
        ((stand,),) = await th.desk.uses.alerts.standing([alert])
        assert (stand.offices, stand.closed, stand.delivery) == (offices, (closes,), "taken")
        approvals = [each.private for each in entries(th, "operations") if each.private.get("act") == "approve-alert"]
        assert approvals[-1]["content"]["closed"] == [closes]
        # What ends sooner is told to the others, too; and once no office is left, an approval is refused.
        await own.renew(author(), alert_id, now_us() + 2 * HOUR_US)
        await there(th, alert_id)
        assert not store.deliveries((DeliveryState.REFUSED,), key=pair)
        await own.renew(author(), alert_id, now_us() + 48 * HOUR_US)
        await publish_offices(own_world, VN, ("vn.blo.lao-bao",))
        with pytest.raises(Forbidden) as refused:
            await approve_waiting(own, supervisor(), alert_id)
        assert refused.value.code == "unknown-office"
        assert "decline it" in refused.value.remedy
        (work,) = store.works(WorkFilter(key=key, kinds=(WorkKind.APPROVE,)))
        await own.decline(supervisor(), alert_id, "its offices are gone", work.id)
