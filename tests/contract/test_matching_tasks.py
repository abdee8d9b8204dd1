"""What the index and the scoring reach on samples of the shared tasks; the floors lie below what was measured."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from adapters.check.evaluate import evaluate, half_of
from gateway.errors import Misconfigured
from tests.support.shared import shared_path
from tests.support.tables import table

QUERIES = 40
"""Of each task, taken evenly: enough to see a break, few enough to stay quick."""

FLOORS = {
    "s1_febrl1": 0.93,
    "s2_watchlist_alias": 0.7,
    "s3_original_script": 0.9,
    "s5_khmer_persons": 0.93,
    "s6_thai_places": 0.88,
    "s7_places_mm": 0.7,
    "s7_places_kh": 0.7,
    "s7_places_la": 0.5,
    "s7_places_cn": 0.68,
    "s7_places_vn": 0.9,
    "s8_tokens_arabic": 0.8,
    "s8_tokens_chinese": 0.6,
    "s8_tokens_korean": 0.65,
    "s8_tokens_russian": 0.85,
    "s9_burmese_words": 0.5,
}


@table(("task", "floor"), FLOORS.items())
def test_a_sample_of_a_task_is_found_through_the_index(task: str, floor: float, tmp_path: Path) -> None:
    out = io.StringIO()
    summary = evaluate(_sample(shared_path() / "data" / "tasks" / task, tmp_path), out)
    assert summary.left_out == 0
    assert summary.first / summary.expected >= floor
    hits = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(hits) == summary.queries
    assert all(len(each["hits"]) <= 20 for each in hits)
    for each in hits:
        scores = [score for _, score in each["hits"]]
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("half", [0, 1])
def test_persons_stand_above_strangers_in_each_half_of_a_task(half: int) -> None:
    """At most one in a hundred of those who are not in the list may find somebody."""
    assert _above_strangers(shared_path() / "data" / "tasks" / "s1_febrl1", half) >= 0.93


def test_persons_stand_above_strangers_in_a_longer_list(tmp_path: Path) -> None:
    with gzip.open(shared_path() / "data" / "febrl" / "dataset2.csv.gz", "rt", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, skipinitialspace=True) if _name(row)]
    people = sorted({row["rec_id"].split("-")[1] for row in rows if "dup" in row["rec_id"]}, key=_hash)
    strangers = set(people[::7])
    held = [row for row in rows if row["rec_id"].endswith("org") and row["rec_id"].split("-")[1] not in strangers]
    _write(tmp_path / "db.jsonl.gz", [{"id": row["rec_id"], "name": _name(row), "birth": _birth(row)} for row in held])
    asked = sorted((row for row in rows if "dup" in row["rec_id"]), key=lambda row: _hash(row["rec_id"]))[:450]
    ids = {row["rec_id"] for row in held}
    _write(
        tmp_path / "queries.jsonl.gz",
        [
            {"qid": row["rec_id"], "name": _name(row), "birth": _birth(row), "expect": sorted(ids & {_original(row)})}
            for row in asked
        ],
    )
    assert _above_strangers(tmp_path) >= 0.88


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _original(row: dict[str, str]) -> str:
    return f"rec-{row['rec_id'].split('-')[1]}-org"


def _name(row: dict[str, str]) -> str:
    return " ".join(part for part in (row["given_name"], row["surname"]) if part)


def _birth(row: dict[str, str]) -> str:
    day = row["date_of_birth"]
    return f"{day[:4]}-{day[4:6]}-{day[6:]}" if len(day) == 8 else ""


def _above_strangers(task: Path, half: int | None = None) -> float:
    """Return the part of the persons who are found above all but one in a hundred of the strangers' best hits."""
    out = io.StringIO()
    evaluate(task, out, half=half)
    hits = {each["qid"]: each["hits"] for each in map(json.loads, out.getvalue().splitlines())}
    with gzip.open(task / "queries.jsonl.gz", "rt", encoding="utf-8") as file:
        asked = [query for line in file if (query := json.loads(line))["qid"] in hits]
    strangers = sorted(
        (max((score for _, score in hits[query["qid"]]), default=0.0) for query in asked if not query["expect"]),
        reverse=True,
    )
    least = strangers[max(1, len(strangers) // 100)]
    known = [query for query in asked if query["expect"]]
    found = [any(key in query["expect"] and score > least for key, score in hits[query["qid"]]) for query in known]
    return sum(found) / len(known)


def _sample(task: Path, folder: Path) -> Path:
    with gzip.open(task / "queries.jsonl.gz", "rt", encoding="utf-8") as file:
        queries = [query for line in file if (query := json.loads(line))["expect"]]
    (folder / "db.jsonl.gz").write_bytes((task / "db.jsonl.gz").read_bytes())
    _write(folder / "queries.jsonl.gz", queries[:: max(1, len(queries) // QUERIES)])
    return folder


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


# ---------------------------------------------------------------- files that are not tasks


def test_answers_never_reach_the_search(tmp_path: Path) -> None:
    _write(tmp_path / "db.jsonl.gz", [{"id": "1", "name": "Somchai Jaidee", "birth": "1985-03-02"}])
    known = {"qid": "a", "name": "สมชาย ใจดี", "birth": "1985"}
    _write(tmp_path / "queries.jsonl.gz", [known, {"qid": "b", "name": "Bounmy Vongsa", "expect": ["1"]}])
    out = io.StringIO()
    summary = evaluate(tmp_path, out)
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert first["hits"][0][0] == "1"
    assert not second["hits"]
    assert summary.as_json()["recall_at_1"] == 0


def test_rubbish_in_a_task_is_left_out_or_finds_nothing(tmp_path: Path) -> None:
    names = ["", "-", "XXX", "\u0000", "a" * 5000, "🙂", "31 February"]
    _write(
        tmp_path / "db.jsonl.gz", [{"id": str(n), "name": name, "birth": "2023-02-31"} for n, name in enumerate(names)]
    )
    _write(tmp_path / "queries.jsonl.gz", [{"qid": str(n), "name": name} for n, name in enumerate(names)])
    summary = evaluate(tmp_path, io.StringIO())
    assert summary.records == summary.queries == len(names)
    assert summary.as_json()["recall_at_1"] is None


def test_a_folder_that_is_no_task_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        evaluate(tmp_path, io.StringIO())
    assert "db.jsonl.gz" in caught.value.where


@pytest.mark.parametrize(
    "content",
    [gzip.compress(b"[1]\n"), gzip.compress(b'{"name": 1}\n')],
    ids=["a list", "a name that is a number"],
)
def test_a_line_that_cannot_be_read_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "db.jsonl.gz").write_bytes(content)
    _write(tmp_path / "queries.jsonl.gz", [])
    with pytest.raises(Misconfigured) as caught:
        evaluate(tmp_path, io.StringIO())
    assert caught.value.where.endswith("db.jsonl.gz:1")


def test_a_file_that_cannot_be_read_at_all_is_named(tmp_path: Path) -> None:
    (tmp_path / "db.jsonl.gz").write_bytes(b"not gzip")
    _write(tmp_path / "queries.jsonl.gz", [])
    with pytest.raises(Misconfigured) as caught:
        evaluate(tmp_path, io.StringIO())
    assert caught.value.where.endswith("db.jsonl.gz")
    assert "gzip" in caught.value.remedy


def test_halves_split_every_name_to_one_side() -> None:
    names = [f"name {number}" for number in range(400)]
    assert 150 < sum(map(half_of, names)) < 250
    assert [half_of(name) for name in names] == [half_of(name) for name in names]
