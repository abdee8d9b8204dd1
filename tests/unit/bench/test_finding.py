"""The measure of an auditor's search, in its small form: a real home, its index, and questions by the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.finding import measure_finding


@pytest.mark.process
def test_a_search_is_measured_through_the_command(tmp_path: Path) -> None:
    said: list[str] = []
    rows = measure_finding(tmp_path, 1_100, said.append, rounds=1, most=2)
    assert [row.name for row in rows] == ["index", "what did officer O do", "all uses of agreement A"]
    assert len(said) == 3
    assert rows[0].found == 1_024
    assert 100 < rows[2].found < 600
    assert all(row.entries == 1_100 and row.wall_s > 0 for row in rows)
