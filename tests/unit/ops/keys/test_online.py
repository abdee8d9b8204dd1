"""The online CA of a home renews by itself the certificate that counterparts are shown, and nothing else."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import ONLINE_DAYS, issue, load_authority
from certs.keyfiles import key_id, public_key, spki
from certs.profile import read_leaf
from gateway.clock import ManualClock, SystemClock
from gateway.config import Home
from gateway.errors import Misconfigured, Unauthenticated
from gateway.host.durable import PUBLIC, replace
from gateway.model.names import MemberId
from gateway.ops.keys.live import LiveKeys
from gateway.ops.keys.online import OnlineRenewal
from gateway.ops.keys.reminder import Reminder
from gateway.ops.keys.requests import KeyDesk
from gateway.ports.journal import EntryDraft
from gateway.trust.ceremony.ceremony import publish_descriptor, publish_status
from gateway.trust.ceremony.key_request import KeyAnswer, KeyRequest, add_authority, answer_request
from gateway.trust.ceremony.request_files import read_file, write_answer
from tests.support.federation import Federation, Member, make_federation

TH = MemberId("th")
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    return make_federation(tmp_path_factory.mktemp("federation"), clock=ManualClock(SystemClock().now()))


@pytest.fixture
def federation(founded: Federation, tmp_path: Path) -> Federation:
    return founded.copy(tmp_path, ManualClock(founded.clock.now()))


def desk(member: Member) -> KeyDesk:
    return KeyDesk(Home(member.home), member.clock)


def listed(federation: Federation) -> Member:
    """Return Thailand, whose descriptor lists an online CA; its certificate of the national CA lasts 60 days."""
    th = federation["th"]
    leaf, public = read_leaf(th.certificate("tls")), public_key(th.home / "keys" / "tls.key")
    assert isinstance(public, ec.EllipticCurvePublicKey)
    short = issue(load_authority(th.authority), public, leaf.name, th.clock, days=60)
    replace(th.home / "keys" / "tls.pem", short, PUBLIC)
    federation.share(desk(th).make_online_ca(th.authority, None).documents)
    return th


def later(federation: Federation, days: float) -> None:
    clock = federation.clock
    assert isinstance(clock, ManualClock)
    clock.advance(timedelta(days=days))


def remove(federation: Federation, file: str) -> None:
    """Remove a key of Thailand by its status key; all members hold that."""
    th = federation["th"]
    gone = key_id(spki(public_key(th.home / "keys" / f"{file}.key")))
    federation.share(publish_status(th.home, th.clock, removed=[gone]))


def look(member: Member) -> list[EntryDraft]:
    """Do what the round of a running node does."""
    return OnlineRenewal(Home(member.home), TH, member.clock).look(member.view())


def shown(member: Member) -> bytes:
    return LiveKeys(Home(member.home), TH, member.clock).read_exchange().certificate


@pytest.mark.long
def test_a_month_before_its_end_the_certificate_is_renewed_and_counterparts_take_it(federation: Federation) -> None:
    th = listed(federation)
    national = th.certificate("tls")
    keys = LiveKeys(Home(th.home), TH, th.clock)
    later(federation, 29)
    assert look(th) == []
    assert shown(th) == national
    later(federation, 2)
    (entry,) = look(th)
    assert (entry.private["use"], entry.private["step"]) == ("tls", "renewed")
    assert look(th) == [], "once"
    renewed = shown(th)
    assert renewed != national
    assert read_leaf(renewed).key_id == read_leaf(national).key_id
    assert th.certificate("tls") == national, "sources and agency systems go on with the national CA's"
    assert [file for file, _ in keys.refresh(th.view())] == ["tls"], "a running node takes it up"
    assert (keys.tls.certificate, keys.exchange.certificate) == (national, renewed)
    later(federation, 40)
    with pytest.raises(Unauthenticated, match="outside its time"):
        federation.view("vn").peer(national)
    assert federation.view("vn").peer(renewed).member == "th"


@pytest.mark.long
def test_it_goes_on_until_the_listing_ends(federation: Federation) -> None:
    th = listed(federation)
    ends = []
    for _ in range(ONLINE_DAYS // 20):
        later(federation, 20)
        ends += [read_leaf(shown(th)).stop_us for _ in look(th)]
        assert federation.view("vn").peer(shown(th)).member == "th"
    assert len(ends) >= 3
    assert ends == sorted(set(ends))
    listing = next(key for key in th.view().descriptor("th").keys if key.use == "tls")
    assert ends[-1] <= listing.stop_us
    later(federation, 20)
    assert [entry.private["step"] for entry in look(th)] == ["dropped"]
    with pytest.raises(Unauthenticated):
        federation.view("vn").peer(shown(th))


def test_without_an_online_ca_nothing_is_made_and_the_reminder_stays(federation: Federation) -> None:
    th = federation["th"]
    later(federation, 370)
    assert look(th) == []
    assert not Home(th.home).exchange_certificate.exists()
    assert Reminder(Home(th.home), TH, th.clock).look(th.view())


def test_an_online_ca_that_no_descriptor_lists_renews_nothing(federation: Federation, tmp_path: Path) -> None:
    th = federation["th"]
    asked = desk(th).make_online_ca(None, tmp_path / "asked.request")
    assert asked.request
    later(federation, 370)
    assert look(th) == []


def test_the_authority_is_elsewhere_and_a_second_one_signs_the_same(federation: Federation, tmp_path: Path) -> None:
    th = federation["th"]
    asked = desk(th).make_online_ca(None, tmp_path / "asked.request")
    assert asked.request
    request = read_file(asked.request.read_bytes())
    assert isinstance(request, KeyRequest)
    answer = answer_request(request, th.authority, th.clock)
    assert b"PRIVATE" not in asked.request.read_bytes() + write_answer(answer)
    assert answer.certificates == {}, "the key for TLS is listed for longer, and not certified"
    assert isinstance(add_authority(answer, th.authority), KeyAnswer)
    assert desk(th).take_answer(write_answer(answer)).version == 2
    keys = {key.use: key for key in th.view().descriptor("th").keys}
    assert keys["tls"].stop_us >= keys["online-ca"].stop_us > keys["tls"].leaf().stop_us


def test_a_folder_with_the_national_ca_alone_lists_no_online_ca(federation: Federation) -> None:
    th = federation["th"]
    desk(th).make_online_ca(th.authority, None)
    (th.authority / "authority.key").unlink()
    with pytest.raises(Misconfigured, match=r"authority\.key"):
        desk(th).make_online_ca(th.authority, None)


@pytest.mark.long
def test_a_removed_online_ca_counts_no_more_and_the_certificate_of_the_national_ca_is_shown_again(
    federation: Federation,
) -> None:
    th = listed(federation)
    national = th.certificate("tls")
    later(federation, 31)
    look(th)
    renewed = shown(th)
    remove(federation, "online-ca")
    for member in ("th", "vn"):
        view = federation.view(member)
        assert view.ca_pem("th").count(b"-----BEGIN") == 1, "no root on channels any more"
        with pytest.raises(Unauthenticated):
            view.peer(renewed)
    (entry,) = look(th)
    assert entry.private["step"] == "dropped"
    assert shown(th) == national
    assert look(th) == []
    with pytest.raises(Misconfigured, match="was removed"):
        desk(th).make_online_ca(th.authority, None)
    later(federation, 1)
    asked = desk(th).rotate(["online-ca"], th.authority, None)
    federation.share(asked.documents)
    assert [step.step for step in asked.moved] == ["published", "switched", "retired"]
    assert [entry.private["step"] for entry in look(th)] == ["renewed"]
    assert federation.view("vn").peer(shown(th)).member == "th"


def test_a_key_that_was_removed_is_not_renewed(federation: Federation) -> None:
    th = listed(federation)
    later(federation, 31)
    remove(federation, "tls")
    assert look(th) == []


@pytest.mark.long
def test_a_renewed_certificate_of_an_earlier_key_or_torn_is_passed_over(federation: Federation) -> None:
    th = listed(federation)
    home = Home(th.home)
    later(federation, 31)
    look(th)
    desk(th).rotate(["tls"], th.authority, None)
    desk(th).assume_held(["tls"])
    assert shown(th) == th.certificate("tls")
    replace(home.exchange_certificate, b"-----BEGIN rubbish", PUBLIC)
    assert shown(th) == th.certificate("tls")


def test_a_listing_stays_in_later_descriptors(federation: Federation) -> None:
    th = listed(federation)
    before = {key.key_id: key.stop_us for key in th.view().descriptor("th").keys}
    later(federation, 10)
    same = th.view().descriptor("th")
    publish_descriptor(
        th.home, th.authority, th.clock, endpoints=same.endpoints, offices=same.offices, agencies=same.agencies
    )
    assert {key.key_id: key.stop_us for key in th.view().descriptor("th").keys} == before


def test_the_renewal_that_was_cut_off_is_made_at_the_next_look(federation: Federation) -> None:
    th = listed(federation)
    later(federation, 31)
    copy = th.home.parent / "copy"
    shutil.copytree(th.home, copy)
    look(th)
    Home(th.home).exchange_certificate.unlink()
    assert [entry.private["step"] for entry in look(th)] == ["renewed"]
