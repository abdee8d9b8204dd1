"""A server does not start on keys or documents of trust that another account can change or exchange."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from certs.ownership import check_ownership, ownership_faults
from gateway.app.resources import open_resources
from gateway.app.run.domestic_witness import DomesticWitness
from gateway.app.run.source import Process
from gateway.cli.main import run
from gateway.clock import SystemClock
from gateway.config import Home, load_settings
from gateway.config.source_home import load_source
from gateway.config.witness_home import load_witness
from gateway.errors import Misconfigured
from gateway.ops.doctor.home_checks import check_folder
from gateway.ops.finding import CheckContext
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


READ = ["mappings", "mappings/police.toml", "names", "names/titles.tsv"]


@as_root
@pytest.mark.parametrize("place", READ)
def test_a_mapping_or_table_of_another_account_stops_serve(home: Path, place: str) -> None:
    path = found(home, place)
    os.chown(path, OTHER, -1)
    refused(home, path, "foreign-owner", "chown -h")


@pytest.mark.parametrize("place", READ)
def test_a_mapping_or_table_that_others_can_write_stops_serve(home: Path, place: str) -> None:
    path = found(home, place)
    for folder in (home, path.parent):
        folder.chmod(0o755)
    path.chmod(0o777)
    refused(home, path, "others-can-write", "chmod go-w")
    assert doctor_says(home, path) == "stop"


@pytest.mark.parametrize("closed", [".", "mappings"])
def test_a_mapping_that_others_cannot_reach_is_a_warning(home: Path, closed: str) -> None:
    path = found(home, "mappings/police.toml")
    home.chmod(0o755)
    (home / closed).chmod(0o700)
    path.chmod(0o664)
    check_ownership([home / "keys"], load_settings(home).read)
    assert doctor_says(home, path) == "warn"


def test_a_mapping_outside_the_home_is_looked_at_as_well(home: Path, tmp_path: Path) -> None:
    mapping, settings = load_settings(home).sources[0].mapping, home / "node.toml"
    outside = Path(shutil.copy2(home / mapping, tmp_path / "outside.toml"))
    settings.write_text(settings.read_text().replace(mapping, str(outside)))
    tmp_path.chmod(0o755)
    outside.chmod(0o666)
    refused(home, outside, "others-can-write", "chmod go-w")


def doctor_says(home: Path, path: Path) -> str:
    """The level of doctor's finding about this path."""
    context = CheckContext(load_settings(home), Home(home), SystemClock(), production=False)
    (finding,) = (each for each in check_folder(context) if each.where == str(path))
    return finding.severity


@as_root
def test_doctor_names_every_such_file(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place in ("keys/log.key", "trust/charter.jsonl", "mappings/police.toml", "names/titles.tsv"):
        os.chown(found(home, place), OTHER, -1)
    run(["doctor", "--home", str(home), "--json"])
    told = capsys.readouterr().out
    assert "log.key" in told
    assert "charter.jsonl" in told
    assert "police.toml" in told
    assert "titles.tsv" in told
    assert "chown -h" in told


@pytest.mark.parametrize("kind", ["witness", "source"])
def test_a_witness_and_a_source_do_not_start_either(
    tmp_path: Path, kind: str, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
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
    if kind == "source":
        home.chmod(0o755)
        (home / "names").mkdir(mode=0o755)
        table = home / "names" / "titles.tsv"
        table.touch()
        table.chmod(0o666)
        with pytest.raises(Misconfigured) as caught:
            serve()
        assert caught.value.where == str(table)
        assert run(["source", "check", "--home", str(home)]) == 1
        assert "chmod go-w" in capsys.readouterr().out
        table.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(key, OTHER, -1)
        with pytest.raises(Misconfigured) as caught:
            serve()
        assert caught.value.code == "foreign-owner"
