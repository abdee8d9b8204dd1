"""The guide of members is followed as it is written: every command runs, while the nodes that it starts run."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certs.keyfiles import create_key
from gateway.cli.members import known_members
from gateway.config import host_port, load_settings
from tests.support.cli import Liaison, Ran
from tests.support.ports import free_port
from tests.support.shared import PROJECT
from tests.support.waiting import wait_until

pytestmark = pytest.mark.small_form

GUIDE = (PROJECT / "docs" / "guides" / "members.md").read_text(encoding="utf-8")
PATIENCE_S = 90.0
"""Seconds for what takes a few on an idle machine."""

ENDED_ITSELF = 70
"""The exit code of a node that ends since it must not go on."""


LOSING = "Losing each key"
"""The section with a way out of each loss: two of its commands undo what later sections need."""

_SECTIONS = dict(re.findall(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", GUIDE, re.DOTALL | re.MULTILINE))
SETTINGS = "".join(re.findall(r"^```toml\n(.*?)^```$", _SECTIONS[LOSING], re.DOTALL | re.MULTILINE))


def steps(*sections: str) -> Iterator[list[str]]:
    """Yield the words of each line of the blocks of these sections; the ports are free ones."""
    ports = {name: str(free_port()) for name in re.findall(r"-port (\d+)", GUIDE)}
    text = "".join(_SECTIONS[name] for name in sections).replace(f"```toml\n{SETTINGS}```\n", "")
    for block in re.findall(r"^```\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            yield [ports.get(word, word) for word in shlex.split(line)]


def listens(home: str) -> bool:
    listen = load_settings(Path(home)).listen
    for address in (listen.exchange, listen.agency):
        with socket.socket() as probe:
            if probe.connect_ex(host_port(address)):
                return False
    return True


class Reader:
    """Somebody who types what the guide says."""

    def __init__(self, liaison: Liaison) -> None:
        self._liaison = liaison
        self._fingerprint = ""
        self.nodes: dict[str, subprocess.Popen[bytes]] = {}

    def type(self, words: list[str]) -> Ran | None:
        """Do one line of the guide."""
        match words:
            case ["#", "stop", home]:
                self.stop(home)
            case ["#", home, "ends", *_]:
                assert self.nodes.pop(home).wait(PATIENCE_S) == ENDED_ITSELF
            case ["#", "the", "identity", "provider", *_]:
                public = create_key(Path("idp-2.key")).public_key()
                Path("vn/idp-2.pem").write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
                with Path("vn/node.toml").open("a", encoding="utf-8") as file:
                    file.write(SETTINGS)
            case ["mv", old, new]:
                Path(old).rename(new)
            case ["cp", old, new]:
                Path(new).write_bytes(Path(old).read_bytes())
            case ["liaison", "serve", "--home", home]:
                self._serve(home)
            case ["liaison", *arguments]:
                return self._run([self._fingerprint if word == "FINGERPRINT" else word for word in arguments])
            case _:
                raise AssertionError(words)
        return None

    def _run(self, arguments: list[str]) -> Ran:
        ran = self._liaison(*arguments)
        assert ran.code == 0, f"{arguments}: {ran.out}{ran.err}"
        if found := re.search(r"fingerprint +([0-9a-f]{64})", ran.out):
            self._fingerprint = self._fingerprint or found[1]
        return ran

    def _serve(self, home: str) -> None:
        command = [sys.executable, "-m", "gateway.cli", "serve", "--home", home]
        with Path(f"{home}.log").open("ab") as log:
            self.nodes[home] = subprocess.Popen(command, stdout=log, stderr=log)
            node = self.nodes[home]
        wait_until(lambda: listens(home) or node.poll() is not None, Path(f"{home}.log").read_text(encoding="utf-8"))

    def stop(self, home: str) -> None:
        """Stop a node in good order."""
        node = self.nodes.pop(home)
        node.terminate()
        assert node.wait(PATIENCE_S) == 0


@contextmanager
def reading(liaison: Liaison) -> Iterator[Reader]:
    """Let somebody read the guide; the nodes end with the block."""
    reader = Reader(liaison)
    try:
        yield reader
    finally:
        for node in reader.nodes.values():
            node.kill()
            node.wait()


def states(home: str) -> dict[str, str]:
    """Return how the members stand, as the running node of a home knows it."""
    about = known_members(Path(home))
    assert about["speaks"] == "node", about["unasked"]
    return {name: member["state"] for name, member in about["members"].items()}


def was_cosigned(home: str, log: str) -> bool:
    """Tell whether a witness has cosigned a log of the running node of a home."""
    return any(each["cosigned"] for each in known_members(Path(home))["logs"] if each["log"] == log)


def test_a_newcomer_follows_the_guide_from_founding_to_rebuilding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with reading(Liaison(capsys)) as reader:
        for words in steps(*(name for name in _SECTIONS if name != LOSING)):
            if words[:3] == ["liaison", "trust", "draft"] and "--reinstate" in words:
                wait_until(lambda: states("vn")["kh"] == "suspended", "a suspension travels")
                wait_until(lambda: states("kh")["kh"] == "suspended", "the suspended member is told")
            if words == ["#", "stop", "vn"]:  # a node that is lost after a minute of life leaves no memory behind
                wait_until(lambda: was_cosigned("vn", "operations"), "a witness knows the log of the node to be lost")
            reader.type(words)
        left = {"th": "serving", "vn": "serving", "kh": "serving", "la": "left"}
        for home in ("th", "vn", "kh"):
            wait_until(lambda home=home: states(home) == left, f"{home}: {states(home)}")  # type: ignore[misc]


def test_whoever_loses_a_key_follows_the_guide_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    liaison = Liaison(capsys)
    with reading(liaison) as reader:
        before: dict[str, str] = {}
        for words in steps("Founding", LOSING):
            if words[1:3] == ["trust", "revoke"] and not before:
                before = {key["use"]: key["id"] for key in keys(liaison)}
            reader.type(words)
        after = {key["use"]: key["id"] for key in keys(liaison)}
        assert {use for use, key_id in before.items() if after[use] == key_id} <= {
            "status",
            "client/cli",
            "client/console",
            "console",
            "token",
        }
        assert all(key["usable"] is not False for key in keys(liaison))
        assert "idp-2" in liaison("doctor", "--home", "vn").out
        for home in ("th", "vn", "kh"):
            wait_until(lambda home=home: set(states(home).values()) == {"serving"}, f"{home}: {states(home)}")  # type: ignore[misc]


def keys(liaison: Liaison) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = liaison("cert", "status", "--home", "vn", "--json").value["keys"]
    return found
