"""Passkeys are enrolled by two persons and withdrawn by one, with the commands that people have."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.acts.passkeys import Passkey, enrolled_passkey
from gateway.audit.acts.table import ActKind
from gateway.config import Home
from gateway.errors import LiaisonError
from gateway.ops.acts.carry import bring
from gateway.ops.acts.draft import draft
from gateway.ops.acts.passkeys import draft_enrolment, draft_withdrawal, listed_passkeys
from gateway.ops.homes.persons import admit_person
from gateway.signing.passkeys.base64url import encode_url64
from gateway.signing.passkeys.public_key import CoseAlgorithm
from gateway.signing.passkeys.registration import asked_for
from gateway.trust.documents.descriptor import KeyUse
from tests.support.authenticator import RP_ID, Authenticator
from tests.support.cli import Liaison, copy_federation
from tests.support.passkeys import enrol, enrolment, registered, set_release
from tests.support.persons import administrator, person_key


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def home(liaison: Liaison, tmp_path: Path) -> Path:
    copy_federation(liaison, tmp_path, ("th", "vn"))
    return tmp_path / "th"


def code_of(home: Path, data: bytes) -> str:
    with pytest.raises(LiaisonError) as refused:
        bring(home, data)
    return refused.value.code


@pytest.mark.long
@pytest.mark.parametrize("algorithm", [CoseAlgorithm.ES256, CoseAlgorithm.EDDSA])
def test_a_passkey_is_enrolled_listed_and_withdrawn_by_commands(
    liaison: Liaison, home: Path, algorithm: CoseAlgorithm
) -> None:
    set_release(home)
    asked, answer = home.parent / "options.json", home.parent / "response.json"
    device = Authenticator(algorithm)
    made = liaison("passkey", "options", "--home", home, "--person", "th.d.7", "--out", asked, "--json").value
    assert made["rp"]["id"] == RP_ID
    answer.write_text(json.dumps(device.create(asked_for(json.loads(asked.read_text()))[2])))
    files = ("--home", home, "--options", asked, "--response", answer, "--reason", "new duty officer")
    keys = (*administrator(home), "--key", str(person_key(home, "data1")))
    done = liaison("passkey", "enrol", *files, *keys, "--json")
    assert done.code == 0, done
    (found,) = liaison("passkey", "list", "--home", home, "--json").value["passkeys"]
    assert (found["person"], found["algorithm"], found["withdrawn"]) == ("th.d.7", algorithm.name, "")
    assert found["key"] == encode_url64(device.spki)
    known = liaison("passkey", "options", "--home", home, "--person", "th.d.7", "--out", asked, "--json").value
    assert [item["id"] for item in known["excludeCredentials"]] == [found["credential"]]
    gone = ("--credential", found["credential"][:8], "--reason", "lost", *administrator(home))
    assert liaison("passkey", "withdraw", "--home", home, *gone, "--json").code == 0
    (found,) = liaison("passkey", "list", "--home", home, "--json").value["passkeys"]
    assert found["withdrawn"]
    checked = liaison("audit", "verify", "--home", home, "--json")
    assert checked.code == 0, checked
    assert [item["state"] for item in checked.value["findings"] if item["check"] == 19] == ["proved"]


@pytest.mark.long
def test_the_second_person_signs_on_another_machine(liaison: Liaison, home: Path, tmp_path: Path) -> None:
    asked, answer = registered(home, "th.d.7", Authenticator())
    act = tmp_path / "act"
    files = ("--home", home, "--options", asked, "--response", answer, "--reason", "new")
    liaison("passkey", "enrol", *files, *administrator(home), "--out", act)
    assert liaison("act", "bring", act, "--home", home).code == 1
    liaison("act", "sign", act, "--key", person_key(home, "data2"), "--out", act)
    assert liaison("act", "bring", act, "--home", home).code == 0
    assert [item.passkey.person for item in listed_passkeys(home)] == ["th.d.7"]


@pytest.mark.parametrize("names", [("adm",), ("data1",), ("data1", "data2")])
def test_one_person_or_two_without_a_leading_one_enrol_nothing(home: Path, names: tuple[str, ...]) -> None:
    assert code_of(home, enrolment(home, "th.d.7", Authenticator(), *names)) == "below-threshold"
    assert listed_passkeys(home) == []


@pytest.mark.long
def test_nobody_signs_the_enrolment_of_an_own_passkey(home: Path) -> None:
    assert code_of(home, enrolment(home, "th-adm", Authenticator())) == "own-passkey"
    assert code_of(home, enrolment(home, "th-data1", Authenticator())) == "own-passkey"


def held_by(home: Path, name: str, use: KeyUse, person: str) -> None:
    """Say at the home whose key it is."""
    admit_person(home, person_key(home, name).with_suffix(".pub"), use, person)


def test_n246_whose_key_it_is_counts_and_not_what_its_file_is_called(home: Path) -> None:
    held_by(home, "adm", KeyUse.ADMINISTRATOR, "th.d.7")
    folder = Home(home).persons(KeyUse.ADMINISTRATOR)
    assert code_of(home, enrolment(home, "th.d.7", Authenticator())) == "own-passkey"
    (folder / "th-adm.pub").rename(folder / "th-another.pub")
    assert code_of(home, enrolment(home, "th.d.7", Authenticator())) == "own-passkey"
    (folder / "th-another.pub").rename(folder / "th-adm.pub")
    shutil.copy(folder / "th-adm.pub", folder / "th-another.pub")
    for person in ("th.d.7", "th-another"):
        assert code_of(home, enrolment(home, person, Authenticator())) == "own-passkey", "a key has all its names"


def test_n246_two_keys_of_one_person_are_one_person(home: Path) -> None:
    held_by(home, "adm", KeyUse.ADMINISTRATOR, "th.o.7")
    held_by(home, "data1", KeyUse.DATA_OFFICER, "th.o.7")
    assert code_of(home, enrolment(home, "th.d.7", Authenticator(), "adm", "data1")) == "below-threshold"
    bring(home, enrolment(home, "th.d.7", Authenticator(), "adm", "data1", "data2"))


def test_n246_one_passkey_is_no_second_person_under_another_name(home: Path) -> None:
    device = enrol(home, "th.d.7")
    again = Passkey("th.d.8", b"another credential", device.spki, RP_ID).as_json()
    keys = [person_key(home, name) for name in ("adm", "data1")]
    assert code_of(home, draft(home, ActKind.PASSKEY_ENROL, "new", again, keys)) == "passkey-known"


@pytest.mark.long
def test_a_passkey_is_enrolled_once(home: Path) -> None:
    device = Authenticator()
    data = enrolment(home, "th.d.7", device)
    bring(home, data)
    assert code_of(home, data) == "act-known"
    assert code_of(home, enrolment(home, "th.d.8", device)) == "passkey-known"
    bring(home, draft_withdrawal(home, encode_url64(device.credential), "lost", [person_key(home, "adm")]))
    assert code_of(home, enrolment(home, "th.d.7", device)) == "passkey-known"


@pytest.mark.long
def test_only_a_leading_person_withdraws_and_only_what_is_there(home: Path) -> None:
    device = enrol(home, "th.d.7")
    name = encode_url64(device.credential)
    assert code_of(home, draft_withdrawal(home, name, "lost", [person_key(home, "data1")])) == "below-threshold"
    for detail in (
        {"person": "th.d.8", "credential": name},
        {"person": "th.d.7", "credential": encode_url64(b"other")},
        {"person": "th.d.7"},
        {"person": "th.d.7", "credential": name + "="},
    ):
        data = draft(home, ActKind.PASSKEY_WITHDRAW, "lost", detail, [person_key(home, "adm")])
        assert code_of(home, data) in ("no-such-passkey", "bad-act", "bad-base64url")
    assert not listed_passkeys(home)[0].withdrawn_us


@pytest.mark.long
@pytest.mark.parametrize(
    "change",
    [
        {"person": "../x"},
        {"person": 7},
        {"credential": ""},
        {"key": "AAAA"},
        {"rp_id": "10.0.0.1"},
        {"counter": -1},
        {"counter": True},
        {"counter": 2**32},
        {"aaguid": "AAAA"},
        {"backed_up": 1},
        {"more": 1},
    ],
)
def test_an_enrolment_of_another_form_is_refused(home: Path, change: dict[str, Any]) -> None:
    device = Authenticator()
    detail = Passkey("th.d.7", device.credential, device.spki, RP_ID).as_json()
    assert enrolled_passkey(detail).key.algorithm is CoseAlgorithm.ES256
    keys = [person_key(home, "adm"), person_key(home, "data1")]
    code_of(home, draft(home, ActKind.PASSKEY_ENROL, "new", detail | change, keys))
    assert listed_passkeys(home) == []


def test_an_answer_to_other_options_or_from_another_site_is_refused(home: Path) -> None:
    asked, _ = registered(home, "th.d.7", Authenticator())
    _, other = registered(home, "th.d.8", Authenticator())
    with pytest.raises(LiaisonError, match="something else"):
        draft_enrolment(home, asked, other, "new", [person_key(home, "adm")])
    set_release(home, origins=["https://other.desk.th.example"])
    with pytest.raises(LiaisonError, match="another site"):
        draft_enrolment(home, *registered(home, "th.d.7", Authenticator()), "new", [person_key(home, "adm")])


def test_options_need_a_domain(liaison: Liaison, home: Path) -> None:
    refused = liaison("passkey", "options", "--home", home, "--person", "th.d.7", "--out", home / "x", "--json")
    assert refused.code == 1
    assert "rp_id" in refused.value["error"]["remedy"]
    set_release(home)
    assert liaison("passkey", "options", "--home", home, "--person", "../x", "--out", home / "x").code == 1
    assert not (home / "x").exists()


@pytest.mark.long
def test_who_has_no_mandate_sees_no_person(liaison: Liaison, home: Path) -> None:
    enrol(home, "th.d.7")
    shown = liaison("audit", "show", "--home", home, "--log", "operations", "--kind", "passkey-enrolled")
    assert shown.code == 0
    assert "th.d.7" not in str(shown)
