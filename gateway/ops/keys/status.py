"""Describe every key and certificate of a home: its end, what renews it, where it is listed, what is planned."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from certs.hsm.places import uri_text
from certs.profile import read_leaf
from gateway.clock import DAY_US, Clock, SystemClock, rfc3339
from gateway.config import Home, argument, load_settings
from gateway.model.names import MemberId, member_id
from gateway.ops.keys.files import apart, id_of_file, is_certified, is_listed, key_files, use_of_file
from gateway.ops.keys.guests import guest_places, is_guest
from gateway.ops.keys.online import exchange_certificate, exchange_end
from gateway.ops.keys.rotation import Rotation, Rotations
from gateway.ops.keys.steps import Standing, beside_us, plan
from gateway.ports.holders import NoneKnown
from gateway.trust.ceremony.ceremony import own_agency_keys
from gateway.trust.documents.descriptor import PERSONS, Descriptor, KeyUse, ListedKey
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.keeper import TrustKeeper

SOON_DAYS = 30
"""Days before the end of a key or certificate from which it is to be renewed."""


def describe_keys(folder: Path, clock: Clock | None = None) -> dict[str, Any]:
    """Return the keys of a home as JSON. Raises `Misconfigured` for a folder that is not a home."""
    clock = clock or SystemClock()
    settings = load_settings(folder)
    home, member = Home(settings.home), member_id(settings.node.member)
    view = TrustKeeper(home.trust, clock).view
    standing = Standing(member, view, NoneKnown(), clock.now_us(), apart(settings))
    rotations = {rotation.file: rotation for rotation in Rotations(home).all()}
    keys = [_describe(home, file, standing, rotations.get(file)) for file in key_files(home)]
    return {
        "member": member,
        "descriptor": standing.version,
        "keys": keys,
        "agencies": _own_agencies(home, standing),
        "persons": _persons(standing, {key["id"] for key in keys}),
        "retired": [str(path) for path in sorted(home.retired_keys.glob("*-*"))],
    }


def _describe(home: Home, file: str, standing: Standing, rotation: Rotation | None) -> dict[str, Any]:
    identity = id_of_file(home, file)
    listed = standing.listed(identity) if standing.version else None
    certified_us = _certificate_end(home, file)
    days = days_left(home, file, standing)
    return {
        "use": use_of_file(file),
        "file": str(guest_places(home).get(file, home.key(file))),
        "id": identity,
        "certificate_until": rfc3339(certified_us) if certified_us is not None else None,
        "exchange_until": _exchange_until(home, file),
        "listed_until": rfc3339(listed.stop_us) if listed else None,
        "listed_since_version": _since(home, standing.member, identity) if listed else 0,
        "days_left": days,
        "usable": standing.is_usable(identity) if is_listed(file) and standing.version else None,
        "renewed_by": _remedy(home, file, days),
        "rotation": _rotation(standing, rotation),
    }


def days_left(home: Home, file: str, standing: Standing) -> int | None:
    """Return the days until certificate or listing of a key end, whichever is first; None for a key without an end."""
    listed = standing.listed(id_of_file(home, file)) if standing.version else None
    ends = [end for end in (_certificate_end(home, file), listed.stop_us if listed else None) if end is not None]
    return (min(ends) - standing.now_us) // DAY_US if ends else None


def _certificate_end(home: Home, file: str) -> int | None:
    path = home.certificate(file)
    return read_leaf(path.read_bytes()).stop_us if is_certified(file) and path.exists() else None


def _exchange_until(home: Home, file: str) -> str | None:
    """Return the end of a certificate of the online CA for the key `tls`, which counterparts are shown."""
    if file != "tls" or exchange_certificate(home) == home.certificate(file):
        return None
    end_us = exchange_end(home)
    return rfc3339(end_us) if end_us is not None else None


def _since(home: Home, member: MemberId, identity: str) -> int:
    """Return the first version held of our descriptor that lists a key."""
    versions = TrustDocuments(home.trust).descriptor_versions(member)
    return next((each.version for each in versions if _lists(each, identity)), 0)


def _lists(descriptor: Descriptor, identity: str) -> bool:
    return any(key.key_id == identity for key in descriptor.keys)


def _remedy(home: Home, file: str, days: int | None) -> str:
    """Return the command that gives a key more time; one that has no end is replaced."""
    use, place = use_of_file(file), argument(home.path)
    if days is None and is_guest(file):
        return f"liaison trust publish --home {place} --authority ADIR --out FILE"
    if days is None:
        uri = " --key-uri URI" if uri_text(home.key(file)) else ""
        return f"liaison cert rotate {use} --home {place} --authority ADIR{uri}"
    return f"liaison cert renew {use} --home {place} --authority ADIR"


def _rotation(standing: Standing, rotation: Rotation | None) -> dict[str, Any] | None:
    if rotation is None:
        return None
    return {
        "new": rotation.new,
        "begun": rfc3339(rotation.begun_us),
        "published": rfc3339(rotation.published_us) if rotation.published_us else None,
        "version": rotation.version,
        "switched": rfc3339(rotation.switched_us) if rotation.switched_us else None,
        "old_until": rfc3339(rotation.switched_us + beside_us(rotation.file)) if rotation.switched_us else None,
        "plan": plan(standing, rotation),
    }


def _own_agencies(home: Home, standing: Standing) -> list[dict[str, Any]]:
    """Return the keys that agencies hold themselves, whose certificates are in the home, and when each ends."""
    found = []
    for key in own_agency_keys(home.path):
        listed = standing.listed(key.key_id) if standing.version else None
        ends = [key.leaf().stop_us, *([listed.stop_us] if listed else [])]
        found.append(
            {
                "use": key.use,
                "id": key.key_id,
                "agency": key.leaf().name.name,
                "certificate_until": rfc3339(key.leaf().stop_us),
                "listed_until": rfc3339(listed.stop_us) if listed else None,
                "days_left": (min(ends) - standing.now_us) // DAY_US,
            }
        )
    return found


def _persons(standing: Standing, shown: Collection[str]) -> list[dict[str, Any]]:
    """Return the other listed keys of persons, whose public keys are not in the home: auditors, and former keys."""
    if not standing.version:
        return []
    return [
        {"use": key.use, "id": key.key_id, "listed_until": rfc3339(key.stop_us), "days_left": _days(key, standing)}
        for key in standing.descriptor.keys
        if key.use in (*PERSONS, KeyUse.AUDITOR) and key.key_id not in shown
    ]


def _days(key: ListedKey, standing: Standing) -> int:
    return (key.stop_us - standing.now_us) // DAY_US
