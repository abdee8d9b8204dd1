"""Check what the console needs: its own certificate, ways to sign in, and who may sign in by them."""

from __future__ import annotations

from urllib.parse import urlsplit

from certs.profile import read_leaf
from gateway.clock import DAY_US
from gateway.config import Settings, argument
from gateway.config.home import CONSOLE_CERTIFICATE, CONSOLE_TLS
from gateway.desk.people.lists import PERSONS, read_lists
from gateway.errors import LiaisonError, Misconfigured
from gateway.ops.console.outline import read_outline
from gateway.ops.doctor.key_checks import WARN_DAYS, made_by
from gateway.ops.finding import CheckContext, Finding, good, stop, warn

_NAME = "console"


def check_console(context: CheckContext) -> list[Finding]:
    """Check the settings of the console, where there is one; none is good as well."""
    settings, home = context.settings, context.home
    if not settings.listen.console:
        return []
    findings = []
    if not (home.certificate(CONSOLE_CERTIFICATE).exists() and home.key(CONSOLE_CERTIFICATE).exists()):
        text = "the console has no certificate of its own, to which its officers' tokens are bound"
        findings.append(stop(_NAME, text, made_by(context), str(home.certificate(CONSOLE_CERTIFICATE))))
    findings += _certificate(context)
    if not settings.console.login:
        findings.append(stop(_NAME, "there is no way to sign in", "name one in console.login", "console.login"))
    if "trial" in settings.console.login:
        make = stop if context.production else warn
        text = "the trial sign-in lets anybody in as any officer for trials"
        findings.append(make(_NAME, text, "in production remove `trial` from console.login"))
    findings += _provider(settings) + _people(context) + _outline(settings)
    if not settings.console.device_certificate:
        text = "every device gets the pages of sign-in, also one without a certificate"
        findings.append(warn(_NAME, text, "certify the devices (`liaison cert client`), and set it to true"))
    if "card" in settings.console.login:
        text = "a card's certificate alone proves less of its person than a passkey or the identity provider"
        findings.append(warn(_NAME, text, "prefer passkeys: liaison passkey enrol"))
    return findings or [good(_NAME, f"people sign in by {', '.join(settings.console.login)}")]


def _certificate(context: CheckContext) -> list[Finding]:
    """Find a certificate that browsers do not take: for another host, or near its end."""
    settings, file = context.settings, context.home.certificate(CONSOLE_TLS)
    host = urlsplit(settings.console.origin).hostname or "localhost"
    home = argument(context.home.path)
    remedy = f"liaison cert console {host} --home {home} --authority ADIR (ADIR: the folder with ca.key)"
    if not (file.exists() and context.home.key(CONSOLE_TLS).exists()):
        return [stop(_NAME, "the console has no certificate towards browsers", remedy, str(file))]
    leaf = read_leaf(file.read_bytes())
    findings = []
    if leaf.name.dns != host:
        text = f"the certificate is for `{leaf.name.dns}`, and browsers reach the pages at `{host}`: they refuse it"
        findings.append(warn(_NAME, text, remedy, str(file)))
    days = (leaf.stop_us - context.clock.now_us()) // DAY_US
    if days < 0:
        findings.append(stop(_NAME, "the certificate towards browsers has expired", remedy, str(file)))
    elif days < WARN_DAYS:
        findings.append(warn(_NAME, f"the certificate towards browsers has {days} days left", remedy, str(file)))
    return findings


def _provider(settings: Settings) -> list[Finding]:
    if "oidc" not in settings.console.login:
        return []
    findings = []
    if not settings.path(settings.oidc.ca).is_file():
        findings.append(stop(_NAME, "there is no such file", "name the CA of the provider's server", "oidc.ca"))
    if not settings.token_keys:
        text = "no key of the identity provider is listed, so that none of its tokens counts"
        findings.append(stop(_NAME, text, "list its keys as [[token_key]]"))
    return findings


def _outline(settings: Settings) -> list[Finding]:
    """Find a country's own outline of the map that cannot be drawn: the node would not start."""
    if not settings.console.outline:
        return []
    try:
        read_outline(settings.path(settings.console.outline))
    except Misconfigured as error:
        return [stop(_NAME, error.message, f"{error.remedy}: [console] outline", error.where)]
    return []


def _people(context: CheckContext) -> list[Finding]:
    """Find that the node could issue a token to no person; lists with a mistake are a finding of another check."""
    if not context.settings.issues_tokens:
        return []
    try:
        persons = read_lists(context.home.people, context.settings.node.member).persons
    except LiaisonError:
        return []
    if any(one.purposes for one in persons.values()):
        return []
    text = "no person of the list has purposes, so that nobody gets in by a passkey or a card"
    remedy = "add the column `purposes` and fill it for those who sign in at the console"
    return [warn(_NAME, text, remedy, f"{context.home.people.name}/{PERSONS}")]
