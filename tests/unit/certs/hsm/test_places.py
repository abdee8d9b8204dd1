"""A key's place is a file unless the settings beside it name a URI."""

from __future__ import annotations

from pathlib import Path

import pytest

from certs.hsm.places import completed, has_key, key_places, uri_at
from certs.hsm.uri import parse_uri
from gateway.errors import Malformed, Misconfigured

URI = "pkcs11:token=a;object=b"


def settings(folder: Path, text: str, file: str = "node.toml") -> Path:
    keys = folder / "keys"
    keys.mkdir(exist_ok=True)
    (folder / file).write_text(text)
    return keys


def test_a_home_names_its_keys_in_its_settings(tmp_path: Path) -> None:
    keys = settings(tmp_path, f'[keys]\nmodule = "/m.so"\npin_source = "fd:3"\nstatement = "{URI}"\nlog = ""\n')
    uri = uri_at(keys / "statement.key")
    assert uri
    assert (uri.object, uri.module_path, uri.pin_source) == ("b", "/m.so", "fd:3")
    assert uri_at(keys / "log.key") is None
    assert uri_at(keys / "module.key") is None
    assert has_key(keys / "statement.key")
    assert not has_key(keys / "log.key")
    (keys / "log.key").touch()
    assert has_key(keys / "log.key")
    assert [place.name for place in key_places(keys)] == ["log.key", "statement.key"]


def test_agencies_have_a_table_each(tmp_path: Path) -> None:
    keys = settings(tmp_path, f'[[agency_key]]\nid = "police"\nkey = "{URI}"\n[[agency_key]]\nid = "odd"\n')
    (keys / "agency-customs.key").touch()
    assert [place.stem for place in key_places(keys, "agency-*")] == ["agency-customs", "agency-police"]
    assert uri_at(keys / "agency-police.key")


@pytest.mark.parametrize("file", ["source.toml", "witness.toml"])
def test_other_homes_name_theirs_so_too(tmp_path: Path, file: str) -> None:
    assert uri_at(settings(tmp_path, f'[keys]\nlog = "{URI}"\n', file) / "log.key")


def test_an_authority_has_a_file_for_its_keys(tmp_path: Path) -> None:
    (tmp_path / "keys.toml").write_text(f'[keys]\nca = "{URI}?module-path=/x.so"\nmodule = "/m.so"\n')
    uri = uri_at(tmp_path / "ca.key")
    assert uri
    assert uri.module_path == "/x.so"
    assert uri_at(tmp_path / "authority.key") is None


def test_the_settings_are_read_again_when_they_change(tmp_path: Path) -> None:
    keys = settings(tmp_path, "")
    assert uri_at(keys / "log.key") is None
    settings(tmp_path, f'[keys]\nlog = "{URI}"\n')
    assert uri_at(keys / "log.key")


def test_the_environment_comes_before_the_settings_of_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIAISON_KEYS_STATEMENT", URI)
    monkeypatch.setenv("LIAISON_KEYS_MODULE", "/e.so")
    uri = uri_at(settings(tmp_path, '[keys]\nmodule = "/m.so"\n') / "statement.key")
    assert uri
    assert uri.module_path == "/e.so"
    assert uri_at(tmp_path / "statement.key") is None  # a person's key, which is no home's
    assert completed(parse_uri(URI)).module_path == "/e.so"


def test_a_wrong_uri_names_its_setting(tmp_path: Path) -> None:
    keys = settings(tmp_path, '[keys]\nstatement = "pkcs11:token=a"\n')
    with pytest.raises(Malformed) as refused:
        uri_at(keys / "statement.key")
    assert refused.value.where == "keys.statement"


def test_settings_that_break_leave_the_last_ones(tmp_path: Path) -> None:
    keys = settings(tmp_path, f'[keys]\nlog = "{URI}"\n')
    assert uri_at(keys / "log.key")
    settings(tmp_path, "[keys\n")
    assert uri_at(keys / "log.key")
    broken = settings(tmp_path, "[keys\n", "source.toml")
    (tmp_path / "node.toml").unlink()
    with pytest.raises(Misconfigured):
        uri_at(broken / "log.key")
