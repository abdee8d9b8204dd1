"""What a child of this program has: no secret of ours, and as many cores as we may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.host.child import kept
from gateway.host.cores import cores
from tests.support.tables import table


def test_a_child_keeps_no_variable_of_ours() -> None:
    told = {
        "PATH": "/bin",
        "LIAISON_STORAGE_URL": "x",
        "PGPASSWORD": "x",
        "NOTIFY_SOCKET": "x",
        "LIAISON_KEYS_PIN": "x",
    }
    assert kept(told) == {"PATH": "/bin"}


@table(
    ("text", "expected"),
    [("max 100000", 8), ("250000 100000", 2), ("50000 100000", 1), ("x", 8), ("1600000 100000", 8)],
)
def test_the_limit_of_a_container_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: int
) -> None:
    (tmp_path / "cpu.max").write_text(text, encoding="ascii")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    assert cores(tmp_path / "cpu.max") == expected
    assert cores(tmp_path / "none") == 8
