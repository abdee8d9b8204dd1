"""Files that take their names when all of them is on the disk."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from certs.durable import replace


def test_threads_that_write_one_file_leave_one_of_its_versions_whole_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "state.json"

    def write(number: int) -> None:
        for _ in range(20):
            replace(path, b"%d" % number * 5_000)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    assert path.read_bytes() in [b"%d" % number * 5_000 for number in range(4)]
    assert list(tmp_path.iterdir()) == [path]
