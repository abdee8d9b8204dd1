"""The PIN of a token, from a file or a file descriptor (`pin-source` of RFC 7512). It is in no setting."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote

from gateway.errors import Misconfigured
from gateway.host.private_file import read_private

MAX_PIN = 256

_DESCRIPTOR = re.compile(r"fd:([0-9]{1,4})", re.ASCII)
_FILE = re.compile(r"(?:file:(?://(?:localhost)?)?)?(/[^/].*)", re.ASCII | re.DOTALL | re.IGNORECASE)


def read_pin(source: str) -> str:
    """Return the PIN at `file:/PATH`, `/PATH` or `fd:N`; raise `Misconfigured` for another source or a bad PIN.

    A descriptor gives its PIN once; the token that was opened with it stays open. A file of the service manager
    (LoadCredential) may have the mode 0440: its group bits are those of an access list for this account alone.
    """
    if found := _DESCRIPTOR.fullmatch(source):
        data = _from_descriptor(int(found[1]), source)
    elif found := _FILE.fullmatch(source):
        path = Path(unquote(found[1]))
        by_group = path.parent == Path(os.environ.get("CREDENTIALS_DIRECTORY", "-"))
        data = read_private(path, "pin", "write the PIN into it, with mode 0600", by_group=by_group)
    else:
        raise Misconfigured(
            "`{source}` is no source of a PIN",
            code="bad-pin-source",
            remedy="pin-source=file:/PATH (mode 0600) or pin-source=fd:N",
            source=source[:64],
        )
    return _text(data.rstrip(b"\r\n"), source)


def _from_descriptor(number: int, source: str) -> bytes:
    try:
        with os.fdopen(number, "rb") as file:
            return file.read(MAX_PIN + 1)
    except OSError as error:
        raise Misconfigured(
            "no PIN can be read: {strerror}",
            code="no-pin",
            where=source,
            remedy="start the process with the PIN on this descriptor, such as 3<PIN-FILE",
            strerror=error.strerror,
        ) from error


def _text(data: bytes, source: str) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = ""
    if not text or len(text) > MAX_PIN or not text.isprintable():
        raise Misconfigured(
            "this is no PIN: one line of 1 to 256 characters",
            code="bad-pin",
            where=source,
            remedy="write the PIN alone into it",
        )
    return text
