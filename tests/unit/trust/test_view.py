"""The view, its keeper, and how the files behind it change (CASE-A18, CASE-C10, CASE-C11, CASE-J5, CASE-J15)."""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import example, given
from hypothesis import strategies as st

from certs.authority import self_signed
from certs.keyfiles import Algorithm, key_id
from gateway.clock import ManualClock, SystemClock
from gateway.errors import BadSignature, LiaisonError, Misconfigured, Stale, Unauthenticated, Unknown
from gateway.model.names import member_id
from gateway.signing import strict_json
from gateway.signing.keys import SigningKey
from gateway.trust.ceremony.ceremony import draft, home_keys, publish_descriptor, publish_status, sign
from gateway.trust.ceremony.found_member import create_member, create_member_keys
from gateway.trust.ceremony.member_card import read_card
from gateway.trust.documents.charter import draft_charter, parse_charter, verify_charter_chain
from gateway.trust.documents.descriptor import Descriptor, ListedKey, sign_descriptor, verify_descriptor
from gateway.trust.documents.members import CharterMember, MemberStatus
from gateway.trust.evidence import evidence_view
from gateway.trust.keeper import TrustKeeper
from gateway.trust.view import TrustView
from tests.support.federation import Federation, make_federation, make_member
from tests.support.load import effort
from tests.support.tables import table

DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    return make_federation(tmp_path_factory.mktemp("federation"), clock=ManualClock(SystemClock().now()))


@pytest.fixture
def federation(founded: Federation, tmp_path: Path) -> Federation:
    """One that the test may change."""
    return founded.copy(tmp_path, ManualClock(founded.clock.now()))


def republish(federation: Federation, member: str, compromised: dict[str, int] | None = None) -> bytes:
    made = federation[member]
    return publish_descriptor(
        made.home,
        made.authority,
        federation.clock,
        endpoints=["192.0.2.7:7443"],
        offices=[],
        agencies=made.agencies,
        compromised=compromised,
    )


def suspend(federation: Federation, member: str, status: MemberStatus = MemberStatus.SUSPENDED) -> bytes:
    table = dict(parse_charter(federation.charter).charter.members)
    old = table[member]
    table[member] = CharterMember(old.member, status, old.ca_certificates, old.authority_keys)
    data = draft_charter("gms", table, 2, version=2, issued=federation.clock.now())
    for other in federation.members.values():
        if other.id != member:
            data = sign(data, other.authority)
    return data


# ------------------------------------------------------------------ keys


FILES = {"statement": "statement", "log": "log", "witness": "witness", "status": "status", "tls": "tls"}


@pytest.mark.long
@table("file", FILES)
@table("use", [*FILES.values(), "agency/police", "approver", "nonsense"])
def test_c10_a_key_serves_its_one_use(founded: Federation, file: str, use: str) -> None:
    view, now = founded.view(), founded.clock.now_us()
    key_id = founded["th"].key(file).key_id
    if FILES[file] == use:
        assert view.verify_key("th", key_id, use, now).key_id == key_id
        return
    with pytest.raises(BadSignature):
        view.verify_key("th", key_id, use, now)


def test_a_key_serves_its_own_member(founded: Federation) -> None:
    key_id = founded["th"].key("statement").key_id
    for member in ("vn", "kh", "la", "", "TH"):
        with pytest.raises(BadSignature):
            founded.view().verify_key(member, key_id, "statement", founded.clock.now_us())


@example(-800 * DAY_US)
@example(800 * DAY_US)
@given(st.integers(-800 * DAY_US, 800 * DAY_US))
def test_c11_a_key_counts_in_its_time_only(founded: Federation, distance: int) -> None:
    """Valid next month, expired an hour ago, and every other time."""
    view, at = founded.view(), founded.clock.now_us() + distance
    key_id = founded["th"].key("statement").key_id
    listed = next(key for key in view.descriptor("th").keys if key.key_id == key_id)
    if listed.start_us <= at < listed.stop_us:
        view.verify_key("th", key_id, "statement", at)
        return
    with pytest.raises(BadSignature):
        view.verify_key("th", key_id, "statement", at)


def test_c11_a_revoked_key_still_proves_what_it_signed_before(federation: Federation) -> None:
    key_id, since = federation["vn"].key("statement").key_id, federation.clock.now_us() + 60_000_000
    since -= since % 1_000_000
    federation.share(republish(federation, "vn", {key_id: since}))
    view = federation.view()
    view.verify_key("vn", key_id, "statement", since - 1)
    with pytest.raises(BadSignature):
        view.verify_key("vn", key_id, "statement", since)
    # An earlier time that was said once stays, whatever is said later.
    federation.share(republish(federation, "vn", {key_id: since + DAY_US}))
    with pytest.raises(BadSignature):
        federation.view().verify_key("vn", key_id, "statement", since)


def test_c11_a_key_that_the_status_removed_signs_nothing_any_more(federation: Federation) -> None:
    key_id = federation["vn"].key("statement").key_id
    federation.share(publish_status(federation["vn"].home, federation.clock, removed=[key_id]))
    with pytest.raises(BadSignature):
        federation.view().verify_key("vn", key_id, "statement", federation.clock.now_us())


def test_a_certified_key_of_another_member_proves_nothing(founded: Federation) -> None:
    """A descriptor that got past acceptance lists a key and certificate of another member."""
    view, now = founded.view(), founded.clock.now_us()
    foreign = next(key for key in view.descriptor("th").keys if key.use == "statement")
    vn = replace(view.descriptor("vn"), keys=(foreign,))
    assert view.charter
    odd = TrustView(view.charter, {"th": view.descriptor("th"), "vn": vn}, {}, founded.clock)
    with pytest.raises(BadSignature, match="lists a key of `th`"):
        odd.verify_key("vn", foreign.key_id, "statement", now)
    assert odd.verify_key("th", foreign.key_id, "statement", now)


def test_keys_that_are_no_longer_in_the_home_stay_listed(federation: Federation) -> None:
    vn = federation["vn"]
    old = vn.key("statement").key_id
    for name in ("statement.key", "statement.pem"):
        (vn.home / "keys" / name).unlink()
    create_member_keys(vn.home, vn.authority, "vn", vn.agencies, vn.name, federation.clock)
    federation.share(republish(federation, "vn"))
    for listed in (old, vn.key("statement").key_id):
        assert federation.view().verify_key("vn", listed, "statement", federation.clock.now_us()).key_id == listed


def test_log_keys_for_the_verifier(founded: Federation) -> None:
    (key,) = founded.view().vkeys("kh")
    assert key.key_id == founded["kh"].key("log").key_id
    assert (key.algorithm, len(key.raw)) == (Algorithm.ED25519, 32)
    assert founded.view().vkeys("la") == ()


# ------------------------------------------------------------------ members


def test_a_suspended_member_is_nobody_here_and_its_evidence_stands(federation: Federation) -> None:
    data, now = suspend(federation, "kh"), federation.clock.now_us()
    federation.share(data)
    view, key_id = federation.view(), federation["kh"].key("statement").key_id
    assert "kh" in view.members
    assert not view.active("kh")
    for call in (
        lambda: view.verify_key("kh", key_id, "statement", now),
        lambda: view.peer(federation["kh"].certificate("tls")),
        lambda: view.ca_pem("kh"),
        lambda: view.endpoints("kh"),
        lambda: view.server_name("kh"),
    ):
        with pytest.raises((BadSignature, Unauthenticated, Unknown)):
            call()
    descriptors = [federation["th"].keeper().documents.descriptor_path("kh").read_bytes()]
    evidence = evidence_view([federation.charter, data], descriptors, federation.clock, federation.fingerprint)
    assert evidence.verify_key("kh", key_id, "statement", now).key_id == key_id


def test_evidence_needs_descriptors_that_the_charter_backs(founded: Federation) -> None:
    view = founded.view()
    th = view.descriptor("th")
    assert evidence_view([founded.charter], [th.data], founded.clock).vkeys("th") == view.vkeys("th")
    forged = sign_descriptor(replace(th, version=2, previous="ab" * 32), [founded["vn"].key("statement")])
    with pytest.raises(BadSignature):
        evidence_view([founded.charter], [th.data, forged], founded.clock)


def test_where_members_are_and_what_they_are_called(founded: Federation) -> None:
    view = founded.view()
    assert view.endpoints("vn") == ["127.0.0.1:7444"]
    assert view.server_name("vn") == "node1.vn.liaison.internal"
    assert view.ca_pem("vn") == (founded["vn"].home / "ca.pem").read_bytes()
    with pytest.raises(Unknown):
        view.endpoints("la")


def test_j5_freshness_ends_with_status_and_charter(federation: Federation) -> None:
    view, now = federation.view(), federation.clock.now_us()
    view.freshness("vn", now)
    view.freshness("vn", now + 3 * DAY_US - 2_000_000)
    with pytest.raises(Stale, match="status"):
        view.freshness("vn", now + 3 * DAY_US)
    with pytest.raises(Stale, match="charter"):
        view.freshness("vn", now + 366 * DAY_US)
    with pytest.raises(Stale, match="no status"):
        view.freshness("la", now)


def test_a_status_that_speaks_of_a_newer_descriptor_is_not_fresh(federation: Federation) -> None:
    """CASE-J12 in small: who keeps a descriptor from us cannot keep us from noticing."""
    republish(federation, "vn")
    federation.share(publish_status(federation["vn"].home, federation.clock))
    with pytest.raises(Stale, match="newer descriptor"):
        federation.view("th").freshness("vn", federation.clock.now_us())


def test_the_hash_names_exactly_the_documents_held(federation: Federation) -> None:
    assert federation.view("th").hash == federation.view("kh").hash
    before = federation.view("th").hash
    status = publish_status(federation["vn"].home, federation.clock)
    assert federation.view("vn").hash != before
    assert federation.view("th").hash == before
    federation.share(status)
    assert federation.view("th").hash == federation.view("vn").hash


# ------------------------------------------------------------------ keeper


def test_the_view_follows_the_files(federation: Federation) -> None:
    keeper = federation["th"].keeper()
    before = keeper.view
    assert not keeper.refresh()
    federation.share(publish_status(federation["vn"].home, federation.clock))
    assert keeper.refresh()
    assert keeper.view.epoch == before.epoch + 1
    assert keeper.view is not before
    assert not keeper.refresh()


def rubbish(path: Path) -> None:
    path.write_bytes(b"rubbish\n")


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("file", ["charter.jsonl", "descriptors/vn.jsonl", "statuses/vn.json"])
@pytest.mark.parametrize("damage", [rubbish, half, Path.unlink, lambda path: path.write_bytes(b"")])
def test_a18_a_damaged_file_keeps_what_was_held_and_raises_an_alarm(
    federation: Federation, file: str, damage: Callable[[Path], object]
) -> None:
    keeper = federation["th"].keeper()
    before = keeper.view
    path = federation["th"].home / "trust" / file
    good = path.read_bytes()
    damage(path)
    assert not keeper.refresh()
    assert keeper.view is before
    alarms = keeper.alarms
    assert len(alarms) == 1
    path.write_bytes(good)
    assert not keeper.refresh()
    assert keeper.alarms == ()


@pytest.mark.long
@pytest.mark.parametrize("file", ["charter.jsonl", "descriptors/vn.jsonl", "statuses/vn.json"])
def test_older_files_put_back_change_nothing_in_a_running_node(federation: Federation, file: str) -> None:
    trust = federation["th"].home / "trust"
    old = (trust / file).read_bytes()
    federation.share(suspend(federation, "kh"))
    federation.share(republish(federation, "vn"))
    federation.share(publish_status(federation["vn"].home, federation.clock))
    keeper = federation["th"].keeper()
    before = keeper.view
    (trust / file).write_bytes(old)
    assert not keeper.refresh()
    assert keeper.view is before
    assert "not newer" in keeper.alarms[0]


def test_one_damaged_document_does_not_stop_a_removal_by_another(federation: Federation) -> None:
    keeper = federation["th"].keeper()
    key_id = federation["kh"].key("statement").key_id
    half(federation["th"].home / "trust" / "descriptors" / "vn.jsonl")
    status = publish_status(federation["kh"].home, federation.clock, removed=[key_id])
    keeper.documents.accept_status(status, "kh", federation.clock)
    assert keeper.refresh()
    assert keeper.alarms
    assert keeper.view.endpoints("vn")
    with pytest.raises(BadSignature):
        keeper.view.verify_key("kh", key_id, "statement", federation.clock.now_us())


def test_new_authority_keys_end_what_the_old_ones_said(federation: Federation) -> None:
    """The charter replaces the authority of kh: its old descriptor counts no more, here nor after a restart."""
    keeper = federation["th"].keeper()
    other = make_member(federation.folder / "other", "kh", federation.clock)
    two = draft([read_card(other.authority)], "gms", 2, federation.clock, previous=federation.charter)
    for member in ("th", "vn"):
        two = sign(two, federation[member].authority)
    keeper.documents.accept_charter(two, federation.clock)
    assert keeper.refresh()
    for view in (keeper.view, federation.view("th")):
        with pytest.raises(Unknown):
            view.endpoints("kh")
        assert view.endpoints("vn")


def test_a_home_without_a_charter_knows_nobody(tmp_path: Path) -> None:
    keeper = TrustKeeper(tmp_path / "trust", SystemClock())
    assert not keeper.view.active("th")
    assert keeper.view.members == {}
    with pytest.raises(Stale, match="no charter"):
        keeper.view.freshness("th", 0)
    with pytest.raises(Unauthenticated):
        keeper.view.peer(b"x")


def test_a_node_does_not_start_on_a_broken_charter(federation: Federation) -> None:
    half(federation["th"].home / "trust" / "charter.jsonl")
    with pytest.raises(LiaisonError):
        federation["th"].keeper()


# ------------------------------------------------------------------ founding


def test_founding_again_makes_nothing_and_says_so(tmp_path: Path) -> None:
    clock = SystemClock()
    authority, home = tmp_path / "a", tmp_path / "h"
    assert create_member(authority, "la", clock) == ["authority.key", "ca.key", "ca.pem", "member.json"]
    made = create_member_keys(home, authority, "la", ["police"], "n1", clock)
    assert {"keys/tls.key", "keys/tls.pem", "keys/log.key", "keys/agency-police.pem", "ca.pem"} <= set(made)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert create_member(authority, "la", clock) == []
    assert create_member_keys(home, authority, "la", ["police"], "n1", clock) == []
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert create_member_keys(home, authority, "la", ["police", "customs"], "n1", clock) == [
        "keys/agency-customs.key",
        "keys/agency-customs.pem",
    ]
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.rglob("*.key"))


def test_founding_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    clock = SystemClock()
    authority, home = tmp_path / "a", tmp_path / "h"
    create_member(authority, "la", clock)
    create_member_keys(home, authority, "la", [], "n1", clock)
    (authority / "ca.pem").unlink()
    (authority / "member.json").unlink()
    (home / "keys" / "tls.pem").unlink()
    (home / "ca.pem").unlink()
    assert create_member(authority, "la", clock) == ["ca.pem", "member.json"]
    assert create_member_keys(home, authority, "la", [], "n1", clock) == ["keys/tls.pem", "ca.pem"]


def test_folders_of_different_members_are_not_mixed(tmp_path: Path) -> None:
    clock = SystemClock()
    create_member(tmp_path / "a", "la", clock)
    create_member(tmp_path / "b", "la", clock)
    create_member_keys(tmp_path / "h", tmp_path / "a", "la", [], "n1", clock)
    with pytest.raises(Misconfigured, match="not of `th`"):
        create_member(tmp_path / "a", "th", clock)
    with pytest.raises(Misconfigured, match="another authority"):
        create_member_keys(tmp_path / "h", tmp_path / "b", "la", [], "n1", clock)


def test_lost_keys_are_not_silently_replaced(tmp_path: Path) -> None:
    clock = SystemClock()
    create_member(tmp_path / "a", "la", clock)
    create_member_keys(tmp_path / "h", tmp_path / "a", "la", [], "n1", clock)
    (tmp_path / "h" / "keys" / "statement.key").unlink()
    with pytest.raises(Misconfigured, match="not its key"):
        create_member_keys(tmp_path / "h", tmp_path / "a", "la", [], "n1", clock)
    (tmp_path / "a" / "ca.key").unlink()
    with pytest.raises(Misconfigured, match="not its key"):
        create_member(tmp_path / "a", "la", clock)


# ------------------------------------------------------------------ size


@pytest.mark.timed
@pytest.mark.long
def test_j15_ten_thousand_keys_load_in_a_second(tmp_path: Path) -> None:
    """As many members as there are ids (676), 15 keys each; the charter's signatures and all descriptors verified."""
    clock = ManualClock(SystemClock().now())
    charter, descriptors = _large(tmp_path, clock)
    with effort() as spent:
        loaded = verify_charter_chain([charter], clock.now())
        read = {
            name: verify_descriptor(data, loaded.members[name], loaded.federation) for name, data in descriptors.items()
        }
        view = TrustView(loaded, read, {}, clock)
    assert (len(view.members), sum(len(item.keys) for item in read.values())) == (676, 10_140)
    assert spent.seconds < 1.0 * _SLACK


@pytest.mark.timed
@pytest.mark.long
def test_j15_a_change_in_a_large_federation_costs_what_has_changed(tmp_path: Path) -> None:
    """Each change is read at each process, and again for the seconds in which a file's time may hide another one."""
    clock = ManualClock(SystemClock().now())
    charter, descriptors = _large(tmp_path, clock)
    trust = tmp_path / "trust"
    (trust / "descriptors").mkdir(parents=True)
    (trust / "charter.jsonl").write_bytes(charter + b"\n")
    for name, data in descriptors.items():
        (trust / "descriptors" / f"{name}.jsonl").write_bytes(data + b"\n")
    with effort() as loading:
        keeper = TrustKeeper(trust, clock)
    with effort() as again:
        keeper.refresh()
    with effort() as accepting:
        keeper.documents.accept_descriptor(descriptors["th"], "th", clock)
    with effort() as looking:
        found = [keeper.view.tls_keys(name) | {keeper.view.active(name)} for name in keeper.view.members]
    assert len(found) == 676
    assert loading.seconds < 1.0 * _SLACK
    assert again.seconds < loading.seconds / 5
    assert accepting.seconds < loading.seconds / 20
    assert looking.seconds < loading.seconds / 20


_SLACK = 3.0
"""The promise is for an idle machine; tests run beside others."""


def _large(folder: Path, clock: ManualClock) -> tuple[bytes, dict[str, bytes]]:
    now = clock.now_us() - clock.now_us() % 1_000_000
    template = make_member(folder, "th", clock)
    certificate = home_keys(template.home, (), now)[0].certificate
    members, authorities, descriptors = {}, {}, {}
    for name in (a + b for a in string.ascii_lowercase for b in string.ascii_lowercase):
        key, ca = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        pem = self_signed(ca, name, clock.now()).public_bytes(Encoding.PEM)
        authority = authorities[name] = SigningKey(key)
        members[name] = CharterMember(member_id(name), MemberStatus.ACTIVE, (pem,), (authority.verify_key(),))
        keys = []
        for _ in range(15):
            spki = SigningKey(ec.generate_private_key(ec.SECP256R1())).spki
            listed = ListedKey(key_id(spki), "statement", Algorithm.P256, spki, certificate, now, now + DAY_US)
            keys.append(listed)
        descriptor = Descriptor(member_id(name), 1, "gms", now, ("192.0.2.1:1",), (), (), tuple(keys), "")
        descriptors[name] = sign_descriptor(descriptor, [authority])
    charter = draft_charter("gms", members, 339, version=1, issued=clock.now())
    signed = parse_charter(charter).metadata.signed_bytes
    signatures = [{"keyid": key.key_id, "sig": key.sign_der(signed).hex()} for key in authorities.values()]
    return strict_json.dumps({**strict_json.loads(charter, len(charter)), "signatures": signatures}), descriptors
