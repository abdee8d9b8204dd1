"""The checks of the machine under a node: room on its disks, descriptors, and the scanner of files."""

from __future__ import annotations

from pathlib import Path

from certs.hsm.places import uri_at
from gateway.config import Settings
from gateway.desk.attachments.antivirus import NONE, Verdict, scanner_of
from gateway.errors import Unavailable
from gateway.host import descriptors
from gateway.host.disk_reserve import MIB, Room, room_in
from gateway.ops.finding import Check, CheckContext, Finding, good, stop, warn

_SOON = 4
"""Room of fewer reserves than this is a warning."""

_FEW = 9728
"""With so many a node has all its places and connections of counterparts."""

_SCANNER = "attachments.scanner"
_PROBE, _PROBE_S = b"Liaison asks its scanner whether this line is clean.\n", 10.0
_NAME_ONE = "set it in node.toml: clamd:/PATH/OF/SOCKET, clamd:HOST:PORT or command:/PROGRAM"
_LOOK = "start the scanner, and let this node's account reach it; then `liaison doctor` again"


def check_disks(context: CheckContext) -> list[Finding]:
    """Check the room on the disks that the node writes to: below the reserve it refuses new questions."""
    rooms = _rooms(context.settings)
    findings = [finding for room in rooms for finding in _findings(room)]
    free = min((room.free // MIB for room in rooms), default=0)
    return findings or [good("disks", f"at least {free} MiB are free")]


def _rooms(settings: Settings) -> list[Room]:
    folders = {"home": settings.home, "keystore": settings.keystore}
    if not settings.is_shared:
        folders["database"] = settings.database_file.parent
    by_disk: dict[int, tuple[str, Path]] = {}
    for name, folder in folders.items():
        if folder.is_dir():
            by_disk.setdefault(folder.stat().st_dev, (name, folder))
    return [room_in(name, folder, settings.storage.reserve_mib) for name, folder in by_disk.values()]


def _findings(room: Room) -> list[Finding]:
    text = f"{room.free // MIB} MiB are free, and {room.reserve / MIB:.0f} MiB are the reserve"
    if room.is_low:
        return [stop("disks", f"{text}: new questions are refused", "free space on this disk", str(room.folder))]
    if room.free < _SOON * room.reserve:
        return [warn("disks", f"{room.folder}: {text}", "free space on this disk before new questions are refused")]
    return []


def check_descriptors(context: CheckContext) -> list[Finding]:
    """Check how many files and connections a process may have open; a node raises its limit to this number."""
    has = descriptors.Budget(descriptors.allowed())
    text = f"a process may have {has.limit} files and connections open"
    is_lane = uri_at(context.home.key("tls")) is not None
    connections = has.lane_connections if is_lane else has.connections
    if has.limit < _FEW:
        means = (
            f"{connections} connections of counterparts, {has.places} at each port of ours, {has.streams} streams "
            f"of events and {has.pages} of the console are all that it takes; {_FEW} are enough for all connections"
        )
        remedy = "`LimitNOFILE=65536` in the systemd unit (or `nofile` in limits.conf), then restart the node"
        return [warn("open files", f"{text}: {means}", remedy)]
    lane = (
        f"; with the key of TLS in the security module counterparts have {connections} connections" if is_lane else ""
    )
    return [good("open files", text + lane)]


def check_scanner(context: CheckContext) -> list[Finding]:
    """Check that the scanner of files says of a harmless line that it is clean: without its word no file is opened."""
    setting = context.settings.attachments.scanner
    scanner = scanner_of(setting, min(context.settings.attachments.scan_s, _PROBE_S))
    if scanner is None:
        return [warn("scanner", "no scanner is named: no file of a counterpart is opened", _NAME_ONE, _SCANNER)]
    if setting == NONE:
        text = f"{_SCANNER} is `{NONE}`: files are opened unscanned"
        return [] if context.production else [good("scanner", f"{text}, which stops a node in production")]
    try:
        verdict = scanner([_PROBE])
    except Unavailable as error:
        return [warn("scanner", f"{error.message}: no file of a counterpart is opened", _LOOK, _SCANNER)]
    if verdict is not Verdict.CLEAN:
        return [warn("scanner", "it finds something in a harmless line: files stay shut", _NAME_ONE, _SCANNER)]
    return [good("scanner", "it answers")]


CHECKS: dict[str, Check] = {"disks": check_disks, "open files": check_descriptors, "scanner": check_scanner}
"""All checks of the machine."""
