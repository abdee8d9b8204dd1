"""Keys of persons in their life: a new one follows the present one, both count for a while, none is brought in."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from certs.keyfiles import create_key
from gateway.audit.acts.act import LIFE_US
from gateway.clock import ManualClock, SystemClock
from gateway.config import Home
from gateway.errors import BadSignature, LiaisonError, Misconfigured
from gateway.model.names import MemberId
from gateway.ops.doctor.doctor import examine
from gateway.ops.homes.persons import admit_person, person_names, signers_of
from gateway.ops.key_pairs import make_key_pair
from gateway.ops.keys.guests import following_name, name_successor
from gateway.ops.keys.reminder import Reminder
from gateway.ops.keys.requests import KeyDesk
from gateway.ops.keys.rotation import Rotations
from gateway.ops.keys.status import describe_keys
from gateway.ops.keys.steps import Standing, advance
from gateway.ports.holders import NoneKnown
from gateway.signing.keys import SigningKey, load_signing_key
from gateway.trust.ceremony.ceremony import publish_descriptor, publish_status
from gateway.trust.ceremony.key_request import KeyRequest, WantedKey, add_authority, answer_request
from gateway.trust.ceremony.request_files import read_file, write_answer, write_request
from gateway.trust.ceremony.succession import Succession, read_succession, succeed, write_succession
from gateway.trust.documents.descriptor import PERSONS, KeyUse, parse_descriptor
from gateway.trust.documents.persons import OVERLAP_DAYS, count_different, listed_persons
from gateway.trust.documents.policy_approval import seal_policy, verify_policy
from tests.support.federation import Federation, Member, make_federation

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    made = make_federation(tmp_path_factory.mktemp("federation"), clock=ManualClock(SystemClock().now()))
    th = made["th"]
    for use in PERSONS:
        pair = make_key_pair(th.home.parent / "held", f"th.{use}")
        admit_person(th.home, Path(pair["public"]), use)
    view = th.view()
    publish_descriptor(
        th.home, th.authority, th.clock, endpoints=view.endpoints("th"), offices=("th.blo.x",), agencies=th.agencies
    )
    publish_status(th.home, th.clock)
    return made


@pytest.fixture
def thailand(founded: Federation, tmp_path: Path) -> Member:
    made = founded.copy(tmp_path, ManualClock(founded.clock.now()))["th"]
    (made.home / "node.toml").write_text('[node]\nmember = "th"\n')
    return made


@pytest.fixture
def held(thailand: Member) -> Path:
    """The folder of the persons' keys, which `copy` brought along."""
    return thailand.home.parent / "held"


def desk(member: Member) -> KeyDesk:
    return KeyDesk(Home(member.home), member.clock)


def may_sign(member: Member, use: KeyUse) -> set[str]:
    """The ids of the keys that an act of now may be signed with."""
    view = member.view()
    gone = view.withdrawn.get("th", frozenset())
    return {each.key.key_id for each in listed_persons(view.descriptor("th"), (use,), member.clock.now_us(), gone)}


def later(member: Member, time: timedelta) -> list[str]:
    """Let the time pass, and do what the round of a running node does; return its steps."""
    assert isinstance(member.clock, ManualClock)
    member.clock.advance(time)
    rotations = Rotations(Home(member.home))
    with rotations.locked():
        standing = Standing(MemberId("th"), member.view(), NoneKnown(), member.clock.now_us())
        return [moved.step for moved in advance(rotations, standing)]


def successor(held: Path, use: KeyUse) -> Succession:
    return name_successor(use, held / f"th.{use}.key", held, f"th.{use}-2")


@pytest.mark.long
@pytest.mark.parametrize("use", PERSONS)
def test_the_new_key_of_a_person_counts_beside_the_old_one_for_twice_the_life_of_an_act(
    thailand: Member, held: Path, use: KeyUse
) -> None:
    home, file = Home(thailand.home), f"{use}-th.{use}"
    old, new = load_signing_key(held / f"th.{use}.key").key_id, successor(held, use)
    before = may_sign(thailand, use)
    asked = desk(thailand).rotate([file], thailand.authority, None, successor=new)
    assert [(step.step, step.key_id) for step in asked.moved] == [("published", new.key_id)]
    assert may_sign(thailand, use) == before | {new.key_id}
    assert timedelta(microseconds=2 * LIFE_US) == timedelta(days=OVERLAP_DAYS)
    assert later(thailand, DAY) == ["switched"]
    assert {old, new.key_id} <= may_sign(thailand, use)
    assert {person_names(home)[each] for each in (old, new.key_id)} == {f"th.{use}"}, (
        "entries name the person as before"
    )
    assert later(thailand, (OVERLAP_DAYS - 2) * DAY) == []
    assert old in may_sign(thailand, use)
    assert later(thailand, 2 * DAY) == ["retired"]
    assert may_sign(thailand, use) == before - {old} | {new.key_id}
    assert Rotations(home).all() == []
    listed = {key.key_id: key for key in thailand.view().descriptor("th").keys}
    assert listed[old].compromised_us is None, "what it signed before is verified with it"
    publish_status(thailand.home, thailand.clock)
    again = name_successor(use, held / f"th.{use}-2.key", held, following_name(f"th.{use}-2"))
    assert desk(thailand).rotate([file], thailand.authority, None, successor=again).version == 4


@pytest.mark.long
def test_a_next_descriptor_by_hand_does_not_lengthen_the_old_key(thailand: Member, held: Path) -> None:
    file = "approver-th.approver"
    old = load_signing_key(held / "th.approver.key").key_id
    desk(thailand).rotate([file], thailand.authority, None, successor=successor(held, KeyUse.APPROVER))
    pair = make_key_pair(held, "th.another")
    admit_person(thailand.home, Path(pair["public"]), KeyUse.APPROVER)
    publish_descriptor(
        thailand.home, thailand.authority, thailand.clock, endpoints=("127.0.0.1:1",), offices=(),
        agencies=thailand.agencies,
    )  # fmt: skip
    later(thailand, (OVERLAP_DAYS + 1) * DAY)
    assert old not in may_sign(thailand, KeyUse.APPROVER)


def test_the_authority_elsewhere_answers_a_request_that_carries_the_succession(thailand: Member, held: Path) -> None:
    new, out = successor(held, KeyUse.ADMINISTRATOR), held / "adm.request"
    assert read_succession(write_succession(new)) == new
    assert read_succession((held / "th.administrator-2.succession").read_bytes()) == new
    asked = desk(thailand).rotate(["administrator-th.administrator"], None, out, successor=new)
    assert asked.request == out
    request = read_file(out.read_bytes())
    assert isinstance(request, KeyRequest)
    assert read_file(write_request(request)) == request
    answer = answer_request(request, thailand.authority, thailand.clock)
    assert parse_descriptor(add_authority(answer, thailand.authority).descriptor)[0].version == 3
    desk(thailand).take_answer(write_answer(answer))
    assert new.key_id in may_sign(thailand, KeyUse.ADMINISTRATOR)


def refused(member: Member, file: str, found: Succession | None, spki: bytes = b"", renewed: str = "") -> str:
    """The code with which the authority refuses a request that a home in wrong hands wrote."""
    asked = desk(member).renew([renewed or file], None, member.home.parent / "honest.request")
    assert asked.request is not None
    honest = read_file(asked.request.read_bytes())
    assert isinstance(honest, KeyRequest)
    wanted = WantedKey(file, found.spki if found else spki, succession=found)
    with pytest.raises(BadSignature) as error:
        answer_request(replace(honest, keys=(wanted,)), member.authority, member.clock)
    return error.value.code


def test_a_home_in_wrong_hands_brings_in_no_person(thailand: Member, held: Path, tmp_path: Path) -> None:
    file, use = "approver-th.approver", KeyUse.APPROVER
    thief, old = SigningKey(create_key(tmp_path / "thief.key")), load_signing_key(held / "th.approver.key")
    other = load_signing_key(held / "th.administrator.key")
    assert refused(thailand, file, None, thief.spki) == "no-successor"
    by_thief = succeed(use, old.key_id, thief, thief.spki, thief)
    by_another = succeed(use, other.key_id, other, thief.spki, thief)
    for_another = succeed(KeyUse.ADMINISTRATOR, old.key_id, old, thief.spki, thief)
    unproved = replace(succeed(use, old.key_id, old, thief.spki, thief), proof=bytes(64))
    codes = [refused(thailand, file, each) for each in (by_thief, by_another, for_another, unproved)]
    assert codes == ["bad-signature", "no-successor", "no-successor", "bad-signature"]


def test_two_keys_of_one_person_are_never_four_eyes(thailand: Member, held: Path) -> None:
    new = successor(held, KeyUse.APPROVER)
    desk(thailand).rotate(["approver-th.approver"], thailand.authority, None, successor=new)
    both = [load_signing_key(held / f"{name}.key") for name in ("th.approver", "th.approver-2")]
    policy = seal_policy(MemberId("th"), 1, {"national/x.cedar": b"x"}, both)
    descriptor, now_us = thailand.view().descriptor("th"), thailand.clock.now_us()
    with pytest.raises(BadSignature, match="one person's"):
        verify_policy(policy, descriptor, now_us)
    persons = listed_persons(descriptor, (KeyUse.APPROVER,), now_us)
    assert (len(persons), count_different(persons)) == (2, 1)
    later(thailand, 2 * DAY)
    third = name_successor(KeyUse.APPROVER, held / "th.approver-2.key", held, "th.approver-3")
    told = refused(thailand, "approver-th.approver", third)
    assert told == "rotation-runs", "of three keys, two would pass for two persons'"


def test_a_replaced_key_is_not_renewed_and_a_request_moves_no_other_end(thailand: Member, held: Path) -> None:
    file, new = "approver-th.approver", successor(held, KeyUse.APPROVER)
    old = load_signing_key(held / "th.approver.key")
    desk(thailand).rotate([file], thailand.authority, None, successor=new)
    assert refused(thailand, file, None, old.spki, renewed="administrator-th.administrator") == "key-replaced"
    adm = load_signing_key(held / "th.administrator.key")
    ends_another = replace(new, follows=adm.key_id)  # the new key is listed already, and asks to end another person's
    assert refused(thailand, file, ends_another, renewed="administrator-th.administrator") == "no-successor"


def test_a_removed_key_names_no_successor(thailand: Member, held: Path) -> None:
    new = successor(held, KeyUse.APPROVER)
    publish_status(thailand.home, thailand.clock, removed=[new.follows])
    with pytest.raises(BadSignature, match="was removed"):
        desk(thailand).rotate(["approver-th.approver"], thailand.authority, None, successor=new)


def test_without_the_person_nothing_is_rotated(thailand: Member, held: Path) -> None:
    with pytest.raises(Misconfigured, match="the person makes the new one"):
        desk(thailand).rotate(["approver-th.approver"], thailand.authority, None)
    new = successor(held, KeyUse.ADMINISTRATOR)
    with pytest.raises(Misconfigured, match="another key"):
        desk(thailand).rotate(["approver-th.approver"], thailand.authority, None, successor=new)
    with pytest.raises(LiaisonError):
        read_succession(b"{}")
    assert Rotations(Home(thailand.home)).all() == []


@pytest.mark.long
def test_the_end_of_a_persons_key_is_told_and_moved(thailand: Member) -> None:
    assert isinstance(thailand.clock, ManualClock)
    told = {key["use"]: key for key in describe_keys(thailand.home, thailand.clock)["keys"]}
    assert told["approver/th.approver"]["days_left"] > 1_800
    assert told["approver/th.approver"]["renewed_by"].startswith("liaison cert renew approver/th.approver --home")
    thailand.clock.advance((told["approver/th.approver"]["days_left"] - 20) * DAY)
    found = [each for each in examine(thailand.home, thailand.clock) if "approver/th.approver" in each.text]
    assert found
    assert "cert renew approver/th.approver" in found[0].remedy
    (alarm,) = Reminder(Home(thailand.home), MemberId("th"), thailand.clock).look(thailand.view())
    assert "approver/th.approver" in str(alarm.private["detail"])
    clock = ManualClock(SystemClock().now() + 100 * DAY)  # the charter lasts for a year
    before = told["approver/th.approver"]["listed_until"]
    assert KeyDesk(Home(thailand.home), clock).renew(["approver-th.approver"], thailand.authority, None).version == 3
    told = {key["use"]: key for key in describe_keys(thailand.home, clock)["keys"]}
    assert told["approver/th.approver"]["listed_until"] > before


def test_n246_a_key_has_one_file_a_name_one_key_and_a_person_one_key_for_a_use(thailand: Member, held: Path) -> None:
    home, first = Home(thailand.home), held / "th.administrator.pub"
    copied = Path(shutil.copy(first, held / "th.other.pub"))
    for use in (KeyUse.ADMINISTRATOR, KeyUse.DATA_OFFICER):
        with pytest.raises(Misconfigured, match="this key is there already"):
            admit_person(thailand.home, copied, use)
    another = Path(make_key_pair(held / "more", "th.administrator")["public"])
    with pytest.raises(Misconfigured, match="another key has this name"):
        admit_person(thailand.home, another, KeyUse.ADMINISTRATOR)
    admit_person(thailand.home, first, KeyUse.ADMINISTRATOR, "th.o.7")
    second = Path(make_key_pair(held, "th.second")["public"])
    with pytest.raises(Misconfigured, match="has a key for this use already"):
        admit_person(thailand.home, second, KeyUse.ADMINISTRATOR, "th.o.7")
    admit_person(thailand.home, second, KeyUse.DATA_OFFICER, "th.o.7")
    keys = [load_signing_key(held / f"{name}.key").key_id for name in ("th.administrator", "th.second")]
    assert [signers_of(home)[key] for key in keys] == [frozenset({"th.o.7"})] * 2


@pytest.mark.parametrize("name", ["สมชาย", "n" * 65, "-a", "a b"])
def test_n246_a_key_is_its_persons_whatever_its_file_is_called(thailand: Member, held: Path, name: str) -> None:
    home = Home(thailand.home)
    brought = Path(make_key_pair(held, "th.second")["public"]).rename(held / f"{name}.pub")
    with pytest.raises(Misconfigured, match="no name of a key"):
        admit_person(thailand.home, brought, KeyUse.ADMINISTRATOR, "th.o.8")
    key = load_signing_key(held / "th.second.key").key_id
    before = Path(shutil.copy(brought, home.persons(KeyUse.ADMINISTRATOR)))
    assert signers_of(home)[key] == frozenset({name}), "an earlier version took it in"
    with pytest.raises(Misconfigured, match="this key is there already"):
        admit_person(thailand.home, Path(shutil.copy(brought, held / "th.third.pub")), KeyUse.ADMINISTRATOR, "th.o.8")
    before.with_suffix(".person").write_text(f"{key} th.o.8\n")
    assert signers_of(home)[key] == frozenset({"th.o.8"})
    assert key not in person_names(home)


def test_n246_the_key_that_follows_another_one_is_the_same_persons(thailand: Member, held: Path) -> None:
    admit_person(thailand.home, held / "th.administrator.pub", KeyUse.ADMINISTRATOR, "th.o.7")
    new = successor(held, KeyUse.ADMINISTRATOR)
    desk(thailand).rotate(["administrator-th.administrator"], thailand.authority, None, successor=new)
    later(thailand, DAY)
    old = load_signing_key(held / "th.administrator.key").key_id
    assert {signers_of(Home(thailand.home))[key] for key in (old, new.key_id)} == {frozenset({"th.o.7"})}
