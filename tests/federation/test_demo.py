"""The demo from its command: a folder with something else in it, and the byte that it changes in an export."""

from __future__ import annotations

import importlib
import json
import subprocess
from pathlib import Path

from gateway.demo import command
from gateway.demo.command import environment, program
from gateway.demo.stories.audits import change_one_byte
from tests.support.tables import table


def demo(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        program("demo", "--once", *arguments),
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=400,
        check=False,
    )


def test_a_folder_that_holds_something_else_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    done = demo("--home", tmp_path)
    assert done.returncode == 1
    assert "choose an empty folder" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_the_changed_byte_lies_inside_the_entry_that_is_named(tmp_path: Path) -> None:
    entries = [json.dumps({"seq": n, "t": 1_795_537_842_993_103 + n}, separators=(",", ":")).encode() for n in range(5)]
    file = tmp_path / "exchange-1" / "tile" / "entries" / "000.p" / "5"
    file.parent.mkdir(parents=True)
    before = b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)
    file.write_bytes(before)
    index = change_one_byte(tmp_path)
    after = file.read_bytes()
    (changed,) = [at for at, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    start = sum(2 + len(entry) for entry in entries[:index])
    assert start + 2 <= changed < start + 2 + len(entries[index])


@table("name", command._HEAVY)
def test_modules_that_commands_begin_with_are_there(name: str) -> None:
    """A process that is to have a module beforehand passes over one that does not exist, and is slow."""
    importlib.import_module(f"gateway.cli.commands.{name}")
