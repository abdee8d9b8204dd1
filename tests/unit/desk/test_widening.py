"""Two persons as a property: made from the table of acts, for each act and each way to make more."""

from __future__ import annotations

from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gateway.audit.acts.desk_acts import DESK_ACTS, Needs, needs_of
from gateway.desk.acting.home import Stand
from gateway.desk.alerts import values as alerts
from gateway.desk.alerts.values import OwnAddressee, OwnAlert
from gateway.desk.entries import desk_act
from gateway.desk.oversight import frozen
from gateway.desk.oversight.frozen import Freeze, FreezeStep, Stage
from gateway.desk.reports import values as reports
from gateway.desk.reports.values import OwnReport, Reader
from gateway.desk.rooms import values as rooms
from gateway.desk.rooms.values import HomeRoom
from gateway.desk.second_step import packages
from gateway.desk.watches import values as watches
from gateway.desk.watches.values import OwnAddressee as Watcher
from gateway.desk.watches.values import OwnWatch
from gateway.desk.widening import Way, Widens, check_alone, ways
from gateway.errors import Forbidden
from gateway.model.desk.attachments import Attachment, MediaType
from gateway.model.desk.notices import About, Ask, Urgency
from gateway.model.desk.rooms import RoomMember, RoomRole
from gateway.model.desk.threads import ThreadKey, ThreadKind
from gateway.model.marking import Level
from gateway.model.names import ExchangeId, MemberId, new_exchange_id
from gateway.model.purpose import Offence, Purpose
from tests.support.alerts import FUGITIVE, author
from tests.support.shared import PROJECT
from tests.support.tables import table

TH, VN, LA = MemberId("th"), MemberId("vn"), MemberId("la")
ONE, DAY_US = ExchangeId("1" * 32), 86_400_000_000
WHO = author().officer
GROUND: dict[str, Any] = {"purpose": Purpose.INVESTIGATION, "offence": Offence.NARC, "case": "TH-1"}

ALERT = OwnAlert(
    **GROUND,
    id=ONE,
    author=WHO,
    to=(OwnAddressee(VN, ("vn.blo.one",), ONE, "mou"),),
    fields=FUGITIVE,
    ticket="",
    urgency=Urgency.PRIORITY,
    raised_us=DAY_US,
    until_us=3 * DAY_US,
    repeat_s=120,
    to_life=False,
    hidden_until_us=2 * DAY_US,
    record="",
    signed_us=DAY_US,
    stand=Stand.WAITING,
    operation="th.1",
)
WATCH = OwnWatch(
    **GROUND,
    id=ONE,
    author=WHO,
    to=(Watcher(VN, ONE, "mou"),),
    kind="document",
    asked={"number": "P4471209"},
    raised_us=DAY_US,
    until_us=3 * DAY_US,
    revalidate_by_us=2 * DAY_US,
    no_tip_off=True,
    stand=Stand.PAUSED,
)
REPORT = OwnReport(
    **GROUND,
    id=ONE,
    author=WHO,
    fields={"summary": "by lorry"},
    lang="en",
    level=Level.OFFICIAL,
    wanted=(VN,),
    written_us=DAY_US,
    until_us=3 * DAY_US,
    to=(Reader(VN, ONE, "mou"),),
    left=(),
    stand=Stand.WAITING,
)
ROOM = HomeRoom(
    **GROUND,
    id="th.1",
    title="Mekong night",
    template="joint-operation",
    ticket="",
    urgency=Urgency.PRIORITY,
    start_us=2 * DAY_US,
    end_us=3 * DAY_US,
    by=WHO,
    opened_us=DAY_US,
    stand=Stand.WAITING,
    own=RoomMember(TH, RoomRole.LEAD, ("th.blo.one",)),
    to=(RoomMember(VN, RoomRole.PARTNER, ("vn.blo.one",)),),
)
FREEZE = Freeze(ONE, "th.o.1042", (FreezeStep(Stage.FROZEN, "th.o.h3", DAY_US),))
ASK = Ask(About.HIT, "seen at the bridge", fields=("birth",))
APPROVED: dict[type, Widens] = {
    OwnAlert: alerts.WIDENS,
    OwnWatch: watches.WIDENS,
    OwnReport: reports.WIDENS,
    HomeRoom: rooms.WIDENS,
    Ask: packages.WIDENS,
    Freeze: frozen.WIDENS,
}
MATTERS: dict[ThreadKind, msgspec.Struct] = {
    ThreadKind.ALERT: ALERT,
    ThreadKind.WATCH: WATCH,
    ThreadKind.REPORT: REPORT,
    ThreadKind.ROOM: ROOM,
    ThreadKind.ASK: ASK,
    ThreadKind.SERVICE: FREEZE,
}
MORE: dict[tuple[type, str], Any] = {
    (OwnAlert, "to"): (*ALERT.to, OwnAddressee(LA, (), ONE, "mou")),
    (OwnWatch, "to"): (*WATCH.to, Watcher(LA, ONE, "mou")),
    (OwnReport, "to"): (*REPORT.to, Reader(LA, ONE, "mou")),
    (OwnReport, "wanted"): (VN, LA),
    (HomeRoom, "to"): (*ROOM.to, RoomMember(LA, RoomRole.OBSERVER)),
    (HomeRoom, "own"): replace(ROOM.own, offices=("th.blo.one", "th.blo.two")),
    (OwnAlert, "hidden_until_us"): DAY_US,
    (HomeRoom, "start_us"): DAY_US,
    (OwnReport, "stand"): Stand.PUBLISHED,
    (Freeze, "steps"): (*FREEZE.steps, FreezeStep(Stage.LIFTED, "th.o.s1", 2 * DAY_US)),
    (Ask, "fields"): (),
    (Ask, "hit"): "another",
    (Ask, "use"): "another",
}
"""Values that are more, where the type of the value before does not say which ones are."""


def fields_with_a_way() -> list[tuple[msgspec.Struct, str, Way]]:
    """Return each field of each kind of matter of which a change can make more."""
    return [
        (matter, name, part[0])
        for matter in MATTERS.values()
        for name, part in APPROVED[type(matter)].items()
        if not isinstance(part, str)
    ]


def more(matter: msgspec.Struct, name: str) -> msgspec.Struct:
    """Return a matter that is more by one of its fields."""
    before = getattr(matter, name)
    if (type(matter), name) in MORE:
        after = MORE[type(matter), name]
    elif name == "stand":
        after = type(before)("on")
    elif isinstance(before, Enum):
        after = next(one for one in type(before) if one is not before)
    elif isinstance(before, bool):
        after = not before
    elif isinstance(before, int):
        after = before + 1
    elif isinstance(before, dict):
        after = before | {"more": "words"}
    elif isinstance(before, str):
        after = f"{before}2"
    elif isinstance(before, tuple):
        after = (Attachment("a.pdf", MediaType.PDF, 1, bytes(32), Level.OFFICIAL),)
    else:
        after = replace(before, person="th.o.2")
    assert after != before
    return replace(matter, **{name: after})


@pytest.mark.parametrize("kind", MATTERS)
def test_every_field_of_a_matter_says_in_which_way_it_is_more_or_why_not(kind: ThreadKind) -> None:
    matter = MATTERS[kind]
    assert set(APPROVED[type(matter)]) == set(matter.__struct_fields__)
    assert all(part for part in APPROVED[type(matter)].values())


@table(("matter", "name", "way"), fields_with_a_way())
def test_more_of_any_field_is_seen_and_the_same_and_the_way_back_of_a_time_or_reader_are_not(
    matter: msgspec.Struct, name: str, way: Way
) -> None:
    wider = more(matter, name)
    assert ways(APPROVED[type(matter)], matter, wider) == {way}
    assert not ways(APPROVED[type(matter)], matter, matter)
    if way in (Way.LONGER, Way.READERS) and name != "own":
        assert not ways(APPROVED[type(wider)], wider, matter)


def test_fewer_offices_are_less_and_all_offices_are_more() -> None:
    offices = [(), ("vn.blo.one", "vn.blo.two"), ("vn.blo.one",)]
    raised = [replace(ALERT, to=(replace(ALERT.to[0], offices=some),)) for some in offices]
    for before, after in pairwise(raised):
        assert not ways(alerts.WIDENS, before, after)
        assert ways(alerts.WIDENS, after, before) == {Way.READERS}
    assert not ways(alerts.WIDENS, ALERT, replace(ALERT, to=()))


def test_an_ask_for_fewer_fields_is_less_and_words_for_who_decides_are_no_more() -> None:
    assert not ways(packages.WIDENS, replace(ASK, fields=()), ASK)
    assert not ways(packages.WIDENS, ASK, replace(ASK, facts="it was the other bridge", held_until_us=DAY_US))


def acts_and_fields() -> list[tuple[str, msgspec.Struct, str]]:
    return [
        (act, matter, name)
        for act, needs in DESK_ACTS.items()
        for matter, name, _ in fields_with_a_way()
        if needs.of is not None and matter is MATTERS[needs.of]
    ]


@table(("act", "matter", "name"), acts_and_fields())
def test_no_act_of_one_person_makes_more_of_what_two_approved(act: str, matter: msgspec.Struct, name: str) -> None:
    """Also an act that asks for more: what it asks for stands beside the matter, and has no effect."""
    check_alone(act, APPROVED[type(matter)], matter, matter)
    if needs_of(act).approves:
        check_alone(act, APPROVED[type(matter)], matter, more(matter, name))
        return
    with pytest.raises(Forbidden) as refused:
        check_alone(act, APPROVED[type(matter)], matter, more(matter, name))
    assert refused.value.code == "persons-needed"


@table(("act", "needs"), list(DESK_ACTS.items()))
def test_every_act_says_how_many_persons_it_needs_and_why(act: str, needs: Needs) -> None:
    assert len(needs.why) > 30
    assert needs.persons == (2 if needs.asks or needs.approves else 1)
    assert not (needs.asks and needs.approves)
    for asked in needs.approves:
        assert DESK_ACTS[asked].asks, "what is approved was asked for"
        assert DESK_ACTS[asked].of is needs.of


BY_NOTICES = {"draft", "first-decision"}
"""Acts that ask, whose second person stands in the entry of the notice that leaves."""


def test_what_asks_is_approved_by_one_act() -> None:
    approved = [asked for needs in DESK_ACTS.values() for asked in needs.approves]
    assert sorted([*approved, *BY_NOTICES]) == sorted(act for act, needs in DESK_ACTS.items() if needs.asks)


def test_an_act_that_is_not_in_the_table_is_not_done_and_no_row_is_idle() -> None:
    with pytest.raises(Forbidden) as refused:
        desk_act(WHO, "open-the-door", ThreadKey(TH, new_exchange_id()))
    assert refused.value.code == "unknown-act"
    told = "".join(path.read_text() for path in (PROJECT / "gateway").rglob("*.py") if _acts(path))
    composed = {
        f"{word}-{what}" for word in ("approve", "decline") for what in ("alert", "freeze", "lift", "report", "watch")
    } | {"read-freezes"}
    assert [act for act in DESK_ACTS if f'"{act}"' not in told and act not in composed] == []


def _acts(path: Path) -> bool:
    return path.name != "desk_acts.py"
