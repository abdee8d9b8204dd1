"""PINs come from a private file or a descriptor, and are told by no error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from certs.hsm.pin import read_pin
from gateway.errors import Misconfigured
from tests.support.tables import table


def pin_file(folder: Path, data: bytes, mode: int = 0o600) -> Path:
    file = folder / "pin"
    file.touch(mode=mode)
    file.write_bytes(data)
    file.chmod(mode)
    return file


@table("form", ["file:{}", "file://{}", "file://localhost{}", "{}"])
def test_a_pin_is_read_from_a_file(tmp_path: Path, form: str) -> None:
    assert read_pin(form.format(pin_file(tmp_path, b"47 11\n"))) == "47 11"


def test_a_pin_is_read_from_a_descriptor() -> None:
    inner, outer = os.pipe()
    os.write(outer, b"4711\r\n")
    os.close(outer)
    assert read_pin(f"fd:{inner}") == "4711"
    with pytest.raises(Misconfigured) as refused:
        read_pin(f"fd:{inner}")
    assert refused.value.code == "no-pin"


def test_a_pin_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = pin_file(tmp_path, b"4711", 0o644)
    with pytest.raises(Misconfigured) as refused:
        read_pin(f"file:{file}")
    assert (refused.value.code, refused.value.remedy) == ("pin-readable", f"chmod 600 {file}")


def test_a_credential_of_the_service_manager_may_have_its_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = pin_file(tmp_path, b"4711", 0o440)
    with pytest.raises(Misconfigured):
        read_pin(f"file:{file}")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_pin(f"file:{file}") == "4711"
    file.chmod(0o444)
    with pytest.raises(Misconfigured):
        read_pin(f"file:{file}")


@table("source", ["", "4711", "pin", "file:pin", "fd:", "fd:x", "|cat /run/pin", "https://a/b"])
def test_other_sources_are_refused(source: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        read_pin(source)
    assert refused.value.code == "bad-pin-source"


@table("data", [b"", b"\n", b"\xff\xff", b"47\n11", b"x" * 257])
def test_what_is_no_pin_is_refused_and_not_told(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(Misconfigured) as refused:
        read_pin(f"file:{pin_file(tmp_path, data)}")
    assert refused.value.code == "bad-pin"
    assert "xxx" not in refused.value.message
