"""The rules of the desk: clocks, limits, two persons; read strictly, and only ever made stricter."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.errors import Misconfigured
from gateway.model.desk.notices import About, Alert, Ask, Head, Notice, Urgency
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Requester
from policy.attributes import DeskAttributes
from policy.bundle.bundle import File, load_bundle, read_files
from policy.bundle.desk import Asked, Limit
from policy.engine.engine import PolicyEngine
from tests.support.policies import BASE, NATIONAL, NOW_US, TH, VN
from tests.support.tables import table

ID = ExchangeId("n-1")
ASK = DeskAttributes(
    counterpart=TH, ours=False, type="ask", says="hit", urgency="FLASH", to_office="", to_life=False, role="officer",
    agency="police", office="th.blo.main", purpose="INVESTIGATION", offence="TIP", agreement="gms-border-2026",
    has_case=True, has_ticket=False, has_hit=True,
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(NATIONAL / "vn", tmp_path / "vn"))


def test_the_base_policy_has_the_clocks_that_were_decided() -> None:
    engine = PolicyEngine.load(NATIONAL / "vn", VN)
    assert engine.clock(Asked.HIT, "gms-border-2026") == {
        "FLASH": 15,
        "URGENT": 480,
        "PRIORITY": 2880,
        "ROUTINE": 10080,
    }
    assert engine.clock(Asked.QUESTION, "")["PRIORITY"] == 4320
    assert engine.bundle.desk.limits == {Limit.ERASE: 24, Limit.ALERT: 72, Limit.HIDDEN: 48}
    assert not engine.bundle.desk.passkey


def test_a_national_folder_and_an_agreement_make_it_stricter(folder: Path) -> None:
    (folder / "desk.toml").write_text(
        '[clock.hit]\nPRIORITY = 600\n[limits]\nalert_hours = 24\n[two_persons]\ncaveats = ["NOTIP"]\n'
        "[evidence]\npasskey = true\n[files]\nbare_pictures = true\n"
    )
    agreement = folder / "agreements" / "gms-border-2026.toml"
    agreement.write_text(agreement.read_text(encoding="utf-8") + "\n[clock.hit]\nURGENT = 60\n", encoding="utf-8")
    engine = PolicyEngine.load(folder, VN)
    assert engine.clock(Asked.HIT, "gms-border-2026") == {"FLASH": 15, "URGENT": 60, "PRIORITY": 600, "ROUTINE": 10080}
    assert engine.clock(Asked.HIT, "")["URGENT"] == 480
    assert engine.bundle.desk.caveats == {"SAFE", "JUV", "SRC", "NOTIP"}
    assert engine.bundle.desk.limits[Limit.ALERT] == 24
    assert engine.bundle.desk.passkey
    assert engine.bundle.desk.bare_pictures


@pytest.mark.parametrize(
    ("text", "line", "term"),
    [
        ("[clock.hit]\nFLASH = 16\n", 2, "wider than `15`"),
        ("[clock.hit]\nSOON = 5\n", 2, "SOON"),
        ("[clock.hit]\nFLASH = 0\n", 2, "FLASH"),
        ("[clock.hit]\nFLASH = 1.5\n", 2, "FLASH"),
        ("[clock.hit]\nFLASH = true\n", 2, "FLASH"),
        ("[clock.alert]\nFLASH = 5\n", 1, "alert"),
        ("[limits]\nerase_hours = 25\n", 2, "wider than `24`"),
        ("[limits]\nerase_days = 1\n", 2, "erase_days"),
        ('[two_persons]\ncaveats = ["SAVE"]\n', 2, "SAVE"),
        ("[two_persons]\ncaveats = []\n", 2, "caveats"),
        ('[evidence]\npasskey = "no"\n', 2, "passkey"),
        ("[files]\nbare_pictures = 1\n", 2, "bare_pictures"),
        ("[files]\npictures = true\n", 2, "pictures"),
        ("[persons]\n", 1, "persons"),
    ],
)
def test_a_mistake_does_not_load_and_is_told_with_its_line(folder: Path, text: str, line: int, term: str) -> None:
    (folder / "desk.toml").write_text(text)
    with pytest.raises(Misconfigured) as caught:
        PolicyEngine.load(folder, VN)
    assert term in caught.value.message
    assert caught.value.where.endswith(f"desk.toml:{line}")


def test_an_agreement_cannot_lengthen_a_clock(folder: Path) -> None:
    agreement = folder / "agreements" / "gms-border-2026.toml"
    agreement.write_text(agreement.read_text(encoding="utf-8") + "\n[clock.hit]\nFLASH = 20\n", encoding="utf-8")
    with pytest.raises(Misconfigured, match="wider than `15`"):
        PolicyEngine.load(folder, VN)


def test_the_base_policy_names_every_clock() -> None:
    files = read_files(BASE)
    text = files["desk.toml"].text.replace("ROUTINE = 10080\n", "", 1)
    with pytest.raises(Misconfigured, match="ROUTINE"):
        load_bundle(files | {"desk.toml": File(Path("desk.toml"), text.encode())}, read_files(NATIONAL / "vn"), VN)


def test_a_base_policy_from_before_there_was_a_desk_takes_two_persons_and_no_notice() -> None:
    files = {name: file for name, file in read_files(BASE).items() if not name.startswith("desk.")}
    engine = PolicyEngine(load_bundle(files, read_files(NATIONAL / "vn"), VN), VN)
    assert engine.clock(Asked.HIT, "") == {}
    assert not engine.may_desk(ASK, NOW_US).allow
    assert engine.bundle.desk.passkey


def test_a_folder_from_before_there_was_a_desk_takes_withdrawals_and_no_asks(folder: Path) -> None:
    path = folder / "questions.cedar"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index('@id("vn-desk")')], encoding="utf-8")
    engine = PolicyEngine.load(folder, VN)
    assert engine.may_desk(ASK, NOW_US).policies == ("national/default",)
    withdrawal = replace(ASK, type="change", says="WITHDRAWN", agreement="", has_hit=False)
    assert engine.may_desk(withdrawal, NOW_US).policies == ("base/desk",)
    path.write_text(
        path.read_text(encoding="utf-8")
        + '@id("no") forbid (principal, action == Action::"desk", resource == Notice::"change");\n',
        encoding="utf-8",
    )
    assert not PolicyEngine.load(folder, VN).may_desk(withdrawal, NOW_US).allow


@table("part", ["type", "says", "urgency", "role", "purpose", "offence"])
def test_a_value_that_is_on_no_list_is_denied(part: str) -> None:
    engine = PolicyEngine.load(NATIONAL / "vn", VN)
    assert engine.may_desk(ASK, NOW_US).allow
    assert not engine.may_desk(replace(ASK, **{part: "ANYTHING"}), NOW_US).allow


def test_the_attributes_are_those_of_the_notice() -> None:
    head = Head(
        ID, ID, 1, b"", 0, TH, VN, NOW_US, 0, Urgency.FLASH, Purpose.INVESTIGATION, Offence.TIP, "C-1", "",
        "gms-border-2026", Requester("officer", "th.blo.main", "police", "p-1"), b"", b"",
    )  # fmt: skip
    taken = DeskAttributes.of(Notice(head, Ask(About.QUESTION, "who is it?")), VN)
    assert taken == replace(ASK, says="question", has_hit=False)
    sent = DeskAttributes.of(Notice(head, Alert("jwt", "STOP", NOW_US, to_life=True)), MemberId("th"))
    assert (sent.counterpart, sent.ours, sent.says, sent.to_life) == (VN, True, "NONE", True)
