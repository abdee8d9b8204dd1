"""Tell what the trust documents of a home say of the members, and publish its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from certs.hsm.places import key_places
from gateway.clock import Clock, SystemClock
from gateway.config import Home, Settings, argument, load_settings
from gateway.config.suspensions import Suspensions
from gateway.errors import Misconfigured, Misused
from gateway.model.desk.offices import Addressable, Contact, Facing
from gateway.ops.members.describe import Knowledge, describe_descriptor, describe_members
from gateway.ops.sources.places import describe_sources
from gateway.ops.trust.own_descriptor import require_newest
from gateway.records.types import RECORD_TYPES
from gateway.trust.ceremony.ceremony import home_keys, publish_descriptor, publish_status
from gateway.trust.documents.descriptor import Descriptor
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.keeper import TrustKeeper


def describe_home(home: Path) -> dict[str, Any]:
    """Return the members as the files of a home tell of them, as JSON. Raises `Misconfigured` without a charter."""
    clock = SystemClock()
    settings = load_settings(home)
    files = Home(settings.home)
    documents = TrustDocuments(files.trust)
    documents.charter(clock)
    keeper = TrustKeeper(files.trust, clock)
    switches = Suspensions(files.suspensions, clock.monotonic, RECORD_TYPES)
    known = Knowledge(
        keeper.view, settings.node.member, clock.now_us(), switches, keeper.alarms, documents.charter_before()
    )
    return describe_members(known, "files")


def publish(
    home: Path,
    authority: Path | None,
    endpoints: Sequence[str],
    offices: Sequence[str],
    agencies: Sequence[str],
    addressable: Addressable | None = None,
    contacts: Sequence[Contact] = (),
) -> tuple[dict[str, Any], bytes]:
    """Sign the next descriptor (with `authority`) and status; return their description, and the documents, one a line.

    An empty argument leaves its values as published before, with the agencies whose keys the home got since. The first
    time the values come from node.toml. The kinds of sources are always those of the sources in node.toml.
    """
    clock = SystemClock()
    settings = load_settings(home)
    for office in offices:
        if not office.startswith(f"{settings.node.member}."):
            raise Misused(
                "`{office}` is no office of `{member}`: its name begins with the country, such as `{member}.blo.main`",
                code="unknown-office",
                where="--office",
                office=office,
                member=settings.node.member,
            )
    held = _held(settings, clock)
    compared = require_newest(settings, TrustKeeper(Home(settings.home).trust, clock).view)
    about: dict[str, Any] = {"member": settings.node.member, "compared_with": compared}
    parts = []
    if authority is None:
        about["unpublished"] = _unpublished(settings, held, clock, endpoints, offices, agencies, addressable, contacts)
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
            addressable=addressable,
            contacts=contacts,
        )
        about["undescribed"] = list(described.unknown)
        parts.append(descriptor)
    if authority is None and held is not None:
        parts.append(held.data)
    parts.append(publish_status(settings.home, clock))
    now = _held(settings, clock)
    about |= {"descriptor": describe_descriptor(now) if now else None}
    return about, b"".join(part.rstrip(b"\n") + b"\n" for part in parts)


def addressable_of(national_desks: Sequence[str], facing: Sequence[str]) -> Addressable | None:
    """Return which offices may be addressed by which, from pairs `OURS=THEIRS`; None where nothing is given.

    Raises `Misused` for other texts.
    """
    faced: dict[str, list[str]] = {}
    for pair in facing:
        ours, equals, theirs = pair.partition("=")
        if not (ours and equals and theirs):
            raise Misused(f"--facing {pair}: OFFICE=OFFICE is expected, such as th.blo.chiang-khong=la.blo.houayxay")
        faced.setdefault(ours, []).append(theirs)
    pairs = tuple(Facing(office, tuple(dict.fromkeys(faces))) for office, faces in faced.items())
    return Addressable(tuple(dict.fromkeys(national_desks)), pairs) or None


def contacts_of(texts: Sequence[str]) -> tuple[Contact, ...]:
    """Return whom humans phone, from texts `OFFICE=HOW`. Raises `Misused` for other texts."""
    found = []
    for text in texts:
        office, equals, reach = text.partition("=")
        if not (office.strip() and equals and reach.strip()):
            raise Misused(f"--contact {text}: OFFICE=HOW is expected, such as th.national=+66 2 000 0000")
        found.append(Contact(office.strip(), reach.strip()))
    return tuple(dict.fromkeys(found))


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
    addressable: Addressable | None,
    contacts: Sequence[Contact],
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
        "--facing, --national-desk": addressable is not None and addressable != held.addressable,
        "--contact": bool(contacts) and tuple(contacts) != held.contacts,
    }
    if changed := [option for option, differs in changes.items() if differs]:
        raise Misused(f"{', '.join(changed)} would change the descriptor, which needs --authority: {command}")
    listed = {key.key_id for key in held.keys}
    mine = home_keys(settings.home, _agencies(settings, held), clock.now_us())
    return [str(key.use) for key in mine if key.key_id not in listed]
