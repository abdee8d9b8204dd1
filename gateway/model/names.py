"""Identifiers of members, offices, officers, cases and exchanges.

They are ASCII `[a-z0-9._-]` (cases and tickets also capitals and `/`), so that an id has no second spelling with
look-alike letters, joiners or direction overrides (CASE-B12).
"""

from __future__ import annotations

import re
import secrets
from typing import NewType

from gateway.errors import Malformed

MemberId = NewType("MemberId", str)
"""ISO 3166-1 alpha-2 in lower case: `th`."""

ExchangeId = NewType("ExchangeId", str)
"""128 random bits as 32 lower-case hexadecimal digits."""

_MEMBER = re.compile(r"[a-z]{2}", re.ASCII)
_IDENTIFIER = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?", re.ASCII)
_REFERENCE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,62}[A-Za-z0-9])?", re.ASCII)
_EXCHANGE = re.compile(r"[0-9a-f]{32}", re.ASCII)


def member_id(text: str) -> MemberId:
    """Return `text` as a member's id, or raise `Malformed`."""
    if not _MEMBER.fullmatch(text):
        raise Malformed(
            "`{text!a}` is not a member id", code="bad-member", remedy="two small letters, such as `th`", text=text[:40]
        )
    return MemberId(text)


def identifier(text: str, field: str) -> str:
    """Return `text` as an id of an office, officer, agency, source or agreement; `Malformed` names `field`."""
    if not _IDENTIFIER.fullmatch(text):
        raise Malformed(
            "`{text!a}` is not an id",
            code="bad-identifier",
            where=field,
            remedy="1 to 64 of a-z 0-9 . _ -",
            text=text[:70],
        )
    return text


def reference(text: str, field: str) -> str:
    """Return `text` as a case number or ticket, or raise `Malformed` naming `field`."""
    if not _REFERENCE.fullmatch(text):
        raise Malformed(
            "`{text!a}` is not a case or ticket number",
            code="bad-reference",
            where=field,
            remedy="1 to 64 of A-Z a-z 0-9 . _ / -",
            text=text[:70],
        )
    return text


def exchange_id(text: str) -> ExchangeId:
    """Return `text` as an exchange id, or raise `Malformed`."""
    if not _EXCHANGE.fullmatch(text):
        raise Malformed("an exchange id has 32 hexadecimal digits", code="bad-exchange-id", where="exchange_id")
    return ExchangeId(text)


def new_exchange_id() -> ExchangeId:
    """Return a fresh random exchange id."""
    return ExchangeId(secrets.token_hex(16))
