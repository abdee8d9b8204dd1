"""Documents of trust as nodes speak of them: lines of what is held, questions for documents, and parts of them."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """The kind of a document, or of evidence: a document that contradicts another, or two heads of one log."""

    CHARTER = "charter"
    DESCRIPTOR = "descriptor"
    STATUS = "status"
    CONFLICT = "conflict"
    FORK = "fork"


class Held(msgspec.Struct, frozen=True):
    """One line: kind, member, newest version, and SHA-256 of what is held."""

    kind: Kind
    member: str
    version: int
    hash: bytes


class Wanted(msgspec.Struct, frozen=True):
    """A question for documents: which, after which version, and from which byte of the answer on."""

    kind: Kind
    member: str
    after: int
    hash: bytes
    offset: int = 0


class Part(msgspec.Struct, frozen=True):
    """A part of an answer, and the bytes of all parts together."""

    data: bytes
    total: int
