"""Read base64url (RFC 4648, section 5) in its only form: no padding, no other letters, no stray bits."""

from __future__ import annotations

import base64
import re
from typing import Any

from gateway.errors import Malformed, TooLarge

_TEXT = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


def encode_url64(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_url64(text: Any, where: str, largest: int) -> bytes:
    """Return 1 to `largest` bytes. Raises `Malformed` for another form, and `TooLarge`."""
    if not isinstance(text, str) or not text or not _TEXT.fullmatch(text) or len(text) % 4 == 1:
        raise Malformed("this is not base64url without padding", code="bad-base64url", where=where)
    if len(text) > (largest * 4 + 2) // 3:
        raise TooLarge("more than {largest} bytes", code="passkey-too-large", where=where, largest=largest)
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode_url64(data) != text:
        raise Malformed("this base64url is not in its only form", code="bad-base64url", where=where)
    return data
