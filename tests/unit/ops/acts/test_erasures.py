"""Acts of erasing, and retention: what a node does by itself, and what it does not by a clock that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.acts.table import ActKind, Lane
from gateway.audit.retention.holds import HoldAction, HoldOrder, placed_entry, read_holds
from gateway.clock import ManualClock
from gateway.config import Home
from gateway.config.sections.desk import RetentionMonths
from gateway.errors import Forbidden, StorageBroken
from gateway.model.names import MemberId
from gateway.ops.acts.draft import draft_act
from gateway.ops.acts.erasures import ErasureDesk
from gateway.ops.acts.mailbox import Mailbox, Order
from gateway.ops.acts.prove import HomeTrust, Used
from gateway.ports.content_keys import Retention
from gateway.signing.dsse import decode64
from gateway.signing.keys import load_signing_key
from tests.support.audit_logs import NOON, LogHome, answered
from tests.support.erasing import Open, opened
from tests.support.federation import make_federation
from tests.support.persons import person_key

TH = MemberId("th")


@pytest.fixture
def home(tmp_path: Path) -> LogHome:
    made = LogHome(tmp_path / "home", clock=ManualClock(NOON))
    made.folder.mkdir()
    make_federation(tmp_path / "fed", ("th", "vn"), made.clock)
    with made.log() as log:
        log.append([answered(private={"case": "old"}, retention=Retention.HIT) for _ in range(3)])
    return made


def trusted(home: LogHome) -> Home:
    """The home of the federation whose descriptor lists who may sign."""
    return Home(home.folder.parent / "fed" / "th")


def signed(home: LogHome, kind: ActKind, detail: Mapping[str, Any], reason: str = "x") -> Order:
    """An act that two data officers signed."""
    keys = [load_signing_key(person_key(trusted(home).path, name)) for name in ("data1", "data2")]
    data = draft_act(HomeTrust(trusted(home), TH, home.clock), kind, reason, detail, keys)
    return Order(kind, document=data.decode())


def entries(*indexes: Any) -> dict[str, Any]:
    return {"entries": {"exchange/1": list(indexes)}, "ground": "entry"}


def desk(it: Open, *, timely: bool = True, proved: Callable[[], bool] = lambda: True) -> ErasureDesk:
    def check() -> None:
        if not timely:
            raise Forbidden("the clock", code="time-not-proved")

    mailbox = Mailbox(it.home.folder / "acts")
    trust = HomeTrust(trusted(it.home), TH, it.home.clock)
    used = Used(it.documents, it.store, it.keys)
    return ErasureDesk(it.one, mailbox, trust, used, RetentionMonths(), lambda: None, check, proved)


def later(home: LogHome, days: int) -> None:
    assert isinstance(home.clock, ManualClock)
    home.clock.advance(timedelta(days=days))


@pytest.mark.long
def test_a_node_erases_by_itself_after_three_years_and_not_before(home: LogHome) -> None:
    later(home, 3 * 365)
    with opened(home) as it:
        desk(it).round()
        assert it.erased() == set()
        later(home, 10)
        desk(it).round()
        assert it.erased() == {0, 1, 2}


@pytest.mark.long
def test_nothing_ages_at_a_node_until_somebody_else_vouches_for_its_time(home: LogHome) -> None:
    """Also a hold stays; the round asks again a minute later, and an hour later once it knew."""
    proofs: list[bool] = [False, True]
    asked: list[bool] = []

    def proved() -> bool:
        asked.append(proofs[len(asked)])
        return asked[-1]

    with opened(home) as it:
        order = HoldOrder(
            TH, HoldAction.PLACE, "hold-0123456789ab", "case 7", {"exchange/1": (0,)}, (), home.clock.now_us() + 1
        )
        it.operations.append([placed_entry(order, {})])
        later(home, 3 * 365 + 10)
        made = desk(it, proved=proved)
        made.round()
        assert it.erased() == set()
        assert [hold.ended for hold in read_holds(it.store, it.keys)] == [""]
        made.round()
        assert asked == [False]
        assert isinstance(home.clock, ManualClock)
        home.clock.advance(timedelta(minutes=1))
        made.round()
        assert asked == [False, True]
        assert it.erased() == {0, 1, 2}
        assert [hold.ended for hold in read_holds(it.store, it.keys)] == ["lapsed"]
        home.clock.advance(timedelta(minutes=59))
        made.round()
        assert asked == [False, True]


@pytest.mark.long
def test_nothing_is_erased_by_age_by_a_clock_that_is_not_proved(home: LogHome) -> None:
    before = {"before": {"hit": home.clock.now_us() + 10_000 * 86_400_000_000}}
    with opened(home) as it:
        mailbox, order = Mailbox(home.folder / "acts"), signed(home, ActKind.ERASE_AGE, before)
        mailbox.give(order)
        desk(it, timely=False).run_acts()
        refused = mailbox.result(order)
        assert refused is not None
        assert refused["error"]["code"] == "time-not-proved"
        later(home, 10_000)
        with pytest.raises(Forbidden, match="the clock"):
            desk(it, timely=False).round()
        assert it.erased() == set()
        assert it.operations.size == 0


@pytest.mark.long
def test_a_hold_whose_time_is_over_gets_its_entry_and_holds_nothing(home: LogHome) -> None:
    with opened(home) as it:
        until = home.clock.now_us() + 86_400_000_000
        place = {"exchange/1": (0,)}
        order = HoldOrder(TH, HoldAction.PLACE, "hold-0123456789ab", "case 7", place, (), until)
        it.operations.append([placed_entry(order, {})])
        later(home, 3 * 365 + 10)
        desk(it).round()
        assert [hold.ended for hold in read_holds(it.store, it.keys)] == ["lapsed"]
        assert it.erased() == {0, 1, 2}


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        (ActKind.ERASE_AGE, {}),
        (ActKind.ERASE_AGE, {"before": {"proof": 1}}),
        (ActKind.ERASE_AGE, {"before": {"hit": "1"}}),
        (ActKind.ERASE_ENTRIES, {"entries": {"exchange/1": "1,2"}, "ground": "entry"}),
        (ActKind.ERASE_ENTRIES, entries(True)),
        (ActKind.ERASE_ENTRIES, entries(0) | {"ground": "age"}),
        (ActKind.ERASE_ENTRIES, entries(7)),
    ],
)
def test_an_act_that_says_nothing_that_can_be_erased_is_answered_and_changes_nothing(
    home: LogHome, kind: ActKind, detail: dict[str, Any]
) -> None:
    with opened(home) as it:
        assert refused(it, signed(home, kind, detail))
        assert it.erased() == set()
        assert it.operations.size == 0


@pytest.mark.long
@pytest.mark.parametrize(
    "order",
    [
        Order(ActKind.ERASE_ENTRIES, by="A. Clerk", reason="x", detail=entries(0)),
        Order(ActKind.ERASE_ENTRIES, document="{}"),
        Order(ActKind.HOLD, document="e30="),
        Order(ActKind.HOLD),
    ],
)
def test_an_order_without_an_act_is_answered_and_changes_nothing(home: LogHome, order: Order) -> None:
    with opened(home) as it:
        assert refused(it, order)
        assert it.erased() == set()
        assert it.operations.size == 0


def refused(it: Open, order: Order) -> str:
    """The code with which an act is refused."""
    mailbox = Mailbox(it.home.folder / "acts")
    mailbox.give(order)
    desk(it).run_acts()
    result = mailbox.result(order)
    assert result is not None
    return str(result["error"]["code"])


@pytest.mark.long
def test_rubbish_in_the_mailbox_does_not_stop_the_acts_behind_it(home: LogHome) -> None:
    with opened(home) as it:
        folder = home.folder / "acts"
        mailbox = Mailbox(folder)
        order = signed(home, ActKind.ERASE_ENTRIES, entries(1))
        folder.mkdir(mode=0o700)
        (folder / "0.json").write_bytes(b"\x00{")
        (folder / "long-1.json").write_bytes(b"[]")
        mailbox.give(order)
        desk(it).round()
        assert it.erased() == {1}
        assert mailbox.waiting(Lane.LONG) == []


def test_an_act_that_another_process_takes_between_two_looks_does_not_wait(home: LogHome) -> None:
    mailbox, order = Mailbox(home.folder / "acts"), signed(home, ActKind.SEEK, {})
    mailbox.give(order)
    (mailbox.folder / "long-taken.json").symlink_to("nowhere")  # named in the folder, and gone when it is looked at
    assert mailbox.waiting(Lane.LONG) == [mailbox.place(order)]


@pytest.mark.long
def test_an_erasure_has_its_entry_with_the_signed_act_before_any_key_is_destroyed(home: LogHome) -> None:
    with opened(home) as it:
        order = signed(home, ActKind.ERASE_ENTRIES, entries(0, 2), "asked in error")
        mailbox = Mailbox(home.folder / "acts")
        mailbox.give(order)
        desk(it).run_acts()
        told, *destroyed = it.shown("operations/1")
        assert (told.entry.kind, {item.entry.kind for item in destroyed}) == ("erasure-ordered", {"key-destroyed"})
        assert decode64(told.private["act"]).decode() == order.document
        assert [person["role"] for person in told.private["persons"]] == ["data-officer"] * 2
        assert (told.private["proof"], told.private["reason"]) == ("signatures", "asked in error")
        assert {item.private["order"] for item in destroyed} == {told.private["order"]}
        assert it.erased() == {0, 2}


@pytest.mark.long
def test_an_erasure_that_was_cut_off_after_its_entry_goes_on_and_has_no_second_entry(
    home: LogHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = signed(home, ActKind.ERASE_ENTRIES, entries(1))
    mailbox = Mailbox(home.folder / "acts")
    mailbox.give(order)
    with opened(home) as it:
        cut = desk(it)
        monkeypatch.setattr(cut.eraser, "targets", _cut)
        with pytest.raises(StorageBroken):
            cut.run_acts()
        assert (it.operations.size, it.erased()) == (1, set())
    with opened(home) as it:
        desk(it).run_acts()
        kinds = [shown.entry.kind for shown in it.shown("operations/1")]
        assert (kinds[0], kinds.count("erasure-ordered")) == ("erasure-ordered", 1)
        assert it.erased() == {1}
        assert (mailbox.result(order) or {})["erased"]


def _cut(*_: object) -> Any:
    raise StorageBroken("the process ends here", where="test")


def test_n295_two_persons_declare_a_key_lost_and_what_lies_under_it_counts_as_erased(home: LogHome) -> None:
    with opened(home) as it:
        it.documents.put("search", "one", b"what was shown", home.clock.now_us() + 86_400_000_000_000)
        lost = [key for key in it.keys.key_ids() if key.partition("/")[0] in ("hit", "docs")]
        keys = {"entries": {}, "ground": "lost-key", "keys": lost}
        assert refused(it, signed(home, ActKind.ERASE_ENTRIES, keys)) == "key-not-lost"  # it is there
        kept = {key: (home.folder / "keystore" / f"{key}.key").read_bytes() for key in lost}
        for key in lost:
            (home.folder / "keystore" / f"{key}.key").unlink()
    with opened(home) as it:
        assert it.one.content.under_others(it.keys.key_ids()) == {key: 1 for key in lost if key[:4] == "docs"} | {
            key: 3 for key in lost if key[:3] == "hit"
        }
        assert refused(it, signed(home, ActKind.ERASE_ENTRIES, entries(0))) == "no-key"
        assert refused(it, signed(home, ActKind.ERASE_ENTRIES, keys)) == "key-not-lost"  # its month is not over
        later(home, 40)
        order = signed(home, ActKind.ERASE_ENTRIES, keys)
        mailbox = Mailbox(home.folder / "acts")
        mailbox.give(order)
        desk(it).run_acts()
        done = mailbox.result(order)
        assert done is not None
        assert {item["key_id"]: item["entries"] for item in done["erased"]} == {
            key: {"exchange/1": 3} if key[:3] == "hit" else {} for key in lost
        }
        assert it.erased() == {0, 1, 2}
        assert not it.one.content.under_others(it.keys.key_ids())
        for key, value in kept.items():  # a backup brings them back
            (home.folder / "keystore" / f"{key}.key").write_bytes(value)
        assert desk(it).eraser.resume() == len(lost)
        assert all(map(it.keys.is_destroyed, lost))


def test_an_act_is_carried_out_once_by_whatever_name_its_copy_comes(home: LogHome) -> None:
    order = signed(home, ActKind.SEEK, {})
    with opened(home) as it:
        mailbox = Mailbox(home.folder / "acts")
        mailbox.give(order)
        desk(it).run_acts()
        assert mailbox.result(order) == {}
        assert refused(it, Order(ActKind.SEEK, document=order.document)) == "act-known"
        assert it.operations.size == 1
