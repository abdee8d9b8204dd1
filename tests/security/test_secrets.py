"""What a node's machine shows of its process: no secret (CASE-L13)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.exchange import sample_world
from tests.support.processes import NodeProcess

pytestmark = pytest.mark.process


async def test_l13_no_secret_is_in_arguments_environment_or_a_core_dump(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    secrets = [line for file in world.home("vn").rglob("*.key") for line in file.read_bytes().splitlines() if line]
    secrets = [line for line in secrets if not line.startswith(b"-----")]
    assert len(secrets) > 5
    async with NodeProcess(world.home("vn"), world.ports["vn"]) as node:
        process = Path(f"/proc/{node.pid}")
        shown = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        limits = (process / "limits").read_text()
    assert [line for line in secrets if line in shown] == []
    (core,) = (line.split()[4:] for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core[0] == "0", "memory with keys is written to no file when the process dies"
