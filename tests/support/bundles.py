"""A bundle for the tests, made once for all of their processes by the commands that a maker uses."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.supply import product_lock
from tests.supply.bundle import INSTALLER
from tests.supply.signatures import SIGNER, checksums, sign, signers
from tests.support.optional import needs
from tests.support.shared import PROJECT

EPOCH = 1_700_000_000


@dataclass(frozen=True)
class Made:
    """The folder with wheel, lock and bundle; the bundle unpacked; the key that signed, and the file that names it."""

    dist: Path
    unpacked: Path
    key: Path
    signers: Path

    def copy(self, folder: Path) -> Path:
        """Return a copy of the unpacked bundle whose files are links: a test replaces files, and writes to none."""
        shutil.copytree(self.unpacked, folder, copy_function=os.link)
        return folder


def made(shared: Path) -> Made:
    """Return the bundle in a folder that all test processes share; the first to come makes it."""
    folder = shared / "release"
    folder.mkdir(exist_ok=True)
    found = Made(folder / "dist", folder / "unpacked", folder / "key", folder / "signers")
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.unpacked.exists():
            _make(found)
    return found


def _make(target: Made) -> None:
    needs("ssh-keygen")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", target.key], check=True)
    target.signers.write_text(signers(target.key, SIGNER))
    build(PROJECT, target.dist)
    wheel = next(target.dist.glob("*.whl"))
    product_lock.main(wheel.with_name(wheel.name.removesuffix("-py3-none-any.whl") + ".lock"))
    [made_bundle] = bundle(target.dist, target.key)
    checksums(target.dist, target.key)
    unpack(made_bundle, target.unpacked)


def hollow(folder: Path) -> Made:
    """Make a bundle that is whole, signed and for this machine, whose only wheel is no wheel: all but installing it.

    The checks before an installation look at names, checksums, the signature and `BUNDLE`, never into a wheel.
    """
    target = Made(folder / "dist", folder / "unpacked", folder / "key", folder / "signers")
    needs("ssh-keygen")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", target.key], check=True)
    target.signers.write_text(signers(target.key, SIGNER))
    (target.unpacked / "wheels").mkdir(parents=True)
    shutil.copy2(PROJECT / "deploy" / "bundle" / INSTALLER, target.unpacked / INSTALLER)
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    about = f"version=0.0.0\npython={python}\nmachine={platform.machine()}\nglibc=2.17\n"
    (target.unpacked / "BUNDLE").write_text(about)
    (target.unpacked / "requirements.lock").write_text("click==8.0.0\n")
    (target.unpacked / "sbom.cdx.json").write_text("{}\n")
    (target.unpacked / "wheels" / "click-8.0.0-py3-none-any.whl").write_bytes(b"PK, and no more")
    seal(target.unpacked, target.key)
    return target


def build(tree: Path, dist: Path) -> None:
    """Build wheel and sdist of a tree, as `make build` does."""
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", dist],
        cwd=tree, env=os.environ | {"SOURCE_DATE_EPOCH": str(EPOCH)}, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def bundle(dist: Path, key: Path) -> list[Path]:
    """Make the bundle of a folder, as `make bundle` does."""
    subprocess.run(
        [sys.executable, "-m", "tests.supply.bundle", "--dist", dist, "--key", key],
        cwd=PROJECT, env=os.environ | {"SOURCE_DATE_EPOCH": str(EPOCH)}, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return list(dist.glob("liaison-*.tar.gz"))


def unpack(archive: Path, target: Path) -> None:
    """Unpack an archive of one folder to a place."""
    aside = target.with_suffix(".new")
    with tarfile.open(archive) as opened:
        opened.extractall(aside, filter="data")
    [inner] = aside.iterdir()
    inner.rename(target)
    aside.rmdir()


def seal(folder: Path, key: Path) -> None:
    """Write checksums and signature of an unpacked bundle anew, as its maker would."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("SHA256SUMS"))
    names = sorted(str(file.relative_to(folder)) for file in files)
    sums = "".join(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names).encode()
    replace(folder / "SHA256SUMS", sums)
    replace(folder / "SHA256SUMS.sig", sign(sums, key))


def replace(file: Path, data: bytes) -> None:
    """Write a file anew, without writing to what it is a link of."""
    mode = file.stat().st_mode if file.exists() else 0o644
    file.unlink(missing_ok=True)
    file.write_bytes(data)
    file.chmod(mode)
