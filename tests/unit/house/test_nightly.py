"""A night: all full forms are in its list, one part does not stop the others, and it goes on where it stopped."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.nightly.__main__ import main
from tests.nightly.parts import PARTS, Part
from tests.nightly.run import FAILED, NOT_RUN, PASSED, Night, tree_hash
from tests.support.optional import PACKAGES
from tests.support.shared import PROJECT

NO_FORM_OF_A_TEST = {
    "advisories", "assets", "bench", "bench-against", "build", "bundle", "check", "demo", "docs", "finding",
    "generated", "help", "history", "image", "image-tools", "lock", "machines", "nightly", "proto", "proto-check",
    "quick", "release", "sbom", "screenshots", "setup", "words",
}  # fmt: skip
"""Targets that make or measure something, or are quicker forms of what a night runs."""

_IS_MARKED = re.compile(r"mark\.small_form$|mark\.small_form[],)]", re.MULTILINE)


def test_every_target_that_tries_something_is_a_part_and_every_part_can_be_called() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    made = {part.command[1] for part in PARTS if part.command[0] == "make"}
    assert made == targets - NO_FORM_OF_A_TEST
    files = [word for part in PARTS for word in part.command if word.startswith("tests/")]
    assert [name for name in files if not (PROJECT / name).exists()] == []
    assert {name for part in PARTS for name in part.needs} <= PACKAGES.keys()
    names = [part.name for part in PARTS]
    assert len(set(names)) == len(names)


@pytest.mark.process
def test_every_call_of_pytest_has_options_that_it_knows_and_files_that_exist() -> None:
    calls = re.findall(r"(?:bin/|\$\(BIN\)/)(?:python -m )?pytest (.*)", (PROJECT / "Makefile").read_text())
    calls += [" ".join(part.command[part.command.index("pytest") + 1 :]) for part in PARTS if "pytest" in part.command]
    assert len(calls) > 15
    plain = {re.sub(r"\$\(\w+\)|\btests(/\S*)?(?!\S)|-m \w+", "", call).strip() for call in calls}
    # Options are judged before anything is collected; one small file is given, so that something is.
    given = " ".join(sorted(plain)).split()
    command = [sys.executable, "-m", "pytest", "--collect-only", *given, "tests/unit/house/test_tables.py"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    named = {name for call in calls for name in call.split() if name.startswith("tests/")}
    assert [name for name in sorted(named) if not (PROJECT / name).exists()] == []


def test_the_list_says_of_each_part_what_it_holds_runs_and_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    said = capsys.readouterr().out
    for part in PARTS:
        assert {part.name, part.holds, *part.needs} == {
            word for word in (part.name, part.holds, *part.needs) if word in said
        }
    assert main(["--list", "--json", "--only", "soak"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == ["soak"]


def test_the_page_names_what_left_make_test_and_every_target_that_it_names_exists() -> None:
    page = (PROJECT / "docs" / "testing.md").read_text(encoding="utf-8")
    files = [path for path in (PROJECT / "tests").rglob("test_*.py") if path.parent.name != "house"]
    marked = [path for path in files if _IS_MARKED.search(path.read_text("utf-8"))]
    assert marked
    assert [
        path.name for path in marked if f"{path.name}`" not in page and f"`tests/{path.parent.name}`:" not in page
    ] == []
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", page)) - targets == set()
    assert [word for word in re.findall(r"--only ([a-z]+)", page) if word not in {part.name for part in PARTS}] == []


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A tree of one file under git, in which `tried` says which parts ran."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "file").write_text("one")
    (tree / ".gitignore").write_text("/tmp/\n/tried\n")
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    return tree


def part(name: str, script: str = "true", *needs: str) -> Part:
    return Part(name, "is tried", ("sh", "-c", f"echo {name} >> tried; {script}"), 1, needs)


def night(project: Path, *parts: Part, again: Sequence[str] = (), forgotten: Sequence[str] = ()) -> dict[str, str]:
    """Run a night; return the result of each part."""
    kept = Night(project / "tmp", project)
    with kept.opened(forgotten) as known:
        return {row.name: row.result for row in kept.run(parts, known, again, lambda line: None)}


def tried(project: Path) -> list[str]:
    """The parts that ran since this was last asked."""
    names = (project / "tried").read_text().split() if (project / "tried").exists() else []
    (project / "tried").unlink(missing_ok=True)
    return names


@pytest.mark.process
def test_a_part_that_fails_stops_no_other_and_is_shown_with_what_it_said_last(project: Path) -> None:
    said: list[str] = []
    kept = Night(project / "tmp", project)
    with kept.opened() as known:
        parts = (part("bad", "echo it broke; exit 3"), part("good"))
        bad, good = kept.run(parts, known, (), said.append)
    assert (bad.result, bad.why, good.result) == (FAILED, "exit code 3", PASSED)
    assert "    | it broke" in said
    assert (project / bad.log).read_text() == "it broke\n"


@pytest.mark.process
def test_what_is_known_of_a_tree_is_not_tried_again_until_a_byte_of_it_changes(project: Path) -> None:
    parts = (part("good"), part("bad", "false"))
    results = {"good": PASSED, "bad": FAILED}
    assert night(project, parts[0]) == {"good": PASSED}
    assert tried(project) == ["good"]
    assert night(project, *parts) == results
    assert tried(project) == ["bad"]
    assert night(project, *parts) == results
    assert tried(project) == []
    assert night(project, *parts, again=("good", "bad")) == results
    assert tried(project) == ["bad"]
    assert night(project, *parts, forgotten=["good"]) == results
    assert tried(project) == ["good"]
    (project / "file").write_text("two")
    assert night(project, *parts) == results
    assert tried(project) == ["good", "bad"]
    (project / "new").touch()
    assert night(project, *parts) == results
    assert tried(project) == ["good", "bad"]


@pytest.mark.process
def test_a_part_that_lacks_a_program_is_named_with_what_installs_it_and_tried_by_the_next_call(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PACKAGES, "no-such-program", "no-such-package")
    parts = (part("lacking", "true", "no-such-program"), part("good"))
    kept = Night(project / "tmp", project)
    with kept.opened() as known:
        lacking, good = kept.run(parts, known, (), lambda line: None)
    assert (lacking.result, good.result) == (NOT_RUN, PASSED)
    assert lacking.why == "there is no no-such-program: apt-get install no-such-package"
    assert night(project, part("lacking"), parts[1]) == {"lacking": PASSED, "good": PASSED}
    assert tried(project) == ["good", "lacking"]


@pytest.mark.process
def test_a_part_that_never_ends_is_ended_with_all_that_it_started(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Part, "limit_s", 0.5)
    assert night(project, part("endless", "sleep 1000 & echo $! > tmp/child; wait"), part("good")) == {
        "endless": FAILED,
        "good": PASSED,
    }
    child = Path("/proc", (project / "tmp" / "child").read_text().strip(), "stat")
    assert not child.exists() or child.read_text().rpartition(")")[2].split()[0] == "Z"


_INTERRUPTED = """
import sys
from collections.abc import Sequence
from pathlib import Path
from tests.nightly.__main__ import main
from tests.nightly.parts import Part

parts = [Part(name, "is tried", ("sh", "-c", f"echo {name} >> tried; {script}"), 1) for name, script in (
    ("first", "true"), ("second", sys.argv[1]), ("third", "true"))]
import tests.nightly.__main__ as night
night.PROJECT = Path.cwd()
sys.exit(main([], parts, Path.cwd() / "tmp"))
"""


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_after_an_interruption_the_next_call_goes_on_there(project: Path, number: signal.Signals) -> None:
    environment = {"PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin"}
    told = subprocess.PIPE
    command = [sys.executable, "-c", _INTERRUPTED, "sleep 1000"]
    with subprocess.Popen(command, cwd=project, env=environment, stderr=told, text=True) as process:
        assert process.stderr is not None
        seen = ""
        while "[2/3]" not in seen:
            seen = process.stderr.readline()
        process.send_signal(number)
        assert process.wait(60) == 130
    assert "first" in tried(project)
    done = subprocess.run([*command[:-1], "true"], cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert tried(project) == ["second", "third"]
    assert "3 of 3 passed" in done.stdout


@pytest.mark.process
def test_one_night_at_a_time_uses_a_folder(project: Path) -> None:
    with Night(project / "tmp", project).opened(), pytest.raises(SystemExit, match="another night"):
        night(project)


@pytest.mark.process
def test_the_hash_of_a_tree_leaves_out_what_git_ignores(project: Path) -> None:
    before = tree_hash(project)
    (project / "tried").touch()
    assert tree_hash(project) == before
    shutil.rmtree(project / ".git")
    with pytest.raises(SystemExit, match="needs a git clone"):
        tree_hash(project)
