"""Say what the processes of a home made of a policy that came in, and wait for that where one is brought.

Each process writes its file of the home once it decides by the policy or has refused it (`liaison policy install`).
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import msgspec

from gateway.config import Home
from gateway.conversion import converter
from gateway.errors import Stale, TimedOut
from gateway.host.durable import PUBLIC, replace
from gateway.ops.homes.lock import places_held
from gateway.ops.policy.keeper import INCOMING, Judged

JUDGED_S = 30.0
"""Seconds in which a process has judged a policy: it looks once a second, and gets ready."""

_LOOK_S = 0.05

_judged = converter(Judged)


def tell_judged(home: Home, place: int, judged: Judged) -> None:
    """Write what the process of this number made of a policy."""
    replace(home.judged_policy(place), msgspec.json.encode(judged), PUBLIC)


def await_judged(folder: Path, data: bytes) -> dict[int, Judged]:
    """Return what each process that serves a home made of a policy that was brought, by its number; none: none runs.

    Raises `Stale` where another one was brought meanwhile, `TimedOut` where a process does not say.
    """
    home, document = Home(folder.resolve()), hashlib.sha256(data).hexdigest()
    until = time.monotonic() + JUDGED_S
    while True:
        found = {place: _read(home.judged_policy(place)) for place in places_held(home)}
        if all(each.document == document for each in found.values()):
            return found
        if (home.policies / INCOMING).read_bytes() != data:
            raise Stale(
                "another policy was brought before every process had judged this one",
                code="other-policy-brought",
                where=str(folder),
                remedy="`liaison policy status` says which is in force",
            )
        if time.monotonic() > until:
            raise TimedOut(
                "{count} of {all} processes do not say what they made of it",
                code="no-answer",
                where=str(folder),
                remedy="`liaison doctor` says whether they are ready; a process of an earlier version does not say",
                count=sum(each.document != document for each in found.values()),
                all=len(found),
            )
        time.sleep(_LOOK_S)


def _read(file: Path) -> Judged:
    try:
        return _judged(msgspec.json.decode(file.read_bytes()))
    except (OSError, msgspec.MsgspecError):
        return Judged()
