"""Make trial tokens for the command line; in production an identity provider makes them."""

from __future__ import annotations

from gateway.agency.officer_tokens.issuer import Profile, TrialIssuer
from gateway.cli.client import client_certificate
from gateway.clock import SystemClock
from gateway.config import Home, Settings
from gateway.errors import Misconfigured


def trial_token(settings: Settings, person: str, *, role: str, office: str, agency: str, purpose: str) -> str:
    """Return a token for an officer of `[[trial_officer]]` or of the flags. Raises `Misconfigured` for another."""
    home = Home(settings.home)
    if settings.node.production:
        raise Misconfigured(
            "the officer `{person}` is not listed for trials",
            code="unknown-officer",
            where="--as",
            remedy="in production give --token FILE, or ask by your own system or the console",
            person=person,
        )
    issuer = TrialIssuer.load(home.key("token-issuer"), settings.node.member, SystemClock())
    return issuer.issue(_profile(settings, person, role, office, agency, purpose), client_certificate(home))


def _profile(settings: Settings, person: str, role: str, office: str, agency: str, purpose: str) -> Profile:
    for listed in settings.trial_officers:
        if listed.id == person:
            return Profile(
                person, role or listed.role, office or listed.office, agency or listed.agency, listed.purposes
            )
    if not (role and office and agency):
        known = ", ".join(listed.id for listed in settings.trial_officers) or "none"
        raise Misconfigured(
            "the officer `{person}` is not listed for trials",
            code="unknown-officer",
            where="node.toml [[trial_officer]]",
            remedy="listed: {known}; or give --role, --office and --agency",
            person=person,
            known=known,
        )
    return Profile(person, role, office, agency, (purpose,))
