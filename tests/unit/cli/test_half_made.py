"""A command that is refused leaves nothing half made: no key, no rotation of one of several keys, no folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.ops.doctor.doctor import examine
from tests.support.cli import Liaison, copy_federation
from tests.support.tables import table


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def place(liaison: Liaison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy_federation(liaison, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def rotating(liaison: Liaison, place: Path) -> Path:
    """Return the federation after rotations of `log`, whose old key signs beside, and of `status`, which is listed."""
    for use, *more in (("log", "--assume-held"), ("status",)):
        assert liaison("cert", "rotate", use, "--home", "th", "--authority", "th-authority", *more).code == 0
    return place


def held(folder: Path) -> dict[str, bytes]:
    """Return what lies below a folder; turns of commands are no content."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in sorted(folder.rglob("*"))
        if path.name not in ("lock", "next") and not path.name.startswith("node.sqlite-")
    }


_AUTHORITY = ("--authority", "th-authority")


@pytest.mark.long
@table(
    "uses, more, why",
    [
        (("tls", "log"), _AUTHORITY, "still signs beside"),
        (("tls", "log"), ("--out", "asked.request"), "still signs beside"),
        (("tls", "token"), _AUTHORITY, "needs no authority"),
        (("tls", "administrator/th-adm"), _AUTHORITY, "the person makes the new one"),
        (("tls", "statement"), ("--authority", "vn-authority"), "another authority"),
        (("status", "statement"), ("--assume-held",), "no rotation of the key `statement`"),
    ],
)
def test_of_several_keys_all_are_rotated_or_none(  # CASE-N212
    liaison: Liaison, rotating: Path, uses: tuple[str, ...], more: tuple[str, ...], why: str
) -> None:
    before = held(rotating)
    ran = liaison("cert", "rotate", *uses, "--home", "th", *more)
    assert (ran.code, why in ran.err) == (1, True), ran.err
    assert held(rotating) == before


def test_an_answer_that_is_refused_changes_no_certificate(liaison: Liaison, place: Path) -> None:  # CASE-N212
    for number in ("1", "2"):
        asked = ("cert", "renew", "tls", "statement", "--home", "th", "--out", f"{number}.request")
        assert liaison(*asked).code == 0
        signed = liaison("cert", "sign", f"{number}.request", *_AUTHORITY, "--out", f"{number}.answer")
        assert signed.code == 0, signed.err
    assert liaison("cert", "renew", "--home", "th", "--certificate", "1.answer").code == 0
    before = held(place / "th")
    ran = liaison("cert", "renew", "--home", "th", "--certificate", "2.answer")
    assert (ran.code, "ask anew" in ran.err) == (1, True)
    assert held(place / "th") == before


_NO_DATABASE = ("--database", "postgresql://liaison@127.0.0.1:1/liaison?sslmode=disable")
_NO_MODULE = (
    "--module",
    "no.so",
    "--pin-source",
    "file:pin",
    "--key-uri",
    "statement=pkcs11:token=la;object=statement",
)
_WITNESS = "witness=pkcs11:token=la;object=w"
_TH = ("--member", "th", "--home", "th")
_NAVY = ("--member", "th", "--agency", "navy", "--out", "navy")


@table(
    "command, away, why",
    [
        (("init", "--member", "la", "--home", "new/la", "--authority", "la-authority", *_NO_DATABASE), "", "refused"),
        (("init", "--member", "la", "--home", "la", "--authority", "la-authority", *_NO_MODULE), "", "no such library"),
        (
            ("init", "--member", "la", "--home", "la", "--authority", "th-authority"),
            "th-authority/authority.key",
            "of `th`",
        ),
        (
            ("init", *_TH, *_AUTHORITY, "--agency", "navy"),
            "th/keys/client-console.key",
            "a certificate, but not its key",
        ),
        (("source", "init", *_NAVY, *_AUTHORITY, "--statement", "charter.json"), "", "no certificate"),
        (("source", "init", *_NAVY, *_NO_MODULE[:-1], "record=pkcs11:token=th;object=r"), "", "no such library"),
        (("witness", "init", "--member", "la", "--out", "seen", *_NO_MODULE[:-1], _WITNESS), "", "no such library"),
        (("trust", "person", "--use", "approver", "--name", "one", "--out", "people"), "people/one.key", "already"),
        (("cert", "client", "desk", "--home", "th", "--authority", "vn-authority", "--out", "desk"), "", "another"),
    ],
)
def test_nothing_half_made_stays_after_a_refusal(  # CASE-N213
    liaison: Liaison, place: Path, command: tuple[str, ...], away: str, why: str
) -> None:
    if command[0] == "trust":
        assert liaison(*command).code == 0
    if away:
        (place / away).rename(place / "away")
    before = held(place)
    ran = liaison(*command)
    assert (ran.code, why in ran.err) == (1, True), ran.err
    assert held(place) == before
    if away:
        (place / "away").rename(place / away)


def test_a_home_in_production_is_given_no_key_that_stops_it_there(liaison: Liaison, place: Path) -> None:  # CASE-N214
    settings = place / "th/node.toml"
    settings.write_text(settings.read_text().replace("# production = false", "production = true"))
    for name in ("token-issuer.key", "agency-police.key", "agency-police.pem", "client-cli.key", "client-cli.pem"):
        (place / "th/keys" / name).unlink()
    made = liaison("init", "--member", "th", "--home", "th", *_AUTHORITY, "--json")
    assert made.value["made"]["home"] == ["keys/client-cli.key", "keys/client-cli.pem"]
    assert not [each for each in examine(place / "th", SystemClock()) if "token-issuer" in each.text + each.remedy]
    refused = liaison("init", "--member", "th", "--home", "th", *_AUTHORITY, "--agency", "navy")
    assert (refused.code, "liaison source init" in refused.err) == (1, True)
