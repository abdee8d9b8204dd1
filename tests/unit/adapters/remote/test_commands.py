"""`liaison source init`, `certify` and `check`, and what a node says of a source process."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Liaison, copy_federation
from tests.support.ports import free_port
from tests.support.source_process import CUSTOMS


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


def init(liaison: Liaison, folder: Path, *more: str | Path) -> Any:
    """A home of Cambodian customs in `folder/customs`."""
    url = f"sqlite:///{CUSTOMS.build(folder / 'sources')}"
    return liaison(
        *("source", "init", "--member", "kh", "--agency", "customs", "--out", folder / "customs", "--json"),
        *("--statement", folder / "kh" / "keys" / "statement.pem", "--mapping", CUSTOMS.mapping_file, "--url", url),
        *more,
    )


@pytest.mark.process
def test_a_home_is_made_certified_elsewhere_checked_and_listed(liaison: Liaison, tmp_path: Path) -> None:
    copy_federation(liaison, tmp_path, ("th", "kh"))
    home, certs = tmp_path / "customs", tmp_path / "certs"
    made = init(liaison, tmp_path).value
    assert made["requests"] == ["record.csr", "tls.csr"]
    assert not list(home.rglob("*ca.key"))
    unready = liaison("source", "check", "--home", home)
    assert (unready.code, "liaison source certify" in unready.out) == (1, True)
    requests = (home / "record.csr", home / "tls.csr")
    foreign = liaison("source", "certify", *requests, "--authority", tmp_path / "th-authority", "--out", certs)
    assert (foreign.code, "no use of a source process of `th`" in foreign.err) == (1, True)
    assert not certs.exists()
    certified = liaison(
        "source", "certify", *requests, "--authority", tmp_path / "kh-authority", "--out", certs, "--json"
    )
    assert set(certified.value["certified"].values()) == {
        "spiffe://liaison/kh/agency/customs/own",
        "spiffe://liaison/kh/source/customs",
    }
    for name in ("record", "tls"):
        shutil.copy(certs / f"{name}.pem", home / "keys")
    shutil.copy(certs / "ca.pem", home)
    checked = liaison("source", "check", "--home", home, "--json")
    assert (checked.code, checked.value["good"]) == (0, True)
    assert liaison("source", "check", "--home", home).out.count("ok  ") == 7
    rarely_looked_at(liaison, home)
    list_and_look(liaison, tmp_path, certs / "record.pem")


def rarely_looked_at(liaison: Liaison, home: Path) -> None:
    """A process that looks at its system more rarely than its mapping promises is refused until one is mended."""
    settings = home / "source.toml"
    before = settings.read_text(encoding="utf-8")
    for seconds, is_good in ((900, False), (899, True)):
        settings.write_text(before.replace("[limits]\n", f"[limits]\nrefresh_s = {seconds}\n"), encoding="utf-8")
        checked = liaison("source", "check", "--home", home)
        assert (checked.code == 0) is is_good
        assert ("set `refresh_s` in `[limits]` below 900" in checked.out) is not is_good
    settings.write_text(before, encoding="utf-8")


def list_and_look(liaison: Liaison, folder: Path, certificate: Path) -> None:
    """The node's side: doctor says what is missing, and publishing lists the agency's key."""
    home = folder / "kh"
    with (home / "node.toml").open("a", encoding="utf-8") as settings:
        url = f"source://127.0.0.1:{free_port()}"
        settings.write(f'\n[[source]]\nid = "{CUSTOMS.id}"\nagency = "customs"\nurl = "{url}"\n')
    said = liaison("doctor", "--home", home)
    assert "no own key of `customs` is listed" in said.out
    assert CUSTOMS.id in said.out
    (home / "certificates").mkdir()
    shutil.copy(certificate, home / "certificates" / "customs.pem")
    published = liaison("trust", "publish", "--home", home, "--authority", folder / "kh-authority", "--json")
    assert "customs" in published.value["descriptor"]["agencies"]
    assert "agency/customs" in {key["use"] for key in published.value["descriptor"]["keys"]}
    assert "no own key" not in liaison("doctor", "--home", home).out


@pytest.mark.long
def test_a_home_is_certified_at_once_where_the_authority_is_at_hand(liaison: Liaison, tmp_path: Path) -> None:
    copy_federation(liaison, tmp_path, ("th", "kh"))
    made = init(liaison, tmp_path, "--authority", tmp_path / "kh-authority").value
    assert made["requests"] == []
    assert made["settings_kept"] is False
    again = init(liaison, tmp_path, "--authority", tmp_path / "kh-authority", "--listen", "127.0.0.1:1").value
    assert (again["made"], again["settings_kept"]) == ([], True)
    assert "127.0.0.1:1" not in (tmp_path / "customs" / "source.toml").read_text(encoding="utf-8")
    wrong = init(liaison, tmp_path, "--authority", tmp_path / "th-authority")
    assert (wrong.code, wrong.value["error"]["code"]) == (1, "other-member")


@pytest.mark.long
def test_only_a_source_process_has_no_mapping(liaison: Liaison, tmp_path: Path) -> None:
    copy_federation(liaison, tmp_path, ("th", "kh"))
    with (tmp_path / "kh" / "node.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[[source]]\nid = "kh.x"\nagency = "customs"\nurl = "sqlite:///x.sqlite"\n')
    assert "`source.0.mapping` is missing" in liaison("serve", "--home", tmp_path / "kh").err


@pytest.mark.long
def test_a_relative_database_is_meant_from_here_and_a_port_is_a_port(
    liaison: Liaison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_federation(liaison, tmp_path, ("th", "kh"))
    CUSTOMS.build(tmp_path / "here")
    (database,) = (tmp_path / "here").glob("*.sqlite")
    monkeypatch.chdir(database.parent)
    arguments: list[str | Path] = [
        *("source", "init", "--member", "kh", "--agency", "customs", "--authority", tmp_path / "kh-authority")
    ]
    arguments += ["--statement", tmp_path / "kh" / "keys" / "statement.pem", "--mapping", CUSTOMS.mapping_file]
    arguments += ["--url", f"sqlite:///{database.name}"]
    wrong = liaison(*arguments, "--out", tmp_path / "no", "--listen", "127.0.0.1:99999")
    assert (wrong.code, "host:port" in wrong.err, (tmp_path / "no").exists()) == (1, True, False)
    assert liaison(*arguments, "--out", tmp_path / "customs").code == 0
    monkeypatch.chdir(tmp_path)
    assert liaison("source", "check", "--home", tmp_path / "customs").code == 0
    assert "this source has not run yet" in liaison("source", "log", "--home", tmp_path / "customs").err
