"""Eight signatures at a time: none fits that does not fit alone, above all where the curve's arithmetic has exceptions.

A signature that they refuse is verified once more by itself (`together`), so that a wrong refusal costs time and
nothing else; where the arithmetic has no exception there is none.
"""

from __future__ import annotations

import os
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import distribution
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Misconfigured
from gateway.signing.keys import Point
from gateway.signing.multi_buffer.crypto_mb import WIDTH, CryptoMb, describe, multi_buffer, try_out
from gateway.signing.multi_buffer.empty_library import empty_library
from tests.support.tables import table

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B

DIGEST = sha256(b"good").digest()

numbers = st.one_of(st.integers(1, 4), st.integers(N - 4, N - 1), st.integers(1, N - 1))


@pytest.fixture(scope="module")
def eight() -> CryptoMb:
    found = multi_buffer()
    if found is None:
        pytest.skip(describe())
    return found


def public(key: int) -> ec.EllipticCurvePublicKey:
    return ec.derive_private_key(key % N, ec.SECP256R1()).public_key()


def point(key: ec.EllipticCurvePublicKey) -> Point:
    found = key.public_numbers()
    return Point(found.x.to_bytes(32, "little"), found.y.to_bytes(32, "little"))


def raw(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def alone(key: ec.EllipticCurvePublicKey, r: int, s: int, digest: bytes) -> bool:
    try:
        key.verify(encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(SHA256())))
    except (InvalidSignature, ValueError):
        return False
    return True


def fits(eight: CryptoMb, key: ec.EllipticCurvePublicKey, r: int, s: int, z: int) -> bool:
    """Whether the signature fits; it fits in no lane if it does not fit alone, and its neighbours fit in any case."""
    digest = (z % 2**256).to_bytes(32, "big")
    case, good = (point(key), raw(r, s), digest), signed(5)
    said = set()
    for lane in range(WIDTH):
        answers = eight.fit([case if place == lane else good for place in range(WIDTH)])
        said.add(answers.pop(lane))
        assert all(answers)
    assert len(said) == 1
    assert said <= {alone(key, r, s, digest), False}
    return said.pop()


def signed(key: int) -> tuple[Point, bytes, bytes]:
    """A signature with the nonce 7, by arithmetic alone."""
    z = int.from_bytes(DIGEST, "big")
    r = public(7).public_numbers().x % N
    s = pow(7, -1, N) * (z + r * key) % N
    return point(public(key)), raw(r, s), DIGEST


def test_it_signs_and_verifies_the_published_vectors_in_every_lane(eight: CryptoMb) -> None:
    try_out(eight)


def _zeros(*_: object) -> int:
    return 0


@pytest.mark.parametrize(
    ("verify", "sign"),
    [
        pytest.param(_zeros, None, id="every signature fits"),
        pytest.param(lambda *_: 0x88888888, None, id="no signature fits"),
        pytest.param(None, _zeros, id="signs nothing and says that it did"),
        pytest.param(lambda *pointers: 8, None, id="one lane refuses"),
    ],
)
def test_a_library_that_gives_other_results_is_not_used(
    eight: CryptoMb, verify: Callable[..., int] | None, sign: Callable[..., int] | None
) -> None:
    with pytest.raises(Misconfigured, match="RFC 6979"):
        try_out(CryptoMb(verify or eight._verify, sign or eight._sign))


NAME = "libcrypto_mb.so.13"


def installed() -> bytes:
    return next(file.read_binary() for file in distribution("ipp-crypto").files or () if file.name == NAME)


def recorded(library: bytes) -> bytes:
    return f"{NAME},sha256={urlsafe_b64encode(sha256(library).digest()).rstrip(b'=').decode()},{len(library)}".encode()


def package_of(folder: Path, library: bytes | None, record: bytes | None) -> None:
    """An installed package with such a library and such a list of its files."""
    package = folder / "ipp_crypto-2026.2.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: ipp-crypto\nVersion: 2026.2.0\n")
    if record is not None:
        (package / "RECORD").write_bytes(record)
    if library is not None:
        (folder / NAME).write_bytes(library)


def told(folder: Path, program: str) -> str:
    """What a process prints that finds the packages of `folder` before the real ones."""
    program = f"import sys; sys.path.insert(0, {str(folder)!r})\n{program}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def described(folder: Path, library: bytes | None, record: bytes | None) -> str:
    """What a process says that finds such a package before the real one."""
    package_of(folder, library, record)
    return told(
        folder,
        "from gateway.signing.multi_buffer import crypto_mb as c\nassert c.multi_buffer() is None\nprint(c.describe())",
    )


@pytest.mark.parametrize("share", [0, 1, 50, 99])
def test_half_a_library_ends_no_process(eight: CryptoMb, tmp_path: Path, share: int) -> None:
    """The loader would map what is not there, and a first touch of it is SIGBUS."""
    whole = installed()
    assert "is not the file that was installed" in described(
        tmp_path, whole[: len(whole) * share // 100], recorded(whole)
    )


def test_a_library_whose_middle_is_lost_ends_no_process(eight: CryptoMb, tmp_path: Path) -> None:
    whole = installed()
    quarter = len(whole) // 4
    damaged = whole[:quarter] + bytes(2 * quarter) + whole[3 * quarter :]
    assert "is not the file that was installed" in described(tmp_path, damaged, recorded(whole))


@table(
    ("library", "record", "said"),
    [
        pytest.param(None, None, "does not hold it", id="neither a list of files nor files"),
        pytest.param(None, recorded(b""), "does not hold it", id="no library"),
        pytest.param(b"", f"{NAME},,".encode(), "is not the file that was installed", id="no hash"),
        pytest.param(b"", f"{NAME},sha256=x,many".encode(), "cannot be used", id="a size that is none"),
        pytest.param(b"", b"\xff\xfe,,", "cannot be used", id="a list that is no text"),
        pytest.param(
            empty_library(NAME), recorded(empty_library(NAME)), "mbx_is_crypto_mb_applicable", id="another library"
        ),
        pytest.param(b"no library", recorded(b"no library"), "cannot be used", id="no library at all"),
    ],
)
def test_half_an_installation_means_one_by_one(
    tmp_path: Path, library: bytes | None, record: bytes | None, said: str
) -> None:
    described_as = described(tmp_path, library, record)
    assert described_as.startswith("one by one: ")
    assert said in described_as


@pytest.mark.parametrize("library", [b"", b"no library"])
def test_doctor_warns_of_an_installation_that_is_damaged(tmp_path: Path, library: bytes) -> None:
    package_of(tmp_path, library, recorded(b"no library"))
    checked = "from gateway.ops.doctor.home_checks import check_signatures as c\nprint(*c(None))"
    said = told(tmp_path, checked)
    assert "Severity.WARN" in said
    assert "cannot be used" in said
    assert "install the package `ipp-crypto` again" in said


def test_doctor_finds_nothing_wrong_where_the_extra_is_not_there(tmp_path: Path) -> None:
    said = told(
        tmp_path,
        "import importlib.metadata as m\ndef none(name): raise m.PackageNotFoundError(name)\nm.distribution = none\n"
        "from gateway.ops.doctor.home_checks import check_signatures as c\nprint(*c(None))",
    )
    assert "Severity.GOOD" in said
    assert "is not installed" in said


@settings(max_examples=50, deadline=None)
@given(seed=st.binary(max_size=8), change=st.integers(0, 3), bit=st.integers(0, 255))
def test_they_say_of_any_signature_what_one_at_a_time_says(eight: CryptoMb, seed: bytes, change: int, bit: int) -> None:
    key, nonce, z = (int.from_bytes(sha256(name + seed).digest(), "big") % N for name in (b"key", b"nonce", b"digest"))
    r = public(nonce).public_numbers().x % N
    s = pow(nonce, -1, N) * (z + r * key) % N
    assert fits(eight, public(key), r, s, z)
    changed = [r, s, z, key]
    changed[change] ^= 1 << bit
    r, s, z, key = changed
    if key % N:
        assert not fits(eight, public(key), r, s, z)


@settings(max_examples=50, deadline=None)
@given(key=numbers, half=numbers)
def test_two_equal_points_are_doubled(eight: CryptoMb, key: int, half: int) -> None:
    """u1 G = u2 Q: the addition that ends a verification is a doubling."""
    r = public(2 * half).public_numbers().x % N
    s = r * key * pow(half, -1, N) % N
    assert alone(public(key), r, s, (half * s % N).to_bytes(32, "big"))
    fits(eight, public(key), r, s, half * s % N)


@settings(max_examples=50, deadline=None)
@given(key=numbers, r=numbers, s=numbers)
def test_two_points_that_cancel_fit_nothing(eight: CryptoMb, key: int, r: int, s: int) -> None:
    """u1 G = -u2 Q: the sum is the point at infinity, which has no x."""
    assert not fits(eight, public(key), r, s, -r * key % N)


@settings(max_examples=50, deadline=None)
@given(key=numbers, nonce=numbers)
def test_a_digest_of_zero_or_of_the_order_leaves_one_point_alone(eight: CryptoMb, key: int, nonce: int) -> None:
    r = public(nonce).public_numbers().x % N
    s = pow(nonce, -1, N) * r * key % N
    assert alone(public(key), r, s, bytes(32))
    fits(eight, public(key), r, s, 0)
    fits(eight, public(key), r, s, N)


def test_an_x_beyond_the_order_is_taken_for_itself_alone(eight: CryptoMb) -> None:
    """x of R lies between the order and the prime, so that r is x less the order."""
    x, y = next(found for offset in range(1000) if (found := lifted(N + offset)) is not None)
    r, s, z = x - N, 12345, 67890
    top = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1())
    key = added(times(s * pow(r, -1, N) % N, top), times(-z * pow(r, -1, N) % N, generator())).public_key()
    assert alone(key, r, s, z.to_bytes(32, "big"))
    fits(eight, key, r, s, z)
    assert not fits(eight, key, r + 1, s, z)


@table("r", [0, 1, N - 1, N, N + 1, P, 2**256 - 1])
@table("s", [0, 1, N - 1, N, N + 1, P, 2**256 - 1])
def test_numbers_at_the_edges_of_the_range(eight: CryptoMb, r: int, s: int) -> None:
    for z in (0, 1, N - 1, N, 2**256 - 1):
        fits(eight, public(3), r, s, z)


def test_a_number_out_of_range_fits_nothing_whatever_the_library_says() -> None:
    wide = CryptoMb(_zeros, _zeros)
    numbers_ = [(0, 1), (1, 0), (N, 1), (1, N), (2**256 - 1, 1), (1, 2**256 - 1), (1, 1), (N - 1, N - 1)]
    checks = [(point(public(3)), raw(r, s), DIGEST) for r, s in numbers_]
    assert wide.fit(checks) == [False] * 6 + [True] * 2


def test_a_drawn_number_out_of_range_is_no_nonce(eight: CryptoMb, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([0, N, N + 1, 2**256 - 1, 7])
    monkeypatch.setattr(
        "gateway.signing.multi_buffer.crypto_mb.os.urandom", lambda size: next(drawn).to_bytes(size, "big")
    )
    scalar = (5).to_bytes(32, "little")
    assert eight.sign([(scalar, DIGEST)]) == [signed(5)[1]]  # with the nonce 7
    assert next(drawn, None) is None


@table("count", range(1, WIDTH + 1))
def test_they_sign_what_any_library_verifies(eight: CryptoMb, count: int) -> None:
    work = [(os.urandom(31), sha256(bytes([place])).digest()) for place in range(count)]
    made = eight.sign([(scalar + b"\0", digest) for scalar, digest in work])
    assert len(made) == count
    for (scalar, digest), signature in zip(work, made, strict=True):
        assert signature
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        assert alone(public(int.from_bytes(scalar, "little")), r, s, digest)


def test_no_nonce_is_used_twice(eight: CryptoMb) -> None:
    scalar = (9).to_bytes(32, "little")
    made = [signature for _ in range(200) for signature in eight.sign([(scalar, DIGEST)] * WIDTH) if signature]
    assert len({signature[:32] for signature in made}) == len(made) == 200 * WIDTH


def test_a_nonce_of_zero_gives_no_signature(eight: CryptoMb) -> None:
    scalar = (9).to_bytes(32, "little")
    made = eight.sign_with([(scalar, DIGEST)] * 2, [bytes(32), (5).to_bytes(32, "little")])
    assert made[0] is None
    assert made[1] is not None


# ---------------------------------------------------------------- points, for the one case that needs them

Numbers = ec.EllipticCurvePublicNumbers


def generator() -> Numbers:
    return public(1).public_numbers()


def lifted(x: int) -> tuple[int, int] | None:
    square = (x**3 - 3 * x + B) % P
    y = pow(square, (P + 1) // 4, P)
    return (x, y) if y * y % P == square else None


def added(one: Numbers, other: Numbers) -> Numbers:
    if one.x == other.x:
        slope = 3 * (one.x * one.x - 1) * pow(2 * one.y, -1, P) % P
    else:
        slope = (other.y - one.y) * pow(other.x - one.x, -1, P) % P
    x = (slope * slope - one.x - other.x) % P
    return Numbers(x, (slope * (one.x - x) - one.y) % P, ec.SECP256R1())


def times(factor: int, base: Numbers) -> Numbers:
    found: Numbers | None = None
    for bit in f"{factor:b}":
        found = added(found, found) if found else None
        if bit == "1":
            found = added(found, base) if found else base
    assert found
    return found
