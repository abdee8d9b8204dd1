"""The checks of a home's private keys and their certificates."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from cryptography.x509 import Certificate

from certs.hsm.places import has_key, key_places
from certs.keyfiles import check_key, key_id, load_key, public_key, spki
from certs.profile import Leaf, check_issued, read_ca, read_leaf
from gateway.config import argument
from gateway.errors import LiaisonError, Misconfigured
from gateway.model.names import member_id
from gateway.ops.finding import CheckContext, Finding, failed, good, stop, warn
from gateway.ops.keys.files import use_of_file
from gateway.ops.keys.guests import guest_places
from gateway.ops.keys.online import exchange_certificate
from gateway.ops.keys.rotation import Rotations
from gateway.ops.keys.status import days_left as listed_days
from gateway.ops.keys.steps import Standing
from gateway.ports.holders import NoneKnown
from gateway.trust.ceremony.key_request import ONLINE_CA

WARN_DAYS = 30
"""A certificate or document with fewer days left is a warning."""

_PLAIN_KEYS = ("log", "witness")
_CERTIFIED_KEYS = ("tls", "statement")
_KEYS_OF_COMMANDS = ("status", "client-cli")
"""Certified keys that commands of the home use; a node serves without them."""


def made_by(context: CheckContext, name: str = "") -> str:
    """Return the command that makes what is missing; an agency must be named for its own key.

    A node in production may hold none: the key is made where the source runs.
    """
    if context.production and name.startswith("agency-"):
        return (
            f"run the source in the agency: `liaison source init --agency {name.removeprefix('agency-')}` and `serve`"
        )
    agency = f" --agency {name.removeprefix('agency-')}" if name.startswith("agency-") else ""
    home = f"--member {context.settings.node.member} --home {argument(context.home.path)}"
    return f"liaison init {home} --authority ADIR{agency} (ADIR: the folder with authority.key)"


def published_by(context: CheckContext, *, renewing: bool = False, agencies: Sequence[str] = ()) -> str:
    """Return the command that publishes: a status needs only the home, a descriptor also the authority."""
    parts = [f"liaison trust publish --home {argument(context.home.path)}"]
    parts += [] if renewing else ["--authority ADIR"]
    parts += [f"--agency {name}" for name in agencies]
    command = " ".join(parts)
    return command if renewing else f"{command} (ADIR: the folder with authority.key)"


def agency_keys(context: CheckContext) -> list[str]:
    """Return the names of the agencies' keys that this node holds, or should hold for its sources."""
    needed = {f"agency-{source.agency}" for source in context.settings.sources if not source.is_process}
    return sorted(needed | {place.stem for place in key_places(context.home.keys, "agency-*")})


def days_left(context: CheckContext, end_us: int) -> int:
    """Return the days until a time."""
    return (end_us - context.clock.now_us()) // 86_400_000_000


def check_keys(context: CheckContext) -> list[Finding]:
    """Check that every private key is there, admitted, and readable by its owner only."""
    there = {place.stem for place in key_places(context.home.keys)}
    names = {*_PLAIN_KEYS, *_CERTIFIED_KEYS, *agency_keys(context), *there}
    findings = _keys(context, "keys", sorted(names))
    return findings or [good("keys", f"{len(names)} private keys are there and readable by their owner only")]


def _keys(context: CheckContext, check: str, names: Sequence[str]) -> list[Finding]:
    findings = []
    for name in names:
        try:
            check_key(context.home.key(name))
        except LiaisonError as error:
            findings.append(stop(check, error.message, _again(context, name, error), error.where, error.code))
    return findings


def _again(context: CheckContext, name: str, error: LiaisonError) -> str:
    """Return the way to a key that can be used. A new one cannot go on with a log that the lost one signed."""
    if name == "log" and any(context.home.highwater.glob("*-*")) and error.code in ("no-key-file", "bad-key-file"):
        return "put back your copy of it: the logs of this home can only go on with the key that signed their heads"
    if error.code == "no-key-file" and not has_key(context.home.key(name)):
        return made_by(context, name)
    if error.code in ("no-key-file", "bad-key-file"):
        pair = f"{name}.key and {name}.pem" if context.home.certificate(name).exists() else f"{name}.key"
        return f"put back your copy of it; without one move {pair} away, then {made_by(context, name)}"
    return error.remedy or made_by(context, name)


def check_certificates(context: CheckContext) -> list[Finding]:
    """Check that each certificate fits its key and profile, comes from our CA, and has days left."""
    names = (*_CERTIFIED_KEYS, *agency_keys(context))
    findings, days = _certified(context, "certificates", names)
    findings += [*_online_ca(context), *_persons(context)]
    return findings or [good("certificates", f"{len(days)} certificates, at least {min(days)} days left")]


def _online_ca(context: CheckContext) -> list[Finding]:
    """Return a warning of an online CA that the descriptor does not list, or that ends soon.

    A key or document that cannot be read is told by its own check.
    """
    key = context.home.key(ONLINE_CA)
    if not has_key(key):
        return []
    with suppress(LiaisonError):
        view = context.trust
        member, identity = member_id(context.settings.node.member), key_id(spki(public_key(key)))
        standing = Standing(member, view, NoneKnown(), context.clock.now_us())
        home = argument(context.home.path)
        remedy = f"liaison cert online-ca --home {home} --authority ADIR (ADIR: the folder with authority.key)"
        if not standing.may_be_lengthened(identity):
            remedy = f"liaison cert rotate online-ca --home {home} --authority ADIR"
        listed = standing.listed(identity) if standing.version else None
        if listed is None or not standing.is_usable(identity):
            return [warn("certificates", "the online CA is not listed, or not any more: it renews nothing", remedy)]
        left = days_left(context, listed.stop_us)
        if left < WARN_DAYS:
            return [warn("certificates", f"the online CA has {left} days left", remedy)]
    return []


def _persons(context: CheckContext) -> list[Finding]:
    """Return a warning of each key of a person whose listing ends soon, and that no other one replaces.

    Documents are told by their own check.
    """
    findings = []
    with suppress(LiaisonError):
        view = context.trust
        standing = Standing(member_id(context.settings.node.member), view, NoneKnown(), context.clock.now_us())
        rotations = Rotations(context.home)
        for file in guest_places(context.home):
            left = listed_days(context.home, file, standing)
            if left is not None and left < WARN_DAYS and rotations.of(file) is None:
                use, place = use_of_file(file), argument(context.home.path)
                remedy = (
                    f"liaison cert renew {use} --home {place} --authority ADIR (ADIR: the folder with authority.key)"
                )
                findings.append(warn("certificates", f"the key of {use} has {left} days left", remedy))
    return findings


def check_commands(context: CheckContext) -> list[Finding]:
    """Check the keys and certificates of the home's own commands: renewing the status, calling the node."""
    missing = [name for name in _KEYS_OF_COMMANDS if not has_key(context.home.key(name))]
    findings = _keys(context, "commands", missing)
    return findings or _certified(context, "commands", _KEYS_OF_COMMANDS)[0]


def _certified(context: CheckContext, check: str, names: Sequence[str]) -> tuple[list[Finding], list[int]]:
    """Return the findings of the certificates of these keys, and the days that each has left."""
    try:
        authority = read_ca(_bytes(context.home.ca, made_by(context)))
    except LiaisonError as error:
        return [_unusable(context, check, context.home.ca, error)], []
    findings, days = [], []
    for name in names:
        try:
            found, left = _pair(context, check, name, authority)
        except LiaisonError as error:
            findings.append(_unusable(context, check, context.home.certificate(name), error, name))
        else:
            findings += found
            days.append(left)
    return findings, days


def _unusable(context: CheckContext, check: str, file: Path, error: LiaisonError, name: str = "") -> Finding:
    """Return the finding of a certificate that cannot be used, or of a key that another check tells as well."""
    again = f"put back your copy of it; without one move it away, then {made_by(context, name)}"
    found = failed(check, error, again)
    return found if error.where else replace(found, text=f"{file}: {found.text}", where=str(file))


def _pair(context: CheckContext, check: str, name: str, authority: Certificate) -> tuple[list[Finding], int]:
    """Return the findings of the certificate of a key, and the days that it has left."""
    file, settings, findings = context.home.certificate(name), context.settings, []
    leaf = read_leaf(_bytes(file, made_by(context, name)))
    start, end = check_issued(leaf, [authority])
    if not _belongs(leaf, context.home.key(name)):
        findings.append(stop(check, "is for another key", "restore the pair of key and certificate", str(file)))
    if leaf.name.member != settings.node.member:
        findings.append(stop(check, f"is for `{leaf.name.member}`", "use this member's own home", str(file)))
    elif name == "tls" and leaf.name.name != settings.node.name:
        text = f"{file}: is for the node `{leaf.name.name}`, and the settings say `{settings.node.name}`"
        findings.append(warn(check, text, f'set node.name = "{leaf.name.name}": others know the node by it'))
    left = days_left(context, end)
    return findings + _life(context, check, f"{name}.pem", start, left), left


def _belongs(leaf: Leaf, key: Path) -> bool:
    return leaf.spki == spki(load_key(key).public_key())


def _life(context: CheckContext, check: str, name: str, start_us: int, days: int) -> list[Finding]:
    if context.clock.now_us() < start_us:
        return [stop(check, f"{name} is not valid yet", "check the clock")]
    use, place = use_of_file(name.removesuffix(".pem")), argument(context.home.path)
    remedy = f"liaison cert renew {use} --home {place} --authority ADIR (ADIR: the folder with authority.key)"
    if days < 0 and name == "tls.pem" and exchange_certificate(context.home) != context.home.certificate("tls"):
        return [warn(check, "tls.pem has expired: sources and agency systems refuse it, counterparts do not", remedy)]
    if days < 0:
        return [stop(check, f"{name} has expired", remedy)]
    return [warn(check, f"{name} has {days} days left", remedy)] if days < WARN_DAYS else []


def _bytes(file: Path, remedy: str) -> bytes:
    try:
        return file.read_bytes()
    except PermissionError:
        raise
    except OSError as error:
        advice = remedy if isinstance(error, FileNotFoundError) else "put back your copy of it; it is no file now"
        raise Misconfigured(
            "cannot be read: {strerror}", where=str(file), remedy="{advice}", strerror=error.strerror, advice=advice
        ) from error
