"""The logs of a home are checked in several processes, with the same result as in one."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from gateway.audit.verify import verify, workers
from tests.support.audited import make_world, reopened


@pytest.mark.process
def test_several_processes_find_what_one_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world(tmp_path)
    with world.home.log() as log:
        log.append([world.answered() for _ in range(5)])
    monkeypatch.setattr(workers, "MANY_RUNS", 1)
    monkeypatch.setattr(verify, "MANY_RUNS", 0)
    reopen = partial(reopened, world.home.folder)
    assert world.verify(processes=2, reopen=reopen) == world.verify()
    world.home.sql("UPDATE log_entry SET body = leaf_hash WHERE seq = 3")
    found = world.verify(processes=2, reopen=reopen)
    assert found.exit_code == 1
    assert found == world.verify()
