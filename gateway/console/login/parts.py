"""The parts of sign-in, handed in by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import Response

from gateway.clock import Clock
from gateway.config import TrialOfficer
from gateway.config.sections.console import Console
from gateway.console.frame.page import Page
from gateway.console.login.guard import Guard
from gateway.console.login.provider import Provider
from gateway.desk.evidence.passkeys import PasskeyBook
from gateway.desk.people.directory import People
from gateway.https.client_certificate import ClientSystem
from gateway.ports.documents import DocumentStore
from gateway.ports.journal import EntryDraft
from gateway.ports.officers import OfficerCheck
from gateway.ports.sessions import SessionStore


class Way(StrEnum):
    """A way to sign in."""

    OIDC = "oidc"
    PASSKEY = "passkey"
    CARD = "card"
    TRIAL = "trial"


@dataclass(frozen=True, slots=True)
class LoginParts:
    """Holds what sign-in works with.

    `system` is the console as a calling system: the name and thumbprint of its own client certificate, to which each
    officer token is bound. `issue` returns an officer token of the node's own for a person who signed in without the
    identity provider; it raises for a person who may not have one. `note` writes an entry, durable when it returns;
    `refused` counts a sign-in that failed, by code and detail. `show` draws a page. `is_withdrawn` tells whether a
    device's certificate is switched off. `rp_id` is the domain of passkeys. `require_storage` raises while the database
    is away: who comes then is refused, and waits no unknown time.
    """

    member: str
    settings: Console
    origin: Callable[[], str]
    rp_id: str
    clock: Clock
    guard: Guard
    sessions: SessionStore
    documents: DocumentStore
    passkeys: PasskeyBook
    people: People
    tokens: OfficerCheck
    system: Callable[[], ClientSystem]
    issue: Callable[[Way, str], str]
    trial_officers: Callable[[], Sequence[TrialOfficer]]
    provider: Provider | None
    is_withdrawn: Callable[[str, str], bool]
    note: Callable[[EntryDraft], Awaitable[object]]
    refused: Callable[[str, str], None]
    show: Callable[[Request, Page], Response]
    require_storage: Callable[[], None]

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways to sign in that the settings allow, in their order."""
        return tuple(Way(name) for name in self.settings.login)

    def has(self, way: Way) -> bool:
        """Tell whether the settings allow this way."""
        return way.value in self.settings.login


def parts_of(request: Request) -> LoginParts:
    """Return the parts of the console that serves this request."""
    found: LoginParts = request.app.state.login
    return found
