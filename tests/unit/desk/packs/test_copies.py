"""A copy opens for one device, from its own node, in its time; look-ups are signed, chained and sealed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec.structs import replace

from certs.keyfiles import spki
from gateway.desk.alerts.book import HeldAlert
from gateway.desk.packs.copies import LIFE_US, copy_for, open_copy, sealed_copy
from gateway.desk.packs.devices import OpenDevice, enrol, open_device
from gateway.desk.packs.lookups import FIRST, chained, kept
from gateway.desk.packs.searching import Asked, look_up
from gateway.errors import BadSignature, Forbidden, LiaisonError, Malformed, Misconfigured, Stale
from gateway.model.names import MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import DocumentQuery
from gateway.signing.dsse import encode64
from gateway.signing.keys import SigningKey
from tests.unit.desk.alerts.test_book import LAO, TRUCK, held

NOW = 1_795_521_600_000_000
HOUR_US = 3_600_000_000
NODE = ec.generate_private_key(ec.SECP256R1())
PASSPHRASE = "three green buffaloes"
ASKED = Asked("th.o.1042", Purpose.BORDER_CHECK, Offence.NARC, DocumentQuery("PLAON001234", "LAO"), ticket="MS-1")


def device(folder: Path, office: str = "th.blo.mae-sot") -> OpenDevice:
    """A device of an office, opened."""
    key = encode64(spki(NODE.public_key()))
    enrol(
        folder,
        name="tablet",
        member=MemberId("th"),
        agency="police",
        office=office,
        node=(key,),
        passphrase=PASSPHRASE,
    )
    return open_device(folder, PASSPHRASE)


def packed(opened: OpenDevice, *alerts: HeldAlert, trusted_us: int = NOW + LIFE_US, node: Any = NODE) -> bytes:
    """A copy of these alerts for a device."""
    copy = copy_for(opened.device, [(alert, trusted_us) for alert in alerts], (), NOW)
    return sealed_copy(copy, opened.device, SigningKey(node))


def test_a_copy_holds_what_is_for_the_office_and_no_longer_than_its_owner_is_believed(tmp_path: Path) -> None:
    opened = device(tmp_path / "one")
    mine = held(LAO, until_us=NOW + 100 * HOUR_US)
    other = held(TRUCK, until_us=NOW + 100 * HOUR_US, offices=("th.blo.chiang-khong",))
    copy = open_copy(packed(opened, mine, other, trusted_us=NOW + HOUR_US), opened, NOW)
    assert [one.alert for one in copy.alerts] == [mine]
    assert copy.alerts[0].warns_until_us == NOW + HOUR_US


def test_another_device_a_changed_copy_a_strange_node_and_an_old_copy_are_refused(tmp_path: Path) -> None:
    one, other = device(tmp_path / "one"), device(tmp_path / "other")
    data = packed(one, held(LAO))
    changed = bytearray(data)
    changed[-1] ^= 1
    stranger = ec.generate_private_key(ec.SECP256R1())
    for bad, opened, now_us, error, code in (
        (data, other, NOW, Forbidden, "bad-copy"),
        (bytes(changed), one, NOW, Forbidden, "bad-copy"),
        (packed(one, held(LAO), node=stranger), one, NOW, BadSignature, "unknown-node-key"),
        (data, one, NOW + LIFE_US, Stale, "copy-over"),
        (data, one, NOW - HOUR_US, Stale, "copy-over"),
    ):
        with pytest.raises(error) as caught:
            open_copy(bad, opened, now_us)
        assert isinstance(caught.value, LiaisonError)
        assert caught.value.code == code


def test_a_device_opens_with_its_passphrase_only(tmp_path: Path) -> None:
    device(tmp_path / "one")
    with pytest.raises(Misconfigured) as caught:
        open_device(tmp_path / "one", "three brown buffaloes")
    assert caught.value.code == "wrong-passphrase"
    with pytest.raises(Misconfigured) as caught:
        enrol(
            tmp_path / "weak",
            name="t",
            member=MemberId("th"),
            agency="police",
            office="th.blo.mae-sot",
            node=(),
            passphrase="1234",
        )
    assert caught.value.code == "weak-passphrase"


def test_a_look_up_finds_what_is_in_its_time_and_is_written_down(tmp_path: Path) -> None:
    opened = device(tmp_path / "one")
    alert = held(LAO, until_us=NOW + 100 * HOUR_US)
    file = tmp_path / "copy"
    file.write_bytes(packed(opened, alert, trusted_us=NOW + 2 * HOUR_US))
    looked = look_up(tmp_path / "one", opened, file, ASKED, NOW + HOUR_US)
    assert [found for found, _ in looked.found] == [alert]
    assert (looked.age_us, looked.over) == (HOUR_US, 0)
    later = look_up(tmp_path / "one", opened, file, ASKED, NOW + 3 * HOUR_US)
    assert (list(later.found), later.over) == ([], 1)
    lookups = chained(kept(tmp_path / "one", opened), opened.device, 0, FIRST)
    assert [(one.number, one.time_us, len(one.hits)) for one in lookups] == [
        (1, NOW + HOUR_US, 1),
        (2, NOW + 3 * HOUR_US, 0),
    ]
    assert b"001234" not in (tmp_path / "one" / "lookups").read_bytes()


def test_a_look_up_without_a_ticket_is_refused(tmp_path: Path) -> None:
    opened = device(tmp_path / "one")
    (tmp_path / "copy").write_bytes(packed(opened))
    with pytest.raises(Malformed) as caught:
        look_up(tmp_path / "one", opened, tmp_path / "copy", replace(ASKED, ticket=""), NOW)
    assert caught.value.code == "missing-case"


@pytest.mark.parametrize("left", [[1, 2], [0, 2], [1, 0, 2]])
def test_a_missing_or_moved_look_up_is_found_out(tmp_path: Path, left: list[int]) -> None:
    opened = device(tmp_path / "one")
    (tmp_path / "copy").write_bytes(packed(opened))
    for _ in range(3):
        look_up(tmp_path / "one", opened, tmp_path / "copy", ASKED, NOW)
    file = tmp_path / "one" / "lookups"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[place] for place in left))
    with pytest.raises(Malformed) as caught:
        kept(tmp_path / "one", opened)
    assert caught.value.code == "lookup-missing"


def test_a_look_up_that_was_torn_by_a_power_cut_does_not_spoil_the_next(tmp_path: Path) -> None:
    opened = device(tmp_path / "one")
    (tmp_path / "copy").write_bytes(packed(opened))
    look_up(tmp_path / "one", opened, tmp_path / "copy", ASKED, NOW)
    file = tmp_path / "one" / "lookups"
    with file.open("ab") as opened_file:
        opened_file.write(b"c29tZ")
    look_up(tmp_path / "one", opened, tmp_path / "copy", ASKED, NOW)
    assert len(kept(tmp_path / "one", opened)) == 2
