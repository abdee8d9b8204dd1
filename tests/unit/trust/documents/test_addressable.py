"""Which offices may be addressed by which, and whom humans phone: optional fields of a descriptor (0082, 0084)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Malformed
from gateway.model.desk.offices import Addressable, Contact, Facing
from gateway.signing import strict_json
from gateway.signing.dsse import sign_document
from gateway.signing.keys import load_signing_key
from gateway.trust.ceremony.ceremony import publish_descriptor
from gateway.trust.documents.descriptor import DESCRIPTOR_TYPE, parse_descriptor, sign_descriptor
from tests.support.cli import Liaison
from tests.support.federation import Federation, make_federation
from tests.support.tables import table

NORTH, SOUTH, DESK = "th.blo.chiang-khong", "th.blo.mukdahan", "th.national"
RULE = Addressable((DESK,), (Facing(NORTH, ("la.blo.houayxay",)), Facing(SOUTH, ("la.blo.savannakhet", "la.blo.x"))))


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    return make_federation(tmp_path_factory.mktemp("addressable"), ("th",))


def payload(founded: Federation, **changes: Any) -> bytes:
    descriptor = founded.view().descriptor("th")
    value = strict_json.loads(parse_descriptor(descriptor.data)[1].payload, 1 << 20)
    key = load_signing_key(founded["th"].authority / "authority.key")
    return sign_document(DESCRIPTOR_TYPE, strict_json.dumps(value | changes), [key])


def test_the_rule_is_read_back_and_a_descriptor_without_it_has_the_bytes_of_before(founded: Federation) -> None:
    key = load_signing_key(founded["th"].authority / "authority.key")
    held = founded.view().descriptor("th")
    listed = replace(held, offices=(NORTH, SOUTH, DESK), addressable=RULE)
    assert parse_descriptor(sign_descriptor(listed, [key]))[0].addressable == RULE
    assert not held.addressable
    assert b"facing" not in parse_descriptor(held.data)[1].payload
    assert b"national_desks" not in parse_descriptor(held.data)[1].payload


def test_a_facing_office_and_national_desks_are_reached_and_no_other() -> None:
    assert RULE.admits("la.blo.houayxay", NORTH)
    assert RULE.admits("la.blo.houayxay", DESK)
    assert not RULE.admits("la.blo.houayxay", SOUTH)
    assert not RULE.admits("la.national", NORTH)
    assert not RULE.admits("", NORTH)
    assert not RULE.admits("la.blo.houayxay", "th.blo.nowhere")
    assert Addressable().admits("la.blo.houayxay", "th.blo.nowhere"), "a member that lists neither sets no rule"


@table(
    "changes",
    [
        {"national_desks": [DESK]},
        {"facing": [{"office": "th.blo.nowhere", "faces": ["la.blo.houayxay"]}]},
        {"facing": [{"office": "th.blo.aranyaprathet", "faces": ["LA houayxay"]}]},
        {"facing": [{"office": "th.blo.aranyaprathet", "faces": ["kh.x", "kh.x"]}]},
        {"facing": [{"office": "th.blo.aranyaprathet"}]},
        {"facing": [{"office": "th.blo.aranyaprathet", "faces": ["kh.x"]}] * 2},
        {"facing": {"th.blo.aranyaprathet": ["kh.x"]}},
        {"national_desks": DESK},
        {"contacts": [{"office": "th.blo.nowhere", "reach": "+66 2"}]},
        {"contacts": [{"office": "th.blo.aranyaprathet", "reach": " "}]},
        {"contacts": [{"office": "th.blo.aranyaprathet", "reach": "x" * 129}]},
        {"contacts": [{"office": "th.blo.aranyaprathet"}]},
    ],
)
def test_other_forms_are_refused(founded: Federation, changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        parse_descriptor(payload(founded, **changes))


@pytest.mark.long
def test_the_command_publishes_the_rule_and_a_later_descriptor_keeps_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    liaison = Liaison(capsys)
    th = make_federation(tmp_path, ("th",))["th"]
    (th.home / "node.toml").write_text('[node]\nmember = "th"\n', encoding="utf-8")
    place = ("trust", "publish", "--home", str(th.home), "--authority", str(th.authority))
    offices = [part for office in (NORTH, SOUTH, DESK) for part in ("--office", office)]
    pairs = [part for pair in (f"{NORTH}=la.blo.houayxay", f"{SOUTH}=la.blo.savannakhet", f"{SOUTH}=la.blo.x")
             for part in ("--facing", pair)]  # fmt: skip
    assert liaison(*place, *offices, "--national-desk", DESK, *pairs).code == 0
    assert th.view().descriptor("th").addressable == RULE
    publish_descriptor(
        th.home, th.authority, th.clock, endpoints=["127.0.0.1:9"], offices=[NORTH, SOUTH, DESK], agencies=th.agencies
    )
    assert th.view().descriptor("th").addressable == RULE
    assert th.view().descriptor("th").contacts == ()
    assert liaison(*place, "--contact", f"{DESK}= +66 2 000 0000").code == 0
    publish_descriptor(
        th.home, th.authority, th.clock, endpoints=["127.0.0.1:9"], offices=[NORTH, SOUTH, DESK], agencies=th.agencies
    )
    assert th.view().descriptor("th").contacts == (Contact(DESK, "+66 2 000 0000"),)
    assert liaison("trust", "publish", "--home", str(th.home), "--contact", f"{NORTH}=1").code == 2
    assert liaison(*place, "--contact", DESK).code == 2
    without = liaison("trust", "publish", "--home", str(th.home), "--national-desk", NORTH)
    assert without.code == 2, "the status alone changes no rule"
    assert liaison(*place, "--facing", NORTH).code == 2
