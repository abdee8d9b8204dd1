"""`liaison cert`, as an administrator and the people of an authority use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from certs.keyfiles import load_key
from certs.names import CertificateUse
from certs.profile import read_leaf
from gateway.clock import SystemClock
from gateway.signing.keys import load_signing_key
from gateway.trust.keeper import TrustKeeper
from tests.support.cli import Liaison, copy_federation


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def place(liaison: Liaison, tmp_path: Path) -> Path:
    copy_federation(liaison, tmp_path)
    return tmp_path


def keys(liaison: Liaison, home: Path) -> dict[str, Any]:
    ran = liaison("cert", "status", "--home", home, "--json")
    assert ran.code == 0, ran.err
    return {key["use"]: key for key in ran.value["keys"]}


def test_status_shows_each_key_with_its_end_and_what_renews_it(liaison: Liaison, place: Path) -> None:
    found = keys(liaison, place / "th")
    assert set(found) == {
        "agency/police", "client/cli", "client/console", "console", "log", "statement", "status", "tls", "token",
        "witness", "witness-mldsa",
        "administrator/th-adm", "data-officer/th-data1", "data-officer/th-data2",
    }  # fmt: skip
    assert found["tls"]["listed_since_version"] == 1
    assert found["tls"]["renewed_by"].startswith("liaison cert renew tls --home")
    assert found["log"]["certificate_until"] is None
    assert found["log"]["days_left"] > 1_800
    assert found["token"]["days_left"] is None
    assert found["client/cli"]["listed_until"] is None
    assert "statement" in liaison("cert", "status", "--home", place / "th").out


def test_certificates_of_a_home_do_not_all_end_on_one_day(liaison: Liaison, place: Path) -> None:
    days = [key["days_left"] for key in keys(liaison, place / "th").values() if key["certificate_until"]]
    assert len(set(days)) == len(days) == 7
    assert min(days) >= 300


@pytest.mark.long
def test_a_rotation_with_the_authority_at_hand(liaison: Liaison, place: Path) -> None:
    home, out = place / "vn", place / "vn-2.jsonl"
    before = keys(liaison, home)["statement"]["id"]
    ran = liaison("cert", "rotate", "statement", "--home", home, "--authority", place / "vn-authority", "--out", out)
    assert ran.code == 0, ran.err
    assert "published" in ran.out
    assert "waits until kh, th" in ran.out
    about = keys(liaison, home)["statement"]
    assert about["id"] == before
    assert about["rotation"]["version"] == 2
    assert liaison("trust", "accept", out, "--home", place / "th").code == 0
    done = liaison("cert", "rotate", "statement", "--home", home, "--assume-held", "--json")
    assert [step["step"] for step in done.value["steps"]] == ["switched", "retired"]
    after = keys(liaison, home)["statement"]
    assert (after["id"] != before, after["rotation"], after["usable"]) == (True, None, True)
    assert f"retired/statement-{before[:16]}.pem" in liaison("cert", "status", "--home", home).out
    view = TrustKeeper(place / "th" / "trust", SystemClock()).view
    assert view.verify_key("vn", after["id"], "statement", SystemClock().now_us())


def test_a_rotation_whose_authority_is_elsewhere(liaison: Liaison, place: Path) -> None:
    home, request, answer = place / "vn", place / "two.request", place / "two.answer"
    asked = liaison("cert", "rotate", "tls", "log", "--home", home, "--out", request)
    assert asked.code == 0, asked.err
    assert f"liaison cert sign {request} --authority ADIR --out {answer}" in asked.out
    wrong = liaison("cert", "sign", request, "--authority", place / "th-authority", "--out", answer)
    assert (wrong.code, answer.exists()) == (1, False)
    signed = liaison("cert", "sign", request, "--authority", place / "vn-authority", "--out", answer)
    assert signed.code == 0, signed.err
    assert "tls: a new key" in signed.out
    taken = liaison("cert", "rotate", "--home", home, "--answer", answer, "--json")
    assert taken.value["descriptor"] == 2
    assert {step["step"] for step in taken.value["steps"]} == {"published"}
    again = liaison("cert", "rotate", "--home", home, "--answer", request)
    assert again.code == 1
    assert "liaison cert sign" in again.err


def test_a_renewal_is_one_and_says_so(liaison: Liaison, place: Path) -> None:
    home, request, answer = place / "th", place / "th.request", place / "th.answer"
    before = (home / "keys/tls.pem").read_bytes()
    here = liaison("cert", "renew", "tls", "--home", home, "--authority", place / "th-authority", "--json")
    assert here.value["descriptor"] == 2
    renewed = (home / "keys/tls.pem").read_bytes()
    assert renewed != before
    assert read_leaf(renewed).spki == read_leaf(before).spki
    assert liaison("cert", "renew", "client/cli", "--home", home, "--out", request).code == 0
    assert liaison("cert", "sign", request, "--authority", place / "th-authority", "--out", answer).code == 0
    assert liaison("cert", "renew", "--home", home, "--certificate", answer).code == 0
    plain = liaison("cert", "renew", "--home", home, "--certificate", home / "keys/statement.pem")
    assert plain.code == 0, "a plain certificate of one of the home's keys is taken, too"
    nothing = liaison("cert", "renew", "token", "--home", home)
    assert (nothing.code, "no end" in nothing.err) == (1, True)


def test_a_second_client_system_of_an_agency(liaison: Liaison, place: Path) -> None:
    home, out = place / "th", place / "records-desk"
    made = liaison(
        "cert", "client", "records-desk", "--home", home, "--authority", place / "th-authority", "--out", out
    )
    assert made.code == 0, made.err
    leaf = read_leaf((out / "records-desk.pem").read_bytes())
    assert (leaf.name.use, leaf.name.member, leaf.name.name) == (CertificateUse.CLIENT, "th", "records-desk")
    assert TrustKeeper(home / "trust", SystemClock()).view.client("th", leaf.der) == "records-desk"
    assert (out / "ca.pem").read_bytes() == (home / "ca.pem").read_bytes()
    key = (out / "records-desk.key").read_bytes()
    assert liaison("cert", "client", "records-desk", "--home", home, "--out", out).code == 0
    answer = place / "desk.answer"
    request = out / "records-desk.request"
    assert liaison("cert", "sign", request, "--authority", place / "th-authority", "--out", answer).code == 0
    assert liaison("cert", "client", "records-desk", "--home", home, "--answer", answer, "--out", out).code == 0
    assert (out / "records-desk.key").read_bytes() == key
    assert load_key(out / "records-desk.key")
    assert liaison("cert", "client", "Records Desk", "--home", home, "--out", out).code == 1


@pytest.mark.parametrize(
    "arguments",
    [("rotate",), ("renew",), ("rotate", "--answer", "charter.json", "--authority", "th-authority")],
)
def test_wrong_usage(
    liaison: Liaison, place: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(place)
    ran = liaison("cert", *arguments, "--home", "th")
    assert ran.code == 2, ran.err


def test_an_unknown_key_names_those_that_there_are(liaison: Liaison, place: Path) -> None:
    ran = liaison("cert", "rotate", "statemnt", "--home", place / "th")
    assert ran.code == 1
    assert "statement" in ran.err


@pytest.mark.long
def test_the_key_of_a_person_is_rotated_by_one_command(liaison: Liaison, place: Path) -> None:
    home, held = place / "th", place / "persons"
    before = keys(liaison, home)["administrator/th-adm"]
    ran = liaison("cert", "rotate", "administrator/th-adm", "--home", home, "--key", held / "th-adm.key",
                  "--authority", place / "th-authority", "--assume-held")  # fmt: skip
    assert ran.code == 0, ran.err
    assert "switched" in ran.out
    after = keys(liaison, home)["administrator/th-adm"]
    assert after["id"] == load_signing_key(held / "th-adm-2.key").key_id != before["id"]
    assert "either key" in after["rotation"]["plan"]
    assert f"administrator        {before['id'][:16]}" in liaison("cert", "status", "--home", home).out
    wrong = liaison("cert", "rotate", "tls", "--home", home, "--key", held / "th-adm.key")
    assert (wrong.code, "the key of one person" in wrong.err) == (2, True)


def test_a_person_elsewhere_hands_in_the_successor_and_the_authority_answers(liaison: Liaison, place: Path) -> None:
    home, held, request, answer = place / "th", place / "persons", place / "p.request", place / "p.answer"
    made = liaison("trust", "person", "--use", "administrator", "--out", held, "--name", "th-adm-2", "--follows",
                   held / "th-adm.key", "--json")  # fmt: skip
    asked = liaison("cert", "rotate", "administrator/th-adm", "--home", home, "--successor", made.value["successor"],
                    "--out", request)  # fmt: skip
    assert asked.code == 0, asked.err
    signed = liaison("cert", "sign", request, "--authority", place / "th-authority", "--out", answer)
    assert "administrator/th-adm: a new key" in signed.out
    taken = liaison("cert", "rotate", "--home", home, "--answer", answer, "--json")
    assert taken.value["steps"][0]["key"] == made.value["key_id"]


# ------------------------------------------------------------ the console


def test_the_console_is_certified_for_the_host_that_browsers_use(liaison: Liaison, place: Path) -> None:
    home, authority, file = place / "th", place / "th-authority", place / "th" / "keys" / "console.pem"
    key = (home / "keys" / "console.key").read_bytes()
    ran = liaison("cert", "console", "desk.th.example", "--home", home, "--authority", authority, "--json")
    assert (ran.code, ran.value["uses"], ran.value["descriptor"]) == (0, ["console"], 0)
    assert read_leaf(file.read_bytes()).name.dns == "desk.th.example"
    assert (home / "keys" / "console.key").read_bytes() == key
    found = keys(liaison, home)["console"]
    assert found["days_left"] > 300
    assert found["renewed_by"].startswith("liaison cert renew console --home")
    before = file.read_bytes()
    assert liaison("cert", "renew", "console", "--home", home, "--authority", authority).code == 0
    assert file.read_bytes() != before
    assert read_leaf(file.read_bytes()).name.dns == "desk.th.example"


def test_a_console_is_certified_by_an_authority_elsewhere_and_a_lost_key_is_made_anew(
    liaison: Liaison, place: Path
) -> None:
    home, request, answer = place / "th", place / "console.request", place / "console.answer"
    (home / "keys" / "console.key").unlink()
    (home / "keys" / "console.pem").unlink()
    assert liaison("cert", "console", "desk.th.example", "--home", home, "--out", request).code == 0
    signed = liaison("cert", "sign", request, "--authority", place / "th-authority", "--out", answer)
    assert signed.code == 0, signed.err
    assert liaison("cert", "renew", "--home", home, "--certificate", answer).code == 0
    assert read_leaf((home / "keys" / "console.pem").read_bytes()).name.uri.endswith("/console/desk.th.example")


@pytest.mark.parametrize("host", ["Desk.th", "desk th", "https://desk.th", "", "-x", "a" * 65])
def test_what_is_no_host_is_not_certified(liaison: Liaison, place: Path, host: str) -> None:
    before = (place / "th" / "keys" / "console.pem").read_bytes()
    ran = liaison("cert", "console", "--home", place / "th", "--authority", place / "th-authority", "--", host)
    assert ran.code != 0
    assert (place / "th" / "keys" / "console.pem").read_bytes() == before
