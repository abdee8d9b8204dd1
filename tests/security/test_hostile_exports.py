"""Exports made by somebody who wants the verifier to fail, to hang, to lie, or to read what it should not.

Most of them are signed by the exporter's own log key: a country can sign whatever it likes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.export.layout import opening_line
from gateway.audit.tree.tiles import bundle, read_bundle
from gateway.audit.verify.findings import Check, State
from gateway.cli.main import run
from gateway.errors import LiaisonError, Malformed
from tests.support.audit_logs import new_id
from tests.support.audited import World, bad_with, make_world, resign
from tests.support.federation import make_federation
from tests.support.load import waiting

OPENINGS = "exchange-1/openings/000000000000.jsonl"
STATEMENTS = "exchange-1/statements/000000000000.jsonl"
ENTRIES = "exchange-1/tile/entries/000.p/6"
TILE = "exchange-1/tile/0/000.p/6"
HEADS = "exchange-1/heads.jsonl"
CHECKPOINT = "exchange-1/checkpoint"

Change = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def honest(world: World) -> Path:
    return world.export()


@pytest.fixture
def out(world: World, honest: Path) -> Path:
    """A copy to be changed."""
    return Path(shutil.copytree(honest, world.folder / f"hostile-{new_id()}"))


def change(out: Path, name: str, how: Change) -> None:
    (out / name).write_bytes(how((out / name).read_bytes()))


def refused(world: World, out: Path) -> None:
    """The verifier refuses or contradicts, in bounded time, through the command as well, and leaves no trace."""
    charter = world.federation.folder / "charter.jsonl"
    with waiting() as watch:
        try:
            report = world.check(out)
            assert report.exit_code == 1, [item for item in report.findings if item.state is not State.PROVED]
        except Malformed:
            pass
        verify = ["audit", "verify", "--export", str(out), "--charter", str(charter), "--json", "--processes", "1"]
        assert run(verify) == 1
    assert watch.seconds < 30


def lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def entries(data: bytes) -> list[bytes]:
    return read_bundle(data, 6)


SIGNED: dict[str, tuple[str, Change]] = {
    "a line with an escape sequence": (OPENINGS, lambda data: b"\x1b[2J\x1b]0;owned\x07\n" + data),
    "a line that is no UTF-8": (OPENINGS, lambda data: b'{"index":0,"withheld":"\xff\xfe"}\n' + data),
    "a ground with control characters": (OPENINGS, lambda data: b'{"index":0,"withheld":"a\x1b[31m"}\n'),
    "nested JSON": (OPENINGS, lambda data: b"[" * 1_000_000 + b"\n"),
    "a line without an end": (OPENINGS, lambda data: data[:-1]),
    "a line that never ends": (OPENINGS, lambda data: b'{"index":0,"private":"' + b"A" * (9 << 20) + b'"}\n'),
    "a number of a million digits": (OPENINGS, lambda data: b'{"index":' + b"1" * 1_000_000 + b',"private":""}\n'),
    "an opening twice": (OPENINGS, lambda data: lines(data)[0] + data),
    "openings in the wrong order": (OPENINGS, lambda data: b"".join(reversed(lines(data)))),
    "an opening of an entry that is not there": (OPENINGS, lambda data: data + opening_line(6, bytes(544))),
    "an opening of another entry": (OPENINGS, lambda data: lines(data)[0].replace(b":0,", b":1,")),
    "private parts that were exchanged": (
        OPENINGS,
        lambda data: data.replace(lines(data)[0][20:], b"?").replace(lines(data)[1][20:], lines(data)[0][20:]),
    ),
    "base64 that is none": (OPENINGS, lambda data: data.replace(b'"private":"', b'"private":"=', 1)),
    "statements that were exchanged": (
        STATEMENTS,
        lambda data: b'{"index":0,' + lines(data)[1][11:] + b'{"index":1,' + lines(data)[0][11:] + lines(data)[2],
    ),
    "a statement of zeros": (STATEMENTS, lambda data: b'{"index":0,"request":"AAAA","answer":"AAAA"}\n'),
    "an entry twice": (ENTRIES, lambda data: bundle([entries(data)[0], *entries(data)[:5]])),
    "entries exchanged": (ENTRIES, lambda data: bundle([entries(data)[1], entries(data)[0], *entries(data)[2:]])),
    "an entry less": (ENTRIES, lambda data: bundle(entries(data)[:5])),
    "an entry more": (ENTRIES, lambda data: bundle([*entries(data), entries(data)[5]])),
    "an entry that is no entry": (ENTRIES, lambda data: bundle([b"\x1b[2J", *entries(data)[1:]])),
    "an entry that is no UTF-8": (ENTRIES, lambda data: bundle([b'{"v":1,"log":"\xff"}', *entries(data)[1:]])),
    "a bundle that is cut off": (ENTRIES, lambda data: data[:-1]),
    "a bundle with something behind it": (ENTRIES, lambda data: data + b"\0"),
    "an empty bundle": (ENTRIES, lambda data: b""),
    "a tile of other hashes": (TILE, lambda data: data[32:64] + data[:32] + data[64:]),
    "a tile that is cut off": (TILE, lambda data: data[:-1]),
    "a tile of zeros": (TILE, lambda data: bytes(len(data))),
    "a head with an escape sequence": (CHECKPOINT, lambda data: data.replace(b"\n6\n", b"\n6\x1b[2J\n")),
    "a head of a larger tree": (CHECKPOINT, lambda data: data.replace(b"\n6\n", b"\n7\n")),
    "a head of another country": (CHECKPOINT, lambda data: data.replace(b"th.liaison", b"vn.liaison")),
    "no head": (CHECKPOINT, lambda data: b""),
    "a head with a million signatures": (CHECKPOINT, lambda data: data + data.split(b"\n\n")[1] * 10_000),
    "heads that are rubbish": (HEADS, lambda data: b'{"head":"\\u001b[2J"}\n' + data),
    "heads with more members": (HEADS, lambda data: b'{"head":"","more":1}\n' + data),
    "a trust document that is rubbish": ("trust/descriptors/th.jsonl", lambda data: b"\x1b[2J{}\n" + data),
}


@pytest.mark.parametrize("name", SIGNED)
def test_what_its_maker_signed_is_refused_or_contradicted(world: World, out: Path, name: str) -> None:
    file, how = SIGNED[name]
    change(out, file, how)
    resign(out, world.home.key)
    refused(world, out)


@pytest.mark.parametrize("name", [OPENINGS, STATEMENTS, ENTRIES, TILE, HEADS, CHECKPOINT, "trust/charter.jsonl"])
def test_a_missing_file_is_contradicted(world: World, out: Path, name: str) -> None:
    (out / name).unlink()
    refused(world, out)


@pytest.mark.parametrize("name", [OPENINGS, ENTRIES, TILE, CHECKPOINT, "export.json", "export.sig"])
def test_l1_a_link_is_not_followed(world: World, out: Path, tmp_path: Path, name: str) -> None:
    target = tmp_path / "target"
    (out / name).rename(target)
    (out / name).symlink_to(target)
    refused(world, out)


def test_l1_a_folder_that_is_a_link_is_not_followed(world: World, out: Path, tmp_path: Path) -> None:
    (out / "exchange-1").rename(tmp_path / "elsewhere")
    (out / "exchange-1").symlink_to(tmp_path / "elsewhere")
    refused(world, out)


@pytest.mark.parametrize("name", [ENTRIES, OPENINGS, "trust/charter.jsonl"])
def test_l1_a_pipe_does_not_hold_the_verifier_up(world: World, out: Path, name: str) -> None:
    (out / name).unlink()
    os.mkfifo(out / name)
    refused(world, out)


def test_a_huge_file_is_not_read_into_memory(world: World, out: Path) -> None:
    for name in (ENTRIES, CHECKPOINT, "export.sig"):
        with (out / name).open("r+b") as file:
            file.truncate(1 << 40)
    refused(world, out)


MANIFESTS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "another version": lambda value: value | {"v": 3},
    "a member more": lambda value: value | {"more": 1},
    "another member": lambda value: value | {"member": "vn"},
    "no member": lambda value: value | {"member": "../../etc"},
    "a log that is none": lambda value: value | {"logs": {"../exchange/1": {}}},
    "a log of a million million entries": lambda value: value | {"logs": _logs(value, size=10**12, stop=10**12)},
    "a log with a hole": lambda value: value | {"logs": _logs(value, first=3)},
    "a log that is longer": lambda value: value | {"logs": _logs(value, size=7, stop=7, high=7)},
    "a log that is shorter": lambda value: value | {"logs": _logs(value, size=5, stop=5, high=5)},
    "negative numbers": lambda value: value | {"logs": _logs(value, low=-1)},
    "a time that is none": lambda value: value | {"created": "yesterday"},
    "another appointment": lambda value: value | {"appointment": "0" * 64},
    "an appointment that is none": lambda value: value | {"appointment": ["x"]},
    "files outside": lambda value: value | {"files": {"../../../etc/passwd": "0" * 64}},
}


def _logs(value: dict[str, Any], **changes: int) -> dict[str, Any]:
    logs: dict[str, Any] = json.loads(json.dumps(value["logs"]))
    logs["exchange/1"] |= changes
    return logs


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_that_says_what_is_not_so(world: World, out: Path, name: str) -> None:
    value = json.loads((out / "export.json").read_bytes())
    changed = MANIFESTS[name](value)
    resign(out, world.home.key, **{key: item for key, item in changed.items() if item != value.get(key)})
    refused(world, out)


def test_l1_a_manifest_leads_to_no_file_beside_the_export_though_its_hash_is_right(world: World, out: Path) -> None:
    beside = out.parent / "beside"
    beside.write_bytes(b"what lies beside it")
    files = json.loads((out / "export.json").read_bytes())["files"]
    resign(out, world.home.key, files=files | {"../beside": hashlib.sha256(beside.read_bytes()).hexdigest()})
    refused(world, out)


@pytest.mark.parametrize(
    "data", [b"", b"[" * 100_000, b'{"v":2}', b"\xff\xfe", b'{"v":2,"v":2}', b"{" + b'"a":{' * 50_000, b"null"]
)
def test_a_manifest_that_is_none(world: World, out: Path, data: bytes) -> None:
    (out / "export.json").write_bytes(data)
    refused(world, out)


def test_the_charter_of_another_federation(world: World, out: Path, tmp_path: Path) -> None:
    other = make_federation(tmp_path / "other", ("th", "vn"))
    charter = other.folder / "charter.jsonl"
    assert run(["audit", "verify", "--export", str(out), "--charter", str(charter)]) == 1


def test_a_country_cannot_pass_off_its_log_as_anothers(world: World, out: Path) -> None:
    resign(out, world.federation["vn"].key("log"))
    assert bad_with(world.check(out), Check.MANIFEST)


def test_l4_nothing_of_it_moves_the_cursor(
    world: World, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    appointed = b"\x1b[2J"
    change(out, ENTRIES, lambda data: bundle([appointed + b"\xc2\x9b31m", *entries(data)[1:]]))
    resign(out, world.home.key, auditor="\u009b31m\u202e<script>", appointed_by="\u001b]0;x\u0007")
    charter, page = world.federation.folder / "charter.jsonl", tmp_path / "report.html"
    for more in ([], ["--json"], ["--html", str(page)]):
        assert run(["audit", "verify", "--export", str(out), "--charter", str(charter), *more]) == 1
    said = capsys.readouterr()
    text = said.out + said.err + page.read_text(encoding="utf-8")
    assert not [character for character in text if ord(character) < 32 and character != "\n"]
    assert not {"\x9b", "\u202e", "\x07"} & set(text)
    assert "<script>" not in page.read_text(encoding="utf-8")


def test_l2_no_error_of_an_export_is_unforeseen(world: World, honest: Path) -> None:
    """Each file in turn is replaced by each kind of rubbish; only errors of our own leave the verifier."""
    rubbish = (b"", b"\0" * 64, b"{}\n", b"\xff" * 100, b'{"index":0}\n', b"[]\n" * 50)
    names = [str(path.relative_to(honest)) for path in honest.rglob("*") if path.is_file()]
    for name in names:
        copy = Path(shutil.copytree(honest, world.folder / f"rubbish-{new_id()}"))
        for data in rubbish:
            if data == (honest / name).read_bytes():
                continue
            (copy / name).write_bytes(data)
            try:
                assert world.check(copy, statements=False).exit_code != 0, (name, data)
            except LiaisonError:
                continue
        shutil.rmtree(copy)
