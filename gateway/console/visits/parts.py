"""The parts of the console, handed in by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.clock import Clock
from gateway.console.frame.jobs import Jobs
from gateway.console.login.parts import LoginParts
from gateway.desk.worklist.uses import DeskUses
from gateway.model.names import MemberId
from gateway.ops.console.administration import Administration
from gateway.ops.console.outline import Outline
from gateway.ops.mandate.acts import AuditorActs
from gateway.ops.mandate.placed import Places
from gateway.ops.members.neighbours import Neighbourhood
from gateway.ports.officers import Searches


@dataclass(frozen=True, slots=True)
class Counterpart:
    """A counterpart that can be asked: the kinds of queries that it takes, and which of our offices face it."""

    member: MemberId
    queries: frozenset[str]
    faced_by: frozenset[str]


@dataclass(frozen=True, slots=True)
class AuditParts:
    """The parts of the auditors' pages. `exports` is the folder of exports, `members` lists the other members."""

    folder: Path
    exports: Path
    acts: AuditorActs
    places: Places
    jobs: Jobs
    members: Callable[[], Sequence[str]]


@dataclass(frozen=True, slots=True)
class ConsoleParts:
    """The parts of the console.

    `counterparts` are those that can be asked now, by their documents. `members` and `health` tell what the REST API
    tells, and `neighbours` what our people must know of each counterpart. `admin` is how the node is kept. `offices`
    are those of each active member, ours among them; `outline` is what maps are drawn over. `refused` notes the code of
    a refusal; `failed` gets an error that is none, which ends the process where storage broke.
    """

    member: str
    clock: Clock
    login: LoginParts
    searches: Searches
    desk: DeskUses
    audit: AuditParts
    counterparts: Callable[[], Sequence[Counterpart]]
    members: Callable[[], Awaitable[dict[str, Any]]]
    neighbours: Callable[[], Awaitable[Neighbourhood]]
    health: Callable[[], dict[str, Any]]
    offices: Callable[[], dict[str, tuple[str, ...]]]
    outline: Outline
    admin: Administration
    refused: Callable[[str], None]
    failed: Callable[[BaseException], None]

    @property
    def known_devices(self) -> bool:
        """Tell whether a device needs a certificate of ours."""
        return self.login.settings.device_certificate
