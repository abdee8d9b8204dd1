"""Make the offline bundle: `python -m tests.supply.bundle --key FILE` (`make bundle`).

It holds all wheels of the lock for one platform, the product's own, the lock, the list of parts, the units of systemd
and a program that installs them (`deploy/bundle/install.sh`). SHA256SUMS names each file, and is signed with a key of
the builder in the form of `ssh-keygen -Y sign`. The same tree, lock and key give the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import os
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.supply import product_lock, sbom
from tests.supply.signatures import sign
from tests.supply.wheels import CACHE, Platform, fetch, glibc
from tests.support.shared import PROJECT

INSTALLER: Final = "install.sh"


def make(dist: Path, platform: Platform, epoch: int, key: Path | None, cache: Path) -> Path:
    """Return the bundle of the wheel in a folder. Raises `ValueError` where there is not exactly one wheel."""
    wheels = list(dist.glob("*.whl"))
    if len(wheels) != 1:
        raise ValueError(f"{len(wheels)} wheels are in {dist}, and one is bundled: run `make build`")
    files = contents(wheels[0], platform, cache)
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())).encode()
    files["SHA256SUMS"] = sums
    if key:
        files["SHA256SUMS.sig"] = sign(sums, key)
    name = f"liaison-{_version(wheels[0])}-{platform.tag}"
    target = dist / f"{name}.tar.gz"
    _pack(target, name, files, epoch)
    return target


def contents(wheel: Path, platform: Platform, cache: Path) -> dict[str, bytes]:
    """Return each file of a bundle by its name."""
    parts, version = fetch(platform, cache), _version(wheel)
    about = {"version": version, "python": platform.python, "machine": platform.machine, "glibc": glibc(parts)}
    own = f"liaison-gateway=={version} \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
    units = {f"systemd/{unit.name}": unit.read_bytes() for unit in sorted((PROJECT / "deploy" / "systemd").iterdir())}
    return {
        INSTALLER: (PROJECT / "deploy" / "bundle" / INSTALLER).read_bytes(),
        "BUNDLE": "".join(f"{name}={value}\n" for name, value in about.items()).encode(),
        "requirements.lock": (product_lock.text(product_lock.product()) + own).encode(),
        "sbom.cdx.json": sbom.text(platform, parts).encode(),
        **pages(),
        "LICENSE": (PROJECT / "LICENSE").read_bytes(),
        **units,
        **{f"wheels/{part.name}": part.read_bytes() for part in (*parts, wheel)},
    }


def pages() -> dict[str, bytes]:
    """Return the pages that a bundle brings: all of them, since a machine without a network reaches none elsewhere."""
    folder = PROJECT / "docs"
    files = sorted(file for file in folder.rglob("*") if file.suffix in (".md", ".json"))
    return {f"docs/{file.relative_to(folder)}": file.read_bytes() for file in files}


def _version(wheel: Path) -> str:
    return wheel.name.split("-")[1]


def _pack(target: Path, folder: str, files: Mapping[str, bytes], epoch: int) -> None:
    """Write an archive whose bytes follow from names, contents and one time alone."""
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", 1, raw, mtime=epoch) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, data in sorted(files.items()):
            about = tarfile.TarInfo(f"{folder}/{name}")
            about.size, about.mtime, about.mode = len(data), epoch, 0o755 if name == INSTALLER else 0o644
            archive.addfile(about, io.BytesIO(data))


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the bundle that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.supply.bundle")
    parser.add_argument("--dist", type=Path, default=PROJECT / "dist", help="the folder with the wheel")
    here = Platform.of_this_machine()
    parser.add_argument("--python", default=here.python, help="such as 3.13")
    parser.add_argument("--machine", default=here.machine, help="such as x86_64 or aarch64")
    parser.add_argument("--key", type=Path, help="the key that signs (ssh-keygen -t ed25519); without it: no signature")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where fetched wheels are kept")
    given = parser.parse_args(arguments)
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    made = make(given.dist, Platform(given.python, given.machine), epoch, given.key, given.cache)
    signed = f"signed with {given.key.name}" if given.key else "NOT signed: BUNDLE_KEY=FILE names a key"
    sys.stdout.write(f"{made.name}: {made.stat().st_size >> 20} MiB, {signed}\n")


if __name__ == "__main__":
    main()
