"""The states of members of the federation, and what a running node knows of another member."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from gateway.model.exchange import Outcome


class MemberState(StrEnum):
    """How a member stands with us now. `active` is all that files tell: only a running node knows the rest."""

    SERVING = "serving"
    ACTIVE = "active"
    SUSPENDED_BY_US = "suspended-by-us"
    SUSPENDED_BY_THEM = "suspended-by-them"
    NOT_TRUSTED = "not-trusted"
    DISMISSED = "dismissed"
    SILENT = "silent"
    OUT_OF_TIME = "out-of-time"
    SUSPENDED = "suspended"
    LEFT = "left"
    CONTRADICTED = "contradicted"


class LastWord(msgspec.Struct, frozen=True):
    """The last verified answer of a member to a question of ours: its outcome, its refusal's code and text, when.

    `took_us` is the time from the officer's question to this answer.
    """

    outcome: Outcome
    code: str
    text: str
    time_us: int
    took_us: int = 0


class SignedTime(msgspec.Struct, frozen=True):
    """By how much the time that a member signed last was ahead of ours, and when; what it sent was on the way so long
    that a few hundredths of a second behind say nothing.
    """

    ahead_us: int
    time_us: int


class Contact(msgspec.Struct, frozen=True):
    """What a running node knows of another member.

    `refused` is the code with which our side refuses their node, `dismissed` the one with which theirs ended our
    connection. `holds` tells which of our newest documents they have, None while they have said nothing. `cosigns_as`
    is the name of their last cosignature of our logs where they are not listed with it, so that it counts for nothing.
    """

    connected: bool = False
    last_seen_us: int = 0
    silent_since_us: int = 0
    refused: str = ""
    dismissed: str = ""
    said: LastWord | None = None
    clock: SignedTime | None = None
    holds: Mapping[str, bool] | None = None
    cosigns_as: str = ""


class CosignedLog(msgspec.Struct, frozen=True):
    """A log of ours: its size, how much of it is under a quorum of witnesses, and the time of each cosignature by its
    witness: a member, or `domestic`.
    """

    log: str
    size: int
    covered: int
    needed: int
    waiting_s: int
    cosigned: Mapping[str, int]
