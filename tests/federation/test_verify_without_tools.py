"""`docs/guides/verify-without-our-tools.md`, run as it is there, on a real answer; it sees what is wrong, too."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.cli.main import run
from gateway.model.exchange import Outcome
from tests.support.exchange import VN, command, lines, sample_world, stopping
from tests.support.nodes import officer
from tests.support.shared import PROJECT

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.needs("openssl"),
]

PAGE = PROJECT / "docs" / "guides" / "verify-without-our-tools.md"
NAMED = re.compile(r"ave this as\s+`(\w+\.py)`.*?```python\n(.*?)```", re.DOTALL)
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """What the reader has: an export, a charter, and the programs of the page."""
    folder = tmp_path_factory.mktemp("verify")
    world = sample_world(folder / "world", ("th", "vn"))
    async with stopping(world):
        for member in ("th", "vn"):
            await world.start(member)
        for _ in range(3):
            found = lines(await world.nodes["th"].asking.searches.start(officer("th"), command()))
            assert found[VN].outcome is Outcome.HIT
    _export(world.home("th"), folder)
    (folder / "charter.jsonl").write_bytes((world.home("th") / "trust" / "charter.jsonl").read_bytes())
    programs = dict(NAMED.findall(PAGE.read_text(encoding="utf-8")))
    assert set(programs) == {"pieces.py", "inclusion.py", "record.py"}
    for name, text in programs.items():
        (folder / name).write_text(text, encoding="utf-8")
    yield folder


def _export(home: Path, folder: Path) -> None:
    name, key = "th.auditor.1", folder / "key"
    authority = home.parent / "th-authority"
    appointment = ["--auditor", name, "--key", key / f"{name}.pub", "--by", "it", "--out", folder / "appointment.json"]
    for arguments in (
        ["key", "--out", key, "--name", name],
        ["appoint", "--home", home, "--authority", authority, *appointment],
        ["export", "--home", home, "--key", key / f"{name}.key", "--reason", "test", "--out", folder / "export"],
    ):
        assert run(["audit", *map(str, arguments)]) == 0


def _run(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """A block of the page, with the Python of the tests as `python3`."""
    shell = f"set -e\nexport PYTHONIOENCODING=utf-8\n{text.replace('python3 ', f'{shlex.quote(sys.executable)} ')}"
    return subprocess.run(["bash", "-c", shell], cwd=folder, capture_output=True, encoding="utf-8", check=False)


def _blocks() -> list[str]:
    return SHELL.findall(PAGE.read_text(encoding="utf-8"))


async def test_the_page_verifies_an_answer_a_proof_and_a_record(folder: Path) -> None:
    said = ""
    for block in _blocks():
        ran = _run(folder, block)
        assert ran.returncode == 0, ran.stderr
        said += ran.stdout + ran.stderr
    assert said.count("Verified OK") == 2
    assert "Signature Verified Successfully" in said
    assert "is under its head of" in said
    assert "agency.pem: OK" in said
    assert "signed by vn.immigration for th" in said


@pytest.mark.parametrize(
    ("file", "block"),
    [
        ("descriptor.pae", "descriptor.sig"),
        ("answer.pae", "answer.sig"),
        ("answer.payload", "inclusion.py"),
        ("head.text", "head.sig"),
        ("entry.json", "inclusion.py"),
        ("proof.json", "inclusion.py"),
        ("record.sdjwt", "record.py"),
        ("listed.pem", "record.py"),
    ],
)
async def test_the_page_sees_a_changed_piece(folder: Path, tmp_path: Path, file: str, block: str) -> None:
    shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns("world"))
    copy = tmp_path / "copy"
    for text in _blocks()[:1]:
        assert _run(copy, text).returncode == 0
    for text in _blocks()[1:]:
        if "agency.key" in text:
            assert _run(copy, text).returncode == 0
    path = copy / file
    data = bytearray(path.read_bytes())
    place = len(data) // 2
    data[place] = ord("0") if data[place] != ord("0") else ord("1")
    path.write_bytes(data)
    ran = _run(copy, next(text for text in _blocks()[1:] if block in text))
    assert ran.returncode != 0, ran.stdout
