"""The checks of a home that need no network: keys, certificates, clock, database, sources, policy, charter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from adapters.check.probe import probe
from adapters.load import Place
from adapters.mapping.file import load_mapping
from certs.hsm.places import has_key, key_places
from certs.keyfiles import check_key, key_id, load_key, spki
from certs.ownership import ownership_faults
from certs.profile import Leaf, check_issued, read_ca, read_leaf
from gateway.clock import SystemClock, from_us
from gateway.config import PACKAGED_POLICY, Settings, Suspensions, argument
from gateway.errors import LiaisonError, Misconfigured
from gateway.ops.acts.switches import options_of
from gateway.ops.doctor.finding import Check, CheckContext, Finding, failed, good, stop, warn
from gateway.ops.doctor.key_checks import check_module, check_signatures, keys_in_module
from gateway.ops.doctor.listed_sources import check_listed_sources
from gateway.ops.doctor.name_checks import check_names
from gateway.ops.doctor.release_checks import check_release
from gateway.ops.doctor.source_processes import check_processes
from gateway.ops.doctor.storage_checks import was_never_served
from gateway.ops.doctor.witness_checks import check_domestic, check_witnesses
from gateway.ops.policy.keeper import PolicyKeeper
from gateway.trust.documents.charter import check_expiry
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.keeper import TrustKeeper
from gateway.trust.view import TrustView
from policy.bundle.agreements import Agreements

WARN_DAYS = 30
"""A certificate or document with fewer days left is a warning."""

_PLAIN_KEYS = ("log", "witness")
_CERTIFIED_KEYS = ("tls", "statement")
_KEYS_OF_COMMANDS = ("status", "client-cli")
"""Certified keys that commands of the home use; a node serves without them."""

_INIT = "run `liaison init` again with the same arguments: it makes what is missing and keeps the rest"
_EXPECTED = "`liaison adapter check` with the mapping and --url shows what is there; mend the mapping or its [[expect]]"
_CLOCK_TOLERANCE = timedelta(minutes=2)


def check_folder(context: CheckContext) -> list[Finding]:
    """Check that the folders are there, that only their owner can write in them, and that the keystore lies apart."""
    home, keystore = context.home, context.settings.keystore
    needed = (home.path, home.keys) if was_never_served(context) else (home.path, home.keys, keystore)
    missing = [folder for folder in needed if not folder.is_dir()]
    findings = [stop("folder", "there is no such folder", _INIT, str(folder)) for folder in missing]
    findings += [
        stop("folder", fault.message, fault.remedy, fault.where)
        for fault in ownership_faults((home.keys, home.trust, keystore))
        if fault.code != "key-readable" or Path(fault.where).parent != home.keys  # those are findings of `check_keys`
    ]
    if context.settings.keystore == context.home.path:
        findings.append(stop("folder", "the keystore is not apart from the database", "set storage.keystore"))
    return findings or [good("folder", "folders are there, and others cannot write in them")]


def check_keys(context: CheckContext) -> list[Finding]:
    """Check that every private key is there, admitted, and readable by its owner only."""
    there = {place.stem for place in key_places(context.home.keys)}
    names = {*_PLAIN_KEYS, *_CERTIFIED_KEYS, *_agency_keys(context), *there}
    findings = _keys(context, "keys", sorted(names))
    return findings or [good("keys", f"{len(names)} private keys are there and readable by their owner only")]


def _keys(context: CheckContext, check: str, names: Sequence[str]) -> list[Finding]:
    findings = []
    for name in names:
        try:
            check_key(context.home.key(name))
        except LiaisonError as error:
            remedy = _made_by(context, name) if error.code == "no-key-file" else error.remedy or _INIT
            findings.append(stop(check, error.message, remedy, error.where, error.code))
    return findings


def check_certificates(context: CheckContext) -> list[Finding]:
    """Check that each certificate fits its key and profile, comes from our CA, and has days left."""
    names = (*_CERTIFIED_KEYS, *_agency_keys(context))
    findings, days = _certified(context, "certificates", names)
    return findings or [good("certificates", f"{len(days)} certificates, at least {min(days)} days left")]


def check_commands(context: CheckContext) -> list[Finding]:
    """Check the keys and certificates of the home's own commands: renewing the status, calling the node."""
    missing = [name for name in _KEYS_OF_COMMANDS if not has_key(context.home.key(name))]
    findings = _keys(context, "commands", missing)
    return findings or _certified(context, "commands", _KEYS_OF_COMMANDS)[0]


def _certified(context: CheckContext, check: str, names: Sequence[str]) -> tuple[list[Finding], list[int]]:
    """Return the findings of the certificates of these keys, and the days that each has left."""
    findings = []
    authority = read_ca(_bytes(context.home.ca))
    days = []
    for name in names:
        file = context.home.certificate(name)
        leaf = read_leaf(_bytes(file, _made_by(context, name)))
        start, end = check_issued(leaf, [authority])
        if not _belongs(leaf, context.home.key(name)):
            findings.append(stop(check, "is for another key", "restore the pair of key and certificate", str(file)))
        if leaf.name.member != context.settings.node.member:
            findings.append(stop(check, f"is for `{leaf.name.member}`", "use this member's own home", str(file)))
        left = _days(context, end)
        days.append(left)
        findings += _life(context, check, f"{name}.pem", start, left)
    return findings, days


def check_clock(context: CheckContext) -> list[Finding]:
    """Check that the system's clock agrees with what was written and signed before."""
    now_us = context.clock.now_us()
    newest = max(
        (file.stat().st_mtime for file in (context.home.settings, context.home.ca) if file.exists()), default=0
    )
    ahead = timedelta(seconds=newest) - timedelta(microseconds=now_us)
    if ahead > _CLOCK_TOLERANCE:
        text = f"the clock is behind: files of this home are from {ahead} in the future"
        return [stop("clock", text, "set the clock and keep it set with NTP (chrony)")]
    return [good("clock", f"it is {from_us(now_us).strftime('%Y-%m-%d %H:%M:%S')} UTC")]


def other_names(settings: Settings, number: int) -> list[Finding]:
    """Find names of a source that differ from its mapping: the node does not start with them."""
    source, findings = settings.sources[number], []
    mapping = load_mapping(settings.path(source.mapping))
    for name, said, mapped in (("id", source.id, mapping.id), ("agency", source.agency, mapping.agency)):
        if said != mapped:
            place = settings.origin[f"source.{number}.{name}"]
            text = f"the mapping has the {name} `{mapped}`, and the settings `{said}`"
            findings.append(stop("sources", text, f"give both the same {name}: the node will not start", place))
    return findings


def check_sources(context: CheckContext) -> list[Finding]:
    """Check that each source's mapping fits its system and settings, and that it can be asked. No index is built."""
    settings, findings, promised = context.settings, [], []
    ours = [source for source in settings.sources if not source.is_process]
    for number, source in enumerate(settings.sources):
        if source.is_process:
            continue
        where = settings.origin[f"source.{number}.id"]
        findings += other_names(settings, number)
        access = settings.path(source.access) if source.access else None
        url = settings.source_url(source)
        try:
            probed = probe(Place(settings.path(source.mapping), url, context.home.index, context.clock, access=access))
            promised += [source.id] if probed.is_promised else []
            findings += [
                warn("sources", f"`{source.id}`: {each.message} ({each.where})", _EXPECTED) for each in probed.unmet
            ]
        except LiaisonError as error:
            remedy, place = error.remedy or "check its system and account", error.where or where
            findings.append(stop("sources", f"`{source.id}`: {error.message}", remedy, place))
    if not settings.sources:
        return [
            warn("sources", "no source is set: every question ends as not searched", "add a [[source]] to node.toml")
        ]
    kept = f"; only a promise keeps the account of {', '.join(promised)} from writing" if promised else ""
    return findings or ([good("sources", f"{len(ours)} can be asked{kept}")] if ours else [])


def check_policy(context: CheckContext) -> list[Finding]:
    """Check that base and national policy load, and that two approvers signed them."""
    settings = context.settings
    if not (any(context.home.policies.glob("0*.json")) or context.production or settings.national_policy.is_dir()):
        text = "there is no national policy, so nothing can be decided"
        remedy = f"write one (examples: {PACKAGED_POLICY / 'national'}) and set policy.national"
        return [stop("policy", text, remedy, str(settings.national_policy))]
    keeper = PolicyKeeper(settings, SystemClock(), production=context.production)
    found = f"loads; {keeper.engine.hash.hex()[:16]}"
    uncovered = _uncovered(context, keeper.engine.agreements)
    if keeper.left_out:
        show = f"liaison audit show --home {argument(context.home.path)} --log operations --kind policy-refused"
        remedy = f"why: {show}; then bring a good one"
        uncovered.append(warn("policy", "the policy that was brought last was not taken", remedy))
    if keeper.version:
        text = f"{found}, version {keeper.version}, signed by {len(keeper.approvers)} approvers"
        return [good("policy", text), *uncovered]
    remedy = "`liaison policy sign` and `liaison policy install`, before production"
    return [warn("policy", f"{found}, but nobody approved it", remedy), *uncovered]


def check_rules(context: CheckContext) -> list[Finding]:
    """Find a national policy without any rule: a node starts with it, and denies everything."""
    folder = context.settings.national_policy
    if any(context.home.policies.glob("0*.json")) or not folder.is_dir() or any(folder.rglob("*.cedar")):
        return []
    remedy = f"write it (examples: {PACKAGED_POLICY / 'national'})"
    return [stop("rules", "the national policy is empty, so everything is denied", remedy, str(folder))]


def _uncovered(context: CheckContext, agreements: Agreements) -> list[Finding]:
    """Find agencies of our sources that no agreement names, now or later: none of their records leaves by itself."""
    now_us, member = context.clock.now_us(), context.settings.node.member
    named = {name for one in agreements if now_us < one.validity.until_us for name in one.agencies}
    agencies = sorted({source.agency for source in context.settings.sources})
    return [
        warn(
            "policy",
            f"no agreement covers agency {agency}: every hit will need a human",
            f"name `{member}.{agency}` under `agencies` of an agreement, then `liaison policy check`",
        )
        for agency in agencies
        if f"{member}.{agency}" not in named
    ]


def check_charter(context: CheckContext) -> list[Finding]:
    """Check that a charter in force names us as active, and does not expire soon."""
    documents = TrustDocuments(context.home.trust)
    member = context.settings.node.member
    if not documents.charter_versions():
        remedy = (
            "found a federation: `liaison trust draft`, each authority signs with `liaison trust sign`, then "
            f"`liaison trust accept --home {argument(context.home.path)} FILE --fingerprint F`"
        )
        return [stop("charter", "there is no charter yet, so no counterpart is known", remedy)]
    charter = documents.charter(context.clock)
    check_expiry(charter, context.clock.now_us())
    if not charter.active(member):
        return [stop("charter", f"`{member}` is not an active member", "ask the authorities for a new version")]
    left = _days(context, charter.expires_us)
    text = f"version {charter.version} of `{charter.federation}`, {len(charter.members)} members, {left} days left"
    if left < WARN_DAYS:
        return [warn("charter", text, "the authorities should sign the next version: `liaison trust draft`")]
    return [good("charter", text)]


def check_descriptors(context: CheckContext) -> list[Finding]:
    """Check that our own descriptor lists our keys, its status is fresh, and those of the others are there."""
    view = TrustKeeper(context.home.trust, context.clock).view
    member = context.settings.node.member
    if view.charter is None:
        return []
    findings = []
    now_us = context.clock.now_us()
    for other in sorted(view.members):
        try:
            view.descriptor(other)
            view.freshness(other, now_us)
        except LiaisonError as error:
            finding = failed("descriptors", error, f"get the newest documents of `{other}` and import them")
            remedy = _publish(context, renewing=_is_there(view, member)) if other == member else finding.remedy
            severe = other in (member, context.to)
            make = stop if severe else warn
            findings.append(make("descriptors", f"`{other}`: {finding.text}", remedy))
    if not findings:
        findings = _unlisted(context, {key.key_id for key in view.descriptor(member).keys})
    return findings or [good("descriptors", f"of {len(view.members)} members are there and fresh")]


def check_suspensions(context: CheckContext) -> list[Finding]:
    """List the targets that are switched off."""
    active = Suspensions(context.home.suspensions, context.clock.monotonic).active
    make = stop if "all" in active else warn
    resume = f"when it may be on again: liaison resume --home {argument(context.home.path)}"
    return [
        make(
            "suspensions",
            f"`{target}` is switched off: {why}",
            f"{resume} {options_of(target)} --reason WHY --key ONE.key",
        )
        for target, why in active.items()
    ]


def check_trial(context: CheckContext) -> list[Finding]:
    """Find parts that are for trials only; in production they stop the node."""
    settings = context.settings
    production = context.production
    make = stop if production else warn
    findings = []
    if context.home.key("token-issuer").exists():
        text = "the trial issuer can make a token for anybody: whoever holds this home can be any officer"
        remedy = "in production remove keys/token-issuer.key and list your identity provider as [[token_key]]"
        findings.append(make("trial", text, remedy))
    held = [place.stem.removeprefix("agency-") for place in key_places(context.home.keys, "agency-*")]
    if held and production:
        text = f"the node holds the keys of agencies: {', '.join(held)}"
        findings.append(stop("trial", text, "run their sources in the agencies: `liaison source init` and `serve`"))
    if production and not settings.token_keys:
        findings.append(stop("trial", "no identity provider is listed", "add a [[token_key]] to node.toml"))
    if production and settings.trial_officers:
        findings.append(stop("trial", "officers for trials are listed", "remove [[trial_officer]] from node.toml"))
    return findings


START_CHECKS: dict[str, Check] = {
    "folder": check_folder,
    "names": check_names,
    "keys": check_keys,
    "security module": check_module,
    "certificates": check_certificates,
    "clock": check_clock,
    "trial": check_trial,
    "witness": check_domestic,
}
"""The checks of a start, in the order in which their findings should be mended."""

EXCHANGE_CHECKS: dict[str, Check] = {
    "signatures": check_signatures,
    "commands": check_commands,
    "rules": check_rules,
    "source processes": check_processes,
    "release": check_release,
    "charter": check_charter,
    "descriptors": check_descriptors,
    "listed sources": check_listed_sources,
    "witnesses": check_witnesses,
    "suspensions": check_suspensions,
}
"""The checks of what a node starts without, and no exchange is made without, in the same order."""


def _agency_keys(context: CheckContext) -> list[str]:
    """Return the names of the agencies' keys that this node holds, or should hold for its sources."""
    needed = {f"agency-{source.agency}" for source in context.settings.sources if not source.is_process}
    return sorted(needed | {place.stem for place in key_places(context.home.keys, "agency-*")})


def _unlisted(context: CheckContext, listed: set[str]) -> list[Finding]:
    """Find keys that counterparts will refuse, because our own descriptor does not list them."""
    names = dict.fromkeys(("tls", "statement", "log", *_agency_keys(context), *keys_in_module(context.home)))
    missing = [name for name in names if key_id(spki(load_key(context.home.key(name)).public_key())) not in listed]
    if not missing:
        return []
    agencies = [name.removeprefix("agency-") for name in missing if name.startswith("agency-")]
    remedy = _publish(context, renewing=False, agencies=agencies)
    return [stop("descriptors", f"our descriptor does not list the keys {', '.join(missing)}", remedy)]


def _is_there(view: TrustView, member: str) -> bool:
    try:
        view.descriptor(member)
    except LiaisonError:
        return False
    return True


def _publish(context: CheckContext, *, renewing: bool, agencies: Sequence[str] = ()) -> str:
    """Return the command that publishes: a status needs only the home, a descriptor also the authority."""
    parts = [f"liaison trust publish --home {argument(context.home.path)}"]
    parts += [] if renewing else ["--authority ADIR"]
    parts += [f"--agency {name}" for name in agencies]
    command = " ".join(parts)
    return command if renewing else f"{command} (ADIR: the folder with authority.key)"


def _belongs(leaf: Leaf, key: Path) -> bool:
    return leaf.spki == spki(load_key(key).public_key())


def _life(context: CheckContext, check: str, name: str, start_us: int, days: int) -> list[Finding]:
    if context.clock.now_us() < start_us:
        return [stop(check, f"{name} is not valid yet", "check the clock")]
    if days < 0:
        return [stop(check, f"{name} has expired", "certify the key anew with the national CA")]
    if days < WARN_DAYS:
        return [warn(check, f"{name} has {days} days left", "certify the key anew with the national CA")]
    return []


def _days(context: CheckContext, end_us: int) -> int:
    return (end_us - context.clock.now_us()) // 86_400_000_000


def _made_by(context: CheckContext, name: str) -> str:
    """Return the command that makes a missing key and its certificate; an agency must be named for its own."""
    agency = name.removeprefix("agency-")
    if agency == name:
        return _INIT
    home = f"--member {context.settings.node.member} --home {argument(context.home.path)}"
    return f"liaison init {home} --authority ADIR --agency {agency} (ADIR: the folder with authority.key)"


def _bytes(file: Path, remedy: str = _INIT) -> bytes:
    try:
        return file.read_bytes()
    except PermissionError:
        raise
    except OSError as error:
        raise Misconfigured(
            "cannot be read: {strerror}", where=str(file), remedy="{advice}", strerror=error.strerror, advice=remedy
        ) from error
