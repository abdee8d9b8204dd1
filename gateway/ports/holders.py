"""Which counterparts are known to hold a version of our own descriptor."""

from __future__ import annotations

from typing import Protocol

from gateway.model.names import MemberId


class Holders(Protocol):
    """Tells which members hold our documents, as far as they have said so."""

    def hold(self, member: MemberId, version: int, document: bytes) -> bool:
        """Tell whether `member` holds this version of our descriptor, with this hash, or a later one."""


class NoneKnown:
    """`Holders` where no counterpart says what it holds."""

    def hold(self, member: MemberId, version: int, document: bytes) -> bool:
        """Return False."""
        del member, version, document
        return False
