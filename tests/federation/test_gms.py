"""The region in small, with few searches: six nodes as processes, seventy offices, one node down and one hanging."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gms.__main__ import line
from tests.gms.run import Plan, play

pytestmark = [pytest.mark.small_form, pytest.mark.process, pytest.mark.long]

SHORT = Plan(searches=15, officers=3, p95_s=0)
"""Other tests take the processors meanwhile: the speed is judged by `make gms`. What is wrong is wrong here as well."""


@pytest.mark.timeout(240)
async def test_the_region_in_small(tmp_path: Path) -> None:
    rows = [row async for row in play(tmp_path, SHORT)]
    assert [line(row) for row in rows if not row.good] == []
    assert len(rows) == 8
