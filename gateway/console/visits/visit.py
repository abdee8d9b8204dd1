"""Define a visit, one request of one person who is signed in, and the parts of the console that it meets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request

from gateway.clock import Clock
from gateway.console.frame.jobs import Jobs
from gateway.console.login.sessions import LoginParts, Signed, Way
from gateway.desk.acting.parts import Actor
from gateway.desk.worklist.uses import DeskUses
from gateway.language.languages import Language
from gateway.model.desk.work import Role
from gateway.model.names import MemberId
from gateway.model.requester import Officer
from gateway.ops.console.administration import Administration
from gateway.ops.console.outline import Outline
from gateway.ops.mandate.acts import AuditorActs
from gateway.ops.mandate.placed import Places
from gateway.ops.members.neighbours import Neighbourhood
from gateway.ports.officers import Searches
from gateway.ports.sessions import Remembered


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a person, proved by an officer token for this very request, at a moment (µs since 1970)."""

    request: Request
    who: Signed
    now_us: int

    @property
    def language(self) -> Language:
        """The language of the person."""
        return Language(self.who.session.language)

    @property
    def officer(self) -> Officer:
        """The officer who acts."""
        return self.who.officer

    @property
    def actor(self) -> Actor:
        """The officer with the roles of the lists."""
        return Actor(self.who.officer, self.who.person)

    @property
    def roles(self) -> frozenset[Role]:
        """The roles of the person at the desk."""
        return self.who.person.roles

    @property
    def remembered(self) -> Remembered:
        """The basis under which the person asks during this shift."""
        return self.who.session.remembered

    @property
    def is_trial(self) -> bool:
        """Tell whether the person signed in without proving who it is."""
        return self.who.session.way == Way.TRIAL

    def part(self, name: str) -> str:
        """Return a part of the path."""
        return str(self.request.path_params[name])

    def query(self, name: str) -> str:
        """Return the first value of a parameter of the query; an empty text without one."""
        return str(self.request.query_params.get(name, ""))


# ------------------------------------------------------------ parts, handed in by the composition root


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
    a refusal; `failed` gets any other error, and ends the process where storage broke.
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
