"""Tell before a question is asked which members have no source for it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from gateway.clock import SystemClock
from gateway.config import Home, load_settings
from gateway.errors import LiaisonError
from gateway.trust.keeper import TrustKeeper


def not_askable(home: Path, members: Sequence[str], query: str) -> list[str]:
    """Return the members, of those that list their sources, none of whose sources takes queries of this kind.

    The home's own member is among them where that is so. It is a help before asking; only an answer is evidence.
    """
    settings = load_settings(home)
    view = TrustKeeper(Home(settings.home).trust, SystemClock()).view
    found = []
    for member in (settings.node.member, *members):
        with suppress(LiaisonError):  # a member without a descriptor: the question itself says so
            if not view.descriptor(member).can_be_asked(query):
                found.append(member)
    return found
