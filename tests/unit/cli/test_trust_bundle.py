"""`liaison trust export` and `import`: all documents on a stick, and files that anybody may have written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import Liaison, copy_federation


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def folder(liaison: Liaison, tmp_path: Path) -> Path:
    copy_federation(liaison, tmp_path)
    return tmp_path


@pytest.mark.long
def test_a_stick_brings_a_new_home_all_that_another_holds(liaison: Liaison, folder: Path) -> None:
    stick = folder / "stick.jsonl"
    assert liaison("trust", "publish", "--home", folder / "vn").code == 0
    assert liaison("trust", "export", "--home", folder / "vn", "--out", stick).code == 0
    ran = liaison("trust", "import", stick, "--home", folder / "th", "--json")
    assert (ran.code, [item["kind"] for item in ran.value["taken"]]) == (0, ["status"])
    assert ran.value["refused"] == []
    again = liaison("trust", "import", stick, "--home", folder / "th", "--json").value
    assert (again["taken"], again["held"]) == ([], len(stick.read_bytes().splitlines()))
    fresh = ("--member", "la", "--home", folder / "la", "--authority", folder / "la-authority")
    assert liaison("init", *fresh).code == 0
    assert liaison("trust", "import", stick, "--home", folder / "la").code == 1
    fingerprint = liaison("trust", "show", folder / "charter.json", "--json").value["fingerprint"]
    taken = liaison("trust", "import", stick, "--home", folder / "la", "--fingerprint", fingerprint, "--json").value
    assert len(taken["taken"]) == len(stick.read_bytes().splitlines())


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"nonsense\n", b"\xff\xfe\x00\n", b"[" * 100_000, b'{"signed": {"members": 1}}\n']
)
def test_a_file_of_nonsense_is_told_and_changes_nothing(liaison: Liaison, folder: Path, content: bytes) -> None:
    file = folder / "bad.jsonl"
    file.write_bytes(content)
    before = liaison("trust", "show", "--home", folder / "th", "--json").value["members"]
    ran = liaison("trust", "import", file, "--home", folder / "th")
    assert ran.code == 1
    assert ran.err or "refused" in ran.out
    shown = liaison("trust", "show", "--home", folder / "th", "--json").value["members"]
    assert {name: item["status"]["number"] for name, item in shown.items()} == {
        name: item["status"]["number"] for name, item in before.items()
    }


def test_one_forged_document_keeps_no_other_out(liaison: Liaison, folder: Path) -> None:
    out = folder / "vn.new.jsonl"
    assert liaison("trust", "publish", "--home", folder / "vn", "--out", out).code == 0
    lines = out.read_bytes().splitlines()
    forged = lines[-1].replace(b'"sig":"', b'"sig":"AAAA')
    out.write_bytes(b"\n".join([forged, *lines]))
    ran = liaison("trust", "import", out, "--home", folder / "th", "--json")
    assert ran.code == 1
    assert [item["kind"] for item in ran.value["taken"]] == ["status"]
    assert len(ran.value["refused"]) == 1


@pytest.mark.long
def test_a_home_may_begin_with_the_charter_that_is_in_force(liaison: Liaison, folder: Path) -> None:
    next_one, stick = folder / "charter-2.json", folder / "stick.jsonl"
    fresh = ("--member", "la", "--home", folder / "la", "--authority", folder / "la-authority")
    assert liaison("init", *fresh).code == 0
    card = folder / "la-authority" / "member.json"
    assert (
        liaison("trust", "draft", "--home", folder / "th", "--add", card, "--threshold", "3", "--out", next_one).code
        == 0
    )
    for member in ("th", "vn", "kh"):
        shown = liaison("trust", "sign", next_one, "--authority", folder / f"{member}-authority", "--json").value
    assert liaison("trust", "accept", next_one, "--home", folder / "th").code == 0
    assert liaison("trust", "export", "--home", folder / "th", "--out", stick).code == 0
    ran = liaison("trust", "import", stick, "--home", folder / "la", "--fingerprint", shown["fingerprint"], "--json")
    assert (ran.code, ran.value["refused"], ran.value["held"]) == (0, [], 1)
    assert ("charter", 2) in [(item["kind"], item["version"]) for item in ran.value["taken"]]


def test_a_forged_charter_of_the_same_version_is_still_refused(liaison: Liaison, folder: Path) -> None:
    other = folder / "other.json"
    cards = [folder / f"{member}-authority" for member in ("th", "vn")]
    assert liaison("trust", "draft", "--federation", "gms", "--threshold", "2", "--out", other, *cards).code == 0
    fresh = ("--member", "la", "--home", folder / "la", "--authority", folder / "la-authority")
    assert liaison("init", *fresh).code == 0
    right = liaison("trust", "show", folder / "charter.json", "--json").value["fingerprint"]
    files = (other, folder / "charter.json")
    ran = liaison("trust", "import", *files, "--home", folder / "la", "--fingerprint", right, "--json")
    assert (ran.code, [item["code"] for item in ran.value["refused"]]) == (1, ["other-fingerprint"])
