"""The logs that are witnessed, and the keys that sign their heads, by charter and descriptors."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress

from gateway.clock import Clock
from gateway.errors import BadSignature, Forbidden, Unknown
from gateway.model.names import MemberId, member_id
from gateway.signing.keys import VerifyKey
from gateway.trust.documents.descriptor import KeyUse
from gateway.trust.view import TrustView

_ORIGIN = re.compile(r"([a-z]{2})\.liaison\.internal/(?:exchange|operations)/[1-9][0-9]{0,8}", re.ASCII)


class ListedLogs:
    """`WitnessedLogs`. A node witnesses the logs of all members but its own; a domestic witness those of one member."""

    def __init__(self, trust: Callable[[], TrustView], clock: Clock, member: MemberId, *, domestic: bool) -> None:
        self._trust = trust
        self._clock = clock
        self._member = member
        self._domestic = domestic

    def keys(self, caller: MemberId, origin: str) -> list[VerifyKey]:
        """Return the log keys that the caller's member lists now.

        Raises `Unknown` for a log that is not witnessed here, `Forbidden` for one that is not the caller's.
        """
        match = _ORIGIN.fullmatch(origin)
        if not match or (match[1] == self._member) is not self._domestic:
            raise Unknown("this log is not witnessed here", code="unknown-log", where="checkpoint")
        member = member_id(match[1])
        if member != caller:
            raise Forbidden(
                "a log of `{member}` is not cosigned or shown for `{caller}`",
                code="other-member",
                member=member,
                caller=caller,
            )
        view, now_us = self._trust(), self._clock.now_us()
        found = []
        for key in view.vkeys(member, KeyUse.LOG):
            with suppress(BadSignature):
                found.append(view.verify_key(member, key.key_id, KeyUse.LOG, now_us))
        return found
