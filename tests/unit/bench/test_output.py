"""`liaison bench --json` prints one JSON document, as its help says; earlier trees printed a line for each row."""

from __future__ import annotations

import json

import pytest

from tests.bench.against import rows_of
from tests.support.cli import Liaison


@pytest.mark.small_form
@pytest.mark.process
def test_a_bench_prints_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    brief = ("--only", "unary", "--seconds", "0.2", "--passes", "1", "--concurrency", "1", "--rows", "10")
    ran = Liaison(capsys)("bench", *brief, "--json")
    assert ran.code == 0, ran.err
    assert set(ran.value) == {"ok", "exchanges", "flood", "removal", "notices", "scale", "decisions", "evidence"}
    assert ran.value["ok"] is True
    assert {row["concurrency"] for row in ran.value["exchanges"]} == {1}
    assert [row["name"] for row in rows_of(ran.out)] == [row["name"] for row in ran.value["exchanges"]]


def test_the_rows_of_earlier_trees_are_read_too() -> None:
    lines = [{"name": "unary", "bad_answers": 0}, {"name": "decision", "cpu_us": 3}]
    assert rows_of("\n".join(map(json.dumps, lines))) == lines[:1]
