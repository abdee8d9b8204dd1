"""The demo as a place to work in: `--serve` leaves the nodes running, `--stop` ends them and nothing else.

All scenes are played twice in one test: in a new folder, whose result is JSON, and in the one that was kept, in words.
`.ci/run` plays them once more, without a folder that stays.
"""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import SystemClock
from gateway.demo import running
from gateway.demo.command import environment, program, run
from gateway.demo.federation import MEMBERS, OFFICER, open_federation
from gateway.demo.nodes import free_addresses
from gateway.demo.running import end_node, is_locked, note_process
from gateway.demo.sources import planted
from gateway.errors import Misconfigured
from tests.support.cli import Liaison
from tests.support.shared import PROJECT

SCENES = 12
PERSONAL = ("บุญมา", "BUNMA", "C4419027", "Trần", "th.o.1042", "TH-2026-0417")
"""The questions of the scenes, and who asks them."""

HOLDER = """
import fcntl, signal, sys
lock = open(sys.argv[1], "a")
fcntl.flock(lock, fcntl.LOCK_EX)
if sys.argv[2:] == ["deaf"]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("held", flush=True)
signal.pause()
"""


def demo(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        program("demo", *arguments),
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


def check_scenes(folder: Path, said: dict[str, Any]) -> None:
    """Every scene went as expected, and the folder holds homes, authorities, administrators and the charter."""
    assert [step["step"] for step in said["steps"]] == list(range(1, SCENES + 1))
    assert [check for step in said["steps"] for check in step["checks"] if not check["met"]] == []
    authorities = {f"{member}-authority" for member in MEMBERS}
    assert {path.name for path in folder.iterdir()} == {"charter.jsonl", "persons", *MEMBERS, *authorities}
    keys = {path.name for path in (folder / "persons").glob("*.key")}
    assert keys == {f"{member}-administrator.key" for member in MEMBERS}


def outcome_of_a_question(home: Path) -> str:
    passport = planted.STOLEN_PASSPORT
    ran = run(
        *("ask", "document", "--home", home, "--as", OFFICER, "--to", "vn"),
        *("--number", passport.number, "--issuer", passport.issuer),
        *("--purpose", "BORDER_CHECK", "--offence", "DOCFRAUD", "--ticket", "T-1"),
    )
    return next(str(line["outcome"]) for line in ran.output["lines"] if line["member"] == "vn")


def signs_in_there(address: str, ca: Path) -> bool:
    """Tell whether the console at an address, which a browser trusts by the CA, offers sign-in for a trial."""
    assert address.startswith("https://localhost:")
    context = ssl.create_default_context(cafile=str(ca))
    with urllib.request.urlopen(f"{address}/login", context=context, timeout=30) as answer:
        return "/login/trial" in answer.read().decode()


def locked(folder: Path) -> list[str]:
    return [member for member in MEMBERS if is_locked(folder / member / "node.lock")]


@contextmanager
def holder(home: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock of a home as a node does."""
    home.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home / "node.lock"), *more], stdout=subprocess.PIPE, encoding="utf-8"
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a blank in its path, whose nodes are ended whatever happens."""
    path = tmp_path / "my fed"
    yield path
    if path.is_dir():
        for member in MEMBERS:
            end_node(path / member)


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


# ------------------------------------------------------------ served nodes


@pytest.mark.small_form
@pytest.mark.timeout(1200)
def test_served_nodes_answer_until_they_are_stopped_and_can_be_served_again(folder: Path) -> None:
    done = demo("--serve", "--home", folder, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert (said["ok"], said["ready"], said["charter"]) == (True, True, str(folder / "charter.jsonl"))
    check_scenes(folder, said)
    assert list(said["nodes"]) == list(MEMBERS)
    for member, node in said["nodes"].items():
        assert node["home"] == str(folder / member)
        assert {f"{member}.{name}" for name in ("o.1042", "d.7", "a.1", "adm.1")} <= {
            officer["id"] for officer in node["officers"]
        }
        assert signs_in_there(node["console"], folder / member / "ca.pem")
        assert os.getsid(node["pid"]) == node["pid"], "a node has a session of its own: no terminal's hang-up ends it"
        streams = [str(Path(f"/proc/{node['pid']}/fd/{number}").readlink()) for number in range(3)]
        assert streams == ["/dev/null", node["log"], node["log"]]
    assert outcome_of_a_question(folder / "th") == "hit"

    waiting = run("desk", "list", "--home", folder / "vn", "--as", "vn.d.7").output["work"]
    assert [(work["kind"], work["peer"], work["agency"]) for work in waiting] == [("decide", "th", "immigration")]
    assert run("desk", "holders", "--home", folder / "kh").code == 0, "each holder has confirmed the withdrawal"

    again = demo("--serve", "--home", folder)
    assert again.returncode == 2
    assert f"liaison demo --stop --home '{folder}'" in again.stderr
    assert locked(folder) == list(MEMBERS)

    stopped = json.loads(demo("--stop", "--home", folder, "--json").stdout)["stopped"]
    assert stopped == {member: {"pid": node["pid"], "killed": False} for member, node in said["nodes"].items()}
    assert locked(folder) == []
    assert not list(folder.glob("*/node.pid"))
    for member in MEMBERS:
        assert "node.stopped" in (folder / member / "serve.log").read_text().splitlines()[-1]
    nothing = demo("--stop", "--home", folder)
    assert (nothing.returncode, nothing.stdout) == (0, f"no node of a demo runs in {folder}\n")

    told = demo("--serve", "--home", folder)
    assert told.returncode == 0, told.stdout + told.stderr
    lines = re.sub(r"as of [0-9:]{5}", "as of 14:02", told.stdout).splitlines()
    assert lines[-1] == "ready"
    assert [line for line in readme_lines() if line not in lines] == [], "it says what the README shows"
    for member, node in said["nodes"].items():
        assert f"{node['console']}  " in told.stdout
        assert str(Path(member) / "ca.pem") in told.stdout
    assert all(f"\n  {name} " in told.stdout for name in ("th.o.1042", "vn.d.7", "th.a.1", "th.adm.1"))
    assert outcome_of_a_question(folder / "th") == "hit"
    ended = demo("--stop", "--home", folder)
    assert ended.returncode == 0
    assert [line.split("  ")[0] for line in ended.stdout.splitlines()] == list(MEMBERS)
    assert locked(folder) == []
    for member in MEMBERS:
        log = (folder / member / "serve.log").read_text()
        assert not [word for word in PERSONAL if word in log], "logs of nodes hold no personal data"


@pytest.mark.timeout(600)
def test_no_node_stays_when_a_scene_goes_otherwise(folder: Path, liaison: Liaison) -> None:
    open_federation(folder, SystemClock())
    assert run("suspend", "--home", folder / "vn", "--all", "--reason", "trial").code == 0
    done = liaison("demo", "--serve", "--home", folder)
    assert done.code == 1, done.err
    assert "NOT AS EXPECTED: Viet Nam has a hit" in done.out
    assert "ready" not in done.out.splitlines()
    assert locked(folder) == []


def test_demos_that_are_founded_at_the_same_time_share_no_port() -> None:
    given = [address for _ in range(60) for address in free_addresses(9)]
    assert len(set(given)) == len(given)


# ------------------------------------------------------------ whom a stop ends


def test_the_noted_process_is_ended(tmp_path: Path) -> None:
    with holder(tmp_path / "th") as node:
        note_process(tmp_path / "th", node.pid)
        done = demo("--stop", "--home", tmp_path)
        assert node.wait(5) != 0
    assert done.stdout == f"th  stopped (process {node.pid})\n"
    assert not (tmp_path / "th" / "node.pid").exists()


def test_a_process_that_does_not_listen_is_killed_after_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "STOP_S", 0.1)
    with holder(tmp_path / "th", "deaf") as node:
        note_process(tmp_path / "th", node.pid)
        ended = end_node(tmp_path / "th")
    assert ended
    assert (ended.pid, ended.killed) == (node.pid, True)


def test_a_note_about_a_process_that_is_gone_is_forgotten(tmp_path: Path, liaison: Liaison) -> None:
    with holder(tmp_path / "th") as node:
        note_process(tmp_path / "th", node.pid)
    done = liaison("demo", "--stop", "--home", tmp_path)
    assert (done.code, done.out) == (0, f"no node of a demo runs in {tmp_path}\n")
    assert not (tmp_path / "th" / "node.pid").exists()


def test_a_stranger_that_has_the_number_of_a_node_is_not_ended(tmp_path: Path, liaison: Liaison) -> None:
    """The note outlived its node; its number belongs to another program now."""
    with holder(tmp_path / "elsewhere") as stranger:
        (tmp_path / "th").mkdir()
        note_process(tmp_path / "th", stranger.pid)
        assert liaison("demo", "--stop", "--home", tmp_path).code == 0
        assert stranger.poll() is None


@pytest.mark.parametrize("note", ["{pid} 1\n", "{pid}\n", "", "0 0\n", "-1 1\n", "99999999999999999999 1\n"])
def test_a_node_that_the_demo_did_not_start_is_left_and_named(tmp_path: Path, liaison: Liaison, note: str) -> None:
    """The start time of the note is not that of the process that has its number: another process holds the lock."""
    with holder(tmp_path / "vn") as node, holder(tmp_path / "th") as own:
        note_process(tmp_path / "th", own.pid)
        (tmp_path / "vn" / "node.pid").write_text(note.format(pid=node.pid))
        with pytest.raises(Misconfigured, match="did not start"):
            end_node(tmp_path / "vn")
        done = liaison("demo", "--stop", "--home", tmp_path)
        assert node.poll() is None
        assert own.wait(5) != 0
    assert done.code == 1
    assert str(tmp_path / "vn") in done.err


def test_a_stop_does_not_interfere_with_a_demo_that_is_playing(tmp_path: Path) -> None:
    with running.held(tmp_path) as first:
        assert first
        done = demo("--stop", "--home", tmp_path)
    assert done.returncode == 2
    assert "another demo is playing in this folder" in done.stderr


@pytest.mark.parametrize("arguments", [["--serve"], ["--stop"], ["--serve", "--stop", "--home", "x"]])
def test_wrong_usage_is_told(liaison: Liaison, arguments: list[str]) -> None:
    done = liaison("demo", *arguments)
    assert done.code == 2
    assert "--home" in done.err or "exclude" in done.err
