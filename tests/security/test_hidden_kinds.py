"""What a person may not read is refused as what is not there: each kind, each act, by use case, by page and by form."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from gateway.desk.acting.home import home_key
from gateway.desk.acting.parts import Actor
from gateway.desk.rooms.values import home_key as room_key
from gateway.desk.worklist.uses import DeskUses
from gateway.errors import Forbidden, LiaisonError, Unknown
from gateway.model.desk.codes import ChangeReason
from gateway.model.desk.notices import Note, OutcomeCode, OutcomeReport
from gateway.model.desk.work import Role, WorkKind
from gateway.model.handed.alerts import Addressee, RaiseAlert
from gateway.model.handed.freezes import AskFreeze
from gateway.model.handed.incidents import NewsCode, TellNews
from gateway.model.handed.operations import Invited, OpenRoom
from gateway.model.handed.reports import WriteReport
from gateway.model.handed.tokens import HeldDocument, IssueToken
from gateway.model.handed.watches import AddWatch
from gateway.model.handed.work import Mark, Verdict
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import VehicleQuery
from tests.golden.world import Ground, content, ground
from tests.support.desk_rows import START_US
from tests.support.exchange import VN
from tests.support.matters import send
from tests.support.second_step import actor, hit, step, works
from tests.support.waiting import until

on_one_loop = pytest.mark.asyncio(loop_scope="module")
AUTHOR = actor("th", "1042", Role.OFFICER)
SECURITY, HEAD = actor("th", "s1", Role.SECURITY_OFFICER), actor("th", "h3", Role.HEAD_OF_DESK)
KEEPER = actor("vn", "p1", Role.DATA_OFFICER, agency="immigration")
NOTHING = OutcomeReport(OutcomeCode.NO_ACTION)
ABSENT = ExchangeId("0" * 32)
TH = MemberId("th")

Act = Callable[[DeskUses, Actor, ExchangeId], Awaitable[object]]


class Kind(NamedTuple):
    """A kind with its acts. `show` reads one; `page` is its path, with the ends of the forms below it."""

    show: Act
    acts: tuple[Act, ...]
    page: str
    forms: Mapping[str, Mapping[str, str]]
    hidden_from: tuple[str, ...] = ("th.o.2000",)
    """Persons with a console, of whom none may read it."""

    member: str = "th"


async def _found(uses: DeskUses, who: Actor, name: ExchangeId) -> object:
    return uses.rooms.find(who, f"th.{name}")


def _room(act: str, *said: Any) -> Act:
    return lambda uses, who, name: getattr(uses.rooms, act)(who, f"th.{name}", *said)


KINDS: Mapping[str, Kind] = {
    "alert": Kind(
        lambda uses, who, name: uses.own_alerts.show(who, name),
        (
            lambda uses, who, name: uses.alerts.read_own(who, name),
            lambda uses, who, name: uses.own_alerts.approve(who, name, "", "read"),
            lambda uses, who, name: uses.own_alerts.decline(who, name, "no", "read"),
            lambda uses, who, name: uses.own_alerts.renew(who, name, 2**60),
            lambda uses, who, name: uses.own_alerts.lift(who, name, "found"),
            lambda uses, who, name: uses.own_alerts.close(who, name, NOTHING),
        ),
        "/alerts",
        {"approve": {"act": "approve"}, "renew": {"lasts": "24"}, "lift": {"why": "found"}, "close": {}},
    ),
    "report": Kind(
        lambda uses, who, name: uses.own_reports.show(who, name),
        (
            lambda uses, who, name: uses.library.read(who, name),
            lambda uses, who, name: uses.library.object_to(who, name),
            lambda uses, who, name: uses.own_reports.approve(who, name, "", "read"),
            lambda uses, who, name: uses.own_reports.decline(who, name, "no", "read"),
            lambda uses, who, name: uses.own_reports.withdraw(who, name, "outdated"),
        ),
        "/reports",
        {"approve": {"act": "approve"}, "withdraw": {"why": "outdated"}, "object": {"object-words": "a name"}},
        ("th.o.s1",),
    ),
    "watch": Kind(
        lambda uses, who, name: uses.watches.show(who, name),
        (
            lambda uses, who, name: uses.watches.approve(who, name, "", "read"),
            lambda uses, who, name: uses.watches.decline(who, name, "no", "read"),
            lambda uses, who, name: uses.watches.renew(who, name),
            lambda uses, who, name: uses.watches.end(who, name),
        ),
        "/watches",
        {"approve": {"act": "approve"}, "renew": {"needed": "yes"}, "end": {"ended": "over"}},
    ),
    "operation": Kind(
        _found,
        (
            lambda uses, who, name: uses.rooms.approve_work(who, room_key(TH, f"th.{name}"), "read"),
            lambda uses, who, name: uses.rooms.decline_work(who, room_key(TH, f"th.{name}"), "no", "read"),
            lambda uses, who, name: uses.rooms.of_thread(who, room_key(TH, f"th.{name}")),
            _room("invite", (Invited(VN),)),
            _room("seal"),
            _room("join"),
            _room("leave"),
            _room("note", Note("en", "a lorry")),
            _room("outcome", NOTHING),
        ),
        "/operations",
        {"join": {}, "leave": {}, "seal": {"act": "seal"}, "note": {"text": "a lorry"}, "outcome": {}},
        ("th.o.s1",),
    ),
    "freezing": Kind(
        lambda uses, who, name: uses.freezes.show(who, name),
        (
            lambda uses, who, name: uses.freezes.approve_work(who, home_key(TH, name), "read"),
            lambda uses, who, name: uses.freezes.decline_work(who, home_key(TH, name), "no", "read"),
            lambda uses, who, name: uses.freezes.lift(who, name, "over"),
        ),
        "/freezes",
        {"decide": {"do": "approve"}, "lift": {"reason": "over"}},
        ("th.o.2000", "th.o.h3"),
    ),
    "incident": Kind(
        lambda uses, who, name: uses.incidents.show(who, name),
        (
            lambda uses, who, name: uses.incidents.add(who, name, "more"),
            lambda uses, who, name: uses.incidents.close(who, name),
        ),
        "/incidents",
        {"": {"do": "more", "incident-text": "more"}},
    ),
    "token": Kind(
        lambda uses, who, name: uses.misuse.show(who, name),
        (lambda uses, who, name: uses.misuse.withdraw(who, name, ChangeReason.MISTAKEN),),
        "/misuse",
        {"withdraw": {"reason": "mistaken"}},
        ("vn.o.p9", "vn.o.d7"),
        "vn",
    ),
}  # fmt: skip


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def there(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    async with ground(tmp_path_factory.mktemp("hidden"), START_US) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def names(there: Ground) -> dict[str, ExchangeId]:
    """One of each kind: those of th.o.1042, what the security officer did, and a token of Viet Nam."""
    uses, vn = there.world.nodes["th"].desk.uses, there.world.nodes["vn"].desk.uses
    purpose, offence, case = Purpose.INVESTIGATION, Offence.NARC, "TH-2026-17"
    fields = {"alert_class": "DISCREET_CHECK", "objects": [{"kind": "vehicle", "plate": "A 1"}], "reason": "x"}
    method = {"method": "tablets under a floor", "indicators": ["new welds"], "period": "2026-03/2026-05"}
    told = WriteReport(method | {"route": [{"crossing": "mae-sai.tachilek"}]}, "en", purpose, offence, case=case)
    watch = AddWatch(to=(VN,), subject=VehicleQuery("A 1"), purpose=purpose, offence=offence, case=case)
    end_us = there.world.nodes["th"].core.parts.clock.now_us() + 10**12
    room = OpenRoom(to=(Invited(VN),), title="Mekong night", end_us=end_us, purpose=purpose, offence=offence, case=case)
    mark = Mark(search_id=await hit(there.world), peer=VN, hit=0, verdict=Verdict.NOT_SAME, reason="another birth")
    await step(there.world, "th").marks.mark(AUTHOR, mark)
    await until(lambda: bool(works(there.world.nodes["vn"], WorkKind.DISTINGUISH)), "the owner has work")
    (work,) = works(there.world.nodes["vn"], WorkKind.DISTINGUISH)
    token = await vn.misuse.issue(KEEPER, IssueToken(work.id, (HeldDocument("P4471209", "THA"),), "signed paper"))
    return {
        "alert": await uses.own_alerts.raise_alert(
            AUTHOR, RaiseAlert((Addressee(VN),), fields, purpose, offence, case)
        ),
        "report": await uses.own_reports.publish(AUTHOR, told),
        "watch": await uses.watches.add(AUTHOR, watch),
        "operation": ExchangeId((await uses.rooms.open(AUTHOR, room)).partition(".")[2]),
        "freezing": await uses.freezes.ask(SECURITY, AskFreeze("th.o.h3", "asked for his family")),
        "incident": await uses.incidents.tell(SECURITY, TellNews(code=NewsCode.DRILL, text="a drill")),
        "token": ExchangeId(token.said.id),
    }


async def code(act: Act, uses: DeskUses, who: Actor, name: ExchangeId) -> str:
    """The kind and code of a refusal, and its words without the name; empty where it was done."""
    try:
        await act(uses, who, name)
    except LiaisonError as error:
        return f"{type(error).__name__} {error.code}: {error}".replace(name, "…")
    return ""


@on_one_loop
@pytest.mark.parametrize("kind", KINDS)
async def test_n316_no_act_tells_a_person_that_something_is_there_which_the_person_may_not_read(
    there: Ground, names: dict[str, ExchangeId], kind: str
) -> None:
    one, name = KINDS[kind], names[kind]
    uses, me = there.world.nodes[one.member].desk.uses, one.member
    people = [actor(me, "z", role, agency="customs", office=f"{me}.blo.two") for role in Role]
    people += [HEAD, actor("th", "2000", Role.OFFICER), actor("th", "9", Role.ADMINISTRATOR)] if me == "th" else []
    hidden = [who for who in people if await code(one.show, uses, who, name)]
    for who in hidden:
        for act in (one.show, *one.acts):
            there_too, absent = [await code(act, uses, who, each) for each in (name, ABSENT)]
            assert there_too == absent, (kind, who.person)
            assert there_too.startswith((Forbidden.__name__, Unknown.__name__)), there_too
    said = "\n".join([await code(one.show, uses, who, name) for who in hidden])
    assert "no-such" in said or kind in ("report", "incident"), "but for these a role reads its own agency's"
    assert "role-not-permitted" in said


@on_one_loop
@pytest.mark.parametrize("kind", KINDS)
async def test_n316_no_page_and_no_form_tells_it_either(there: Ground, names: dict[str, ExchangeId], kind: str) -> None:
    one = KINDS[kind]
    prefix = "th." if kind == "operation" else ""
    for person in one.hidden_from:
        seen = []
        for name in (names[kind], ABSENT):
            path = f"{one.page}/{prefix}{name}"
            browser = await there.browser(person)
            answers = [await there.see(person, path)]
            for number, (end, fields) in enumerate(one.forms.items()):
                form = f"{name[:12]}{number:A>10}"
                answers.append(await send(browser, f"{path}/{end}".rstrip("/"), fields, form=form))
            seen.append([(each.status_code, content(each.text).replace(name, "…")) for each in answers])
        assert seen[0] == seen[1], (kind, person)
        assert {status for status, _ in seen[0]} <= {400, 403, 404}, (kind, person)


@on_one_loop
async def test_the_id_of_another_kind_names_nothing(there: Ground, names: dict[str, ExchangeId]) -> None:
    uses = there.world.nodes["th"].desk.uses
    for kind, one in KINDS.items():
        for other, name in names.items():
            if kind != other and one.member == "th":
                for who in (AUTHOR, SECURITY):
                    found = await code(one.show, uses, who, name)
                    assert found == await code(one.show, uses, who, ABSENT), (kind, other)
