"""A database file counts as near only where a disk of this machine surely holds it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adapters.sql.connection import local_file
from adapters.sql.connection.local_file import is_local_file
from tests.support.tables import table


def mounted(file: Path, kind: str) -> str:
    """Return a line of mountinfo that has the file's device with another kind of file system."""
    device = file.stat().st_dev
    return f"31 1 {os.major(device)}:{os.minor(device)} / / rw,relatime shared:1 - {kind} server:/export rw\n"


@table(("kind", "near"), [("ext4", True), ("xfs", True), ("nfs4", False), ("cifs", False), ("fuse.sshfs", False)])
def test_a_file_of_another_machine_is_not_near(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, near: bool
) -> None:
    database, mounts = tmp_path / "agency.sqlite", tmp_path / "mountinfo"
    database.touch()
    mounts.write_text(mounted(database, kind))
    monkeypatch.setattr(local_file, "_MOUNTS", mounts)
    assert is_local_file(f"sqlite:///{database}") is near


def test_what_cannot_be_told_is_not_near(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = tmp_path / "agency.sqlite"
    assert not is_local_file(f"sqlite:///{database}")  # there is none
    assert not is_local_file("postgresql://localhost/agency")
    database.touch()
    monkeypatch.setattr(local_file, "_MOUNTS", tmp_path / "none")
    assert not is_local_file(f"sqlite:///{database}")
    (tmp_path / "none").write_text("31 1 999:9 / / rw - ext4 /dev/x rw\n")
    assert not is_local_file(f"sqlite:///{database}")
