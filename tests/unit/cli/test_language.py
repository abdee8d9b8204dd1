"""`liaison --language`: what an officer reads is in that language; codes, commands and JSON members stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import Liaison
from tests.support.tables import table
from tests.unit.cli.test_main import every_command

ASK = ("--as", "la.o.1042", "--purpose", "BORDER_CHECK", "--offence", "DOCFRAUD")


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def home(liaison: Liaison, tmp_path: Path) -> Path:
    made = liaison("init", "--member", "la", "--home", tmp_path / "la", "--authority", tmp_path / "la-authority")
    assert made.code == 0
    return tmp_path / "la"


def test_an_unknown_language_is_wrong_usage_that_lists_the_known_ones(liaison: Liaison) -> None:
    ran = liaison("--language", "fr", "doctor")
    assert ran.code == 2
    assert "'en', 'th', 'lo', 'km', 'my', 'vi', 'zh'" in ran.err


def test_usage_errors_of_asking_are_in_the_officer_s_language(liaison: Liaison, home: Path) -> None:
    document = ("ask", "document", "--home", home, "--number", "1", *ASK)
    ran = liaison("--language", "th", *document, "--to", "vn")
    assert ran.code == 2
    assert "ต้องมีเลขคดีหรือเลขรายการตรวจ: โปรดระบุ --case หรือ --ticket" in ran.err
    ran = liaison("--language", "vi", *document, "--to", "VN", "--ticket", "T-1")
    assert "--to: `'VN'` không phải là mã nước thành viên (" in ran.err
    ran = liaison("--language", "zh", *document, "--to", "vn", "--ticket", "T-1", "--purpose", "tourism")
    assert "`tourism` 不属于 BORDER_CHECK, " in ran.err
    ran = liaison("--language", "lo", *document, "--to", "vn", "--ticket", "T-1", "--issuer", "LA")
    assert "LA ເປັນລະຫັດສອງຕົວອັກສອນ: ໝາຍເຖິງ LAO ແມ່ນບໍ" in ran.err


def test_a_year_of_another_calendar_is_told_in_the_officer_s_language(liaison: Liaison, home: Path) -> None:
    person = ("ask", "person", "--home", home, "--name", "x", "--birth", "2527", "--to", "vn", "--ticket", "T-1", *ASK)
    ran = liaison("--language", "km", *person)
    assert ran.code == 2
    assert "2527 ជាឆ្នាំពុទ្ធសករាជ៖ តើចង់មានន័យថា 1984 ឬ?" in ran.err


def test_an_error_has_its_heads_in_the_language_and_keeps_code_and_command(liaison: Liaison, home: Path) -> None:
    text = (home / "node.toml").read_text().replace('# agency = "127.0.0.1:8443"', 'agency = "127.0.0.1:1"')
    (home / "node.toml").write_text(text)
    ask = ("ask", "container", "--home", home, "--to", "vn", "--number", "1", "--ticket", "T-1", *ASK, "--json")
    ran = liaison("--language", "my", *ask)
    assert ran.code == 1
    first, where, remedy = ran.err.splitlines()[-3:]
    assert first.startswith("အမှား- ကျွန်ုပ်တို့၏ နုဒ်က မဖြေပါ (")
    assert where == "  နေရာ-  127.0.0.1:1"
    assert remedy == f"  ဖြေရှင်းနည်း- စတင်ပါ။ liaison serve --home {home}"
    error = ran.value["error"]
    assert (error["code"], error["reason"]) == ("node-down", "UNAVAILABLE")
    assert error["message"].startswith("ကျွန်ုပ်တို့၏")


def test_the_environment_may_name_the_language_and_the_locale_does_not(
    liaison: Liaison, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "th_TH.UTF-8")
    ask = ("ask", "document", "--home", home, "--number", "1", "--to", "vn", *ASK)
    assert "a case or ticket is required" in liaison(*ask).err
    monkeypatch.setenv("LIAISON_LANGUAGE", "th")
    assert "ต้องมีเลขคดี" in liaison(*ask).err
    assert "a case or ticket is required" in liaison("--language", "en", *ask).err
    assert "a case or ticket is required" not in liaison(*ask).err


@pytest.mark.long
@table("path", every_command(), ids=" ".join)
def test_every_command_takes_the_option(liaison: Liaison, path: tuple[str, ...]) -> None:
    assert liaison("--language", "km", *path, "--help").code == 0


def test_wrong_usage_that_click_finds_is_in_the_officer_s_language(liaison: Liaison, home: Path) -> None:
    missing = liaison("--language", "th", "ask", "document", "--home", home)
    assert missing.code == 2
    assert "วิธีใช้: liaison ask document --help\n" in missing.err
    assert "ข้อผิดพลาด: ไม่ได้ระบุ `--number`\n" in missing.err
    assert "lỗi: không có tùy chọn `--bogus`\n" in liaison("--language", "vi", "ask", "document", "--bogus").err
    assert "没有命令 `nothing`" in liaison("--language", "zh", "ask", "nothing").err
    wrong = liaison("--language", "zh", "ask", "document", "--home", home, "--purpose", "x")
    assert "错误：--purpose: `x` 不属于" in wrong.err


def test_a_doubtful_number_is_told_in_the_officer_s_language(liaison: Liaison, home: Path) -> None:
    container = ("ask", "container", "--home", home, "--to", "vn", "--ticket", "T-1", *ASK, "--number")
    assert "chữ số kiểm tra phải là 3" in liaison("--language", "vi", *container, "CSQU3054384").err
    assert "not four letters" not in liaison("--language", "vi", *container, "1").err
