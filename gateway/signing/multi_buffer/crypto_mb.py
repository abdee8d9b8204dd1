"""Eight ECDSA P-256 operations in the time of two: Intel's multi-buffer library `crypto_mb`, where it can run.

The library (extra `speed`, package `ipp-crypto`) takes eight signatures in the eight lanes of AVX-512 registers. It
comes without a Python module, so it is called through `ctypes`, which releases the interpreter's lock meanwhile. This
module does what the library lacks: it checks that numbers are in range, and draws a nonce as FIPS 186-5, A.3.2, says.

The library is used after it has signed and verified a published vector (RFC 6979, A.2.5) and refused a changed one.
Where it is missing, does not fit the processor or fails that test, signatures are made and verified one by one
(decision 0030).
"""

from __future__ import annotations

import ctypes
import os
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.errors import LiaisonError, Misconfigured
from gateway.signing.keys import Point
from gateway.signing.multi_buffer.empty_library import load_empty

if TYPE_CHECKING:
    from importlib.metadata import PackagePath

WIDTH: Final = 8
"""Operations that go together."""

_PACKAGE = "ipp-crypto"
_LIBRARY = "libcrypto_mb.so.13"
_INSTALL_AGAIN = f"install the package `{_PACKAGE}` again"
_NOT_NEEDED = ("libsvml.so", "libirng.so", "libimf.so", "libintlc.so.5")
"""Parts of the maker's compiler that the library lists and uses nothing of; their licence would not suit us."""

_SIZE = 32
_ZERO = bytes(_SIZE)
_ORDER: Final = bytes.fromhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
_Texts = ctypes.c_char_p * WIDTH
_Places = ctypes.c_void_p * WIDTH
_Function = Callable[..., int]


class CryptoMb:
    """The library, loaded and tried. Thread-safe: it keeps nothing between calls."""

    def __init__(self, verify: _Function, sign: _Function) -> None:
        self._verify = verify
        self._sign = sign

    def fit(self, checks: Sequence[tuple[Point, bytes, bytes]]) -> list[bool]:
        """Return for each signature (raw r and s, 64 bytes) whether it fits the digest (SHA-256) under its key.

        `checks` are up to `WIDTH` of (key, signature, digest). A signature out of range does not fit.
        """
        sound = [_in_range(signature[:_SIZE]) and _in_range(signature[_SIZE:]) for _, signature, _ in checks]
        status = self._verify(
            _Texts(*[signature[:_SIZE] for _, signature, _ in checks]),
            _Texts(*[signature[_SIZE:] for _, signature, _ in checks]),
            _Texts(*[digest for _, _, digest in checks]),
            _Texts(*[key.x for key, _, _ in checks]),
            _Texts(*[key.y for key, _, _ in checks]),
            None,
            None,
        )
        return [good and not status >> 4 * lane & 15 for lane, good in enumerate(sound)]

    def sign(self, work: Sequence[tuple[bytes, bytes]]) -> list[bytes | None]:
        """Return the signatures (raw r and s) of up to `WIDTH` of (private scalar, the last byte first; digest).

        None where the library reports that it could not: a nonce that gives no signature, once in 2^256.
        """
        return self.sign_with(work, [_nonce() for _ in work])

    def sign_with(self, work: Sequence[tuple[bytes, bytes]], nonces: Sequence[bytes]) -> list[bytes | None]:
        """Sign with `nonces` (the last byte first), which must be secret and must never be used again."""
        made = (ctypes.c_char * (2 * _SIZE * WIDTH))()
        base = ctypes.addressof(made)
        places = range(base, base + 2 * _SIZE * len(work), 2 * _SIZE)
        status = self._sign(
            _Places(*places),
            _Places(*[place + _SIZE for place in places]),
            _Texts(*[digest for _, digest in work]),
            _Texts(*nonces),
            _Texts(*[scalar for scalar, _ in work]),
            None,
        )
        raw = made.raw
        return [
            None if status >> 4 * lane & 15 else raw[2 * _SIZE * lane : 2 * _SIZE * (lane + 1)]
            for lane in range(len(work))
        ]


@dataclass(frozen=True, slots=True)
class _Absent:
    """The reason why the library is not used, and the remedy where that is a fault."""

    text: str
    remedy: str = ""


def multi_buffer() -> CryptoMb | None:
    """Return the library, or None where it cannot be used (`describe` gives the reason)."""
    found = _find()
    return found if isinstance(found, CryptoMb) else None


def describe() -> str:
    """Return how batches are signed and verified on this machine, with the reason where it is one by one."""
    found = _find()
    return "eight at a time" if isinstance(found, CryptoMb) else f"one by one: {found.text}"


def remedy() -> str:
    """Return the remedy for a library that is installed, fits this machine and cannot be used; else empty."""
    found = _find()
    return "" if isinstance(found, CryptoMb) else found.remedy


_loading = threading.Lock()


def _find() -> CryptoMb | _Absent:
    with _loading:
        return _load()


@cache
def _load() -> CryptoMb | _Absent:
    try:
        library = ctypes.CDLL(str(_path()))
        library.mbx_is_crypto_mb_applicable.argtypes = [ctypes.c_uint64]
        if not library.mbx_is_crypto_mb_applicable(0):
            return _Absent("this processor has no AVX-512 IFMA")
        found = CryptoMb(
            _function(library, "mbx_nistp256_ecdsa_verify_mb8", 7), _function(library, "mbx_nistp256_ecdsa_sign_mb8", 6)
        )
        try_out(found)
    except ModuleNotFoundError:
        return _Absent(f"the package `{_PACKAGE}` (extra `speed`) is not installed")
    except LiaisonError as error:
        return _Absent(f"`{_LIBRARY}` cannot be used: {error.message}", error.remedy)
    except Exception as error:  # noqa: BLE001 - a fault of an extra must not stop the process: everything works without it
        return _Absent(f"`{_LIBRARY}` cannot be used: {error}", _INSTALL_AGAIN)
    return found


def _path() -> Path:
    from importlib.metadata import distribution  # takes longer to load than the rest, and few commands come here

    for file in distribution(_PACKAGE).files or ():
        if file.name == _LIBRARY:
            _check_whole(file)
            load_empty(_NOT_NEEDED)
            return Path(str(file.locate())).resolve()
    raise OSError(f"`{_PACKAGE}` does not hold it")


def _check_whole(file: PackagePath) -> None:
    """Raise `Misconfigured` unless the file is the one that was installed: half a library would end the process."""
    found = urlsafe_b64encode(sha256(file.read_binary()).digest()).rstrip(b"=").decode()
    if file.hash is None or (file.hash.mode, file.hash.value) != ("sha256", found):
        raise Misconfigured("it is not the file that was installed", remedy=_INSTALL_AGAIN)


def _function(library: ctypes.CDLL, name: str, pointers: int) -> _Function:
    function = getattr(library, name)
    function.argtypes, function.restype = [ctypes.c_void_p] * pointers, ctypes.c_uint32
    return function  # type: ignore[no-any-return]


# RFC 6979, A.2.5: the key, and for each message the nonce and the signature with SHA-256.
_SCALAR = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
_X = "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
_Y = "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
_VECTORS = (
    (
        b"sample",
        "a6e3c57dd01abe90086538398355dd4c3b17aa873382b0f24d6129493d8aad60",
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    ),
    (
        b"test",
        "d16b6ae827f17175e040871a1c7ec3500192c4c92677336ec2537acaee0008e0",
        "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
        "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
    ),
)


def try_out(found: CryptoMb) -> None:
    """Raise `Misconfigured` unless every lane signs and verifies the published vectors, and refuses changed ones."""
    key = Point(_reversed(_X), _reversed(_Y))
    scalar = _reversed(_SCALAR)
    cases = [(sha256(message).digest(), _reversed(nonce), bytes.fromhex(made)) for message, nonce, made in _VECTORS] * (
        WIDTH // len(_VECTORS)
    )
    digests, nonces, signatures = (list(column) for column in zip(*cases, strict=True))
    right = found.sign_with([(scalar, digest) for digest in digests], nonces) == signatures
    right = right and all(found.fit([(key, *check) for check in zip(signatures, digests, strict=True)]))
    wrong = [(key, signature, digest) for signature, digest in zip(signatures, [*digests[1:], digests[0]], strict=True)]
    if not right or any(found.fit(wrong)):
        raise Misconfigured(
            "it does not give the signatures of RFC 6979", remedy="remove the package `{package}`", package=_PACKAGE
        )


def _reversed(digits: str) -> bytes:
    return bytes.fromhex(digits)[::-1]


def _in_range(number: bytes) -> bool:
    """Tell whether 0 < number < the group's order; bytes in big-endian order compare like their numbers."""
    return _ZERO < number < _ORDER


def _nonce() -> bytes:
    """Return a uniform random number from 1 to below the group's order, last byte first (FIPS 186-5, A.3.2)."""
    while not _in_range(drawn := os.urandom(_SIZE)):
        pass
    return drawn[::-1]
