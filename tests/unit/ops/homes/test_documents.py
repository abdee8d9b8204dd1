"""A file that is not a document: the error says which document was wanted, and which command writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import Liaison, found_federation
from tests.support.tables import table

JUNK = {
    "note.txt": (b"Dear colleague,\n", "it is no document of Liaison's at all"),
    "other.json": (b'{"a": 1}', "it is no document of Liaison's at all"),
    "empty": (b"", "there is no document, the file is empty"),
    "photo": (b"\x00\xff\xfe", "it is no document of Liaison's at all"),
    "half": (b'{"signed": {"version"', "it begins like a document, and is cut off or changed; get it again"),
}
WANTED = {
    ("trust", "accept", "FILE", "--home", "th"): (
        "no charter, descriptor, status or appointment",
        "`liaison trust draft --home th`",
    ),
    ("trust", "show", "FILE"): ("no charter", "`liaison trust draft` and `trust sign`"),
    ("trust", "verify", "FILE"): ("no charter", "`liaison trust draft` and `trust sign`"),
    ("trust", "sign", "FILE", "--authority", "th-authority"): ("no charter, descriptor, status", "`trust publish`"),
    ("trust", "draft", "--federation", "x", "--threshold", "1", "--out", "out", "FILE"): (
        "no member's card",
        "`liaison init` writes `member.json`",
    ),
    ("policy", "sign", "FILE", "--key", "a.key", "--out", "out"): ("no signed policy", "`liaison policy sign FOLDER"),
    ("policy", "install", "FILE", "--home", "th"): ("no signed policy", "`liaison policy sign FOLDER"),
    ("audit", "hold", "sign", "FILE", "--key", "a.key", "--out", "out"): ("no hold", "`liaison audit hold draft`"),
    ("audit", "hold", "bring", "FILE", "--home", "th"): ("no hold", "`liaison audit hold draft --home th`"),
    ("witness", "accept", "FILE", "--home", "witness"): ("no charter, descriptor", "`liaison trust draft`"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("documents")


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Liaison:
    liaison = Liaison(capsys)
    monkeypatch.chdir(folder)
    if not (folder / "th").exists():
        found_federation(liaison, folder, ("th", "vn"))
        assert liaison("policy", "approver", "--out", folder, "--name", "a").code == 0
        assert liaison("witness", "init", "--member", "th", "--out", folder / "witness").code == 0
        for name, (data, _) in JUNK.items():
            (folder / name).write_bytes(data)
    return liaison


@pytest.mark.long
@table("arguments", WANTED, ids=" ".join)
def test_what_is_no_document_is_told_with_the_one_that_was_wanted(
    liaison: Liaison, folder: Path, arguments: tuple[str, ...]
) -> None:
    kind, made_by = WANTED[arguments]
    for name, (_, why) in JUNK.items():
        ran = liaison(*(name if part == "FILE" else part for part in arguments))
        assert ran.code == 1
        assert f"this is {kind}" in ran.err
        assert why in ran.err
        assert f"where:  {name}\n" in ran.err
        assert made_by in ran.err
        assert "Expecting" not in ran.err
    assert not (folder / "out").exists()


def test_a_document_of_another_kind_is_named(liaison: Liaison) -> None:
    ran = liaison("trust", "show", "vn.jsonl")
    assert "this is no charter: it is a descriptor" in ran.err
    ran = liaison("policy", "install", "charter.json", "--home", "th")
    assert "this is no signed policy: it is a charter" in ran.err
    ran = liaison("trust", "accept", "th-authority/member.json", "--home", "th")
    assert "it is a card" in ran.err


def test_one_line_that_is_none_keeps_the_others_out(liaison: Liaison, folder: Path) -> None:
    lines = (folder / "charter.json").read_bytes() + b"{\n"
    (folder / "both").write_bytes(lines)
    ran = liaison("trust", "accept", "both", "--home", "vn")
    assert (ran.code, "cut off" in ran.err) == (1, True)


def test_an_auditors_charter_a_backup_and_an_approvers_key_too(liaison: Liaison, folder: Path) -> None:
    export = folder / "export"
    assert liaison("audit", "export", "--home", "th", "--out", export).code == 0
    ran = liaison("audit", "verify", "--export", export, "--charter", "note.txt")
    assert (ran.code, "`note.txt` is no charter: it is no document" in ran.err) == (2, True)
    ran = liaison("restore", "--backup", "note.txt", "--key", "a.key", "--home", "new", "--fingerprint", "3f2a")
    assert ran.code == 1
    assert "this is no backup" in ran.err
    assert "where:  note.txt\n" in ran.err
    assert "`liaison backup --home THEIRS --to backup.pub --out FILE` writes one of another home" in ran.err
    (folder / "b.pub").write_bytes(JUNK["note.txt"][0])
    ran = liaison("policy", "admit", "b.pub", "--home", "th")
    assert (ran.code, "this is no public key" in ran.err) == (1, True)
    assert "`liaison policy approver` made" in ran.err
    assert not (folder / "th" / "approvers" / "b.pub").exists()


def test_what_is_wrong_with_one_of_several_documents_is_said_with_its_file(liaison: Liaison, folder: Path) -> None:
    changed = folder / "changed.jsonl"
    changed.write_bytes((folder / "charter.json").read_bytes().replace(b'"version":1', b'"version":7'))
    ran = liaison("trust", "accept", "charter.json", changed, "--home", "th")
    assert (ran.code, f"where:  {changed}\n" in ran.err) == (1, True)
    more = folder / "more.json"
    more.write_bytes((folder / "charter.json").read_bytes().strip()[:-1] + b',"x":1}\n')
    for command in (("verify",), ("show",), ("sign", "--authority", "th-authority")):
        ran = liaison("trust", command[0], more, *command[1:])
        assert (ran.code, f"where:  {more}\n" in ran.err) == (1, True)


def test_a_descriptor_is_published_by_the_members_own_authority_only(liaison: Liaison, folder: Path) -> None:
    held = (folder / "th" / "trust" / "descriptors" / "th.jsonl").read_bytes()
    ran = liaison("trust", "publish", "--home", "th", "--authority", "vn-authority", "--office", "th.x", "--json")
    assert (ran.code, ran.value["error"]["code"]) == (1, "other-authority")
    assert ran.value["error"]["where"] == "vn-authority/authority.key"
    assert "give the folder of the authority of `th`" in ran.value["error"]["remedy"]
    assert (folder / "th" / "trust" / "descriptors" / "th.jsonl").read_bytes() == held
