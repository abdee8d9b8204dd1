"""Sealed files: what was written comes out, and nothing else ever does."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import Contradicted, Forbidden, LiaisonError, Malformed, Misconfigured
from gateway.ops.backup.sealed_file import SealedReader, SealedWriter, load_public
from gateway.ops.key_pairs import make_key_pair
from tests.support.tables import table

MIB = 1 << 20


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    make_key_pair(folder, "backup")
    return folder


def seal(keys: Path, data: bytes) -> bytes:
    out = io.BytesIO()
    writer = SealedWriter(out, load_public(keys / "backup.pub"), {"member": "th"})
    for start in range(0, len(data), 300_000):
        writer.write(data[start : start + 300_000])
    writer.finish()
    return out.getvalue()


def unseal(keys: Path, sealed: bytes, key: str = "backup.key") -> bytes:
    reader = SealedReader(io.BytesIO(sealed), keys / key)
    data = reader.readall()
    reader.finish()
    assert reader.about == {"member": "th"}
    assert data is not None
    return data


@table("size", [0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB, 2 * MIB + 5])
def test_what_was_sealed_comes_out(keys: Path, size: int) -> None:
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    sealed = seal(keys, data)
    assert unseal(keys, sealed) == data
    assert data[:64] not in sealed or size < 64


@pytest.mark.long
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_changed_byte_is_found(keys: Path, data: st.DataObject) -> None:
    sealed = bytearray(seal(keys, b"the whole home" * 100))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(LiaisonError):
        unseal(keys, bytes(sealed))


def test_pieces_cannot_be_cut_off_left_out_swapped_or_added(keys: Path) -> None:
    sealed = seal(keys, bytes(3 * MIB + 7))
    head = sealed.index(b"\n", sealed.index(b"\n") + 1) + 1
    piece = 4 + MIB + 16
    pieces = [sealed[head + place * piece : head + (place + 1) * piece] for place in (0, 1)]
    for changed in (
        sealed[: head + 3 * piece],
        sealed[: head + 2 * piece],
        sealed[:-1],
        sealed[:head],
        sealed[:head] + sealed[head + piece :],
        sealed[:head] + pieces[1] + pieces[0] + sealed[head + 2 * piece :],
        sealed + b"x",
        sealed + sealed[head:],
    ):
        with pytest.raises(Contradicted, match="changed, or the file is cut off"):
            unseal(keys, changed)


def test_another_key_opens_nothing(keys: Path, tmp_path: Path) -> None:
    make_key_pair(tmp_path, "backup")
    with pytest.raises(Forbidden, match="sealed for another key"):
        unseal(keys, seal(keys, b"x"), str(tmp_path / "backup.key"))


@table("data", [b"", b"liaison-sealed 1\n", b"liaison-sealed 1\n{}\n", b"PK\x03\x04", bytes(4096)])
def test_what_is_no_sealed_file_is_refused(keys: Path, data: bytes) -> None:
    with pytest.raises(Malformed):
        SealedReader(io.BytesIO(data), keys / "backup.key")


def test_what_is_no_public_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.pub").write_text("bm8ga2V5")
    with pytest.raises(Misconfigured, match="no public key"):
        load_public(tmp_path / "x.pub")


def test_a_file_that_was_given_up_is_not_whole(keys: Path) -> None:
    out = io.BytesIO()
    writer = SealedWriter(out, load_public(keys / "backup.pub"), {"member": "th"})
    writer.write(b"the first half")
    writer.close()
    with pytest.raises(Contradicted):
        unseal(keys, out.getvalue())
