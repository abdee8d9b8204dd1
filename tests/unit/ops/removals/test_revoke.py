"""`liaison trust revoke`: the status key removes any other key at once, and the entry names who did it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.audit.acts.table import ActKind, Lane, Proof
from gateway.clock import SystemClock, to_us
from gateway.config import Home
from gateway.errors import BadSignature, Forbidden, Misused, Unknown
from gateway.ops.acts.mailbox import Mailbox, read_order
from gateway.ops.key_pairs import make_key_pair
from gateway.ops.removals.own_keys import replace_command
from gateway.ops.removals.revoke import Removal, revoke
from gateway.signing.keys import load_signing_key
from gateway.trust.ceremony.ceremony import draft, import_document, publish_descriptor, sign
from gateway.trust.ceremony.found_member import create_member
from gateway.trust.ceremony.member_card import read_card
from gateway.trust.ceremony.removal_notes import FILE, read_notes
from gateway.trust.documents.descriptor import Descriptor, KeyUse
from gateway.trust.view import TrustView
from tests.support.federation import Federation, make_federation
from tests.support.nodes import write_settings
from tests.support.persons import person_key

CLOCK = SystemClock()


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    made = make_federation(tmp_path_factory.mktemp("revoke"))
    for member in made.members:
        write_settings(made[member].home, member, 7443, ())
    return made


@pytest.fixture
def federation(founded: Federation, tmp_path: Path) -> Federation:
    return founded.copy(tmp_path, CLOCK)


def remove(federation: Federation, name: str, **more: object) -> Removal:
    return revoke(federation["vn"].home, name, "laptop stolen", CLOCK, **more)  # type: ignore[arg-type]


def is_refused(view: TrustView, use: str, key_id: str) -> bool:
    try:
        view.verify_key("vn", key_id, use, CLOCK.now_us())
    except BadSignature:
        return True
    return False


def next_descriptor(federation: Federation) -> Descriptor:
    vn = federation["vn"]
    publish_descriptor(vn.home, vn.authority, CLOCK, endpoints=["127.0.0.1:7555"], offices=[], agencies=vn.agencies)
    return vn.view().descriptor("vn")


@pytest.mark.long
@pytest.mark.parametrize("use", ["statement", "tls", "agency/immigration", "log", "administrator"])
def test_each_key_is_removed_by_its_use_with_the_authority_out_of_reach(federation: Federation, use: str) -> None:
    (key,) = [key for key in federation.view("th").descriptor("vn").keys if key.use == use]
    done = remove(federation, use)
    assert [item.key_id for item in done.keys] == [key.key_id]
    assert is_refused(federation.view("vn"), use, key.key_id)
    assert not is_refused(federation.view("th"), use, key.key_id)
    import_document(federation["th"].home / "trust", done.documents, CLOCK)
    assert is_refused(federation.view("th"), use, key.key_id)


def test_a_witness_loses_both_of_its_keys_and_an_id_names_one(federation: Federation) -> None:
    keys = [key for key in federation.view("vn").descriptor("vn").keys if key.use == "witness"]
    assert len(keys) == 2
    assert [key.key_id for key in remove(federation, keys[0].key_id[:12]).keys] == [keys[0].key_id]
    assert [key.key_id for key in remove(federation, "witness").keys] == [keys[1].key_id]
    with pytest.raises(Misused, match="removed already"):
        remove(federation, "witness")


def test_j11_the_status_key_does_not_remove_itself(federation: Federation) -> None:
    with pytest.raises(Forbidden, match="only the authority") as caught:
        remove(federation, "status")
    assert caught.value.remedy == replace_command("status", federation["vn"].home)
    assert read_notes(federation["vn"].home / "trust") == []


@pytest.mark.parametrize("name", ["agency/customs", "statements", "", "ffffffffffff"])
def test_an_unknown_key_is_refused_and_nothing_is_removed(federation: Federation, name: str) -> None:
    before = federation.view("vn").hash
    with pytest.raises(Unknown, match="lists no key"):
        remove(federation, name)
    assert federation.view("vn").hash == before


def test_j10_the_next_descriptor_says_since_when_it_proves_nothing(federation: Federation) -> None:
    since_us = (CLOCK.now_us() - 86_400_000_000) // 1_000_000 * 1_000_000
    (key,) = remove(federation, "log", since_us=since_us).keys
    remove(federation, "agency/immigration")  # each later status is newer than the removal
    listed = {item.key_id: item for item in next_descriptor(federation).keys}
    assert listed[key.key_id].compromised_us == since_us


def test_a_note_that_cannot_be_read_does_not_keep_a_key_in_force(federation: Federation) -> None:
    home = federation["vn"].home
    (home / "trust" / FILE).write_bytes(b"{rubbish\n")
    (key,) = remove(federation, "statement").keys
    assert [note.key_id for note in read_notes(home / "trust")] == [key.key_id]
    assert next_descriptor(federation).keys


def test_a_key_is_not_removed_from_tomorrow_on(federation: Federation) -> None:
    with pytest.raises(Misused, match="in the future"):
        remove(federation, "statement", since_us=to_us(CLOCK.now()) + 86_400_000_000)


def test_several_keys_of_one_use_are_named_by_their_ids(federation: Federation) -> None:
    with pytest.raises(Misused, match="name one by its id") as caught:
        remove(federation, "data-officer")
    ids = [key.key_id for key in federation.view("vn").descriptor("vn").keys if key.use == KeyUse.DATA_OFFICER]
    assert all(key_id[:16] in str(caught.value) for key_id in ids)
    assert [key.key_id for key in remove(federation, ids[0]).keys] == ids[:1]


def test_the_act_waits_for_the_node_and_is_signed_where_an_administrator_signs(federation: Federation) -> None:
    home = federation["vn"].home
    plain = remove(federation, "tls")
    assert (plain.by.proof, plain.is_logged) == (Proof.UNPROVED, False)
    signed = remove(federation, "statement", keys=[load_signing_key(person_key(home, "adm"))])
    assert signed.by.proof is Proof.SIGNATURES
    assert "administrator vn-adm" in signed.by.words
    orders = [read_order(path) for path in Mailbox(Home(home).acts).waiting(Lane.QUICK)]
    assert [(order.kind, bool(order.document)) for order in orders] == [(ActKind.REVOKE, False), (ActKind.REVOKE, True)]


def test_a_replaced_authority_signs_the_next_descriptor_and_foreign_keys_of_the_old_one_prove_nothing(
    federation: Federation, tmp_path: Path
) -> None:
    """After the theft of an authority's key: a key that the home does not hold may be the thief's."""
    vn, new = federation["vn"], tmp_path / "vn-new"
    public = Path(make_key_pair(tmp_path / "thief", "thief")["public"])
    (vn.home / "data-officers" / "thief.pub").write_bytes(public.read_bytes())
    foreign = {key.key_id for key in federation.view("vn").descriptor("vn").keys}
    foreign = {key.key_id for key in next_descriptor(federation).keys} - foreign
    (vn.home / "data-officers" / "thief.pub").unlink()
    assert len(foreign) == 1
    create_member(new, "vn", CLOCK)
    charter = draft([read_card(new)], "", 0, CLOCK, previous=federation.charter)
    for member in ("th", "kh"):
        charter = sign(charter, federation[member].authority)
    import_document(vn.home / "trust", charter, CLOCK)
    publish_descriptor(vn.home, new, CLOCK, endpoints=["127.0.0.1:7556"], offices=[], agencies=vn.agencies)
    listed = vn.view().descriptor("vn").keys
    assert {key.key_id for key in listed if key.compromised_us is not None} == foreign
