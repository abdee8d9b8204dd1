"""Describe trust documents as JSON, and publish a home's own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from certs.hsm.places import key_places
from gateway.clock import Clock, SystemClock, rfc3339
from gateway.config import Home, Settings, argument, load_settings
from gateway.errors import LiaisonError, Misconfigured, Misused
from gateway.ops.sources.places import describe_sources
from gateway.trust.ceremony.ceremony import home_keys, publish_descriptor, publish_status
from gateway.trust.documents.charter import parse_charter
from gateway.trust.documents.descriptor import Descriptor
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.documents.signers import tallies
from gateway.trust.documents.status import Status
from gateway.trust.keeper import TrustKeeper
from gateway.trust.view import TrustView


def describe_charter(data: bytes, before: bytes = b"") -> dict[str, Any]:
    """Return a charter, verified or not, as JSON, with who signed it and who must still sign.

    `before` is the version before: it counts under the thresholds of both.
    """
    draft = parse_charter(data)
    charter = draft.charter
    follows = parse_charter(before) if before else None
    fits = follows is not None and follows.charter.version == charter.version - 1
    counted = tallies(draft, follows if fits else None)
    return {
        "kind": "charter",
        "federation": charter.federation,
        "version": charter.version,
        "fingerprint": charter.fingerprint,
        "threshold": charter.threshold,
        "signed_by": list(draft.signed_by),
        "signers": [
            {"version": each.version, "needed": each.needed, "signed": list(each.signed), "missing": list(each.missing)}
            for each in counted
        ],
        "both_counted": fits or charter.version == 1,
        "issued": rfc3339(charter.issued_us),
        "expires": rfc3339(charter.expires_us),
        "members": {name: member.status.value for name, member in sorted(charter.members.items())},
    }


def describe_home(home: Path) -> dict[str, Any]:
    """Return the trust documents of a home as JSON. Raises `Misconfigured` without a charter."""
    clock = SystemClock()
    folder = Home(load_settings(home).home).trust
    charter = TrustDocuments(folder).charter(clock)
    keeper = TrustKeeper(folder, clock)
    members = {name: _describe_member(keeper.view, name, clock) for name in sorted(charter.members)}
    versions = TrustDocuments(folder).charter_versions()
    described = describe_charter(charter.data, versions[-2] if len(versions) > 1 else b"")
    return {"charter": described, "members": members, "alarms": list(keeper.alarms)}


def publish(
    home: Path, authority: Path | None, endpoints: Sequence[str], offices: Sequence[str], agencies: Sequence[str]
) -> tuple[dict[str, Any], bytes]:
    """Sign the next descriptor (with `authority`) and status; return their description, and the documents, one a line.

    An empty argument leaves its values as published before, with the agencies whose keys the home got since. The first
    time the values come from node.toml. The kinds of sources are always those of the sources in node.toml.
    """
    clock = SystemClock()
    settings = load_settings(home)
    held = _held(settings, clock)
    about: dict[str, Any] = {"member": settings.node.member}
    parts = []
    if authority is None:
        about["unpublished"] = _unpublished(settings, held, clock, endpoints, offices, agencies)
    else:
        described = describe_sources(settings, clock)
        descriptor = publish_descriptor(
            settings.home,
            authority,
            clock,
            endpoints=endpoints or (held.endpoints if held else (settings.listen.exchange,)),
            offices=offices or (held.offices if held else _offices(settings)),
            agencies=agencies or _agencies(settings, held),
            sources=described.kinds,
        )
        about["undescribed"] = list(described.unknown)
        parts.append(descriptor)
    if authority is None and held is not None:
        parts.append(held.data)
    parts.append(publish_status(settings.home, clock))
    now = _held(settings, clock)
    about |= {"descriptor": _describe_descriptor(now) if now else None}
    return about, b"".join(part.rstrip(b"\n") + b"\n" for part in parts)


def _held(settings: Settings, clock: Clock) -> Descriptor | None:
    documents = TrustDocuments(Home(settings.home).trust)
    charter = documents.charter(clock)
    return documents.held_descriptor(settings.node.member) if settings.node.member in charter.members else None


def _offices(settings: Settings) -> tuple[str, ...]:
    return tuple(dict.fromkeys(officer.office for officer in settings.trial_officers))


def _agencies(settings: Settings, held: Descriptor | None) -> tuple[str, ...]:
    """Return the agencies listed before and those whose keys are in the home; the first time also those of sources."""
    keys = [place.stem.removeprefix("agency-") for place in key_places(Home(settings.home).keys, "agency-*")]
    before = held.agencies if held else tuple(source.agency for source in settings.sources)
    return tuple(dict.fromkeys([*before, *keys]))


def _unpublished(
    settings: Settings,
    held: Descriptor | None,
    clock: Clock,
    endpoints: Sequence[str],
    offices: Sequence[str],
    agencies: Sequence[str],
) -> list[str]:
    """Return the uses of keys in the home that the descriptor does not list.

    Raises `Misused` for options that would change the descriptor, and `Misconfigured` without one: only an authority
    can sign it.
    """
    command = f"liaison trust publish --home {argument(settings.home)} --authority ADIR"
    if held is None:
        raise Misconfigured(
            "there is no descriptor of `{member}` yet, and it needs its authority's signature",
            code="no-descriptor",
            remedy="{advice}",
            member=settings.node.member,
            advice=command,
        )
    changes = {
        "--endpoint": bool(endpoints) and tuple(endpoints) != held.endpoints,
        "--office": bool(offices) and tuple(offices) != held.offices,
        "--agency": not set(agencies) <= set(held.agencies),
    }
    if changed := [option for option, differs in changes.items() if differs]:
        raise Misused(f"{', '.join(changed)} would change the descriptor, which needs --authority: {command}")
    listed = {key.key_id for key in held.keys}
    mine = home_keys(settings.home, _agencies(settings, held), clock.now_us())
    return [str(key.use) for key in mine if key.key_id not in listed]


def not_askable(home: Path, members: Sequence[str], query: str) -> list[str]:
    """Return the members, of those that list their sources, none of whose sources takes queries of this kind.

    The home's own member is among them where that is so. It is a help before asking; only an answer is evidence.
    """
    settings = load_settings(home)
    view = TrustKeeper(Home(settings.home).trust, SystemClock()).view
    found = []
    for member in (settings.node.member, *members):
        with suppress(LiaisonError):  # a member without a descriptor: the question itself says so
            if not view.descriptor(member).can_be_asked(query):
                found.append(member)
    return found


def _describe_member(view: TrustView, member: str, clock: Clock) -> dict[str, Any]:
    try:
        descriptor: dict[str, Any] | None = _describe_descriptor(view.descriptor(member))
    except LiaisonError:
        descriptor = None
    try:
        view.freshness(member, clock.now_us())
        problem = ""
    except LiaisonError as error:
        problem = error.message
    status = view.status(member)
    return {
        "state": "active" if view.active(member) else _inactive(view, member),
        "descriptor": descriptor,
        "status": _describe_status(status, clock) if status else None,
        "problem": problem,
    }


def _inactive(view: TrustView, member: str) -> str:
    """Return why a member takes no part: its status in the charter, or a charter that contradicts it."""
    return "contradicted" if member in view.withheld.members else view.members[member].status.value


def _describe_status(status: Status, clock: Clock) -> dict[str, Any]:
    now_us = clock.now_us()
    return {
        "number": status.sequence,
        "issued": rfc3339(status.issued_us),
        "ends": rfc3339(status.expires_us),
        "age_s": (now_us - status.issued_us) // 1_000_000,
        "left_s": (status.expires_us - now_us) // 1_000_000,
        "removed": list(status.removed),
    }


def _describe_descriptor(descriptor: Descriptor) -> dict[str, Any]:
    return {
        "version": descriptor.version,
        "endpoints": list(descriptor.endpoints),
        "offices": list(descriptor.offices),
        "agencies": list(descriptor.agencies),
        "sources": [source.as_json() for source in descriptor.sources],
        "keys": [
            {"use": key.use, "id": key.key_id, "until": rfc3339(key.stop_us), "compromised": bool(key.compromised_us)}
            for key in descriptor.keys
        ],
    }
