"""Rotation and renewal of a home's keys: each step, whatever ends the process in between."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import CA_DAYS, create_authority, issue
from certs.keyfiles import key_id, public_key, spki
from certs.names import CertificateName, CertificateUse
from certs.profile import read_leaf
from gateway.clock import ManualClock, SystemClock
from gateway.config import Home
from gateway.errors import BadSignature, LiaisonError, Malformed, Misconfigured, Stale, Unauthenticated
from gateway.model.names import MemberId
from gateway.ops.keys.files import file_of_use
from gateway.ops.keys.reminder import REQUEST, Reminder
from gateway.ops.keys.requests import KeyDesk
from gateway.ops.keys.rotation import Rotations
from gateway.ops.keys.steps import Moved, Standing, advance
from gateway.ports.holders import NoneKnown
from gateway.signing.keys import SigningKey
from gateway.trust.ceremony.ceremony import authority_key, publish_descriptor, publish_status
from gateway.trust.ceremony.found_member import create_member_keys
from gateway.trust.ceremony.key_request import KeyAnswer, KeyRequest, add_authority, answer_request
from gateway.trust.ceremony.request_files import read_file, write_answer
from gateway.trust.documents.descriptor import parse_descriptor, sign_descriptor
from tests.support.federation import Federation, Member, make_federation

DAY = timedelta(days=1)
TH = MemberId("th")


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    return make_federation(tmp_path_factory.mktemp("federation"), clock=ManualClock(SystemClock().now()))


@pytest.fixture
def federation(founded: Federation, tmp_path: Path) -> Federation:
    return founded.copy(tmp_path, ManualClock(founded.clock.now()))


class Held:
    """Members that hold everything."""

    def __init__(self, *members: str) -> None:
        self._members = members

    def hold(self, member: MemberId, version: int, document: bytes) -> bool:
        assert version >= 1
        assert len(document) == 32
        return member in self._members


def desk(member: Member) -> KeyDesk:
    return KeyDesk(Home(member.home), member.clock)


def moved(member: Member, holders: Held | NoneKnown | None = None) -> list[Moved]:
    """Do what the round of a running node does."""
    rotations = Rotations(Home(member.home))
    standing = Standing(TH, member.view(), holders or NoneKnown(), member.clock.now_us())
    with rotations.locked():
        return advance(rotations, standing)


def identity(path: Path) -> str:
    return key_id(spki(public_key(path)))


def later(federation: Federation, time: timedelta) -> None:
    clock = federation.clock
    assert isinstance(clock, ManualClock)
    clock.advance(time)


LISTED = ["tls", "statement", "status", "agency-police", "log", "witness", "witness-mldsa"]


@pytest.mark.long
@pytest.mark.parametrize("file", LISTED)
def test_a_key_that_others_must_know_is_listed_first_and_used_when_all_hold_it(
    federation: Federation, file: str
) -> None:
    th = federation["th"]
    old = identity(th.home / "keys" / f"{file}.key")
    asked = desk(th).rotate([file], th.authority, None)
    assert [step.step for step in asked.moved] == ["published"]
    assert asked.version == 2
    assert identity(th.home / "keys" / f"{file}.key") == old, "the old key is used until the others hold the new one"
    listed = {key.key_id: key.use for key in th.view().descriptor("th").keys}
    new = asked.moved[0].key_id
    assert listed[new] == listed[old]
    assert moved(th, Held("vn")) == []
    steps = moved(th, Held("vn", "kh"))
    assert steps[0].step == "switched"
    assert "all active members" in steps[0].why
    assert identity(th.home / "keys" / f"{file}.key") == new
    assert old in {key.key_id for key in th.view().descriptor("th").keys}, "what it signed is verified with it"
    if file not in ("log", "witness", "witness-mldsa"):
        assert read_leaf(th.certificate(file)).key_id == new
        assert steps[1].step == "retired"
    else:
        assert identity(th.home / "keys" / "before" / f"{file}.key") == old
        later(federation, 8 * DAY)
        assert [step.step for step in moved(th)] == ["retired"]
    assert not (th.home / "keys" / "before" / f"{file}.key").exists()
    assert [path.name.partition("-" + old[:16])[0] for path in (th.home / "keys" / "retired").iterdir()] == [file]
    assert Rotations(Home(th.home)).all() == []


def test_without_news_of_the_others_the_switch_comes_after_a_day(federation: Federation) -> None:
    th = federation["th"]
    new = desk(th).rotate(["statement"], th.authority, None).moved[0].key_id
    later(federation, DAY - timedelta(minutes=1))
    assert moved(th) == []
    later(federation, timedelta(minutes=1))
    assert [step.step for step in moved(th)] == ["switched", "retired"]
    assert th.key("statement").key_id == new


def test_an_administrator_who_knows_need_not_wait(federation: Federation) -> None:
    th = federation["th"]
    new = desk(th).rotate(["tls"], th.authority, None).moved[0].key_id
    assert [step.step for step in desk(th).assume_held(["tls"]).moved] == ["switched", "retired"]
    assert read_leaf(th.certificate("tls")).key_id == new
    with pytest.raises(Misconfigured, match="no rotation"):
        desk(th).assume_held(["tls"])


def test_a_statement_key_waits_for_the_people_of_a_source_process(federation: Federation) -> None:
    th = federation["th"]
    desk(th).rotate(["statement", "tls"], th.authority, None)
    rotations = Rotations(Home(th.home))
    standing = Standing(TH, th.view(), Held("vn", "kh"), th.clock.now_us(), agencies=("police",))
    assert [(step.file, step.step) for step in advance(rotations, standing)] == [
        ("tls", "switched"), ("tls", "retired"),
    ]  # fmt: skip
    assert read_leaf((th.home / "keys/next/statement.pem").read_bytes()).name.name == "2", "to be handed to them"


@pytest.mark.long
@pytest.mark.parametrize("file", ["statement", "status", "tls"])
def test_after_a_removal_the_new_key_is_used_at_once(federation: Federation, file: str) -> None:
    """The old key was stolen and revoked: there is nothing to wait for, since no one takes it."""
    th = federation["th"]
    old = identity(th.home / "keys" / f"{file}.key")
    signer = desk(th)
    if file == "status":  # a status does not remove its own key; the authority marks it
        agreed = {"endpoints": ["127.0.0.1:7443"], "offices": [], "agencies": th.agencies}
        marked = {old: th.clock.now_us()}
        federation.share(publish_descriptor(th.home, th.authority, th.clock, compromised=marked, **agreed))  # type: ignore[arg-type]
    else:
        publish_status(th.home, th.clock, removed=[old])
    asked = signer.rotate([file], th.authority, None)
    assert [step.step for step in asked.moved] == ["published", "switched", "retired"]
    assert asked.status_problem == ""
    assert len(asked.documents.splitlines()) == 2, "the descriptor, and a status under it"
    federation.share(asked.documents)
    for member in ("vn", "kh"):
        view = federation.view(member)
        key = next(key for key in view.descriptor("th").keys if key.key_id == old)
        assert key.compromised_us is not None
        assert view.verify_key("th", identity(th.home / "keys" / f"{file}.key"), file, th.clock.now_us())
        view.freshness("th", th.clock.now_us())


def test_after_the_end_of_the_old_certificate_the_new_key_is_used_at_once(federation: Federation) -> None:
    th = federation["th"]
    later(federation, timedelta(days=398))
    with pytest.raises(Stale):
        desk(th).rotate(["statement"], th.authority, None)  # no document is signed under a charter that has expired
    standing = Standing(TH, th.view(), NoneKnown(), th.clock.now_us())
    assert not standing.is_usable(th.key("statement").key_id)


def test_keys_that_others_need_not_know_are_replaced_at_once(federation: Federation) -> None:
    th = federation["th"]
    tokens, client = th.key("token-issuer").key_id, th.key("client-cli").key_id
    asked = desk(th).rotate(["token-issuer"], None, None)
    assert (asked.moved, len(asked.waits)) == ((), 1), "the node accepts its tokens first"
    later(federation, timedelta(seconds=11))
    assert [step.step for step in moved(th)] == ["switched"]
    assert th.key("token-issuer").key_id != tokens
    assert identity(th.home / "keys/before/token-issuer.key") == tokens, "tokens that were issued still count"
    assert [step.step for step in desk(th).rotate(["client-cli"], th.authority, None).moved] == ["switched", "retired"]
    assert th.key("client-cli").key_id != client
    assert read_leaf(th.certificate("client-cli")).key_id == th.key("client-cli").key_id
    assert th.view().descriptor("th").version == 1
    with pytest.raises(Misconfigured, match="not over"):
        desk(th).rotate(["token-issuer"], None, None)


# ------------------------------------------------------------ renewal


@pytest.mark.parametrize("file", ["tls", "statement", "status", "agency-police", "log", "witness-mldsa"])
def test_a_renewal_with_the_same_key_is_one(federation: Federation, file: str) -> None:
    th = federation["th"]
    key = identity(th.home / "keys" / f"{file}.key")
    before = next(each for each in th.view().descriptor("th").keys if each.key_id == key)
    later(federation, 50 * DAY)
    asked = desk(th).renew([file], th.authority, None)
    after = next(each for each in th.view().descriptor("th").keys if each.key_id == key)
    assert asked.version == 2
    assert after.start_us == before.start_us, "what it signed before can still be verified"
    assert after.stop_us >= before.stop_us + 49 * 86_400_000_000
    if after.certificate:
        assert read_leaf(th.certificate(file)).der == after.certificate
        assert after.certificate != before.certificate
    federation.share(asked.documents)
    view = federation.view("vn")
    if file in ("statement", "tls", "status"):
        long_ago, later_on = before.start_us + 1, before.stop_us + 1
        assert view.verify_key("th", key, after.use, long_ago)
        assert view.verify_key("th", key, after.use, later_on)


def test_a_certificate_that_was_made_by_hand_is_listed_with_the_next_publication(federation: Federation) -> None:
    """It was the way of version 0.1.0: it said `signed` and had no effect."""
    th = federation["th"]
    before = next(key for key in th.view().descriptor("th").keys if key.use == "statement")
    later(federation, 30 * DAY)
    (th.home / "keys/statement.pem").unlink()
    create_member_keys(th.home, th.authority, "th", th.agencies, th.name, th.clock)
    same = {"endpoints": ["127.0.0.1:7443"], "offices": ("th.blo.aranyaprathet",), "agencies": th.agencies}
    data = publish_descriptor(th.home, th.authority, th.clock, **same)  # type: ignore[arg-type]
    after = next(key for key in parse_descriptor(data)[0].keys if key.use == "statement")
    assert (after.key_id, after.start_us) == (before.key_id, before.start_us)
    assert after.stop_us > before.stop_us
    federation.share(data)
    assert federation.view("vn").verify_key("th", after.key_id, "statement", before.start_us + 1), "old statements"
    assert publish_descriptor(th.home, th.authority, th.clock, **same) == data, "the next one says the same"  # type: ignore[arg-type]


def test_a_folder_with_the_ca_alone_renews_and_lists_nothing(federation: Federation) -> None:
    th = federation["th"]
    (th.authority / "authority.key").unlink()
    later(federation, 50 * DAY)
    before = read_leaf(th.certificate("tls"))
    assert desk(th).renew(["tls"], th.authority, None).version == 0
    after = read_leaf(th.certificate("tls"))
    assert (after.key_id, after.start_us) == (before.key_id, before.start_us)
    assert after.stop_us > before.stop_us
    with pytest.raises(Misconfigured, match="must list it"):
        desk(th).rotate(["tls"], th.authority, None)


@pytest.mark.long
def test_a_month_before_an_end_the_request_is_written_and_an_alarm_says_so(federation: Federation) -> None:
    th = federation["th"]
    reminder = Reminder(Home(th.home), TH, th.clock)
    assert reminder.look(th.view()) == []
    assert not (th.home / REQUEST).exists()
    later(federation, timedelta(days=340))
    (alarm,) = reminder.look(th.view())
    assert alarm.private["code"] == "keys-end-soon"
    assert "client/cli" in str(alarm.private["detail"])
    assert reminder.look(th.view()) == [], "it is told once"
    written = read_file((th.home / REQUEST).read_bytes())
    assert isinstance(written, KeyRequest)
    desk(th).take_answer(write_answer(answer_request(written, th.authority, th.clock)))
    assert reminder.look(th.view()) == []
    assert Reminder(Home(th.home), TH, th.clock).look(th.view()) == [], "they have a year again"


# ------------------------------------------------------------ the authority is elsewhere


@pytest.mark.long
def test_a_request_is_carried_to_the_authority_and_its_answer_back(federation: Federation, tmp_path: Path) -> None:
    th = federation["th"]
    asked = desk(th).rotate(["statement", "log"], None, tmp_path / "keys.request")
    assert asked.request == tmp_path / "keys.request"
    assert moved(th, Held("vn", "kh")) == [], "nothing happens before the authority has answered"
    request = read_file(asked.request.read_bytes())
    assert isinstance(request, KeyRequest)
    data = write_answer(answer_request(request, th.authority, th.clock))
    assert b"PRIVATE" not in asked.request.read_bytes() + data
    taken = desk(th).take_answer(data)
    assert [(step.file, step.step) for step in taken.moved] == [("log", "published"), ("statement", "published")]
    assert desk(th).take_answer(data).version == 2, "it may be taken twice"
    assert {step.file for step in moved(th, Held("vn", "kh"))} == {"log", "statement"}


def test_an_answer_to_an_older_request_changes_nothing(federation: Federation, tmp_path: Path) -> None:
    th = federation["th"]
    old = desk(th).rotate(["statement"], None, tmp_path / "old.request").request
    assert old
    desk(th).renew(["tls"], th.authority, None)
    request = read_file(old.read_bytes())
    assert isinstance(request, KeyRequest)
    with pytest.raises(Stale, match="another one was signed in between"):
        desk(th).take_answer(write_answer(answer_request(request, th.authority, th.clock)))
    assert th.keeper().alarms == ()
    again = desk(th).rotate(["statement"], th.authority, None)
    assert again.version == 3, "the same new key is asked for anew"


def test_two_authorities_sign_where_the_charter_demands_it(federation: Federation, tmp_path: Path) -> None:
    th = federation["th"]
    request = KeyRequest(TH, desk_request(th, tmp_path).keys, desk_request(th, tmp_path).descriptor)
    answer = answer_request(request, th.authority, th.clock)
    assert parse_descriptor(replace(answer).descriptor)[0].version == 2
    assert len(parse_descriptor(add_authority(answer, th.authority).descriptor)[1].signatures) == 1
    descriptor = parse_descriptor(answer.descriptor)[0]
    more = sign_descriptor(replace(descriptor, endpoints=("198.51.100.1:1",)), [authority_key(th.authority)])
    with pytest.raises(BadSignature, match="more than the request"):
        add_authority(replace(answer, descriptor=more), th.authority)


def desk_request(member: Member, folder: Path) -> KeyRequest:
    asked = desk(member).rotate(["statement"], None, folder / "a.request")
    assert asked.request
    request = read_file(asked.request.read_bytes())
    assert isinstance(request, KeyRequest)
    return request


def th_authority(member: Member) -> SigningKey:
    from gateway.trust.ceremony.ceremony import authority_key

    return authority_key(member.authority)


def other_member(request: KeyRequest) -> KeyRequest:
    return replace(request, member=MemberId("vn"))


def other_use(request: KeyRequest) -> KeyRequest:
    return replace(request, keys=(replace(request.keys[0], file="status"),))


def _altered(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def other_key(request: KeyRequest) -> KeyRequest:
    return replace(request, keys=(replace(request.keys[0], spki=_altered(request.keys[0].spki)),))


def forged_descriptor(request: KeyRequest) -> KeyRequest:
    """The home wrote its own endpoints into the descriptor that is to be followed."""
    held = parse_descriptor(request.descriptor)[0]
    forged = replace(held, endpoints=("198.51.100.1:1",))
    return replace(request, descriptor=sign_descriptor(forged, [SigningKey(ec.generate_private_key(ec.SECP256R1()))]))


@pytest.mark.parametrize("change", [other_member, other_use, other_key, forged_descriptor])
def test_the_authority_signs_no_more_than_the_home_may_ask_for(
    federation: Federation, tmp_path: Path, change: Callable[[KeyRequest], KeyRequest]
) -> None:
    th = federation["th"]
    with pytest.raises((BadSignature, Malformed, Misconfigured)):
        answer_request(change(desk_request(th, tmp_path)), th.authority, th.clock)


def test_an_answer_with_a_certificate_of_another_ca_or_key_changes_nothing(
    federation: Federation, tmp_path: Path
) -> None:
    th = federation["th"]
    request = desk_request(th, tmp_path)
    answer = answer_request(request, th.authority, th.clock)
    other = create_authority(tmp_path / "other", "th", th.clock)
    name = CertificateName(TH, CertificateUse.STATEMENT, "2")
    public = public_key(th.home / "keys/next/statement.key")
    foreign = issue(other, public, name, th.clock, days=CA_DAYS - 1)  # type: ignore[arg-type]
    before = snapshot(th.home)
    with pytest.raises(Unauthenticated):
        desk(th).take_answer(write_answer(replace(answer, certificates={"statement": foreign})))
    with pytest.raises((BadSignature, Malformed)):
        desk(th).take_answer(write_answer(replace(answer, certificates={"tls": answer.certificates["statement"]})))
    assert snapshot(th.home) == before


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ------------------------------------------------------------ ends of the process


class Ended(BaseException):
    """The process ends here."""


@pytest.mark.long
@pytest.mark.parametrize("file", ["statement", "log"])
def test_a_rotation_goes_on_after_an_end_at_any_moment(
    founded: Federation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """Every file operation is the last one once; what is started anew ends with one key in use and listed."""
    real_rename, real_link, real_unlink = Path.replace, os.link, Path.unlink
    ends_seen = 0
    for end_after in range(200):
        folder = tmp_path / str(end_after)
        federation = founded.copy(folder, ManualClock(founded.clock.now()))
        th = federation["th"]
        left = [end_after]

        def counting(real: Callable[..., object], left: list[int] = left) -> Callable[..., object]:
            def call(*arguments: object, **options: object) -> object:
                if left[0] == 0:
                    raise Ended
                left[0] -= 1
                return real(*arguments, **options)

            return call

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", counting(real_rename))
            patch.setattr(os, "link", counting(real_link))
            patch.setattr(Path, "unlink", counting(real_unlink))
            try:
                desk(th).rotate([file], th.authority, None)
                moved(th, Held("vn", "kh"))
                ended = False
            except Ended:
                ended = True
        old_keys = {th.key(file).key_id, founded["th"].key(file).key_id}
        running = Rotations(Home(th.home)).all()
        if old_keys == {founded["th"].key(file).key_id} and not (running and running[0].published_us):
            desk(th).rotate([file], th.authority, None)
        moved(th, Held("vn", "kh"))
        later(federation, 8 * DAY)
        moved(th, Held("vn", "kh"))
        new = identity(th.home / "keys" / f"{file}.key")
        listed = {key.key_id for key in th.view().descriptor("th").keys}
        assert new in listed, end_after
        assert new != founded["th"].key(file).key_id, end_after
        assert old_keys <= listed
        assert Rotations(Home(th.home)).all() == []
        assert not list((th.home / "keys").rglob("*.key.*"))
        shutil.rmtree(folder)
        ends_seen += ended
        if not ended:
            break
    assert ends_seen >= 8


@pytest.mark.parametrize("data", [b"", b"{", b'{"file":"statement"}', b"[]"])
def test_a_state_that_cannot_be_read_is_told_and_ends_no_process(federation: Federation, data: bytes) -> None:
    """It is no failure of storage, for which a node would end."""
    th = federation["th"]
    new = desk(th).rotate(["statement"], th.authority, None).moved[0].key_id
    state = Home(th.home).rotation("statement")
    state.write_bytes(data)
    with pytest.raises(Misconfigured, match="cannot be read"):
        moved(th)
    state.unlink()
    asked = desk(th).rotate(["statement"], th.authority, None)
    assert [step.key_id for step in asked.moved] == [new], "the new key is still there, and listed"


def test_a_home_without_the_use_says_which_it_has(federation: Federation) -> None:
    home = Home(federation["th"].home)
    assert file_of_use(home, "agency/police") == "agency-police"
    assert file_of_use(home, "token") == "token-issuer"
    with pytest.raises(LiaisonError) as refused:
        file_of_use(home, "statemnt")
    assert "statement" in refused.value.remedy


def test_an_answer_is_no_request_and_the_reverse(federation: Federation, tmp_path: Path) -> None:
    th = federation["th"]
    request = desk_request(th, tmp_path)
    with pytest.raises(Malformed, match="a request, and not its answer"):
        desk(th).take_answer((tmp_path / "a.request").read_bytes())
    for data in (b"", b"{}", b"[1]", b'{"kind":"liaison-key-answer.v1"}', b"\xff"):
        with pytest.raises(Malformed):
            desk(th).take_answer(data)
    assert isinstance(answer_request(request, th.authority, th.clock), KeyAnswer)
