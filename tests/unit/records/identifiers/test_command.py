"""`liaison check`: one identifier in words, as JSON, and as an exit code."""

from __future__ import annotations

import json

import pytest

from gateway.cli.main import run
from tests.support.tables import table

TD3 = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")


@table(
    ("arguments", "code"),
    [
        (["mrz", *TD3], 0),
        (["mrz", TD3[0], TD3[1].replace("C36", "C37")], 1),
        (["container", "CSQU 305438-3"], 0),
        (["container", "CSQU 305438-4"], 1),
        (["imo", "IMO 9074729"], 0),
        (["national-id", "11010519491231002X"], 0),
        (["national-id", "1-2345-67890-12-1", "--scheme", "THA-PIN"], 0),
        (["national-id", "110105491231002"], 1),
        (["national-id", "12/LaMaTa(N)123456"], 0),
        (["national-id", "၁၂/လမတ(နိုင်)၁၂၃၄၅၆", "--scheme", "MMR-NRC"], 0),
        (["national-id", "12/LAMATA123456", "--scheme", "MMR-NRC"], 1),
        (["plate", "กก 1234 เชียงราย"], 0),
        (["plate", "กก 1234", "--country", "LAO"], 1),
        (["container", "nothing"], 1),
        (["national-id", "1", "--scheme", "NOPE"], 1),
    ],
)
def test_the_exit_code_says_whether_it_is_right(
    arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", *arguments]) == code
    capsys.readouterr()
    assert run(["check", *arguments, "--json"]) == code
    said = json.loads(capsys.readouterr().out)
    assert "error" in said or said["valid"] == (code == 0)


def test_each_scheme_is_shown_in_its_one_form(capsys: pytest.CaptureFixture[str]) -> None:
    forms = {
        "၁၂/လမတ(နိုင်)၁၂၃၄၅၆": ("MMR-NRC", "12LAMATAN123456"),
        "110105491231002": ("CHN-RIC", "11010519491231002X"),
        "๑-๒๓๔๕-๖๗๘๙๐-๑๒-๑": ("THA-PIN", "1234567890121"),
    }
    for written, (scheme, form) in forms.items():
        run(["check", "national-id", written, "--json"])
        said = json.loads(capsys.readouterr().out)
        assert (said["parts"]["scheme"], said["text"]) == (scheme, form)
    run(["check", "national-id", "12/LaMaTa(N)123456"])
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("12/LAMATA(N)123456", "Yangon", "Lan Ma Daw", "လမတ", "citizen"))


def test_what_is_wrong_stands_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "mrz", TD3[0], TD3[1].replace("C36", "C37")]) == 1
    shown = capsys.readouterr().out
    assert "document number: the check digit is 7, the field calls for 6" in shown
    assert "checks: document number wrong, birth date right" in shown


def test_an_identifier_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "plate", "\x1b[2Jกก 1234"]) == 1
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
