"""A file counts as read only once it was read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.config.file_marks import FileMarks


class Seconds:
    """A steady clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("one")
    return path


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def marks(file: Path, seconds: Seconds) -> FileMarks:
    """Marks of a file that was read, and that has settled."""
    made = FileMarks(seconds)
    assert made.look([file])
    made.read()
    seconds.now += 10
    assert not made.look([file])
    return made


def test_a_reading_that_failed_is_made_again_until_it_succeeds(file: Path, marks: FileMarks) -> None:
    marks.failed()
    assert marks.look([file])
    marks.failed()
    assert marks.look([file])
    marks.read()
    assert not marks.look([file])


def test_a_look_without_reading_counts_for_nothing(file: Path, seconds: Seconds) -> None:
    made = FileMarks(seconds)
    made.look([file])
    seconds.now += 10
    assert made.look([file])


def test_a_change_within_one_step_of_the_file_systems_time_is_read(
    file: Path, marks: FileMarks, seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state before and after looks the same: inode, size and times."""
    file.write_text("two")
    found = file.stat()
    monkeypatch.setattr(Path, "stat", lambda _self: found)
    assert marks.look([file])
    assert marks.fresh
    marks.read()
    file.write_text("six")
    assert marks.look([file])
    assert not marks.fresh
    marks.read()
    seconds.now += 10
    assert not marks.look([file])


def test_a_time_that_was_set_back_hides_no_change(file: Path, marks: FileMarks) -> None:
    before = file.stat()
    with file.open("r+") as opened:
        opened.write("two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert marks.look([file])


def test_a_file_that_is_gone_or_cannot_be_looked_at_is_another_state(
    file: Path, marks: FileMarks, seconds: Seconds
) -> None:
    file.unlink()
    assert marks.look([file])
    marks.read()
    seconds.now += 10
    assert not marks.look([file])
    file.symlink_to(file)  # a loop: no `stat` succeeds, for root either
    for _ in range(2):
        assert marks.look([file])
        marks.read()
