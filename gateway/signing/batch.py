"""Signatures of a batch: eight at a time where the machine can, else one by one. The outcome is the same.

A signature that the lanes refuse is verified once more by itself: what is refused, and with which words, never
depends on the machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Protocol, TypeVar

from gateway.errors import BadSignature, LiaisonError
from gateway.signing.keys import SIGNATURE_BYTES, SigningKey, VerifyKey
from gateway.signing.multi_buffer.crypto_mb import WIDTH, Lanes, lanes

_FEWEST = 3
"""Fewer operations than this cost less one by one."""

_Item = TypeVar("_Item")


class Signs(Protocol):
    """A key that signs by itself: `keys.SigningKey`, or one that lies elsewhere."""

    def sign(self, data: bytes) -> bytes:
        """ECDSA over SHA-256, raw r and s, 64 bytes."""


class Verifies(Protocol):
    """A public key that was admitted; it alone decides the algorithm."""

    def verify(self, signature: bytes, data: bytes) -> None:
        """Return when `signature` is over `data`, else raise `BadSignature`."""


Check = tuple[Verifies, bytes, bytes]
"""A key, a signature, and the data that it should fit."""


def verify_together(checks: Sequence[Check]) -> list[LiaisonError | None]:
    """For each check, None where its signature fits, else what its key's `verify` raises."""
    found = _lanes_for(checks)
    fitting = _fitting(found, checks) if found else frozenset()
    return [None if place in fitting else _refusal(*check) for place, check in enumerate(checks)]


def sign_together(work: Sequence[tuple[Signs, bytes]]) -> list[bytes | Exception]:
    """For each key and data the signature, 64 bytes, or why that key could not sign."""
    found = _lanes_for(work)
    made = _signed(found, work) if found else {}
    return [made.get(place) or _signature(*item) for place, item in enumerate(work)]


def _lanes_for(items: Sequence[object]) -> Lanes | None:
    """The lanes, which are not loaded for less than they are used for: a command that signs once has no use for it."""
    return lanes() if len(items) >= _FEWEST else None


def _fitting(found: Lanes, checks: Sequence[Check]) -> set[int]:
    ready = [
        (place, (point, signature, sha256(data).digest()))
        for place, (key, signature, data) in enumerate(checks)
        if type(key) is VerifyKey and (point := key.point) is not None and len(signature) == SIGNATURE_BYTES
    ]
    return {
        place
        for group in _groups(ready)
        for (place, _), fits in zip(group, found.fit([check for _, check in group]), strict=True)
        if fits
    }


def _signed(found: Lanes, work: Sequence[tuple[Signs, bytes]]) -> dict[int, bytes]:
    ready = [
        (place, (scalar, sha256(data).digest()))
        for place, (key, data) in enumerate(work)
        if type(key) is SigningKey and (scalar := key.scalar) is not None
    ]
    return {
        place: signature
        for group in _groups(ready)
        for (place, _), signature in zip(group, found.sign([item for _, item in group]), strict=True)
        if signature is not None
    }


def _groups(ready: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(ready) - _FEWEST + 1, WIDTH):
        yield ready[start : start + WIDTH]


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
