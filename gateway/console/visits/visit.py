"""A visit: one request of one person who is signed in."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from gateway.console.login.parts import Way
from gateway.console.login.sessions import Signed
from gateway.desk.acting.parts import Actor
from gateway.language.languages import Language
from gateway.model.desk.work import Role
from gateway.model.requester import Officer
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
