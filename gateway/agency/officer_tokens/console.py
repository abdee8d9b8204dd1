"""Issue officer tokens to persons who signed in at the console without the country's identity provider.

A token is bound to the console's own client certificate, and says of its person what the list of persons says now; in
trials, what `[[trial_officer]]` does.
"""

from __future__ import annotations

from collections.abc import Callable

from certs.keyfiles import create_key
from certs.profile import read_leaf
from gateway.agency.officer_tokens.issuer import ConsoleIssuer, HomeIssuer, Profile, TrialIssuer
from gateway.clock import Clock
from gateway.config import TOKEN_ISSUER, Home, Settings
from gateway.config.home import CONSOLE_CERTIFICATE, CONSOLE_ISSUER
from gateway.desk.people.directory import People
from gateway.desk.people.persons import Person
from gateway.errors import Misconfigured, Unauthenticated
from gateway.model.desk.work import Role


def make_console_key(settings: Settings) -> None:
    """Make the key of the console's issuer where the settings need it and the home has none."""
    file = Home(settings.home).key(CONSOLE_ISSUER)
    if settings.issues_tokens and not file.exists():
        try:
            create_key(file)
        except Misconfigured:  # another process of this home was first
            if not file.exists():
                raise


class HomeTokens:
    """The issuers of one home. Thread-safe; keys, lists and settings are those of the moment."""

    def __init__(self, settings: Callable[[], Settings], people: People, clock: Clock) -> None:
        self._settings = settings
        self._people = people
        self._clock = clock

    def issue_trial(self, person: str) -> str:
        """Return a token for an officer for trials. Raises `Unauthenticated` for any other person."""
        settings = self._settings()
        for one in settings.trial_officers:
            if one.id == person:
                issuer = TrialIssuer.load(self._home.key(TOKEN_ISSUER), settings.node.member, self._clock)
                return self._issue(issuer, Profile(person, one.role, one.office, one.agency, one.purposes))
        raise _not_listed("no officer for trials")

    def issue_listed(self, person: str) -> str:
        """Return a token for a person of the list. Raises `Unauthenticated` for a person whom it gives none."""
        listed = self._people.person(person)
        if listed is None:
            raise _not_listed("not in the list of persons")
        if not listed.purposes:
            raise _not_listed("without a purpose in the list of persons")
        issuer = ConsoleIssuer.load(self._home.key(CONSOLE_ISSUER), self._settings().node.member, self._clock)
        purposes = tuple(purpose.value for purpose in listed.purposes)
        return self._issue(issuer, Profile(person, policy_role(listed), listed.office, listed.agency, purposes))

    def _issue(self, issuer: HomeIssuer, profile: Profile) -> str:
        file = self._home.certificate(CONSOLE_CERTIFICATE)
        try:
            return issuer.issue(profile, read_leaf(file.read_bytes()).der)
        except OSError as error:
            raise Misconfigured("cannot be read", where=str(file), remedy="run `liaison init` again") from error

    @property
    def _home(self) -> Home:
        return Home(self._settings().home)


def policy_role(person: Person) -> str:
    """Return the role on which policy decides: as the list says, else the nearest one to the roles at the desk."""
    if person.policy_role:
        return person.policy_role
    if Role.SUPERVISOR in person.roles:
        return "supervisor"
    return "officer" if person.roles == {Role.OFFICER} else "desk-officer"


def _not_listed(why: str) -> Unauthenticated:
    return Unauthenticated(
        "the node issues no officer token to this person: {why}",
        code="not-listed",
        where="people/persons.csv",
        remedy="the supervisor enters the person, with purposes",
        why=why,
    )
