"""Look for known vulnerabilities in the locks: `python -m tests.supply.advisories` (`make advisories`).

No advisory database comes as a package that is kept up to date, and programs that ask a service audit nothing where
there is none. So `requirements/advisories.json` is a snapshot with the day until which it covers what was published. A
locked version that an advisory names fails, unless it is accepted there with a reason; a snapshot older than 90 days is
told. `python -m tests.supply.advisories --take FOLDER` takes advisories from files of the OSV database into it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from gateway.clock import SystemClock
from tests.supply.lock import BASE, LOCKS, Locked, extras, read
from tests.support.shared import PROJECT

SNAPSHOT: Final = PROJECT / "requirements" / "advisories.json"
OLD: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Advisory:
    """One vulnerability of a package, with the versions that it affects."""

    id: str
    aliases: tuple[str, ...]
    package: str
    affected: str
    what: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known, of which packages, and until which day. `accepted` has the reason for each id and package."""

    covers_until: date
    looked_up: frozenset[str]
    advisories: tuple[Advisory, ...]
    accepted: Mapping[tuple[str, str], str]


def load(file: Path = SNAPSHOT) -> Snapshot:
    """Return the snapshot; raise `ValueError` for one that says nothing or accepts without a reason."""
    text = json.loads(file.read_text(encoding="utf-8"))
    advisories = tuple(Advisory(**{**item, "aliases": tuple(item["aliases"])}) for item in text["advisories"])
    accepted = {(item["id"], item["package"]): item["reason"] for item in text["accepted"]}
    for item in text["accepted"]:
        if len(item["reason"]) < 20 or not date.fromisoformat(item["since"]):
            raise ValueError(f"{item['id']} of {item['package']} is accepted without a reason")
    if not advisories:
        raise ValueError(f"{file.name} holds no advisory, so nothing would be found")
    return Snapshot(date.fromisoformat(text["covers_until"]), frozenset(text["looked_up"]), advisories, accepted)


def found(snapshot: Snapshot, packages: Iterable[Locked]) -> Iterator[tuple[Locked, Advisory]]:
    """Yield each locked package with each advisory that names its version."""
    for package in packages:
        for advisory in snapshot.advisories:
            if advisory.package == package.name and affects(advisory.affected, package.version):
                yield package, advisory


def affects(affected: str, version: str) -> bool:
    """Tell whether a version is among the affected ones; versions before a release count as well."""
    return SpecifierSet(affected).contains(Version(version), prereleases=True)


def errors(snapshot: Snapshot, packages: Sequence[Locked], needed: Iterable[Locked]) -> Iterator[str]:
    """Yield a sentence for each vulnerability that is not accepted, each needless acceptance, and each blind spot."""
    hits = {(advisory.id, package.name): (package, advisory) for package, advisory in found(snapshot, packages)}
    for key, (package, advisory) in sorted(hits.items()):
        if key not in snapshot.accepted:
            names = " ".join((advisory.id, *advisory.aliases))
            yield f"{package.name} {package.version} is affected by {names}: {advisory.what} ({advisory.affected})"
    for key in sorted(snapshot.accepted.keys() - hits.keys()):
        yield f"{key[0]} of {key[1]} is accepted, and affects nothing that is locked: take it out"
    for name in sorted({package.name for package in needed} - snapshot.looked_up):
        yield f"{name} was never looked up: add its advisories, or its name to `looked_up` where there are none"


def warnings(snapshot: Snapshot, packages: Iterable[Locked], today: date) -> Iterator[str]:
    """Yield a sentence for a snapshot that is old, and for packages that only developers need and that it lacks."""
    age = today - snapshot.covers_until
    if age > OLD:
        yield f"the snapshot covers what was published until {snapshot.covers_until}, {age.days} days ago: take a newer"
    lacking = sorted({package.name for package in packages} - snapshot.looked_up)
    if lacking:
        yield f"not looked up, and never installed with the product: {', '.join(lacking)}"


# ---------------------------------------------------------------- a new snapshot


def take(folder: Path, packages: Sequence[Locked], kept: Snapshot) -> Iterator[Advisory]:
    """Yield the advisories of a folder of OSV files (the export for PyPI, unpacked) on the locked packages."""
    names = {package.name for package in packages}
    taken = {advisory for file in sorted(folder.rglob("*.json")) for advisory in from_osv(json.loads(file.read_text()))}
    yield from (advisory for advisory in sorted(taken, key=_order) if advisory.package in names)
    known = {name for advisory in taken for name in (advisory.id, *advisory.aliases)}
    for advisory in kept.advisories:
        if advisory.package in names and not known & {advisory.id, *advisory.aliases}:
            yield advisory


def _order(advisory: Advisory) -> tuple[str, str, str]:
    return advisory.package, advisory.id, advisory.affected


def from_osv(text: Mapping[str, Any]) -> Iterator[Advisory]:
    """Yield an advisory for each range of affected versions of an OSV document; withdrawn ones have none."""
    for affected in text.get("affected", ()) if "withdrawn" not in text else ():
        package = affected.get("package", {})
        if package.get("ecosystem") != "PyPI":
            continue
        for specifier in _specifiers(affected):
            yield Advisory(
                text["id"], tuple(text.get("aliases", ())), canonicalize_name(package["name"]), specifier,
                str(text.get("summary") or text.get("details", ""))[:100],
            )  # fmt: skip


def _specifiers(affected: Mapping[str, Any]) -> Iterator[str]:
    ranges = [item["events"] for item in affected.get("ranges", ()) if item["type"] == "ECOSYSTEM"]
    for events in ranges:
        begin = "0"
        for event in events:
            if "introduced" in event:
                begin = event["introduced"]
            for word, sign in (("fixed", "<"), ("last_affected", "<=")):
                if word in event:
                    yield f">={begin},{sign}{event[word]}"
                    begin = ""
        if begin:
            yield f">={begin}"
    if not ranges:
        yield from (f"=={version}" for version in affected.get("versions", ()) if _is_version(version))


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def write(file: Path, advisories: Iterable[Advisory], covers_until: date, looked_up: Iterable[str]) -> None:
    """Write a snapshot; what is accepted stays."""
    old = json.loads(file.read_text(encoding="utf-8"))
    rows = [{name: getattr(item, name) for name in Advisory.__slots__} for item in advisories]
    new = {
        "covers_until": covers_until.isoformat(),
        "source": "The export of the OSV database for PyPI, and what the snapshot before it knew beyond that.",
        "looked_up": sorted(looked_up),
        "advisories": rows,
        "accepted": old["accepted"],
    }
    file.write_text(json.dumps(new, indent=2) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None, file: Path = SNAPSHOT, locks: Sequence[Path] = LOCKS) -> int:
    """Check the locks; return 1 for a known vulnerability that is not accepted."""
    parser = argparse.ArgumentParser(prog="python -m tests.supply.advisories")
    parser.add_argument("--take", type=Path, metavar="FOLDER", help="take the OSV files of a folder into the snapshot")
    given = parser.parse_args(arguments)
    packages, snapshot, today = [item for lock in locks for item in read(lock)], load(file), SystemClock().now().date()
    if given.take:
        write(file, take(given.take, packages, snapshot), today, {package.name for package in packages})
        snapshot = load(file)
    sys.stderr.writelines(f"warning: {line}\n" for line in warnings(snapshot, packages, today))
    broken = list(errors(snapshot, packages, [*read(BASE), *extras()]))
    sys.stdout.writelines(f"{line}\n" for line in broken)
    count = len({(package.name, package.version) for package in packages})
    sys.stdout.write(f"{count} packages, {len(snapshot.advisories)} advisories until {snapshot.covers_until}\n")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
