"""`liaison match` as an officer and a developer run it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.support.cli import Liaison


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


def test_a_pair_is_explained_in_words(liaison: Liaison) -> None:
    ran = liaison("match", "explain", "สมชาย ใจดี", "Somchay Jaidee")
    assert ran.code == 0
    for words in ("Thai", "Latin", "somchai chaidi", "keys in common", "different scripts", "class POSSIBLE"):
        assert words in ran.out


def test_a_pair_is_explained_as_json(liaison: Liaison) -> None:
    birth = ("--birth", "1985", "--birth", "1985-11-03")
    ran = liaison("match", "explain", "SOVANN Sokh", "សុខ សុវណ្ណ", *birth, "--json")
    assert ran.code == 0
    assert ran.value["class"] == "STRONG"
    assert ran.value["thresholds"] == "usual"
    assert ran.value["keys"]


def test_two_who_are_not_one_person_give_exit_code_1(liaison: Liaison) -> None:
    fathers = ("--father", "U Hla", "--father", "U Tin")
    ran = liaison("match", "explain", "Aye Aye Mon", "Aye Aye Mon", "--birth", "1991-02-10", *fathers)
    assert ran.code == 1
    assert "the father's name differs" in ran.out
    assert "class none" in ran.out


@pytest.mark.parametrize(
    "arguments",
    [("a", "b", "--birth", "1.5.1985"), ("", "b"), ("a", "b", *("--sex", "M") * 3), ("a", "b" * 300), ("a",)],
)
def test_what_is_no_name_or_date_is_said(liaison: Liaison, arguments: tuple[str, ...]) -> None:
    ran = liaison("match", "explain", *arguments)
    assert ran.code in (1, 2)
    assert "rror" in ran.err
    assert "Traceback" not in ran.err


def test_a_task_is_measured_and_its_hits_are_written(liaison: Liaison, tmp_path: Path) -> None:
    rows = {
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


def test_a_folder_that_is_no_task_is_an_error_with_a_remedy(liaison: Liaison, tmp_path: Path) -> None:
    ran = liaison("match", "evaluate", tmp_path, "--out", tmp_path / "p.jsonl")
    assert ran.code != 0
    assert "db.jsonl.gz" in ran.err
    assert "remedy" in ran.err
