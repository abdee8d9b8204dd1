"""The checks of a home that need no network: keys, certificates, clock, database, sources, policy, charter."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from adapters.check.probe import probe
from adapters.late import is_away
from adapters.load import Place
from certs.hsm.places import has_key, key_places
from certs.keyfiles import key_id, load_key, spki
from certs.ownership import faults_of_read, ownership_faults
from gateway.clock import SystemClock, rfc3339_s
from gateway.config import PACKAGED_POLICY, Suspensions, argument
from gateway.desk.attachments.antivirus import NONE
from gateway.desk.people.cards import read_cards
from gateway.desk.people.lists import DUTY, PERSONS, read_lists
from gateway.errors import LiaisonError, Misconfigured, each_of
from gateway.ops.acts.switches import options_of
from gateway.ops.doctor.console_checks import check_console
from gateway.ops.doctor.key_checks import (
    WARN_DAYS,
    agency_keys,
    check_certificates,
    check_commands,
    check_keys,
    days_left,
    made_by,
    published_by,
)
from gateway.ops.doctor.listed_sources import check_listed_sources, check_listed_versions
from gateway.ops.doctor.module_checks import check_module, check_signatures, keys_in_module
from gateway.ops.doctor.name_checks import check_names
from gateway.ops.doctor.release_checks import check_release
from gateway.ops.doctor.removed_keys import check_removed_keys
from gateway.ops.doctor.source_processes import check_processes
from gateway.ops.doctor.trust_checks import ending_soon, known_elsewhere, unpublished_offices
from gateway.ops.doctor.witness_checks import check_domestic, check_witnesses
from gateway.ops.finding import SOURCE_AWAY, Check, CheckContext, Finding, failed, good, stop, warn
from gateway.ops.policy.keeper import PolicyKeeper
from gateway.ops.sources.places import other_names
from gateway.ops.stores import was_never_served
from gateway.trust.documents.charter import check_expiry
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.view import TrustView
from policy.bundle.agreements import Agreements

_EXPECTED = "`liaison adapter check` with the mapping and --url shows what is there; mend the mapping or its [[expect]]"
_CHECK = "check its system and account"
_CLOCK_TOLERANCE = timedelta(minutes=2)
_MONTH_US = 30 * 86_400_000_000


def check_folder(context: CheckContext) -> list[Finding]:
    """Check that the folders are there, that only their owner can write in them, and that the keystore lies apart."""
    home, keystore = context.home, context.settings.keystore
    needed = (home.path, home.keys) if was_never_served(context.settings) else (home.path, home.keys, keystore)
    missing = [folder for folder in needed if not folder.is_dir()]
    makes = made_by(context)
    lost = f"mount its disk, or put it back from its copy (storage.key_copy); where nothing was written yet: {makes}"
    findings = [
        stop("folder", "there is no such folder", lost if folder == keystore else makes, str(folder))
        for folder in missing
    ]
    findings += [
        stop("folder", fault.message, fault.remedy, fault.where)
        for fault in ownership_faults(_guarded_places(context))
        if fault.code != "key-readable" or Path(fault.where).parent != home.keys  # those are findings of `check_keys`
    ]
    findings += [
        (stop if can_be_used else warn)("folder", fault.message, fault.remedy, fault.where)
        for fault, can_be_used in faults_of_read(context.settings.read)
    ]
    if context.settings.keystore == context.home.path:
        findings.append(stop("folder", "the keystore is not apart from the database", "set storage.keystore"))
    return list(dict.fromkeys(findings)) or [good("folder", "folders are there, and others cannot write in them")]


def _guarded_places(context: CheckContext) -> list[Path]:
    """Return what another account must not be able to change: who may ask is in the settings, too."""
    home, settings = context.home, context.settings
    database = [] if settings.is_shared else [settings.database_file]
    return [home.keys, home.trust, settings.keystore, home.settings, *database]


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
    return [good("clock", f"it is {rfc3339_s(now_us)}")]


def check_sources(context: CheckContext) -> list[Finding]:
    """Check that each source's mapping fits its system and settings, and that it can be asked. No index is built."""
    settings, promised = context.settings, list[str]()
    findings = _indexes(context)
    ours = [source for source in settings.sources if not source.is_process]
    for number, source in enumerate(settings.sources):
        if source.is_process:
            continue
        where = settings.origin[f"source.{number}.id"]
        access = settings.path(source.access) if source.access else None
        url = settings.source_url(source)
        try:
            findings += other_names(settings, number)
            probed = probe(Place(settings.path(source.mapping), url, context.home.index, context.clock, access=access))
            promised += [source.id] if probed.is_promised else []
            findings += [
                warn("sources", f"`{source.id}`: {each.message} ({each.where})", _EXPECTED) for each in probed.unmet
            ]
        except LiaisonError as error:
            findings += [
                stop(
                    "sources",
                    f"`{source.id}`: {each.message}",
                    each.remedy or _CHECK,
                    each.where or where,
                    SOURCE_AWAY if is_away(each) else "",
                )
                for each in each_of(error)
            ]
    if not settings.sources:
        return [
            warn("sources", "no source is set: every question ends as not searched", "add a [[source]] to node.toml")
        ]
    kept = f"; only a promise keeps the account of {', '.join(promised)} from writing" if promised else ""
    return findings or ([good("sources", f"{len(ours)} can be asked{kept}")] if ours else [])


def _indexes(context: CheckContext) -> list[Finding]:
    """Find what keeps the key indexes of our sources from being written."""
    folder, text = context.home.index, "the key index cannot be written"
    again = "move it away: the index is built anew"
    if not os.path.lexists(folder):
        return []
    if not folder.is_dir():
        return [stop("sources", f"{text}: this is no folder", again, str(folder), "index-unwritable")]
    if not os.access(folder, os.W_OK | os.X_OK):
        remedy = f"chown the folder to the node's account, or chmod u+rwx {argument(folder)}"
        return [stop("sources", f"{text}: this account may not write here", remedy, str(folder), "index-unwritable")]
    locks = [folder / f"{source.id}.lock" for source in context.settings.sources if not source.is_process]
    return [
        stop("sources", f"{text}: this is no file", again, str(lock), "index-unwritable")
        for lock in locks
        if lock.exists() and not lock.is_file()
    ]


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
    waits = keeper.waiting()
    if waits is not None and not waits.refused:
        text = (
            f"version {waits.version}, signed by {len(waits.approvers)} approvers, was brought, and no node took it yet"
        )
        uncovered.append(warn("policy", text, f"liaison serve --home {argument(context.home.path)}"))
    elif waits is not None:
        show = f"liaison audit show --home {argument(context.home.path)} --log operations --kind policy-refused"
        remedy = f"why: {show}; then bring a good one"
        uncovered.append(warn("policy", "the policy that was brought last was not taken", remedy))
    if keeper.version:
        text = f"{found}, version {keeper.version}, signed by {len(keeper.approvers)} approvers"
        return [good("policy", text), *uncovered]
    remedy = (
        "before production two approvers sign it with `liaison policy sign`; then "
        f"liaison policy install FILE --home {argument(context.home.path)}"
    )
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
    left = days_left(context, charter.expires_us)
    text = f"version {charter.version} of `{charter.federation}`, {len(charter.members)} members, {left} days left"
    if left < WARN_DAYS:
        return [warn("charter", text, "the authorities should sign the next version: `liaison trust draft`")]
    return [good("charter", text)]


def check_descriptors(context: CheckContext) -> list[Finding]:
    """Check that our own descriptor lists our keys, its status is fresh, and those of the others are there."""
    view = context.trust
    member = context.settings.node.member
    if view.charter is None:
        return []
    findings = known_elsewhere(context, view)
    if findings:
        return findings
    now_us = context.clock.now_us()
    for other in sorted(view.members):
        try:
            view.descriptor(other)
            view.freshness(other, now_us)
            findings += ending_soon(context, view, other)
        except LiaisonError as error:
            finding = failed("descriptors", error, f"get the newest documents of `{other}` and import them")
            remedy = published_by(context, renewing=_is_there(view, member)) if other == member else finding.remedy
            severe = other in (member, context.to)
            make = stop if severe else warn
            findings.append(make("descriptors", f"`{other}`: {finding.text}", remedy))
    if not findings:
        findings = _unlisted(context, {key.key_id for key in view.descriptor(member).keys})
    fresh = [good("descriptors", f"of {len(view.members)} members are there and fresh")]
    return (findings or fresh) + unpublished_offices(context, view)


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
    if has_key(context.home.key("token-issuer")):
        text = "the trial issuer can make a token for anybody: whoever holds this home can be any officer"
        remedy = "in production remove keys/token-issuer.key and list your identity provider as [[token_key]]"
        findings.append(make("trial", text, remedy))
    held = [place.stem.removeprefix("agency-") for place in key_places(context.home.keys, "agency-*")]
    if held and production:
        text = f"the node holds the keys of agencies: {', '.join(held)}"
        findings.append(stop("trial", text, "run their sources in the agencies: `liaison source init` and `serve`"))
    if production and not (settings.token_keys or settings.issues_tokens):
        findings.append(stop("trial", "no identity provider is listed", "add a [[token_key]] to node.toml"))
    if production and settings.trial_officers:
        findings.append(stop("trial", "officers for trials are listed", "remove [[trial_officer]] from node.toml"))
    if production and settings.attachments.scanner == NONE:
        text = f"files are opened unscanned: attachments.scanner is `{NONE}`"
        remedy = (
            'name one in [attachments] of node.toml, such as scanner = "clamd:/run/clamav/clamd.ctl", or take the line '
            "out: files stay shut then; `liaison doctor` asks the scanner"
        )
        findings.append(stop("trial", text, remedy, "attachments.scanner"))
    return findings


def check_people(context: CheckContext) -> list[Finding]:
    """Check the persons and duty lists, each mistake with its line; warn of training that runs out within a month."""
    now_us = context.clock.now_us()
    try:
        lists = read_lists(context.home.people, context.settings.node.member)
        read_cards(context.home.people, context.settings.node.member)
    except Misconfigured as error:
        return [failed("people", one, "correct the line") for one in each_of(error)]
    ending = [one for one in lists.persons.values() if not one.is_trained(now_us + _MONTH_US)]
    found = [
        warn(
            "people",
            f"{one.id}: the training {'ends within 30 days' if one.is_trained(now_us) else 'is over, so no access'}",
            "enter the new training",
            f"{context.home.people.name}/{PERSONS}",
        )
        for one in ending
    ]
    if lists.persons and not any(shift.from_us <= now_us < shift.until_us for shift in lists.shifts):
        remedy = "enter shifts: until then all work goes to the national desk"
        found.append(warn("people", "nobody is on duty now", remedy, f"{context.home.people.name}/{DUTY}"))
    counted = f"{len(lists.persons)} persons, {len(lists.shifts)} shifts"
    return found or ([good("people", counted)] if lists.persons else [])


START_CHECKS: dict[str, Check] = {
    "folder": check_folder,
    "names": check_names,
    "people": check_people,
    "keys": check_keys,
    "security module": check_module,
    "certificates": check_certificates,
    "clock": check_clock,
    "trial": check_trial,
    "console": check_console,
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
    "removed keys": check_removed_keys,
    "listed sources": check_listed_sources,
    "listed versions": check_listed_versions,
    "witnesses": check_witnesses,
    "suspensions": check_suspensions,
}
"""The checks of what a node starts without, and no exchange is made without, in the same order."""


def _unlisted(context: CheckContext, listed: set[str]) -> list[Finding]:
    """Find keys that counterparts will refuse, because our own descriptor does not list them."""
    names = dict.fromkeys(("tls", "statement", "log", *agency_keys(context), *keys_in_module(context.home)))
    missing = [name for name in names if key_id(spki(load_key(context.home.key(name)).public_key())) not in listed]
    if not missing:
        return []
    agencies = [name.removeprefix("agency-") for name in missing if name.startswith("agency-")]
    remedy = published_by(context, renewing=False, agencies=agencies)
    return [stop("descriptors", f"our descriptor does not list the keys {', '.join(missing)}", remedy)]


def _is_there(view: TrustView, member: str) -> bool:
    try:
        view.descriptor(member)
    except LiaisonError:
        return False
    return True
