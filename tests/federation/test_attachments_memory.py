"""The memory of nodes does not grow with a file: brought, given, fetched, scanned and opened, a chunk at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.small_form

MIB = 1 << 20
SIZE = 2000 * MIB if os.environ.get("LIAISON_SLOW") == "1" else 96 * MIB
"""Of the file; in small in CI."""


@pytest.mark.timeout(3600)
def test_two_nodes_and_their_clients_carry_a_film_in_less_than_64_mib(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.support.files_memory", str(tmp_path), str(SIZE)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[-1]) < 64 * MIB
