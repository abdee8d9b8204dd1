"""Tell the readers of the server: each has a token or a client certificate, and an audience."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from bridges.leaving import Audience
from gateway.errors import Misconfigured, Unauthenticated

_NAME = re.compile(r"[a-z0-9._-]{1,64}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NAMES = {audience.name.lower(): audience for audience in Audience}


class Reader(msgspec.Struct, frozen=True):
    """A system that reads: its name, its audience, and the SHA-256 of its token or of its certificate."""

    name: str
    audience: Audience
    token_sha256: str = ""
    certificate_sha256: str = ""


class Readers:
    """The readers of a file, which is read anew when it changes: one that is taken out is refused at once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._mark: tuple[int, int] | None = None
        self._readers: Sequence[Reader] = ()
        self._read()

    def find(self, authorization: str, certificate: bytes | None) -> Reader:
        """Return who calls. Raises `Unauthenticated` for a stranger."""
        self._read()
        if certificate:
            digest = hashlib.sha256(certificate).hexdigest()
            for reader in self._readers:
                if reader.certificate_sha256 and hmac.compare_digest(reader.certificate_sha256, digest):
                    return reader
        name, token = _credentials(authorization)
        digest = hashlib.sha256(token.encode()).hexdigest()
        for reader in self._readers:
            is_meant = name in ("", reader.name)
            if token and is_meant and reader.token_sha256 and hmac.compare_digest(reader.token_sha256, digest):
                return reader
        raise Unauthenticated("no reader has this token or certificate", code="unknown-reader")

    def _read(self) -> None:
        try:
            stat = self._file.stat()
            mark = (stat.st_mtime_ns, stat.st_size)
            if mark != self._mark:
                self._readers = read_readers(self._file.read_text(encoding="utf-8"), self._file)
                self._mark = mark
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured(
                "the list of readers cannot be read", code="no-readers", where=str(self._file)
            ) from error


def read_readers(text: str, file: Path) -> Sequence[Reader]:
    """Return the readers of a file. Raises `Misconfigured` for a mistake."""
    try:
        document = tomllib.loads(text)
        readers = [_reader(row) for row in document.pop("reader", [])]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _mistake(file) from error
    if document or not readers or len({reader.name for reader in readers}) < len(readers):
        raise _mistake(file)
    return readers


def _reader(row: dict[str, Any]) -> Reader:
    if set(row) - set(Reader.__struct_fields__) or not all(isinstance(value, str) for value in row.values()):
        raise ValueError(row)
    reader = Reader(**row | {"audience": _NAMES[row["audience"]]})
    digests = [digest for digest in (reader.token_sha256, reader.certificate_sha256) if digest]
    if not is_name(reader.name) or len(digests) != 1 or not _DIGEST.fullmatch(digests[0]):
        raise ValueError(row)
    return reader


def is_name(text: str) -> bool:
    """Tell whether a text can be a reader's name."""
    return _NAME.fullmatch(text) is not None


def _mistake(file: Path) -> Misconfigured:
    return Misconfigured(
        "the list of readers has a mistake",
        code="bad-readers",
        where=str(file),
        remedy="`python -m bridges.taxii token --name NAME --audience country` prints an entry",
    )


def _credentials(authorization: str) -> tuple[str, str]:
    """Return name and token of an `Authorization`: Bearer and Token have no name, Basic has both."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() in ("bearer", "token"):
        return "", value.strip()
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, token = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name or "-", token
