"""A server does not start on keys or documents of trust that another account can change or exchange."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from certs.ownership import ownership_faults
from gateway.app.resources import open_resources
from gateway.app.source import Process
from gateway.app.witnessing.domestic import DomesticWitness
from gateway.cli.main import run
from gateway.config import load_settings
from gateway.config.source_home import load_source
from gateway.config.witness_home import load_witness
from gateway.errors import Misconfigured
from tests.support.exchange import sample_world

OTHER = 54_321
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a node that could start."""
    return sample_world(tmp_path_factory.mktemp("owned"), ("th", "vn")).home("vn")


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "vn", symlinks=True)
    return tmp_path / "vn"


def refused(home: Path, path: Path, code: str, remedy: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        open_resources(load_settings(home), production=False)
    assert (caught.value.code, caught.value.where) == (code, str(path))
    assert caught.value.remedy.startswith(remedy)
    assert str(path) in caught.value.remedy


PLACES = [
    "keys", "keys/log.key", "keys/tls.pem", "trust", "trust/charter.jsonl", "trust/statuses", "trust/statuses/vn.json",
    "trust/descriptors/th.jsonl", "keystore", "keys/sub", "keys/sub/x.pem", "trust/conflicts",
]  # fmt: skip


@as_root
@pytest.mark.parametrize("place", PLACES)
def test_a_file_of_another_account_stops_serve(home: Path, place: str) -> None:
    path = found(home, place)
    os.chown(path, OTHER, -1)
    refused(home, path, "foreign-owner", "chown -h")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("mode", [0o020, 0o002])
def test_a_file_that_others_can_write_stops_serve(home: Path, place: str, mode: int) -> None:
    path = found(home, place)
    path.chmod(path.stat().st_mode | mode)
    with pytest.raises(Misconfigured) as caught:
        open_resources(load_settings(home), production=False)
    assert caught.value.where == str(path)
    assert caught.value.remedy == f"chmod go-w {path}"


def found(home: Path, place: str) -> Path:
    if place == "keystore":
        return load_settings(home).keystore
    path = home / place
    if not path.exists():
        (path if not path.suffix else path.parent).mkdir(mode=0o755, exist_ok=True)
        if path.suffix:
            path.write_text("")
    return path


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
@pytest.mark.parametrize("place", ["keys/log.key", "keys/old/log.key"])
def test_a_key_that_others_can_read_stops_serve(home: Path, place: str, mode: int) -> None:
    path = home / place
    path.parent.mkdir(exist_ok=True)
    if not path.exists():
        shutil.copy2(home / "keys" / "log.key", path)
    path.chmod(mode)
    refused(home, path, "key-readable", "chmod 600")


@as_root
def test_a_link_is_looked_at_with_its_target_and_the_folder_of_that(home: Path, tmp_path: Path) -> None:
    key, elsewhere = home / "keys" / "log.key", tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    target = key.rename(elsewhere / "log.key")
    key.symlink_to(target)
    resources = list(ownership_faults([home / "keys"]))
    assert resources == []
    os.chown(key, OTHER, -1, follow_symlinks=False)
    refused(home, key, "foreign-owner", "chown -h")
    os.chown(key, 0, -1, follow_symlinks=False)
    os.chown(target, OTHER, -1)
    refused(home, target, "foreign-owner", "chown -h")
    os.chown(target, 0, -1)
    elsewhere.chmod(0o770)
    refused(home, elsewhere, "others-can-write", "chmod go-w")


@as_root
def test_a_linked_folder_is_looked_at_as_well(home: Path, tmp_path: Path) -> None:
    moved = (home / "trust").rename(tmp_path / "moved")
    (home / "trust").symlink_to(moved)
    assert list(ownership_faults([home / "trust"])) == []
    os.chown(moved / "statuses" / "th.json", OTHER, -1)
    refused(home, moved / "statuses" / "th.json", "foreign-owner", "chown -h")


def test_a_home_in_which_others_can_exchange_the_folders_stops_serve(home: Path) -> None:
    home.chmod(0o770)
    refused(home, home, "others-can-write", "chmod go-w")


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "gone").symlink_to(tmp_path / "nothing")
    assert list(ownership_faults([tmp_path / "a"])) == []
    (tmp_path / "a" / "loop").symlink_to("loop")
    assert [fault.code for fault in ownership_faults([tmp_path / "a"])] == ["not-looked-at"]


@as_root
def test_doctor_names_every_such_file(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place in ("keys/log.key", "trust/charter.jsonl"):
        os.chown(home / place, OTHER, -1)
    run(["doctor", "--home", str(home), "--json"])
    told = capsys.readouterr().out
    assert "log.key" in told
    assert "charter.jsonl" in told
    assert "chown -h" in told


@pytest.mark.parametrize("kind", ["witness", "source"])
def test_a_witness_and_a_source_do_not_start_either(tmp_path: Path, kind: str, made: Path) -> None:
    home = tmp_path / kind
    serve: Callable[[], object]
    if kind == "witness":
        assert run(["witness", "init", "--out", str(home), "--member", "vn"]) == 0
        serve = lambda: DomesticWitness(load_witness(home))  # noqa: E731
    else:
        authority = made.parent / "vn-authority"
        arguments = ["--member", "vn", "--agency", "immigration", "--authority", str(authority)]
        arguments += ["--statement", str(made / "keys" / "statement.pem")]
        assert run(["source", "init", "--out", str(home), *arguments]) == 0
        serve = lambda: Process(load_source(home))  # noqa: E731
    key = home / "keys" / "tls.key"
    (home / "keys").chmod(0o770)
    with pytest.raises(Misconfigured) as caught:
        serve()
    assert caught.value.where == str(home / "keys")
    (home / "keys").chmod(0o700)
    if os.geteuid() == 0:
        os.chown(key, OTHER, -1)
        with pytest.raises(Misconfigured) as caught:
            serve()
        assert caught.value.code == "foreign-owner"
