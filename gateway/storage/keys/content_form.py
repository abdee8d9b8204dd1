"""Form 2 of an entry's content: private part and statements as one text, without padding, compressed, and padded again.

::

    4 bytes each    length of the private part, of its beginning without the spaces at its end, of the request
    1 byte          number of cuts
    1 + 4 + 2 bytes for each cut: its kind, its place, and how many bytes stand for it
    those bytes     for the digits of a hash, and for the header and the claims of a record, which are in base64
    the rest        of the private part, the request and the answer

All of it is compressed with `COMMON` as dictionary, since contents are mostly words of ours between random bytes. The
end is 0x80 and zeros up to the next of 256, 320, 384, 448, 512, 640, 768, 896, 1024 … bytes (decision 0100).
"""

from __future__ import annotations

import re
import struct
import threading
from binascii import Error as WrongDigits
from binascii import a2b_base64, b2a_base64, hexlify, unhexlify
from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache
from typing import Final

import zstandard

from gateway.storage.keys.common_text import COMMON

FORM: Final = b"\x02"
"""Stands before a wrapped content key. Form 1, of earlier versions, has nothing there: its parts are sealed apart."""

_KEY_BYTES: Final = 12 + 32 + 16
_LEVEL: Final = -1
"""Level 1 takes twice the time for a twentieth less."""

_HEAD: Final = struct.Struct(">IIIB")
_CUT: Final = struct.Struct(">BIH")
_SMALLEST: Final = 256
_HASHES: Final = (b'"token":"', b'"hash":"', b'_salt":"')
"""Words of private parts before the 64 digits of a hash, in the order of their places."""

_DIGITS: Final = 64
_RECORD: Final = b"eyJhbGciOiJFUzI1NiIsInR5cCI6Imxp"
"""The beginning of each record: algorithm and type, in base64."""

_X5C: Final = re.compile(rb'(.*"x5c":\[")([A-Za-z0-9+/]+={0,2})("\]\})', re.DOTALL)
_END: Final = b"\x80"

_MOST: Final = (1 << 16) - 1
_TO_BASE64 = bytes.maketrans(b"-_", b"+/")
_FROM_BASE64 = bytes.maketrans(b"+/", b"-_")


class _Kind(IntEnum):
    DIGITS = 0
    HEADER = 1
    BASE64 = 2


_Cut = tuple[_Kind, int, int, bytes]
"""The kind of a cut, its beginning and end, and what stands for it."""


class _Tools(threading.local):
    """A compressor and its opposite for each thread: they must not be shared."""

    def __init__(self) -> None:
        words = zstandard.ZstdCompressionDict(COMMON, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        words.precompute_compress(level=_LEVEL)
        self.compress = zstandard.ZstdCompressor(
            level=_LEVEL, dict_data=words, write_checksum=False, write_dict_id=False
        ).compress
        self.decompress = zstandard.ZstdDecompressor(dict_data=words).decompress


_TOOLS = _Tools()


def split_key(wrapped_key: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the form of a content, and nonce and ciphertext of its key. Raises `ValueError` for an unknown form."""
    form, rest = wrapped_key[:-_KEY_BYTES], wrapped_key[-_KEY_BYTES:]
    if form not in (b"", FORM):
        raise ValueError("the content has a form of a later version")
    return form, rest[:12], rest[12:]


def pack(private: bytes, request: bytes, answer: bytes) -> bytes:
    """Return the three parts of a content as one."""
    text = _without_spaces(private)
    whole = b"".join((text, request, answer))
    cuts = list(_cuts(whole, len(text), len(text) + len(request)))
    parts = [_HEAD.pack(len(private), len(text), len(request), len(cuts))]
    parts += [_CUT.pack(kind, start, len(short)) for kind, start, _, short in cuts]
    parts += [short for _, _, _, short in cuts]
    at = 0
    for _, start, end, _ in cuts:
        parts.append(whole[at:start])
        at = end
    parts.append(whole[at:])
    packed = _TOOLS.compress(b"".join(parts)) + _END
    return packed.ljust(_padded(len(packed)), b"\0")


def _without_spaces(private: bytes) -> bytes:
    """Return a private part without the spaces at its end. It is an object of JSON: they begin behind a brace."""
    end = private.rfind(b"}") + 1
    return private[:end] if private[end:] == b" " * (len(private) - end) else private.rstrip(b" ")


def _cuts(whole: bytes, asked: int, answered: int) -> Iterator[_Cut]:
    """Yield the cuts, in order; the request begins at `asked`, the answer at `answered`."""
    at = 0
    for word in _HASHES:
        found = whole.find(word, at, asked) + len(word)
        if len(word) <= found <= asked - _DIGITS and (cut := _digits(whole, found)):
            yield cut
            at = cut[2]
    # The last field of a statement's envelope is the hash of the signer's key, in digits.
    if answered - asked >= _DIGITS and (cut := _digits(whole, answered - _DIGITS)):
        yield cut
    at = answered
    start = whole.find(_RECORD, answered)
    if start >= 0:
        end = whole.find(b".", start)
        if short := _short(whole[start:end]):
            yield _Kind.HEADER, start, end, short
            at = end + 1
            end = whole.find(b".", at)
            if short := _unbased(whole[at:end]):
                yield _Kind.BASE64, at, end, short
                at = end
    if len(whole) - at >= _DIGITS and (cut := _digits(whole, len(whole) - _DIGITS)):
        yield cut


def _digits(whole: bytes, start: int) -> _Cut | None:
    digits = whole[start : start + _DIGITS]
    try:
        short = unhexlify(digits)
    except WrongDigits:
        return None
    return (
        (_Kind.DIGITS, start, start + _DIGITS, short) if len(digits) == _DIGITS and hexlify(short) == digits else None
    )


def unpack(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Return private part, request and answer. Raises `ValueError` for bytes that `pack` did not make."""
    packed = data.rstrip(b"\0")
    if packed[-1:] != _END:
        raise ValueError("the content has no end")
    try:
        plain: bytes = _TOOLS.decompress(packed[:-1])
        length, used, asked, count = _HEAD.unpack_from(plain)
        places = [_CUT.unpack_from(plain, _HEAD.size + number * _CUT.size) for number in range(count)]
    except (zstandard.ZstdError, struct.error) as error:
        raise ValueError("the content is not of this form") from error
    at = _HEAD.size + count * _CUT.size
    rest = at + sum(size for _, _, size in places)
    parts: list[bytes] = []
    done = 0
    for kind, start, size in places:
        parts += plain[rest : rest + start - done], _LONG[kind](plain[at : at + size])
        at += size
        rest += start - done
        done = start + len(parts[-1])
    whole = b"".join((*parts, plain[rest:]))
    return whole[:used].ljust(length), whole[used : used + asked], whole[used + asked :]


def _padded(length: int) -> int:
    """Return the next of 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280 …"""
    step = max(_SMALLEST, 1 << length.bit_length() - 1) // 4
    return max(_SMALLEST, -(-length // step) * step)


@lru_cache(maxsize=64)
def _short(header: bytes) -> bytes:
    """Return a header with its certificate as bytes; empty where it has another form. An agency has one for long."""
    found = _X5C.fullmatch(_unbased(header))
    if found is None:
        return b""
    before, certificate, after = found.groups()
    try:
        short = len(before).to_bytes(2, "big") + before + after + a2b_base64(certificate)
    except WrongDigits:
        return b""
    return short if len(short) <= _MOST and _long(short) == header else b""


@lru_cache(maxsize=64)
def _long(short: bytes) -> bytes:
    """Return the header that `_short` was given."""
    end = 2 + int.from_bytes(short[:2], "big")
    return _based(short[2:end] + b2a_base64(short[end + 3 :], newline=False) + short[end : end + 3])


def _unbased(text: bytes) -> bytes:
    """Return the bytes that base64url without padding stands for; empty where it is not in its only form."""
    if b"+" in text or b"/" in text:
        return b""
    usual = text.translate(_TO_BASE64) + b"=" * (-len(text) % 4)
    try:
        short = a2b_base64(usual)
    except WrongDigits:
        return b""
    return short if len(short) <= _MOST and b2a_base64(short, newline=False) == usual else b""


def _based(data: bytes) -> bytes:
    return b2a_base64(data, newline=False).translate(_FROM_BASE64).rstrip(b"=")


_LONG: Final = (hexlify, _long, _based)
"""What puts each kind of cut back."""


# ------------------------------------------------------------ padding
# The zeros that the wire needs in answers would double what a commit writes.
#
# `squeeze` leaves out the first run of zeros that is worth it: 4 bytes give its place, 4 its length, then comes the
# rest. `spread` is the exact inverse.


_RUN = bytes(64)
_PLACES = 8


def squeeze(data: bytes) -> bytes:
    """Return `data` without its first run of at least 64 zeros."""
    start = data.find(_RUN)
    if start < 0:
        return bytes(_PLACES) + data
    # An answer has one such run: where the last one ends, the first one ends, too. Stripping looks at each byte.
    end = data.rfind(_RUN) + len(_RUN)
    length = end - start
    if data[start:end] != bytes(length):
        length = len(data) - start - len(data[start:].lstrip(b"\0"))
    return b"".join((start.to_bytes(4, "big"), length.to_bytes(4, "big"), data[:start], data[start + length :]))


def spread(data: bytes) -> bytes:
    """Return the data that `squeeze` was given. Raises `ValueError` when `data` is too short."""
    if len(data) < _PLACES:
        raise ValueError("squeezed data has 8 bytes at least")
    start, length = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:_PLACES], "big")
    rest = data[_PLACES:]
    return rest[:start] + bytes(length) + rest[start:]
