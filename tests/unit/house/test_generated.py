"""What is made from other files is fresh, and the check that finds it stale names the command that makes it again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import generated
from tests.support.generated import GROUPS, Generator, differing, main
from tests.support.shared import PROJECT


@pytest.mark.process
@pytest.mark.long
def test_every_generated_file_is_what_it_is_made_from() -> None:
    # In a process of its own, as `make generated` makes them: nothing that another test has left is in it.
    command = [sys.executable, "-m", "tests.support.generated", "--check"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with three pages that are made from nothing but their names, in a tree of its own."""
    made = {tmp_path / name / "page.md": f"{name}\n".encode() for name in ("one", "two")}
    apart = {tmp_path / "apart.json": b"{}\n"}
    generators = (Generator("docs", lambda: made, tmp_path / "two"), Generator("words", lambda: apart))
    monkeypatch.setattr(generated, "GENERATORS", generators)
    monkeypatch.setattr(generated, "PROJECT", tmp_path)
    assert main([]) == 0
    return tmp_path


def test_a_file_that_is_missing_changed_or_left_over_is_named_with_the_command_and_mended_by_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--check"]) == 0
    (folder / "one" / "page.md").unlink()
    (folder / "two" / "page.md").write_text("two, by hand\n")
    (folder / "two" / "old.md").write_text("of a type that is gone\n")
    (folder / "two" / "notes.txt").write_text("of another kind\n")
    (folder / "apart.json").write_text("[]\n")
    assert main(["--check"]) == 1
    told = capsys.readouterr().err
    assert told.splitlines()[:-1] == ["one/page.md", "two/old.md", "two/page.md", "apart.json"]
    assert "run `make generated`" in told
    assert main([]) == 0
    assert [*differing()] == []
    assert not (folder / "two" / "old.md").exists()
    assert (folder / "two" / "notes.txt").exists()


def test_a_group_is_made_alone_and_an_unknown_one_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "one" / "page.md").unlink()
    (folder / "apart.json").unlink()
    assert main(["words"]) == 0
    assert [*differing()] == ["one/page.md"]
    with pytest.raises(SystemExit):
        main(["word"])
    assert "`word`" in capsys.readouterr().err


def test_make_generated_makes_all_and_each_group_is_a_target_of_its_own() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    for target, asked in (("generated", ""), *((group, f" {group}") for group in GROUPS)):
        recipe = makefile.partition(f"\n{target}: ")[2].partition("\n\t")[2].partition("\n")[0]
        assert recipe == f"$(BIN)/python -m tests.support.generated{asked}"
