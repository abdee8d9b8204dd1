"""The files that a source process may read beside its home: those that its settings name, and none beside them."""

from __future__ import annotations

from pathlib import Path

from adapters.access import files_named
from gateway.config.source_home import load_source, write_source


def test_an_access_file_names_its_certificates_and_its_passwords_are_no_files(tmp_path: Path) -> None:
    access = tmp_path / "access.toml"
    access.touch(mode=0o600)
    access.write_text('[sql]\nuser = "liaison"\npassword = "secret"\nssl_ca = "ca.pem"\nssl_key = "/etc/x.key"\n')
    assert files_named(access) == [access, tmp_path / "ca.pem", Path("/etc/x.key")]


def test_no_folder_is_opened_around_a_file_that_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    settings = {"source.member": "kh", "source.agency": "customs", "source.mapping": "/srv/map.toml"}
    write_source(home, settings | {"source.url": "sqlite:////srv/decl.sqlite", "source.reads": ["/srv/driver"]})
    opened = load_source(home).opened
    assert {home, Path("/srv/map.toml"), Path("/srv/decl.sqlite"), Path("/srv/driver")} <= set(opened)
    assert Path("/srv") not in opened
