"""Exports in a home: each auditor has the own ones alone, and all of them are deleted after a day."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from gateway.audit.export.layout import MANIFEST
from gateway.clock import SystemClock
from gateway.errors import Unknown
from gateway.ops.mandate.kept_exports import (
    KEPT_US,
    export_name,
    export_named,
    kept_exports,
    packed,
    remove_export,
    remove_old,
)


def made(exports: Path, name: str) -> Path:
    folder = exports / name
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text("{}")
    return folder


def test_an_auditor_sees_the_own_exports_and_those_of_counterparts(tmp_path: Path) -> None:
    own, other = export_name("th.a.1", "0123456789abcdef0123"), export_name("th.a.2", "0123456789abcdef0123")
    for name in (own, other, "vn-export"):
        made(tmp_path, name)
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / other)
    assert {item.name: item.is_own for item in kept_exports(tmp_path, "th.a.1")} == {own: True, "vn-export": False}
    for name in (other, "link", "..", "unfinished", ""):
        with pytest.raises(Unknown):
            export_named(tmp_path, "th.a.1", name)
    assert kept_exports(tmp_path / "none", "th.a.1") == []


def test_what_was_made_here_is_deleted_and_what_was_brought_stays(tmp_path: Path) -> None:
    own, brought = made(tmp_path, export_name("th.a.1", "0" * 20)), made(tmp_path, "vn-export")
    now_us = SystemClock().now_us()
    assert remove_old(tmp_path, now_us) == 0
    remove_export(export_named(tmp_path, "th.a.1", "vn-export"))
    assert brought.exists()
    for folder in (own, brought):
        os.utime(folder, (1, 1))
    assert remove_old(tmp_path, now_us + KEPT_US) == 1
    assert brought.exists()
    assert not own.exists()


def test_an_export_is_packed_as_it_is_read_and_may_be_left_half_read(tmp_path: Path) -> None:
    folder = made(tmp_path, "one")
    (folder / "large").write_bytes(os.urandom(1_000_000))
    with tarfile.open(fileobj=io.BytesIO(b"".join(packed(folder)))) as archive:
        assert sorted(archive.getnames()) == ["one", f"one/{MANIFEST}", "one/large"]
    half = packed(folder)
    assert next(half)
    half.close()
