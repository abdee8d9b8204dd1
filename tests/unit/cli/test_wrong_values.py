"""What is typed wrongly, or lies in a wrong file: each is refused with what is wrong; nothing ends as unforeseen."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gateway.cli.inputs.documents import json_object, token_in
from gateway.errors import Misconfigured
from gateway.host.durable import replace
from tests.support.cli import Liaison, copy_federation

ASK = ("--as", "th.o.1042", "--to", "vn", "--purpose", "INVESTIGATION", "--offence", "NARC", "--case", "C-1")


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def folder(liaison: Liaison, tmp_path: Path) -> Path:
    copy_federation(liaison, tmp_path)
    return tmp_path


# ------------------------------------------------------------ words


def test_an_argument_that_is_not_utf8_is_wrong_usage(liaison: Liaison, folder: Path) -> None:
    name = os.fsdecode(b"Som\xe0chai")
    ran = liaison("ask", "person", "--home", folder / "th", *ASK, "--name", name, "--json")
    assert (ran.code, ran.value["error"]["code"]) == (2, "usage")
    assert "is not UTF-8" in ran.err


@pytest.mark.parametrize("scheme", ["NOPE", "THAPIN", "XQZ-PIN", "THA-"])
def test_a_scheme_without_a_country_is_no_question(liaison: Liaison, folder: Path, scheme: str) -> None:
    asked = ("ask", "national-id", "--home", folder / "th", *ASK, "--number", "123", "--scheme", scheme)
    ran = liaison(*asked)
    assert ran.code == 2
    assert f"`{scheme}` is no scheme of identity numbers" in ran.err
    assert "THA-PIN" in ran.err


@pytest.mark.parametrize("scheme", ["THA-PIN", "KHM-NID", "CCCD", ""])
def test_a_scheme_of_a_country_is_asked(liaison: Liaison, folder: Path, scheme: str) -> None:
    ran = liaison("ask", "national-id", "--home", folder / "th", *ASK, "--number", "123", "--scheme", scheme, "--json")
    assert ran.value["error"]["code"] == "node-down"


@pytest.mark.parametrize("command", ["show", "stats"])
@pytest.mark.parametrize(
    "times", [("--since", "2026-11", "--until", "2026-10"), ("--until", "2026-10", "--since", "2026-10")]
)
def test_a_period_that_ends_before_it_begins_is_wrong_usage(
    liaison: Liaison, folder: Path, command: str, times: tuple[str, ...]
) -> None:
    ran = liaison("audit", command, "--home", folder / "th", *times)
    assert (ran.code, "ends before it begins" in ran.err) == (2, True), ran.err


def test_figures_are_made_of_a_member_and_of_a_month_that_has_begun(liaison: Liaison, folder: Path) -> None:
    strange = liaison("stats", "--home", folder / "th", "--pack", "xx", "--month", "2026-11")
    assert strange.code == 2
    assert "--pack `xx` is no member of the charter" in strange.err
    ahead = liaison("stats", "--home", folder / "th", "--pack", "vn", "--month", "2999-01", "--json")
    assert (ahead.code, ahead.value["error"]["code"]) == (1, "bad-month")


@pytest.mark.parametrize("office", ["vn.blo.moc-bai", "th.blo.nowhere", "nowhere"])
def test_figures_are_made_of_an_office_of_ours(liaison: Liaison, folder: Path, office: str) -> None:
    ran = liaison("stats", "--home", folder / "th", "--pack", "vn", "--office", office)
    assert (ran.code, f"`th` has no office `{office}`" in ran.err) == (1, True), ran.err
    assert "liaison trust show" in ran.err


def test_an_office_of_another_country_is_not_published(liaison: Liaison, folder: Path) -> None:
    documents = ("--home", folder / "th", "--authority", folder / "th-authority")
    ran = liaison("trust", "publish", *documents, "--office", "th.blo.one", "--office", "vn.blo.two")
    assert (ran.code, "`vn.blo.two` is no office of `th`" in ran.err) == (2, True), ran.err


def test_a_place_in_a_list_goes_with_our_own_reports_only(liaison: Liaison, folder: Path) -> None:
    ran = liaison("report", "list", "--home", folder / "th", "--as", "th.o.1042", "--after", "1.2.th")
    assert (ran.code, "--after goes with --own" in ran.err) == (2, True), ran.err


# ------------------------------------------------------------ files


@pytest.mark.parametrize(
    "content",
    [b"", b'{"a": [1, 2', b"[1]", b"null", b'{"a": "\xff"}', b"[" * 100_000, b'{"a": 1, "a": 2}', b" " * 1_048_577],
)
def test_what_is_no_json_object_is_wrong_usage(liaison: Liaison, folder: Path, content: bytes) -> None:
    file = folder / "fields.json"
    file.write_bytes(content)
    alert = ("alert", "raise", "--home", folder / "th", *ASK, "--action", "LOCATE", "--reason", "x")
    ran = liaison(*alert, "--fields", file, "--json")
    assert (ran.code, ran.value["error"]["code"]) == (2, "usage")
    assert f"--fields {file}" in ran.err


def test_an_object_is_read_and_none_is_empty(tmp_path: Path) -> None:
    (tmp_path / "f").write_text('{"a": "ก"}')
    assert json_object("--fields", tmp_path / "f") == {"a": "ก"}
    assert json_object("--fields", None) == {}


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", "ก".encode(), b"a\nb"])
def test_a_file_without_a_token_is_wrong_usage(liaison: Liaison, folder: Path, content: bytes) -> None:
    file = folder / "token"
    file.write_bytes(content)
    ran = liaison("desk", "list", "--home", folder / "th", "--token", file)
    assert ran.code == 2
    assert "holds no officer token" in ran.err


def test_a_token_is_read_without_the_end_of_its_line(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("abc.def\n")
    assert token_in("--token", tmp_path / "t") == "abc.def"


# ------------------------------------------------------------ places


def test_a_pipe_is_not_replaced_by_a_file(liaison: Liaison, folder: Path) -> None:
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    ran = liaison("trust", "export", "--home", folder / "th", "--out", pipe, "--json")
    assert (ran.code, ran.value["error"]["code"]) == (1, "not-a-file")
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    (folder / "link").symlink_to(pipe)
    with pytest.raises(Misconfigured):
        replace(folder / "link", b"x")
    assert (folder / "link").is_symlink()


def test_a_full_disk_is_told_although_the_write_names_no_file(liaison: Liaison, folder: Path) -> None:
    ran = liaison("stats", "--home", folder / "th", "--pack", "vn", "--csv", "/dev/full", "--json")
    assert (ran.code, ran.value["error"]["code"]) == (1, "bad-path")
    assert "No space left on device" in ran.err
    assert "unforeseen" not in ran.err


def test_a_wrong_mapping_is_mended_before_policy_is_asked(liaison: Liaison, folder: Path) -> None:
    (folder / "m.toml").write_text("a = [1\n")
    ran = liaison("adapter", "check", folder / "m.toml", "--policy", "policy/national/th")
    assert ran.code == 1
    assert "give --home or --policy" not in ran.out
