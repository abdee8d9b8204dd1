"""The very files that decided are fetched by their hash, and only if they are what the hash says."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import load_settings
from gateway.config.home import Home
from gateway.ops.policy.keeper import keep_unapproved
from gateway.signing import strict_json
from gateway.signing.dsse import encode64
from policy.bundle.bundle import hash_files, read_files
from policy.engine.engine import PolicyEngine
from tests.support.cli import Liaison
from tests.support.policies import BASE, NATIONAL, VN


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def home(liaison: Liaison, tmp_path: Path) -> Path:
    place = tmp_path / "vn"
    assert liaison("init", "--member", "vn", "--home", place, "--authority", tmp_path / "authority").code == 0
    node = place / "node.toml"
    node.write_text(node.read_text().replace('# national = ""', f'national = "{NATIONAL / "vn"}"'))
    settings = load_settings(place)
    keep_unapproved(Home(place).policies, settings, PolicyEngine.load(NATIONAL / "vn", VN))
    return place


def test_the_files_that_decided_are_fetched_by_their_hash(liaison: Liaison, home: Path, tmp_path: Path) -> None:
    wanted = PolicyEngine.load(NATIONAL / "vn", VN).hash.hex()
    out = tmp_path / "out"
    ran = liaison("policy", "fetch", wanted[:16], "--home", home, "--out", out, "--json")
    assert ran.code == 0, ran.err
    assert ran.value["hash"] == wanted
    for layer, folder in (("base", BASE), ("national", NATIONAL / "vn")):
        assert {name: file.data for name, file in read_files(out / layer).items()} == {
            name: file.data for name, file in read_files(folder).items()
        }
    assert liaison("policy", "fetch", wanted, "--home", home, "--out", out).code == 1  # nothing is overwritten


@pytest.mark.parametrize("wanted", ["", "abc", "0" * 64, "*", "../../x"])
def test_a_hash_that_nothing_has_is_unknown(liaison: Liaison, home: Path, tmp_path: Path, wanted: str) -> None:
    ran = liaison("policy", "fetch", wanted, "--home", home, "--out", tmp_path / "out")
    assert ran.code == 1
    assert "whole hash" in ran.err


def test_files_that_are_not_those_of_the_hash_are_not_written(liaison: Liaison, home: Path, tmp_path: Path) -> None:
    (kept,) = Home(home).policies.glob("unapproved-*.json")
    kept.write_bytes(kept.read_bytes().replace(b'"base/question.cedar":"Ly', b'"base/question.cedar":"Lz'))
    ran = liaison("policy", "fetch", kept.stem.rpartition("-")[2], "--home", home, "--out", tmp_path / "out")
    assert ran.code == 1
    assert "not those that the hash was made of" in ran.err
    assert not (tmp_path / "out").exists()


def test_no_file_is_written_outside_the_folder(liaison: Liaison, tmp_path: Path) -> None:
    files = {name: file for name, file in read_files(BASE).items() if name == "schema.cedarschema"}
    hostile = {"../../escaped": files["schema.cedarschema"]}
    export = tmp_path / "export"
    (export / "policies").mkdir(parents=True)
    name = hash_files(hostile).hex()
    value = {place: encode64(file.data) for place, file in hostile.items()}
    (export / "policies" / f"{name}.json").write_bytes(strict_json.dumps(value))
    ran = liaison("policy", "fetch", name, "--export", export, "--out", tmp_path / "a" / "b" / "out")
    assert ran.code == 1
    assert "leads elsewhere" in ran.err
    assert not list(tmp_path.rglob("escaped"))
