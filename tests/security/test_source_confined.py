"""A source process that was taken over opens its home and what its settings name, and changes index and log only."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.app.run.source_check import check_source
from gateway.host import confine
from gateway.ops.homes.lock import only_one
from tests.support.forger import eventually
from tests.support.source_process import SourceProcessUnderTest, remote_world

pytestmark = [
    pytest.mark.process,
    pytest.mark.asyncio,
    pytest.mark.skipif(not confine.version(), reason="this system has no Landlock"),
]
DENIED = "Permission denied"


async def test_n114_a_source_process_that_was_taken_over_opens_nothing_of_the_node_and_makes_no_key(
    tmp_path: Path,
) -> None:
    remote = remote_world(tmp_path)
    home, node = remote.home, remote.world.home("kh")
    closed = [
        node / "keys" / "tls.key",
        node / "keys" / "statement.key",
        node / "node.toml",
        node,
        tmp_path,
        tmp_path / "sources",
    ]
    closed += [remote.world.federation["kh"].authority, Path.home(), Path("/var")]
    opened = [home / "keys" / "record.key", home / "accepted", home / "source.toml"]
    opened += (tmp_path / "sources").glob("*.sqlite")
    fixed = [home / name for name in ("keys/record.key", "keys/new.key", "accepted/new.pem", "source.toml", "new")]
    fixed += [*(tmp_path / "sources").glob("*.sqlite"), node / "node.toml", tmp_path / "new"]
    loose = [home / "index" / "new", home / "keystore" / "new", home / "highwater" / "new", home / "source.sqlite"]
    looks = [str(home), str(os.getpid()), *map(str, closed + opened), "--", *map(str, fixed + loose)]
    served = SourceProcessUnderTest(home, remote.port, ("tests.support.looking_source", *looks))
    found: dict[str, Any] = {}

    def looked() -> bool:
        lines = (home / "stderr.log").read_text(encoding="utf-8").splitlines()
        found.update(*(json.loads(line.removeprefix("looked")) for line in lines if line.startswith("looked")))
        return bool(found)

    try:
        await served.start()
        await eventually(looked)
    finally:
        await served.kill()
    assert [found["read"][str(place)] for place in closed] == [DENIED] * len(closed)
    assert [found["read"][str(place)] for place in opened] == ["done"] * len(opened)
    assert [found["write"][str(place)] for place in fixed] == [DENIED] * len(fixed)
    assert [found["write"][str(place)] for place in loose] == ["done"] * len(loose)
    assert not (home / "accepted" / "new.pem").exists()
    assert found["memory"] == DENIED
    assert found["variables"] == DENIED or os.geteuid() == 0, "root may read those of every process"
    assert found["threads"] == ["NoNewPrivs:\t1"], "no thread began before"
    if confine.version() >= 6:
        assert found["signal"] == "Operation not permitted"
    (told,) = [finding.text for finding in check_source(home) if finding.what == "files"]
    assert "Landlock" in told
    with only_one(home / "source.lock"):  # as beside a process: what the system says is told all the same
        assert "can be asked; a process serves it now" in check_source(home)[-1].text
        for file in (tmp_path / "sources").glob("*.sqlite"):
            file.write_bytes(b"")
        assert (check_source(home)[-1].what, check_source(home)[-1].good) == ("system", False)
