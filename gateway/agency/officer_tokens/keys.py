"""Keys of officer tokens, and the check of a token that an officer hands in at the machine itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from certs.profile import read_leaf
from gateway.agency.officer_tokens.fetch import RevocationFetch
from gateway.agency.officer_tokens.issuer import TRIAL_KEY, ConsoleIssuer, TrialIssuer
from gateway.agency.officer_tokens.revocations import Revocations
from gateway.agency.officer_tokens.tokens import OfficerTokens, load_token_key
from gateway.clock import Clock
from gateway.config import COMMAND_CERTIFICATE, TOKEN_ISSUER, Home, Settings, Suspensions
from gateway.config.home import CONSOLE_ISSUER
from gateway.desk.people.directory import People
from gateway.errors import Misconfigured, Unauthenticated
from gateway.model.names import member_id
from gateway.model.requester import Officer
from gateway.signing.jws import PublicKey


def token_keys(settings: Settings, clock: Clock, production: bool) -> dict[str, PublicKey]:
    """Return the keys of officer tokens: those of the settings, and of the home's own issuers (console, trials).

    Raises `Misconfigured` for a trial issuer in production.
    """
    keys = {key.id: load_token_key(settings.path(key.file)) for key in settings.token_keys}
    home, member = Home(settings.home), member_id(settings.node.member)
    own = home.key(CONSOLE_ISSUER)
    if settings.issues_tokens and own.exists():
        console = ConsoleIssuer.load(own, member, clock)
        keys[console.kid] = console.public_key
    trial = home.key(TOKEN_ISSUER)
    if trial.exists():
        if production:
            raise Misconfigured(
                "the trial issuer of officer tokens is not for production",
                where=str(trial),
                remedy="name the country's identity provider under [[token_key]] and remove this key",
            )
        keys[TRIAL_KEY] = TrialIssuer.load(trial, member, clock).public_key
        for file in (trial, home.next_key(TOKEN_ISSUER), home.key_before(TOKEN_ISSUER)):  # also while it is rotated
            if file.exists():
                issuer = TrialIssuer.load(file, member, clock)
                keys[issuer.kid] = issuer.public_key
    return keys


def revocations(settings: Settings, clock: Clock, keys: Callable[[], Mapping[str, PublicKey]]) -> Revocations:
    """Return the revocations of a home; the list that it holds counts from the start on."""
    named = settings.tokens.revocations
    made = Revocations(
        settings.node.member,
        settings.home,
        keys,
        clock,
        settings.path(named) if named else None,
        required=settings.tokens.require_revocations,
    )
    made.start()
    return made


def revocation_fetch(settings: Settings, clock: Clock, take: Callable[[bytes], object]) -> RevocationFetch | None:
    """Return the fetch of the list from the address in the settings, for `take`; None where they name none."""
    url, ca = settings.tokens.revocations_url, settings.tokens.revocations_ca
    return RevocationFetch(url, settings.path(ca), take, clock) if url else None


def handed_in(
    settings: Settings, clock: Clock, tokens: OfficerTokens | None = None, off: Suspensions | None = None
) -> Callable[[str], Officer]:
    """Return the check of tokens that are handed in at the machine; without `tokens` each check reads the keys.

    `off` are the switches that count in a running node; without them each line of the file counts.
    """
    switches = off or Suspensions(Home(settings.home).suspensions, clock.monotonic)

    def check(token: str) -> Officer:
        reader = tokens or _reader(settings, clock)
        certificate = Home(settings.home).certificate(COMMAND_CERTIFICATE)
        try:
            pem = certificate.read_bytes()
        except OSError as error:
            raise Misconfigured("cannot be read", where=str(certificate), remedy="run `liaison init` again") from error
        leaf = read_leaf(pem)
        if switches.is_withdrawn(leaf.name.name, leaf.thumbprint):
            remedy = "liaison doctor says what is switched off"
            raise Unauthenticated("this system or its certificate is withdrawn", code="client-withdrawn", remedy=remedy)
        return reader.verify(token, leaf.thumbprint, COMMAND_CERTIFICATE)

    return check


def _reader(settings: Settings, clock: Clock) -> OfficerTokens:
    keys = token_keys(settings, clock, settings.node.production)
    revoked = revocations(settings, clock, lambda: keys)
    revoked.read_frozen()
    people = people_of(settings, clock)
    return OfficerTokens(
        people.member, keys, clock, lambda: 0, refusing(revoked, people), people.tell, people.tell_training
    )


def people_of(settings: Settings, clock: Clock) -> People:
    """Return the persons and duty lists of a home. Raises `Misconfigured` for lists that cannot be read."""
    required = settings.tokens.require_training
    people = People(Home(settings.home).people, member_id(settings.node.member), clock, required=required)
    people.look()
    return people


def refusing(revoked: Revocations, people: People) -> Callable[[str, bytes], None]:
    """Return what raises for an officer who was revoked, and for one whose training has run out."""

    def refuse(person: str, digest: bytes) -> None:
        revoked.refuse(person, digest)
        people.refuse(person)

    return refuse
