"""The demo from its command: three real nodes, all scenes, and a folder that is kept and taken up again."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.audits import change_one_byte
from gateway.demo.command import environment, program
from tests.support.shared import PROJECT

SCENES = 12


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


def readme_lines() -> list[str]:
    """The demo's output as the README shows it, but for the lines left out."""
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    block = readme.partition("## What the demo shows")[2].split("```")[1]
    return [line for line in block.strip("\n").splitlines() if line != "…"]


pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    home = tmp_path_factory.mktemp("demo") / "fed"
    done = demo("--home", home, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return home, json.loads(done.stdout)


def test_every_scene_goes_as_expected(played: tuple[Path, dict[str, Any]]) -> None:
    _, result = played
    assert result["ok"]
    assert [step["step"] for step in result["steps"]] == list(range(1, SCENES + 1))
    assert [check for step in result["steps"] for check in step["checks"] if not check["met"]] == []


def test_the_folder_holds_homes_authorities_administrators_and_the_charter(played: tuple[Path, dict[str, Any]]) -> None:
    home, result = played
    assert result["home"] == str(home)
    assert {path.name for path in home.iterdir()} == {
        "charter.jsonl", "th", "vn", "kh", "th-authority", "vn-authority", "kh-authority", "persons"
    }  # fmt: skip
    assert {path.name for path in (home / "persons").glob("*.key")} == {
        f"{member}-administrator.key" for member in ("th", "vn", "kh")
    }


def test_no_node_outlives_the_demo(played: tuple[Path, dict[str, Any]]) -> None:
    home, _ = played
    for member in ("th", "vn", "kh"):
        assert "node.stopped" in (home / member / "serve.log").read_text().splitlines()[-1]


def test_logs_of_nodes_hold_no_personal_data(played: tuple[Path, dict[str, Any]]) -> None:
    home, _ = played
    for member in ("th", "vn", "kh"):
        log = (home / member / "serve.log").read_text()
        for word in ("บุญมา", "BUNMA", "C4419027", "Trần", "th.o.1042", "TH-2026-0417"):
            assert word not in log


def test_a_kept_federation_is_taken_up_again_and_says_what_the_readme_shows(
    played: tuple[Path, dict[str, Any]],
) -> None:
    home, _ = played
    done = demo("--home", home)
    assert done.stdout.rstrip().endswith("Everything happened as it should"), done.stdout
    assert done.returncode == 0
    assert [line for line in readme_lines() if line not in done.stdout.splitlines()] == []


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
