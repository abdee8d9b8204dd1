"""Run `liaison` in this process and read its output; found a federation with nothing but its commands."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.main import run
from gateway.matching.scripts.tables import own_rows, use
from tests.support.persons import admit_persons


@dataclass(frozen=True, slots=True)
class Ran:
    """Exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """The JSON document on standard output."""
        return json.loads(self.out)


class Liaison:
    """`liaison(...)` runs a command."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *arguments: str | Path) -> Ran:
        """Run one command."""
        self._capture.readouterr()
        own = own_rows()
        try:
            code = run([str(argument) for argument in arguments])
        finally:
            use(own)  # rows of a home that the command took up are not those of the next test
        printed = self._capture.readouterr()
        return Ran(code, printed.out, printed.err)


_founded: dict[tuple[str, ...], Path] = {}


def copy_federation(liaison: Liaison, folder: Path, members: tuple[str, ...] = ("th", "vn", "kh")) -> None:
    """Copy the federation of `found_federation`, which a test process makes once: no file in it names its place."""
    if members not in _founded:
        made = Path(tempfile.mkdtemp(prefix="lsn-"))
        atexit.register(shutil.rmtree, made, ignore_errors=True)
        found_federation(liaison, made, members)
        _founded[members] = made
    shutil.copytree(_founded[members], folder, dirs_exist_ok=True)


def found_federation(liaison: Liaison, folder: Path, members: tuple[str, ...] = ("th", "vn", "kh")) -> None:
    """Homes `folder/th` …, authorities `folder/th-authority` …, and `folder/charter.json`, all trusted by all."""
    charter = folder / "charter.json"
    for number, member in enumerate(members):
        ports = ("--exchange-port", str(61_000 + 2 * number), "--agency-port", str(61_001 + 2 * number))
        home = ("--member", member, "--home", folder / member, "--authority", folder / f"{member}-authority")
        assert liaison("init", *home, *ports).code == 0
    cards = [folder / f"{member}-authority" for member in members]
    assert liaison("trust", "draft", "--federation", "gms", "--threshold", "2", "--out", charter, *cards).code == 0
    for card in cards[:2]:
        fingerprint = liaison("trust", "sign", charter, "--authority", card, "--json").value["fingerprint"]
    for member in members:
        accepted = liaison("trust", "accept", charter, "--home", folder / member, "--fingerprint", fingerprint)
        assert accepted.code == 0, accepted.err
        admit_persons(folder / member)
    for member in members:
        out = folder / f"{member}.jsonl"
        published = liaison(
            "trust", "publish", "--home", folder / member, "--authority", folder / f"{member}-authority", "--out", out
        )
        assert published.code == 0, published.err
        for other in members:
            if other != member:
                assert liaison("trust", "accept", out, "--home", folder / other).code == 0
