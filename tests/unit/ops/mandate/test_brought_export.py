"""An export that an auditor brings: a plain tar file is unpacked as it comes, and everything else leaves nothing."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

from gateway.audit.export.layout import MANIFEST, VERSION
from gateway.clock import SystemClock
from gateway.errors import LiaisonError, Unknown
from gateway.ops.mandate.brought_export import Limits, take_export
from gateway.ops.mandate.kept_exports import KEPT_US, export_named, kept_exports, packed, remove_export, remove_old
from tests.support.tables import table

AUDITOR, OTHER = "th.a.1", "th.a.2"
SMALL = Limits(size=100_000, files=20, free=0)
EXPORT = {
    "v": VERSION, "member": "vn", "created": "2026-11-28T00:00:00Z", "since": "", "until": "", "appointment": "",
    "auditor": "", "appointed_by": "", "logs": {}, "files": {},
}  # fmt: skip
FILES = {MANIFEST: json.dumps(EXPORT).encode(), "trust/charter.jsonl": b"{}\n"}

Change = Callable[[tarfile.TarInfo], None]


async def coming(data: bytes, step: int = 1_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), step):
        yield data[start : start + step]


def tar(
    files: Mapping[str, bytes],
    change: Change = lambda _: None,
    top: str = "vn-export",
    form: int = tarfile.DEFAULT_FORMAT,
) -> bytes:
    """A tar file of a folder; `change` makes another file of the last one."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:", format=form) as archive:
        if top:
            folder = tarfile.TarInfo(top)
            folder.type = tarfile.DIRTYPE
            archive.addfile(folder)
        for name, data in files.items():
            info = tarfile.TarInfo(f"{top}/{name}" if top else name)
            info.size, info.mtime = len(data), 1.5  # which Python's own writer puts into a note
            if name == list(files)[-1]:
                change(info)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


async def refused(exports: Path, data: bytes, limits: Limits = SMALL) -> str:
    """The code with which an archive is refused; nothing of it may stay."""
    with pytest.raises(LiaisonError) as caught:
        await take_export(coming(data), exports, AUDITOR, limits)
    assert list(exports.iterdir()) == []
    assert caught.value.where == "export"
    return caught.value.code


@pytest.mark.long
@table("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
@table("top", ["vn-export", "Xuất khẩu", "ຂໍ້ມູນ/" * 30 + "vn", ".", ""])
@table("step", [1, 511, 1_000_000])
async def test_an_export_is_unpacked_for_the_auditor_who_brought_it(
    tmp_path: Path, top: str, step: int, form: int
) -> None:
    folder = await take_export(coming(tar(FILES, top=top, form=form), step), tmp_path, AUDITOR, SMALL)
    assert {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()} == FILES
    (kept,) = kept_exports(tmp_path, AUDITOR)
    assert (kept.folder, kept.is_own, kept.brought_from) == (folder, False, "vn")
    with pytest.raises(Unknown):
        export_named(tmp_path, OTHER, kept.name)


@pytest.mark.skipif(shutil.which("tar") is None, reason="there is no tar")
@pytest.mark.process
@table("how", [(), ("--format=gnu",), ("--format=pax",), ("--format=ustar",)])
@table("name", ["vn-export", "Xuất khẩu", "v" * 150])
async def test_what_gnu_tar_writes_is_taken(tmp_path: Path, how: tuple[str, ...], name: str) -> None:
    for file, data in FILES.items():
        (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name / file).write_bytes(data)
    ran = subprocess.run(["tar", *how, "-cf", "-", "-C", tmp_path, name], capture_output=True)
    if how == ("--format=ustar",) and ran.returncode:
        pytest.skip("this form has no such names")
    folder = await take_export(coming(ran.stdout), tmp_path / "exports", AUDITOR, SMALL)
    assert {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()} == FILES


async def test_what_the_console_hands_out_is_taken_and_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    source = await take_export(coming(tar(FILES)), tmp_path / "there", AUDITOR, SMALL)
    for person in (AUDITOR, OTHER, AUDITOR):
        await take_export(coming(b"".join(packed(source))), tmp_path / "here", person, SMALL)
    assert len(list((tmp_path / "here").iterdir())) == 2
    (kept,) = kept_exports(tmp_path / "here", AUDITOR)
    remove_export(kept)
    assert kept.folder.exists(), "the page of exports deletes what was made here"
    os.utime(kept.folder, (1, 1))
    assert remove_old(tmp_path / "here", SystemClock().now_us() + KEPT_US // 2) == 1


def _linked(info: tarfile.TarInfo) -> None:
    info.type, info.linkname, info.size = tarfile.SYMTYPE, "/etc/passwd", 0


def _hard(info: tarfile.TarInfo) -> None:
    info.type, info.linkname, info.size = tarfile.LNKTYPE, MANIFEST, 0


def _pipe(info: tarfile.TarInfo) -> None:
    info.type, info.size = tarfile.FIFOTYPE, 0


def _sparse(info: tarfile.TarInfo) -> None:
    info.pax_headers = {"GNU.sparse.realsize": str(2**50)}


def _outside(info: tarfile.TarInfo) -> None:
    info.pax_headers = {"path": "vn-export/../../out"}


def _link_in_a_note(info: tarfile.TarInfo) -> None:
    info.pax_headers = {"linkpath": "/etc/passwd"}


def _sized(info: tarfile.TarInfo) -> None:
    info.pax_headers = {"size": "1"}


def _raw(info: tarfile.TarInfo) -> None:
    info.pax_headers = {"hdrcharset": "BINARY"}


def _noted(info: tarfile.TarInfo) -> None:
    info.pax_headers = {"comment": "x" * 100_000}


@table("change", [_linked, _hard, _pipe, _sparse, _link_in_a_note, _sized, _raw, _noted])
async def test_a_file_that_is_none_is_refused(tmp_path: Path, change: Change) -> None:
    assert await refused(tmp_path, tar(FILES, change)) == "bad-archive"


async def test_a_name_in_a_note_is_held_to_what_a_name_in_its_place_is(tmp_path: Path) -> None:
    assert await refused(tmp_path, tar(FILES, _outside)) == "bad-export"
    assert not (tmp_path.parent / "out").exists()


def _note(kind: bytes, data: bytes) -> bytes:
    """A note before the first file of an archive."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = kind, len(data)
    return info.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % tarfile.BLOCKSIZE)


@table(
    "note",
    [
        (tarfile.XHDTYPE, b"99 path=x\n"),
        (tarfile.XHDTYPE, b"path=x\n"),
        (tarfile.XHDTYPE, b"8 path=x\n"),
        (tarfile.XHDTYPE, b"0 \n"),
        (tarfile.XHDTYPE, b"8 path=\n"),
        (tarfile.XHDTYPE, b"10 path=\xff\n"),
        (tarfile.XHDTYPE, b"11 path=a\0\n"),
        (tarfile.XGLTYPE, b"10 path=x\n"),
        (tarfile.GNUTYPE_LONGNAME, b"\0"),
        (tarfile.GNUTYPE_LONGNAME, b"\xff\0"),
        (tarfile.GNUTYPE_LONGNAME, b"x" * 20_000),
        (tarfile.GNUTYPE_LONGLINK, b"x\0"),
    ],
)
async def test_a_note_that_cannot_be_read_is_refused(tmp_path: Path, note: tuple[bytes, bytes]) -> None:
    assert await refused(tmp_path, _note(*note) + tar(FILES)) == "bad-archive"


@table("name", ["../out", "trust/../../out", "/", "trust/UPPER", "trust/.", "a" * 90 + "/" + "b/" * 30 + "c"])
async def test_a_name_that_no_export_has_is_refused(tmp_path: Path, name: str) -> None:
    named = str(tmp_path.parent / "out") if name == "/" else name
    data = tar(FILES | {named: b"x"}, top="" if name == "/" else "vn-export")
    assert await refused(tmp_path, data) in ("bad-export", "bad-archive")
    assert not (tmp_path.parent / "out").exists()


async def test_a_file_that_comes_twice_or_where_a_folder_is_is_refused(tmp_path: Path) -> None:
    one = tar({MANIFEST: FILES[MANIFEST]}, top="").rstrip(b"\0")
    one += bytes(-len(one) % tarfile.BLOCKSIZE)
    assert await refused(tmp_path, one + tar(FILES, top="")) == "bad-export"
    assert await refused(tmp_path, tar(FILES | {"trust": b"x"})) == "bad-export"
    assert await refused(tmp_path, tar(FILES | {f"{MANIFEST}/x": b"x"})) == "bad-export"


def _zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, bytes(10_000_000))
    return out.getvalue()


async def test_what_is_no_plain_tar_file_is_refused_without_being_unpacked(tmp_path: Path) -> None:
    bomb = gzip.compress(tar({MANIFEST: bytes(10_000_000)}))
    for data in (_zipped(), bomb, b"%PDF-1.7" + bytes(2_000), os.urandom(5_000)):
        assert await refused(tmp_path, data) == "bad-archive"
    assert await refused(tmp_path, tar(FILES) + b"more") == "bad-archive"
    assert await refused(tmp_path, tar(FILES) + bytes(2 * 1024 * 1024)) == "bad-archive"


async def test_an_archive_that_ends_too_early_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    whole = tar(FILES)
    end = len(whole.rstrip(b"\0"))
    for length in (0, 1, 511, 512, 700, end // 2, end):
        assert await refused(tmp_path, whole[:length]) == "cut-archive", length


async def test_what_is_too_large_is_refused_before_it_is_written(tmp_path: Path) -> None:
    assert await refused(tmp_path, tar(FILES | {"large": bytes(100_001)})) == "export-too-large"
    said = tarfile.TarInfo("large")
    said.size = 2**40
    assert await refused(tmp_path, said.tobuf(tarfile.GNU_FORMAT) + tar(FILES)) == "export-too-large"
    many = {f"trust/{number}": b"" for number in range(50)}
    assert await refused(tmp_path, tar(FILES | many)) == "export-too-large"
    assert await refused(tmp_path, tar(FILES), Limits(free=2**60)) == "export-disk"


@table("manifest", [b"", b"{}", b"[" * 10_000, json.dumps(EXPORT | {"member": "../x"}).encode()])
async def test_a_folder_that_is_no_export_is_refused(tmp_path: Path, manifest: bytes) -> None:
    assert await refused(tmp_path, tar({MANIFEST: manifest})) == "bad-export"
    assert await refused(tmp_path, tar({"readme": manifest})) == "bad-export"
