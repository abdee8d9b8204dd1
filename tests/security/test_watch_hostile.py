"""Watches of a counterpart that owns valid keys and lies: too wide, too long, about another matter or another's hit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.model.desk.notices import (
    About,
    Ask,
    Body,
    Change,
    ChangeCode,
    NoticeType,
    RecordPlace,
    Reply,
    ReplyCode,
    Status,
    StatusCode,
)
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.watches import Watch, Watched
from gateway.model.desk.work import Direction
from gateway.model.hit import Hit, Quality
from gateway.model.names import ExchangeId
from gateway.model.purpose import Purpose
from gateway.model.query import (
    ContainerQuery,
    DocumentQuery,
    NationalIdQuery,
    PersonQuery,
    Query,
    VehicleQuery,
    VesselQuery,
)
from gateway.model.values import NameForm, PartialDate
from gateway.statements.notices.notice import parse_notice
from tests.security.test_desk_hostile import HOUR_US, Liar, budget, code, vn, work
from tests.support.exchange import CLOCK, KH, PASSPORT, TH, kinds, sample_world, stopping
from tests.support.nodes import World
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

DAY_US = 24 * HOUR_US
NUMBER = DocumentQuery("C7700999", "VNM")
HIT = Hit("r-1", Quality.EXACT_ID, "TravelDocument")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("watch-lies"), ("th", "vn", "kh"))
    async with stopping(made):
        await made.start("vn")
        yield made


@pytest.fixture(autouse=True)
def whole_rates(world: World) -> None:
    """Each test begins with the whole of its rates."""
    vn(world).desk.taker._refusals.of.clear()


def watch(query: Query = NUMBER, days: int = 30, **more: Any) -> Watch:
    until_us = CLOCK.now_us() + days * DAY_US
    return Watch(query, until_us, until_us, **more)


async def say(liar: Liar, body: Body, **changes: Any) -> str:
    expires = {"expires_us": body.until_us} if isinstance(body, Watch) else {}
    return code(await liar.say(body, **(expires | changes)))


def state(world: World, liar: Liar) -> ThreadState | None:
    thread = vn(world).desk.parts.store.thread(ThreadKey(liar.member, liar.thread))
    return thread.state if thread is not None else None


async def stands(world: World) -> Liar:
    """A watch of Thailand that stands."""
    liar = Liar(world)
    assert await say(liar, watch()) == "taken"
    await until(lambda: state(world, liar) is ThreadState.ANSWERED, "it is acknowledged")
    return liar


NOTHING: tuple[Query, ...] = (
    *(PersonQuery((NameForm(name),)) for name in ("\u0e34\u0e34", "*", "%", ".", "🙂", "UNKNOWN", "\u200b\u0301")),
    PersonQuery((NameForm("\u0e48\u0e49"),), PartialDate("1990")),
    DocumentQuery("%%"),
    NationalIdQuery("---"),
    ContainerQuery("????"),
    VehicleQuery("*"),
    VehicleQuery("1"),
    VesselQuery(name="๎๎"),
)

WRONG: dict[str, tuple[Watch, dict[str, Any], str]] = {
    **{f"nothing to look for {number}": (watch(query), {}, "bad-query") for number, query in enumerate(NOTHING)},
    "an issuer of two letters (CASE-N220)": (watch(DocumentQuery("AC8375301", "VN")), {}, "bad-query"),
    "a Buddhist year of birth (CASE-N220)": (
        watch(PersonQuery((NameForm("Nguyen Van An"),), PartialDate("2524"))),
        {},
        "bad-query",
    ),
    "one letter": (watch(PersonQuery((NameForm("A"),))), {}, "too-wide"),
    "all of one name": (watch(PersonQuery((NameForm("Nguyen"),))), {}, "too-wide"),
    "names that cost too much": (
        watch(PersonQuery(tuple(NameForm("阮" * 60 + str(number)) for number in range(8)))),
        {},
        "query-too-costly",
    ),
    "no case": (watch(), {"case": "", "ticket": "TH-1"}, "case-missing"),
    "another purpose": (watch(), {"purpose": Purpose.STATISTICS}, "purpose-not-covered"),
    "delivered for longer than it stands": (watch(), {"expires_us": CLOCK.now_us() + 90 * DAY_US}, "bad-watch"),
    "an agreement that is none": (watch(), {"agreement": "no-such"}, "agreement-unknown"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_watch_that_cannot_stand_is_refused_with_an_entry_and_nothing_is_watched(
    world: World, name: str
) -> None:
    body, changes, wanted = WRONG[name]
    liar = Liar(world)
    assert await say(liar, body, **changes) == wanted
    assert (state(world, liar), kinds(vn(world), liar.thread)) == (None, ["refused"])
    vn(world).desk.watches.watching.load()
    assert vn(world).desk.watches.watching.book.get(ThreadKey(TH, liar.thread)) is None


async def test_one_that_stands_for_longer_than_90_days_does_not_parse(world: World) -> None:
    def until_then(message: Any) -> None:
        message.until_time.FromMicroseconds(CLOCK.now_us() + 91 * DAY_US)

    async def refusal(change: Any) -> str:
        liar = Liar(world)
        return code(await liar.send(liar.forged(liar.notice(watch()), change)))

    assert await refusal(until_then) == "bad-time"
    assert await refusal(lambda message: message.revalidate_by_time.FromMicroseconds(2**50)) == "bad-time"
    assert await refusal(lambda message: message.ClearField("document")) == "missing-query"


def standing(world: World) -> int:
    """How many watches of Thailand stand or are paused."""
    states = (ThreadState.OPEN, ThreadState.ANSWERED, ThreadState.PAUSED)
    return vn(world).desk.parts.store.count_theirs(ThreadKind.WATCH, states, TH, 99)


async def test_too_many_watches_of_one_member_are_refused_until_some_end(world: World) -> None:
    liar, idle = await stands(world), await stands(world)
    assert await say(idle, Status(idle.thread, StatusCode.PAUSED, "not-revalidated"), seen=1) == "taken"
    count = standing(world)
    with budget(vn(world), NoticeType.WATCH, open=count):
        assert await say(Liar(world), watch()) == "budget-open"
        assert await say(liar, Change(ChangeCode.WITHDRAWN, of=liar.thread)) == "taken"
        assert await say(Liar(world), watch()) == "taken", "before any round has counted anew"
        assert await say(idle, watch(), seen=1) == "taken", "one that was paused has its place"
        assert standing(world) == count


async def test_a_renewal_asks_the_same_and_only_what_the_table_has_is_said(world: World) -> None:
    liar = await stands(world)
    seen = {"seen": 1}
    assert await say(liar, watch(DocumentQuery("C1", "VNM")), **seen) == "other-matter"
    assert await say(liar, watch(no_tip_off=True), **seen) == "other-matter"
    assert await say(liar, Reply(ReplyCode.HIT, hits=(HIT,)), **seen) == "not-now"
    reach = Watched(("x",), (), CLOCK.now_us())
    acknowledged = Status(liar.thread, StatusCode.ACKNOWLEDGED, watched=reach)
    assert await say(liar, acknowledged, **seen) in ("not-now", "wrong-notice")
    assert await say(liar, Status(ExchangeId("0f" * 16), StatusCode.PAUSED), **seen) == "wrong-notice"
    assert work(world, liar.thread) == []
    assert await say(liar, Status(liar.thread, StatusCode.PAUSED, "not-revalidated"), **seen) == "taken"
    await until(lambda: not vn(world).desk.watches.watching.book.get(ThreadKey(TH, liar.thread)), "it stands still")
    assert await say(liar, watch(), **seen) == "taken"


async def test_a_hit_that_was_told_to_another_member_or_never_cannot_be_followed_up(world: World) -> None:
    th = Liar(world)
    assert await say(th, watch(PASSPORT)) == "taken"
    store, key = vn(world).desk.parts.store, ThreadKey(TH, th.thread)
    await until(lambda: any(row.placed.code == "HIT" for row in store.notices(key)), "it is told")
    (copy,) = store.holdings(direction=Direction.OUT, holder=TH)
    row = store.notice(TH, copy.source)
    assert row is not None
    (hit,) = _hits(row.envelope)
    place = RecordPlace(row.notice_id, row.payload_hash, 0, 0, hit.reference)
    told = Ask(About.HIT, "12 kg", hit=place)
    assert code(await Liar(world, KH).say(told)) == "no-such-exchange"
    assert code(await Liar(world).say(replace(told, hit=replace(place, answer_hash=b"\1" * 32)))) == "wrong-answer"
    assert code(await Liar(world).say(replace(told, hit=replace(place, reference="r-1")))) == "wrong-hit"
    assert code(await Liar(world).say(replace(told, hit=replace(place, record="ab" * 16)))) == "wrong-record"
    assert code(await Liar(world).say(replace(told, hit=replace(place, exchange_id=th.thread)))) == "no-such-exchange"
    assert code(await Liar(world).say(told)) == "taken"


def _hits(envelope: bytes) -> tuple[Hit, ...]:
    body = parse_notice(envelope).body
    assert isinstance(body, Reply)
    return body.hits
