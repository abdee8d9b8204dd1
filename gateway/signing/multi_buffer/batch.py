"""Signatures of a batch, one by one, or several at a time where the machine can. The outcome is the same.

`_refusal` and `_signature` work without the library, and they alone decide on refusals and their words: a signature
that the multi-buffer library does not accept is verified once more by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Protocol, TypeVar

from gateway.errors import BadSignature, LiaisonError
from gateway.signing.keys import SIGNATURE_BYTES, Point, SigningKey, VerifyKey
from gateway.signing.multi_buffer.crypto_mb import WIDTH, multi_buffer

_FEWEST = 3
"""Fewer operations than this cost less one by one."""

_Item = TypeVar("_Item")


class Signs(Protocol):
    """A key that signs by itself: `keys.SigningKey`, or one outside this process."""

    def sign(self, data: bytes) -> bytes:
        """Return the signature of `data` by ECDSA over SHA-256: raw r and s, 64 bytes."""


class Verifies(Protocol):
    """A public key that was admitted; it alone decides the algorithm."""

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raise `BadSignature` unless `signature` is over `data`."""


class MultiBuffer(Protocol):
    """The port to a library that does up to `WIDTH` operations with P-256 at once (`multi_buffer.crypto_mb`)."""

    def fit(self, checks: Sequence[tuple[Point, bytes, bytes]]) -> list[bool]:
        """Return for each key, signature and digest whether they fit."""

    def sign(self, work: Sequence[tuple[bytes, bytes]]) -> list[bytes | None]:
        """Return for each private scalar and digest the signature, or None where none was made."""


Check = tuple[Verifies, bytes, bytes]
"""A key, a signature, and the data that it should fit."""


def verify_batch(checks: Sequence[Check]) -> list[LiaisonError | None]:
    """Return for each check None where its signature fits, else the error that its key's `verify` raises."""
    library = _library_for(checks)
    fitting = _fitting(library, checks) if library else frozenset()
    return [None if place in fitting else _refusal(*check) for place, check in enumerate(checks)]


def sign_batch(work: Sequence[tuple[Signs, bytes]]) -> list[bytes | Exception]:
    """Return for each key and data the signature, 64 bytes, or the reason why that key could not sign."""
    library = _library_for(work)
    made = _signed(library, work) if library else {}
    made |= _signed_in_module(work)
    return [made.get(place) or _signature(*item) for place, item in enumerate(work)]


def _refusal(key: Verifies, signature: bytes, data: bytes) -> LiaisonError | None:
    try:
        key.verify(signature, data)
    except LiaisonError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in a verification, the answer is no
        refusal = BadSignature("the signature could not be verified")
        refusal.__cause__ = error
        return refusal
    return None


def _signature(key: Signs, data: bytes) -> bytes | Exception:
    try:
        signature = key.sign(data)
    except Exception as error:  # noqa: BLE001 - one key that does not sign must not cost the batch
        return error
    if not isinstance(signature, bytes) or len(signature) != SIGNATURE_BYTES:
        return LiaisonError("the key gave something else than a signature")
    return signature


def _library_for(items: Sequence[object]) -> MultiBuffer | None:
    """Return the library, or None for few operations: a command that signs once does not load it."""
    return multi_buffer() if len(items) >= _FEWEST else None


def _fitting(library: MultiBuffer, checks: Sequence[Check]) -> set[int]:
    ready = [
        (place, (point, signature, sha256(data).digest()))
        for place, (key, signature, data) in enumerate(checks)
        if type(key) is VerifyKey and (point := key.point) is not None and len(signature) == SIGNATURE_BYTES
    ]
    return {
        place
        for group in _groups(ready)
        for (place, _), fits in zip(group, library.fit([check for _, check in group]), strict=True)
        if fits
    }


def _signed(library: MultiBuffer, work: Sequence[tuple[Signs, bytes]]) -> dict[int, bytes]:
    ready = [
        (place, (scalar, sha256(data).digest()))
        for place, (key, data) in enumerate(work)
        if type(key) is SigningKey and (scalar := key.scalar) is not None
    ]
    return {
        place: signature
        for group in _groups(ready)
        for (place, _), signature in zip(group, library.sign([item for _, item in group]), strict=True)
        if signature is not None
    }


def _signed_in_module(work: Sequence[tuple[Signs, bytes]]) -> dict[int, bytes]:
    """Return the signatures of keys in a security module, those of each key in one turn; none where it fails."""
    turns: dict[SigningKey, list[int]] = {}
    for place, (key, _) in enumerate(work):
        if type(key) is SigningKey and key.is_in_module:
            turns.setdefault(key, []).append(place)
    made: dict[int, bytes] = {}
    for key, places in turns.items():
        with suppress(LiaisonError):  # each is then tried by itself, and gives its own error
            made |= zip(places, key.sign_each([work[place][1] for place in places]), strict=True)
    return made


def _groups(ready: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(ready) - _FEWEST + 1, WIDTH):
        yield ready[start : start + WIDTH]
