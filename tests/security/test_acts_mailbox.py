"""What lies in the mailbox of acts, and in the file of suspensions, stops nothing and proves nothing (CASE-L6)."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.audit.acts.act import parse_act
from gateway.audit.acts.table import ActKind, Lane
from gateway.audit.reading.inspection import Action as Inspecting
from gateway.audit.reading.inspection import Inspection, sign_inspection
from gateway.audit.retention.holds import HoldAction, HoldOrder, seal_hold
from gateway.clock import SystemClock
from gateway.config import Home, Suspensions
from gateway.config.suspensions import Action, Switch
from gateway.errors import Misconfigured, NotWritten, StorageBroken
from gateway.host.durable import make_folder
from gateway.model.names import MemberId
from gateway.ops.acts import switches as switches_module
from gateway.ops.acts.carry import bring, carry_out
from gateway.ops.acts.draft import draft, trust_of
from gateway.ops.acts.mailbox import Mailbox, Order
from gateway.ops.acts.prove import Used
from gateway.ops.acts.switches import append, history
from gateway.ops.acts.unwitnessed_start import take_unwitnessed_start
from gateway.ops.homes.open_home import open_home
from gateway.ops.homes.persons import admit_person
from gateway.signing.keys import SigningKey, load_signing_key
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.trust.ceremony.ceremony import publish_descriptor, publish_status
from gateway.trust.documents.descriptor import KeyUse
from tests.security.test_acts import active, code_of, desks, kinds, resuming
from tests.support.cli import Liaison, copy_federation
from tests.support.load import waiting
from tests.support.loop_watch import loop_watch
from tests.support.persons import person_key

PEER, ALL = "peer:vn", "all"


@pytest.fixture
def home(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Path:
    copy_federation(Liaison(capsys), tmp_path, ("th", "vn"))
    return tmp_path / "th"


def written(name: str, **changes: object) -> bytes:
    """An act of the machine itself, as a file may say it."""
    value = {"by": "", "detail": {}, "document": "", "id": name, "kind": "look-up", "reason": "", "token": ""}
    return json.dumps(value | changes).encode()


def pipe(place: Path) -> None:
    os.mkfifo(place)


def folder(place: Path) -> None:
    (place / "x").mkdir(parents=True)


def dangling(place: Path) -> None:
    place.symlink_to(place.with_name("nothing"))


def loop(place: Path) -> None:
    place.symlink_to(place)


def huge(place: Path) -> None:
    place.touch()
    os.truncate(place, 1 << 40)


def cut(place: Path) -> None:
    place.write_bytes(written("x")[:30])


def nested(place: Path) -> None:
    place.write_bytes(b'{"detail":' * 200_000)


def twice(place: Path) -> None:
    place.write_bytes(written("x").replace(b'"by": ""', b'"by": "", "by": ""'))


def part_of_its_name(place: Path) -> None:
    place.write_bytes(written(place.stem[-1:]))


def without_id(place: Path) -> None:
    place.write_bytes(written(""))


def answer_is_a_folder(place: Path) -> None:
    place.write_bytes(written(place.stem.partition("-")[2]))
    place.with_suffix(".result").mkdir()


HOSTILE = (
    pipe,
    folder,
    dangling,
    loop,
    huge,
    cut,
    nested,
    twice,
    part_of_its_name,
    without_id,
    answer_is_a_folder,
)


@pytest.mark.parametrize("lane", [Lane.QUICK, Lane.LONG])
@pytest.mark.parametrize("make", HOSTILE)
def test_what_lies_in_the_mailbox_keeps_no_act_waiting(home: Path, make: Callable[[Path], None], lane: Lane) -> None:
    mailbox = Mailbox(Home(home).acts)
    mailbox.folder.mkdir(exist_ok=True)
    make(mailbox.folder / f"{lane}-{'a' * 32}.json")
    order = Order(ActKind.LOOK_UP)
    if lane is Lane.LONG:
        with desks(home) as made:
            made.long.run_acts()
        assert mailbox.waiting(lane) == []
    with waiting() as watch:
        assert carry_out(home, order)["log"] == "operations/1"
    assert watch.seconds < 20
    assert mailbox.waiting(Lane.QUICK) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_a_link_to_the_file_of_another_account_names_nobody(home: Path) -> None:
    mailbox = Mailbox(Home(home).acts)
    mailbox.folder.mkdir(exist_ok=True)
    theirs = home / "theirs.json"
    theirs.write_bytes(written("b" * 32))
    os.chown(theirs, 1, 1)
    (mailbox.folder / f"quick-{'b' * 32}.json").symlink_to(theirs)
    carry_out(home, Order(ActKind.LOOK_UP))
    assert [item["account"] for item in kinds(home, "looked-up")] == ["root"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_an_id_that_is_a_part_of_another_name_takes_no_other_account(home: Path) -> None:
    """`quick-ab.json` with the id `b` would be entered under the owner of `quick-b.json`."""
    mailbox = Mailbox(Home(home).acts)
    mailbox.folder.mkdir(exist_ok=True)
    victim, own = mailbox.folder / "quick-b.json", mailbox.folder / "quick-ab.json"
    victim.write_bytes(written("b"))
    os.utime(victim, (4e9, 4e9))
    own.write_bytes(written("b", reason="mine"))
    os.chown(own, 1, 1)
    carry_out(home, Order(ActKind.LOOK_UP))
    assert [item for item in kinds(home, "looked-up") if item["reason"] == "mine"] == []


@pytest.mark.parametrize(
    "fault", [OSError(30, "read-only file system"), NotWritten("the transaction stood still")], ids=["disk", "database"]
)
def test_an_act_whose_effect_fails_leaves_the_others_their_turn(home: Path, fault: Exception) -> None:
    mailbox = Mailbox(Home(home).acts)
    first, second = Order(ActKind.LOOK_UP, reason="one"), Order(ActKind.LOOK_UP, reason="two")
    mailbox.give(first)
    mailbox.give(second)

    def carried(order: Order) -> dict[str, object]:
        if order.reason == "one":
            raise fault
        return {}

    with pytest.raises(type(fault)):
        mailbox.run(Lane.QUICK, carried)
    assert mailbox.waiting(Lane.QUICK) == [mailbox.place(first)]
    assert mailbox.result(second) == {}


async def test_thousands_of_files_and_a_huge_act_do_not_hold_the_loop(home: Path) -> None:
    mailbox = Mailbox(Home(home).acts)
    mailbox.folder.mkdir(exist_ok=True)
    for number in range(5_000):
        (mailbox.folder / f"rubbish-{number}").touch()
    (mailbox.folder / f"quick-{'c' * 32}.json").write_bytes(written("c" * 32, document="x" * (7 * 1024 * 1024)))
    work = asyncio.create_task(asyncio.to_thread(carry_out, home, Order(ActKind.LOOK_UP)))
    with loop_watch() as watch:
        await work
        await asyncio.sleep(0.01)  # the loop takes the turn that its longest one was before
    assert watch.longest < 0.25, "a tenth of it on a machine that is not shared"


# ---------------------------------------------------------------- the file of suspensions


def lines(home: Path, *written: Switch) -> None:
    text = "".join(json.dumps(asdict(line)) + "\n" for line in written)
    Home(home).suspensions.write_text(text)


def alarms(home: Path) -> list[str]:
    return [item["code"] for item in kinds(home, "alarm")]


def logged(home: Path) -> None:
    with desks(home) as made:
        made.switches.log()


def test_the_id_of_a_line_that_switched_off_switches_nothing_on(home: Path) -> None:
    off = switches_module.suspend(Home(home), SystemClock(), PEER, "a drill")
    logged(home)
    append(Home(home), replace(off, action=Action.RESUME))
    assert active(home) == {PEER: "a drill"}
    other = switches_module.suspend(Home(home), SystemClock(), ALL, "another")
    logged(home)
    lines(home, off, replace(other, action=Action.RESUME))
    assert active(home) == {PEER: "a drill"}
    logged(home)
    assert set(alarms(home)) == {"unproved-resume"}


def test_a_line_that_switched_on_switches_on_no_other_target(home: Path) -> None:
    switches_module.suspend(Home(home), SystemClock(), PEER, "one")
    switches_module.suspend(Home(home), SystemClock(), "agency:police", "two")
    bring(home, resuming(home))
    assert active(home) == {"agency:police": "two"}
    *off, on = history(Home(home))
    lines(home, *off, replace(on, target=ALL))
    assert active(home) == {PEER: "one", "agency:police": "two"}
    logged(home)
    assert alarms(home) == ["unproved-resume"]


def test_a_line_that_was_appended_before_its_act_came_switches_on_no_other_target(home: Path) -> None:
    switches_module.suspend(Home(home), SystemClock(), PEER, "one")
    switches_module.suspend(Home(home), SystemClock(), "agency:police", "two")
    data = resuming(home)
    append(Home(home), Switch(parse_act(data)[0].id, "t", Action.RESUME, ALL, "forged"))
    bring(home, data)
    assert "agency:police" in active(home)


def test_a_line_that_switched_off_and_was_changed_raises_an_alarm(home: Path) -> None:
    off = switches_module.suspend(Home(home), SystemClock(), PEER, "one")
    logged(home)
    lines(home, replace(off, target="peer:la"))
    logged(home)
    logged(home)
    assert alarms(home) == ["changed-switch"]


@pytest.mark.parametrize(
    "changes", [{"id": "a\x00b"}, {"id": "../../x"}, {"id": ""}, {"reason": "\ud800"}, {"reason": "x" * 100_000}]
)
def test_a_line_that_no_entry_can_keep_suspends_everything_and_stops_no_other(
    home: Path, changes: dict[str, Any]
) -> None:
    hostile = replace(Switch("1" * 32, "t", Action.SUSPEND, PEER, "r"), **changes)
    lines(home, hostile)
    switches_module.suspend(Home(home), SystemClock(), "peer:vn", "one")
    logged(home)
    assert "all" in active(home)
    assert "one" in [item["reason"] for item in kinds(home, "suspend")]


@pytest.mark.parametrize("make", [pipe, folder, loop, huge])
def test_a_file_of_suspensions_that_is_none_suspends_everything_at_once(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    place = tmp_path / "suspensions.jsonl"
    make(place)
    assert Suspensions(place, SystemClock().monotonic).suspends(peer="vn") is not None


def test_switching_off_counts_while_the_entries_cannot_be_read(tmp_path: Path) -> None:
    home = Home(tmp_path)
    on = Switch("2" * 32, "t", Action.RESUME, PEER, "r")
    lines(tmp_path, replace(on, id="1" * 32, action=Action.SUSPEND), on)
    now, broken = [0.0], [True]

    def entries() -> set[str]:
        if broken[0]:
            raise StorageBroken("the database is away", where="test")
        return {on.mark}

    found = Suspensions(home.suspensions, lambda: now[0], logged=entries)
    assert found.active == {PEER: "r"}
    broken[0], now[0] = False, 2.0
    assert found.active == {}
    broken[0], now[0] = True, 4.0
    append(home, replace(on, id="3" * 32, action=Action.SUSPEND, target="agency:police"))
    assert found.active == {"agency:police": "r"}


def test_a_line_with_the_id_of_another_act_stops_no_other_line(home: Path) -> None:
    data = draft(home, ActKind.SEEK, "a letter", {}, [person_key(home, "data1")])
    bring(home, data)
    lines(home, Switch(parse_act(data)[0].id, "t", Action.SUSPEND, PEER, "copied id"))
    switches_module.suspend(Home(home), SystemClock(), "agency:police", "one")
    logged(home)
    assert [item["reason"] for item in kinds(home, "suspend")] == ["one"]
    assert alarms(home) == ["changed-switch"]
    bring(home, resuming(home))
    assert active(home) == {"agency:police": "one"}


def test_a_signed_off_switch_is_not_brought_and_leaves_nothing_behind(home: Path) -> None:
    data = draft(home, ActKind.SUSPEND, "x", {"target": PEER, "humanitarian": ""}, [person_key(home, "adm")])
    assert code_of(lambda: bring(home, data)) == "unknown-act"
    assert Mailbox(Home(home).acts).waiting(Lane.SWITCH) == []


def test_an_inspection_has_a_plain_id() -> None:
    """It becomes a key in the database, and PostgreSQL takes no zero."""
    key = SigningKey(ec.generate_private_key(ec.SECP256R1()))
    for name in ("", "a\x00b", "x" * 65):
        wanted = Inspection(Inspecting.SEARCH, MemberId("th"), "audit", 1, {}, name)
        assert code_of(partial(sign_inspection, wanted, key)) == "bad-inspection"


def test_switching_off_waits_for_no_pipe(home: Path) -> None:
    pipe(Home(home).suspensions)
    with pytest.raises(OSError, match="No such device"):
        switches_module.suspend(Home(home), SystemClock(), PEER, "one")


@pytest.mark.parametrize("make", [pipe, folder, dangling, loop, cut])
def test_what_is_no_act_lets_no_start_go_on_without_a_witness(home: Path, make: Callable[[Path], None]) -> None:
    make(Home(home).highwater / "start-without-witness.json")
    with open_home(home) as evidence:
        used = Used(SqlDocumentStore(evidence.database, evidence.keys, SystemClock()), evidence.store, evidence.keys)
        assert code_of(lambda: take_unwitnessed_start(trust_of(Home(home)), used)) == "bad-waiver"


# ---------------------------------------------------------------- one person in two roles


def test_one_key_in_two_roles_is_one_person(home: Path) -> None:
    """Its public key is that of an approver, too, by a copied file: the descriptor keeps one use, and it signs once."""
    key = person_key(home, "data1")
    with pytest.raises(Misconfigured, match="this key is there already"):
        admit_person(home, key.with_suffix(".pub"), KeyUse.APPROVER)
    make_folder(Home(home).persons(KeyUse.APPROVER))
    shutil.copy(key.with_suffix(".pub"), Home(home).persons(KeyUse.APPROVER) / "another.pub")
    publish_descriptor(
        home,
        home.parent / "th-authority",
        SystemClock(),
        endpoints=("127.0.0.1:7443",),
        offices=(),
        agencies=("police",),
    )
    publish_status(home, SystemClock())
    roles = [person.role for person in trust_of(Home(home)).persons() if person.key.key_id == key_id(key)]
    assert roles == [KeyUse.DATA_OFFICER]
    carry_out(home, Order(ActKind.LOOK_UP))
    what = {"entries": {"operations/1": [0]}, "ground": "entry"}
    data = draft(home, ActKind.ERASE_ENTRIES, "asked", what, [key])
    assert code_of(lambda: bring(home, data)) == "below-threshold"
    until = SystemClock().now_us() + 3_600_000_000
    order = HoldOrder(MemberId("th"), HoldAction.PLACE, "hold-" + "0" * 12, "r", {"operations/1": (0,)}, (), until)
    signed = seal_hold(order, [load_signing_key(key), load_signing_key(key)]).decode()
    assert code_of(lambda: carry_out(home, Order(ActKind.HOLD, document=signed))) == "below-threshold"
    assert bring(home, draft(home, ActKind.ERASE_ENTRIES, "asked", what, [key, person_key(home, "data2")]))["erased"]


def key_id(file: Path) -> str:
    return load_signing_key(file).key_id
