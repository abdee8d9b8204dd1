"""`liaison match` as an officer and a developer run it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.support.cli import Liaison
from tests.support.tables import table


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.mark.long
def test_a_pair_is_explained_in_words(liaison: Liaison) -> None:
    ran = liaison("match", "explain", "สมชาย ใจดี", "Somchay Jaidee")
    assert ran.code == 0
    for words in ("Thai", "Latin", "somchai chaidi", "keys in common", "different scripts", "class POSSIBLE"):
        assert words in ran.out


@pytest.mark.long
def test_a_pair_is_explained_as_json(liaison: Liaison) -> None:
    birth = ("--birth", "1985", "--birth", "1985-11-03")
    ran = liaison("match", "explain", "SOVANN Sokh", "សុខ សុវណ្ណ", *birth, "--json")
    assert ran.code == 0
    assert ran.value["class"] == "STRONG"
    assert ran.value["thresholds"] == "usual"
    assert ran.value["keys"]


@pytest.mark.long
def test_two_who_are_not_one_person_give_exit_code_1(liaison: Liaison) -> None:
    fathers = ("--father", "U Hla", "--father", "U Tin")
    ran = liaison("match", "explain", "Aye Aye Mon", "Aye Aye Mon", "--birth", "1991-02-10", *fathers)
    assert ran.code == 1
    assert "the father's name differs" in ran.out
    assert "class none" in ran.out


@table(
    "arguments",
    [("a", "b", "--birth", "1.5.1985"), ("", "b"), ("a", "b", *("--sex", "M") * 3), ("a", "b" * 300), ("a",)],
)
def test_what_is_no_name_or_date_is_said(liaison: Liaison, arguments: tuple[str, ...]) -> None:
    ran = liaison("match", "explain", *arguments)
    assert ran.code == 2, "1 is an answer"
    assert "rror" in ran.err
    assert "Traceback" not in ran.err


def test_a_task_is_measured_and_its_hits_are_written(liaison: Liaison, tmp_path: Path) -> None:
    rows: dict[str, list[dict[str, object]]] = {
        "db": [{"id": "1", "name": "Somchai Jaidee"}],
        "queries": [{"qid": "q", "name": "สมชาย ใจดี", "expect": ["1"]}],
    }
    for name, lines in rows.items():
        with gzip.open(tmp_path / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
    out = tmp_path / "predictions.jsonl"
    ran = liaison("match", "evaluate", tmp_path, "--out", out, "--json")
    assert ran.code == 0
    assert ran.value["recall_at_1"] == 1.0
    (line,) = map(json.loads, out.read_text(encoding="utf-8").splitlines())
    assert line["qid"] == "q"
    assert line["hits"][0][0] == "1"
    assert "the right one first: 100.0%" in liaison("match", "evaluate", tmp_path, "--out", out).out


def test_the_name_that_is_too_long_is_named(liaison: Liaison) -> None:
    assert "SECOND has more than 256 characters" in liaison("match", "explain", "a", "b" * 10_000).err


def a_task(folder: Path, db: bytes, queries: bytes) -> Path:
    for name, content in (("db", db), ("queries", queries)):
        (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress(content))
    return folder


BROKEN = {
    "not JSON": (b'{"id": "1", "name": "a"}\n{broken\n', "db.jsonl.gz:2"),
    "no object": (b"[1]\n", "db.jsonl.gz:1"),
    "no id": (b'{"name": "a"}\n', "db.jsonl.gz:1"),
    "not UTF-8": (b'\xff\xfe{"id"', "db.jsonl.gz:1"),
    "a line without end": (b'{"id": "1", "name": "' + b"a" * 2_000_000 + b'"}', "db.jsonl.gz:1"),
}


@table(("content", "where"), BROKEN.values(), ids=BROKEN)
def test_a_task_that_is_broken_is_told_with_its_line_and_leaves_an_earlier_result(
    liaison: Liaison, tmp_path: Path, content: bytes, where: str
) -> None:
    out = tmp_path / "p.jsonl"
    out.write_text("an earlier result")
    ran = liaison("match", "evaluate", a_task(tmp_path, content, b""), "--out", out, "--json")
    assert (ran.code, ran.value["error"]["where"]) == (1, f"{tmp_path}/{where}")
    assert '"name"' in ran.value["error"]["remedy"]
    assert out.read_text() == "an earlier result"


def test_a_task_that_is_not_compressed_or_cut_off_is_told(liaison: Liaison, tmp_path: Path) -> None:
    task = a_task(tmp_path, b"", b"")
    (task / "db.jsonl.gz").write_bytes(b"not compressed")
    ran = liaison("match", "evaluate", task, "--out", tmp_path / "p.jsonl", "--json")
    assert (ran.code, ran.value["error"]["where"]) == (1, str(task / "db.jsonl.gz"))
    assert "gzip" in ran.value["error"]["remedy"]


def test_a_result_that_does_not_fit_on_the_disk_is_told(liaison: Liaison, tmp_path: Path) -> None:
    task = a_task(tmp_path, b'{"id": "1", "name": "a"}\n', b'{"qid": "1", "name": "a"}\n')
    ran = liaison("match", "evaluate", task, "--out", "/dev/full", "--json")
    assert (ran.code, ran.value["error"]["where"]) == (1, "/dev/full")
    assert "cannot be written" in ran.value["error"]["message"]


def test_a_folder_that_is_no_task_is_an_error_with_a_remedy(liaison: Liaison, tmp_path: Path) -> None:
    ran = liaison("match", "evaluate", tmp_path, "--out", tmp_path / "p.jsonl")
    assert ran.code != 0
    assert "db.jsonl.gz" in ran.err
    assert "remedy" in ran.err
