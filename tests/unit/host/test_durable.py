"""Files that take their names when all of them is on the disk."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Misconfigured
from gateway.host import durable
from gateway.host.durable import replace


def test_threads_that_write_one_file_leave_one_of_its_versions_whole_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "state.json"

    def write(number: int) -> None:
        for _ in range(20):
            replace(path, b"%d" % number * 5_000)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    assert path.read_bytes() in [b"%d" % number * 5_000 for number in range(4)]
    assert list(tmp_path.iterdir()) == [path]


def refused(folder: Path, meanwhile: Callable[[], object]) -> None:
    """Make a folder with a key and replace a state, while another process acts, and be refused at the end."""

    @durable.all_or_nothing()
    def work() -> None:
        durable.make_folder(folder / "home" / "keys")
        durable.write_new(folder / "home" / "keys" / "tls.key", b"ours")
        durable.replace(folder / "state", b"ours")
        meanwhile()
        raise Misconfigured("refused")

    with pytest.raises(Misconfigured, match="refused"):
        work()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    path = tmp_path / "state"
    path.write_bytes(b"before")
    return path


def test_what_is_refused_leaves_all_as_it_was(tmp_path: Path, state: Path) -> None:  # CASE-N213
    refused(tmp_path, lambda: None)
    assert list(tmp_path.iterdir()) == [state]
    assert state.read_bytes() == b"before"


def test_what_another_process_made_or_replaced_meanwhile_stays(tmp_path: Path, state: Path) -> None:  # CASE-N213
    key, other = tmp_path / "home" / "keys" / "tls.key", tmp_path / "home" / "authority.key"

    def another() -> None:
        other.write_bytes(b"theirs")
        for path in (key, state):
            path.with_suffix(".theirs").write_bytes(b"theirs")
            path.with_suffix(".theirs").replace(path)

    refused(tmp_path, another)
    assert {path.read_bytes() for path in (key, other, state)} == {b"theirs"}


def test_a_file_that_another_process_was_first_to_name_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two commands make the same key: the second one is refused, and takes the first one's key away with nothing."""
    path = tmp_path / "authority" / "authority.key"
    finish = durable._finish

    def finished(*given: Any) -> None:
        finish(*given)
        path.write_bytes(b"theirs")

    monkeypatch.setattr(durable, "_finish", finished)
    path.parent.mkdir()
    with pytest.raises(Misconfigured) as caught, durable.all_or_nothing():
        durable.write_new(path, b"ours")
    assert caught.value.code == "file-exists"
    assert path.read_bytes() == b"theirs"
