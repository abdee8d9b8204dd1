"""Accepting documents: exactly one version on, never back, durable, two of one version are an alarm."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from certs.keyfiles import Algorithm
from gateway.clock import ManualClock, SystemClock
from gateway.errors import BadSignature, Contradicted, LiaisonError, Malformed, Misconfigured, Stale, Unknown
from gateway.model.names import MemberId
from gateway.signing.dsse import encode64
from gateway.signing.keys import SigningKey, load_signing_key
from gateway.signing.witness_keys import WitnessSigningKey
from gateway.trust.ceremony.ceremony import draft, import_document, kind_of, publish_descriptor, publish_status, sign
from gateway.trust.ceremony.witness_card import WITNESSES, WitnessCard, build_witness_card
from gateway.trust.documents.charter import parse_charter
from gateway.trust.documents.descriptor import Descriptor, KeyUse, parse_descriptor, sign_descriptor
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.documents.status import Status, parse_status, sign_status
from tests.support.federation import Federation, Member, make_federation, make_member


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    return make_federation(tmp_path_factory.mktemp("federation"), clock=ManualClock(SystemClock().now()))


@pytest.fixture
def federation(founded: Federation, tmp_path: Path) -> Federation:
    """One that the test may change."""
    return founded.copy(tmp_path, ManualClock(founded.clock.now()))


def descriptor_of(federation: Federation, member: str) -> Descriptor:
    return federation.view().descriptor(member)


def next_descriptor(federation: Federation, member: str, /, **changes: object) -> bytes:
    held = descriptor_of(federation, member)
    values: dict[str, object] = {"version": held.version + 1, "previous": held.hash.hex(), **changes}
    return sign_descriptor(replace(held, **values), [authority_key(federation[member])])  # type: ignore[arg-type]


def authority_key(member: Member) -> SigningKey:
    return load_signing_key(member.authority / "authority.key")


def next_status(federation: Federation, member: str, key: str = "status", **changes: object) -> bytes:
    held = federation.view().status(member)
    assert held
    values: dict[str, object] = {"sequence": held.sequence + 1, **changes}
    return sign_status(replace(held, **values), federation[member].key(key))  # type: ignore[arg-type]


def publish(federation: Federation, member: str) -> None:
    """The next descriptor, from the keys of the home as it is."""
    held, made = descriptor_of(federation, member), federation[member]
    values = {"endpoints": held.endpoints, "offices": held.offices, "agencies": made.agencies}
    publish_descriptor(made.home, made.authority, federation.clock, **values)  # type: ignore[arg-type]


def take(federation: Federation, data: bytes, member: str = "th") -> bool:
    return import_document(federation[member].home / "trust", data, federation.clock)[0].changed


# ------------------------------------------------------------------ charter


@pytest.mark.long
def test_the_first_charter_needs_its_fingerprint(federation: Federation, tmp_path: Path) -> None:
    trust = tmp_path / "elsewhere"
    with pytest.raises(Misconfigured, match="fingerprint"):
        import_document(trust, federation.charter, federation.clock)
    with pytest.raises(Contradicted, match="fingerprint"):
        import_document(trust, federation.charter, federation.clock, "ab" * 32)
    assert not (trust / "charter.jsonl").exists()
    accepted = import_document(trust, federation.charter, federation.clock, federation.fingerprint)
    assert [(item.kind, item.version, item.changed) for item in accepted] == [("charter", 1, True)]


def test_a_charter_again_changes_nothing(federation: Federation) -> None:
    assert not take(federation, federation.charter)


def test_a_charter_of_one_signature_too_few_is_not_taken(federation: Federation) -> None:
    two = draft([], "gms", 2, federation.clock, previous=federation.charter)
    with pytest.raises(BadSignature):
        take(federation, sign(two, federation["vn"].authority))
    two = sign(sign(two, federation["vn"].authority), federation["kh"].authority)
    assert take(federation, two)
    assert not take(federation, federation.charter)
    assert TrustDocuments(federation["th"].home / "trust").charter(federation.clock).version == 2


def test_two_charters_of_one_version_are_an_alarm_and_both_are_kept(federation: Federation) -> None:
    other = draft([], "gms", 2, federation.clock, days=100, previous=federation.charter)
    two = draft([], "gms", 2, federation.clock, previous=federation.charter)
    for member in ("vn", "kh"):
        two, other = sign(two, federation[member].authority), sign(other, federation[member].authority)
    assert take(federation, two)
    with pytest.raises(Contradicted) as caught:
        take(federation, other)
    assert Path(caught.value.where).read_bytes().strip() == other
    assert TrustDocuments(federation["th"].home / "trust").charter_versions()[-1] == two


def test_an_unsigned_twin_is_no_alarm_and_is_not_stored(federation: Federation) -> None:
    two = draft([], "gms", 2, federation.clock, previous=federation.charter)
    twin = draft([], "gms", 2, federation.clock, days=100, previous=federation.charter)
    for member in ("vn", "kh"):
        two = sign(two, federation[member].authority)
    assert take(federation, two)
    with pytest.raises(BadSignature):
        take(federation, sign(twin, federation["vn"].authority))
    assert not (federation["th"].home / "trust" / "conflicts").exists()


def test_j5_under_an_expired_charter_only_a_new_charter_is_taken(federation: Federation) -> None:
    clock = federation.clock
    assert isinstance(clock, ManualClock)
    descriptor = next_descriptor(federation, "vn")
    clock.advance(timedelta(days=370))
    with pytest.raises(Stale, match="expired"):
        take(federation, descriptor)
    two = draft([], "gms", 2, clock, previous=federation.charter)
    for member in ("vn", "kh"):
        two = sign(two, federation[member].authority)
    assert take(federation, two)


def test_a_newcomer_takes_all_versions_at_once(federation: Federation, tmp_path: Path) -> None:
    clock = federation.clock
    assert isinstance(clock, ManualClock)
    clock.advance(timedelta(days=370))
    two = draft([], "gms", 2, clock, previous=federation.charter)
    for member in ("vn", "kh"):
        two = sign(two, federation[member].authority)
    lines = federation.charter + b"\n" + two + b"\n"
    assert len(import_document(tmp_path / "new", lines, clock, federation.fingerprint)) == 2


# ------------------------------------------------------------------ descriptor


def test_the_next_descriptor_is_taken_and_all_are_kept(federation: Federation) -> None:
    two = next_descriptor(federation, "vn", endpoints=("192.0.2.1:1",))
    assert take(federation, two)
    assert not take(federation, two)
    assert descriptor_of(federation, "vn").endpoints == ("192.0.2.1:1",)
    lines = (federation["th"].home / "trust" / "descriptors" / "vn.jsonl").read_bytes().splitlines()
    assert [parse_descriptor(line)[0].version for line in lines] == [1, 2]
    assert not take(federation, lines[0])


def test_a_descriptor_that_skips_a_version_waits_for_the_one_between(federation: Federation) -> None:
    with pytest.raises(Malformed, match="does not follow"):
        take(federation, next_descriptor(federation, "vn", version=3))


def test_j6_a_wrong_hash_of_the_version_before_is_an_alarm(federation: Federation) -> None:
    with pytest.raises(Contradicted):
        take(federation, next_descriptor(federation, "vn", previous="ab" * 32))


def test_two_descriptors_of_one_version_are_an_alarm(federation: Federation) -> None:
    assert take(federation, next_descriptor(federation, "vn"))
    held = descriptor_of(federation, "vn")
    twin = next_descriptor(federation, "vn", version=2, previous=held.previous, endpoints=("192.0.2.9:1",))
    with pytest.raises(Contradicted):
        take(federation, twin)
    assert descriptor_of(federation, "vn") == held


def test_an_older_descriptor_with_other_bytes_never_comes_back(federation: Federation) -> None:
    first = descriptor_of(federation, "vn")
    assert take(federation, next_descriptor(federation, "vn"))
    twin = sign_descriptor(replace(first, endpoints=("192.0.2.9:1",)), [authority_key(federation["vn"])])
    with pytest.raises(Stale, match="older"):
        take(federation, twin)


def test_j7_a_descriptor_for_another_federation_is_refused(federation: Federation) -> None:
    with pytest.raises(BadSignature, match="another federation"):
        take(federation, next_descriptor(federation, "vn", federation="other"))


def test_the_authority_of_another_member_cannot_speak_for_this_one(federation: Federation) -> None:
    forged = sign_descriptor(descriptor_of(federation, "vn"), [authority_key(federation["kh"])])
    with pytest.raises(BadSignature):
        take(federation, forged)
    with pytest.raises(BadSignature, match="not of `th`"):
        TrustDocuments(federation["th"].home / "trust").accept_descriptor(
            next_descriptor(federation, "vn"), "th", federation.clock
        )


def test_a_member_that_is_not_in_the_charter_has_no_descriptor(federation: Federation) -> None:
    data = sign_descriptor(
        replace(descriptor_of(federation, "vn"), member="la"),  # type: ignore[arg-type]
        [authority_key(federation["vn"])],
    )
    with pytest.raises(Unknown):
        take(federation, data)


def test_a_document_from_the_future_is_refused(federation: Federation) -> None:
    held = descriptor_of(federation, "vn")
    with pytest.raises(Stale, match="future"):
        take(federation, next_descriptor(federation, "vn", issued_us=held.issued_us + 3_600_000_000))


def test_a_key_that_is_not_admitted_keeps_the_descriptor_out(federation: Federation) -> None:
    """FACT-9: a member lists the identity point as its log key."""
    held = descriptor_of(federation, "vn")
    log = next(key for key in held.keys if key.use == KeyUse.LOG)
    spki = log.spki[:12] + (1).to_bytes(32, "little")
    weak = replace(log, spki=spki, key_id=hashlib.sha256(spki).hexdigest())
    others = tuple(key for key in held.keys if key != log)
    with pytest.raises(BadSignature, match="not admitted"):
        take(federation, next_descriptor(federation, "vn", keys=(*others, weak)))


@pytest.mark.parametrize("use", [KeyUse.LOG, KeyUse.APPROVER])
@pytest.mark.parametrize("owner", ["vn", "kh"])
@pytest.mark.parametrize("file", ["authority.key", "ca.key"])
def test_a_key_of_an_authority_or_ca_is_listed_for_no_use(
    federation: Federation, use: KeyUse, owner: str, file: str
) -> None:
    key = load_signing_key(federation[owner].authority / file)
    with pytest.raises(BadSignature, match="log" if use is KeyUse.LOG else "authority"):
        take(federation, with_key(federation, key, use))


def test_heads_of_logs_are_signed_by_ed25519_keys_alone(federation: Federation) -> None:
    key = SigningKey(ec.generate_private_key(ec.SECP256R1()))
    data = with_key(federation, key, KeyUse.LOG)
    with pytest.raises(BadSignature, match="Ed25519"):
        take(federation, data)
    path = TrustDocuments(federation["th"].home / "trust").descriptor_path("vn")
    path.write_bytes(path.read_bytes() + data + b"\n")  # taken by an earlier version
    view = federation.view()
    assert view.descriptor("vn").version == 2
    assert {listed.algorithm for listed in view.vkeys("vn")} == {Algorithm.ED25519}
    with pytest.raises(BadSignature):
        view.verify_key("vn", key.key_id, KeyUse.LOG, federation.clock.now_us())


def with_key(federation: Federation, key: SigningKey, use: KeyUse) -> bytes:
    """The next descriptor of `vn`, with one more key."""
    held = descriptor_of(federation, "vn")
    like = next(listed for listed in held.keys if listed.use == KeyUse.LOG)
    more = replace(like, key_id=key.key_id, use=use, algorithm=key.algorithm, spki=key.spki)
    return next_descriptor(federation, "vn", keys=(*held.keys, more))


@pytest.mark.parametrize(
    "changes",
    [
        {"endpoints": ("nowhere",)},
        {"endpoints": ("a:0",)},
        {"endpoints": ("a:70000",)},
        {"endpoints": ("a:1", "a:1")},
        {"endpoints": ("A:1",)},
        {"agencies": ("Police",)},
        {"offices": ("th.BLO",)},
        {"version": 0},
        {"previous": "x"},
        {"member": "xyz"},
    ],
)
def test_ill_formed_descriptors_are_not_even_signed(federation: Federation, changes: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        next_descriptor(federation, "vn", **changes)


@pytest.mark.parametrize("use", ["root", "agency/customs", "agency/", "", "tls"])
def test_a_key_has_one_known_use(federation: Federation, use: str) -> None:
    """The log key (Ed25519, not certified) cannot be listed for anything that is certified or unknown."""
    held = descriptor_of(federation, "vn")
    keys = tuple(replace(key, use=use) if key.use == KeyUse.LOG else key for key in held.keys)
    with pytest.raises(Malformed):
        next_descriptor(federation, "vn", keys=keys)


def test_a_key_of_another_member_cannot_be_claimed(federation: Federation) -> None:
    """Viet Nam lists the log key of Thailand, which has no certificate that would tell."""
    foreign = next(key for key in descriptor_of(federation, "th").keys if key.use == KeyUse.LOG)
    with pytest.raises(BadSignature, match="is a key of `th`"):
        take(federation, next_descriptor(federation, "vn", keys=(*descriptor_of(federation, "vn").keys, foreign)))


def test_a_key_is_listed_once(federation: Federation) -> None:
    held = descriptor_of(federation, "vn")
    log = next(key for key in held.keys if key.use == KeyUse.LOG)
    with pytest.raises(Malformed, match="once"):
        next_descriptor(federation, "vn", keys=(*held.keys, replace(log, use="witness")))


def test_a_node_lists_both_kinds_of_witness_key(federation: Federation) -> None:
    keys = [key for key in descriptor_of(federation, "vn").keys if key.use == KeyUse.WITNESS]
    assert [key.algorithm for key in keys] == [Algorithm.ED25519, Algorithm.MLDSA44]
    assert len(federation.view("th").witness_keys("vn")) == 2


@pytest.mark.parametrize("use", ["log", "approver", "auditor"])
def test_an_ml_dsa_key_is_a_witness_and_nothing_else(federation: Federation, use: str) -> None:
    held = descriptor_of(federation, "vn")
    keys = tuple(replace(key, use=use) if key.algorithm is Algorithm.MLDSA44 else key for key in held.keys)
    with pytest.raises(Malformed, match="ML-DSA"):
        next_descriptor(federation, "vn", keys=keys)


def test_a_damaged_witness_key_keeps_the_descriptor_out(federation: Federation) -> None:
    held = descriptor_of(federation, "vn")
    good = next(key for key in held.keys if key.algorithm is Algorithm.MLDSA44)
    for spki in (good.spki[:-1], good.spki + b"\0", b"\x30" + bytes(1_333)):
        bad = replace(good, spki=spki, key_id=hashlib.sha256(spki).hexdigest())
        data = next_descriptor(federation, "vn", keys=tuple(bad if key == good else key for key in held.keys))
        with pytest.raises(BadSignature, match="not admitted"):
            take(federation, data)


def test_the_card_of_a_domestic_witness_enters_the_descriptor(federation: Federation) -> None:
    keys = (
        WitnessSigningKey(Ed25519PrivateKey.generate()).public,
        WitnessSigningKey(MLDSA44PrivateKey.generate()).public,
    )
    folder = federation["th"].home / WITNESSES
    folder.mkdir()
    (folder / "auditor.pub").write_bytes(build_witness_card(WitnessCard(MemberId("th"), keys, b"PEM")))
    publish(federation, "th")
    view = federation["th"].view()
    assert {listed.key for listed in view.witness_keys("th", KeyUse.DOMESTIC_WITNESS)} == set(keys)
    assert set(keys).isdisjoint(listed.key for listed in view.witness_keys("th"))
    (folder / "auditor.pub").write_bytes(build_witness_card(WitnessCard(MemberId("vn"), keys, b"PEM")))
    with pytest.raises(Misconfigured, match="a witness of `vn`"):
        publish(federation, "th")
    (folder / "auditor.pub").write_bytes(b"{}")
    with pytest.raises(Misconfigured, match="liaison witness init"):
        publish(federation, "th")


# ------------------------------------------------------------------ status


def test_a_status_with_a_higher_number_is_taken(federation: Federation) -> None:
    data = next_status(federation, "vn")
    assert take(federation, data)
    assert not take(federation, data)


def test_a_status_never_goes_back(federation: Federation) -> None:
    first = (federation["th"].home / "trust" / "statuses" / "vn.json").read_bytes()
    assert take(federation, next_status(federation, "vn"))
    with pytest.raises(Stale, match="older"):
        take(federation, first)


def test_two_statuses_of_one_number_are_an_alarm(federation: Federation) -> None:
    held = federation.view().status("vn")
    assert held
    other = next_status(federation, "vn", sequence=held.sequence, expires_us=held.expires_us - 60_000_000)
    with pytest.raises(Contradicted):
        take(federation, other)


@pytest.mark.parametrize("key", ["statement", "tls", "log", "witness", "agency-immigration", "token-issuer"])
def test_c10_only_a_status_key_signs_a_status(federation: Federation, key: str) -> None:
    with pytest.raises(BadSignature):
        take(federation, next_status(federation, "vn", key))


def test_a_status_key_of_another_member_does_not_count(federation: Federation) -> None:
    held = federation.view().status("vn")
    assert held
    with pytest.raises(BadSignature):
        take(federation, sign_status(replace(held, sequence=9), federation["kh"].key("status")))


def test_a_status_that_removes_its_own_key_is_refused(federation: Federation) -> None:
    key_id = federation["vn"].key("status").key_id
    with pytest.raises(BadSignature):
        take(federation, next_status(federation, "vn", removed=(key_id,)))


def test_a_status_lives_72_hours_at_most(federation: Federation) -> None:
    held = federation.view().status("vn")
    assert held
    for life in (72 * 3_600 + 1, 0, -1):
        with pytest.raises(Malformed, match="72 hours"):
            next_status(federation, "vn", expires_us=held.issued_us + life * 1_000_000)


def test_an_expired_status_is_not_taken(federation: Federation) -> None:
    clock = federation.clock
    assert isinstance(clock, ManualClock)
    data = next_status(federation, "vn")
    clock.advance(timedelta(hours=73))
    with pytest.raises(Stale, match="expired"):
        take(federation, data)


def test_a_status_beside_another_descriptor_of_the_same_version_is_refused(federation: Federation) -> None:
    with pytest.raises(BadSignature, match="another descriptor"):
        take(federation, next_status(federation, "vn", descriptor_hash="ab" * 32))


def test_unknown_fields_are_refused_everywhere(federation: Federation) -> None:
    """CASE-B10, in status and descriptor alike."""
    for data, parse in (
        (federation.view().status("vn").data, parse_status),  # type: ignore[union-attr]
        (descriptor_of(federation, "vn").data, parse_descriptor),
    ):
        value = json.loads(data)
        payload = json.loads(base64.b64decode(value["payload"]))
        for changed in ({**payload, "more": 1}, {name: payload[name] for name in list(payload)[1:]}):
            value["payload"] = encode64(json.dumps(changed).encode())
            with pytest.raises(Malformed):
                parse(json.dumps(value, separators=(",", ":"), sort_keys=True).encode())


# ------------------------------------------------------------------ kinds, publishing


def test_a_document_is_known_by_its_content(federation: Federation) -> None:
    status = federation.view().status("vn")
    assert isinstance(status, Status)
    assert kind_of(federation.charter) == "charter"
    assert kind_of(status.data) == "status"
    assert kind_of(descriptor_of(federation, "vn").data + b"\n") == "descriptor"
    for data in (b"{}", b"[]", b"1", b'{"payloadType":"x"}', b'{"payloadType":[]}', b"rubbish", b""):
        with pytest.raises(Malformed):
            kind_of(data)
    with pytest.raises(Malformed):
        import_document(federation["th"].home / "trust", b"\n \n", federation.clock)


def test_publishing_again_changes_nothing(federation: Federation) -> None:
    vn = federation["vn"]
    held = descriptor_of(federation, "vn")
    values = {"endpoints": held.endpoints, "offices": held.offices, "agencies": vn.agencies}
    assert publish_descriptor(vn.home, vn.authority, federation.clock, **values) == held.data  # type: ignore[arg-type]


def test_a_home_without_charter_or_descriptor_says_what_comes_first(tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    member = make_member(tmp_path, "la", clock)
    with pytest.raises(Misconfigured) as caught:
        publish_descriptor(member.home, member.authority, clock, endpoints=["a:1"], offices=[], agencies=["police"])
    assert "liaison trust" in caught.value.remedy
    with pytest.raises(Misconfigured):
        publish_status(member.home, clock)


def test_a_damaged_file_is_an_error_and_not_an_empty_one(federation: Federation) -> None:
    path = federation["th"].home / "trust" / "charter.jsonl"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(LiaisonError):
        TrustDocuments(path.parent).charter(federation.clock)
    assert parse_charter(federation.charter).signed_by
