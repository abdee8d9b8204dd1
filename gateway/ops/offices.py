"""Enrol devices of offices at a home, hand out the copies that the node makes for them, bring back their look-ups."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from gateway.clock import SystemClock
from gateway.config import Home, load_settings
from gateway.desk.packs.devices import FILE, Device, enrol, open_device, read_device, write_device
from gateway.desk.packs.lookups import kept
from gateway.desk.packs.shelf import COPIES, DEVICES, RETURNED
from gateway.errors import Misused, Unavailable, Unknown
from gateway.host.durable import PRIVATE, make_folder, replace
from gateway.model.names import MemberId, identifier, member_id
from gateway.signing import strict_json
from gateway.signing.dsse import encode64
from gateway.trust.documents.descriptor import KeyUse
from gateway.trust.keeper import TrustKeeper


@dataclass(frozen=True, slots=True)
class HandedOut:
    """A copy that was handed out, and when the node wrote it."""

    device: Device
    out: Path
    written_us: int


def enrol_device(home: Path, folder: Path, office: str, agency: str, name: str, passphrase: str) -> Device:
    """Make a device for an office beside a home; the node makes copies for it from now on. Raises `Misconfigured`."""
    settings = load_settings(home)
    member = member_id(settings.node.member)
    view = TrustKeeper(Home(settings.home).trust, SystemClock()).view
    if office not in view.descriptor(member).offices:
        raise Unknown(
            "`{office}` is no office of ours",
            code="unknown-office",
            where="--office",
            remedy="`liaison trust show --json` lists them",
            office=office,
        )
    device = enrol(
        folder,
        name=identifier(name, "--name"),
        member=member,
        agency=identifier(agency, "--agency"),
        office=office,
        node=_node_keys(home, member),
        passphrase=passphrase,
    )
    known = Home(settings.home).offices / DEVICES
    make_folder(known.parent)
    make_folder(known)
    write_device(known / f"{device.id}.json", device)
    return device


def renew_device(home: Path, folder: Path) -> Device:
    """Let a device know the keys that its node signs with now."""
    device = read_device(folder / FILE)
    device = msgspec.structs.replace(device, node=_node_keys(home, device.member))
    write_device(folder / FILE, device)
    return device


def hand_out(home: Path, office: str, out: Path, device_id: str = "") -> HandedOut:
    """Copy the newest copy for a device of an office to a file. Raises `Unknown`, `Misused`, `Unavailable`."""
    offices = Home(load_settings(home).home).offices
    found = [read_device(path) for path in sorted((offices / DEVICES).glob("*.json"))]
    fitting = [each for each in found if each.office == office and device_id in ("", each.id, each.name)]
    if not fitting:
        raise Unknown(
            "no device of `{office}` is enrolled",
            code="unknown-device",
            where="--office",
            remedy="`liaison office enrol`",
            office=office,
        )
    if len(fitting) > 1:
        raise Misused("the office has several devices: name one with --device", code="several-devices", where=office)
    device = fitting[0]
    copy = offices / COPIES / f"{device.id}.copy"
    if not copy.exists():
        raise Unavailable(
            "the node has not made a copy for this device yet",
            code="no-copy",
            where=device.name,
            remedy="it does within seconds while it runs: `liaison serve`",
        )
    replace(out, copy.read_bytes(), PRIVATE)
    return HandedOut(device, out, copy.stat().st_mtime_ns // 1_000)


def bring_back(home: Path, folder: Path, passphrase: str) -> tuple[Device, int]:
    """Hand the look-ups of a device to its node; return the device, and how many there are. Raises `BadSignature`."""
    opened = open_device(folder, passphrase)
    lookups = kept(folder, opened)
    returned = Home(load_settings(home).home).offices / RETURNED
    make_folder(returned.parent)
    make_folder(returned)
    value = {"device": opened.device.id, "lookups": [msgspec.to_builtins(one) for one in lookups]}
    replace(returned / f"{opened.device.id}.json", strict_json.dumps(value), PRIVATE)
    return opened.device, len(lookups)


def _node_keys(home: Path, member: MemberId) -> tuple[str, ...]:
    view = TrustKeeper(Home(home).trust, SystemClock()).view
    return tuple(encode64(key.spki) for key in view.keys(member) if key.use == KeyUse.STATEMENT)
