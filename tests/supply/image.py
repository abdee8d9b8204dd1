"""Make the container image from the bundle: `python -m tests.supply.image` (`make image`).

buildah builds it from `deploy/Containerfile`, without a network and without a registry. The base is an image that is
named, or a Debian that is made on the spot. Of one base and one bundle it has the same id each time. It is written to
an archive that `podman load` and `docker load` read, and loaded here.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.support.shared import PROJECT

PACKAGES: Final = ("python3", "python3-venv", "libstdc++6", "ca-certificates")
"""What the base needs beside a bare system, as `docs/install.md` says."""

_CONTEXT = re.compile(r":sha256:[0-9a-f]{64}$")
"""What buildah adds to a step: a hash of folders of the context, with their times."""

_LIMITS = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096")


def make(bundle: Path, base: str, epoch: int, target: Path) -> str:
    """Write the archive of an image of a bundle; return the image's id. `base` is an image, or the path of a system."""
    version = bundle.name.split("-")[1]
    with tempfile.TemporaryDirectory(prefix="liaison-image-") as folder:
        place = Path(folder)
        with tarfile.open(bundle) as archive:
            archive.extractall(place / "bundle", filter="data")
        [context] = (place / "bundle").iterdir()
        made = _build(context, _imported(base, epoch) if Path(base).exists() else base, epoch)
        subprocess.run(["buildah", "push", "--quiet", made, f"docker-archive:{place / 'first.tar'}"], check=True)
        _run("buildah", "rmi", made)
        return settle(place / "first.tar", target, [f"localhost/liaison:{version}", "localhost/liaison:latest"], epoch)


def _imported(system: str, epoch: int) -> str:
    """Return the image whose only layer is a system: a folder, or an archive of one."""
    container = _run("buildah", "from", "scratch")
    try:
        _run("buildah", "add", "--quiet", container, system, "/")
        return _run("buildah", "commit", "--quiet", "--timestamp", str(epoch), container)
    finally:
        _run("buildah", "rm", container)


def _build(context: Path, base: str, epoch: int) -> str:
    """Return the id of what the Containerfile makes of an unpacked bundle."""
    apart = ["unshare", "--net"] if os.geteuid() == 0 else []
    return _run(
        *apart, "buildah", "build", "--quiet", "--no-cache", "--isolation", "chroot", "--format", "docker", *_LIMITS,
        "--pull=never", "--timestamp", str(epoch), "--build-arg", f"BASE={base}",
        "--file", str(PROJECT / "deploy" / "Containerfile"), str(context),
    )  # fmt: skip


def _run(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def settle(archive: Path, target: Path, names: Sequence[str], epoch: int) -> str:
    """Write an archive of an image anew without what differs from build to build; return the image's id.

    The layers are the same each time. Their description names the container and the machine that made them.
    """
    with (
        tarfile.open(archive) as old,
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", 1, raw, mtime=epoch) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as new,
    ):
        [about] = json.load(_member(old, "manifest.json"))
        config = json.dumps(_same_each_time(json.load(_member(old, about["Config"]))), sort_keys=True).encode()
        image = hashlib.sha256(config).hexdigest()
        manifest = [{"Config": f"{image}.json", "RepoTags": list(names), "Layers": about["Layers"]}]
        for layer in about["Layers"]:
            _add(new, layer, _member(old, layer), old.getmember(layer).size, epoch)
        for name, data in ((f"{image}.json", config), ("manifest.json", json.dumps(manifest).encode())):
            _add(new, name, io.BytesIO(data), len(data), epoch)
    return image


def _same_each_time(config: dict[str, Any]) -> dict[str, Any]:
    for name in ("container", "container_config"):
        config.pop(name, None)
    config["config"]["Hostname"] = ""
    for step in config["history"]:
        step["created_by"] = _CONTEXT.sub("", step["created_by"])
    return config


def _member(archive: tarfile.TarFile, name: str) -> io.BufferedReader:
    found = archive.extractfile(name)
    if not isinstance(found, io.BufferedReader):
        raise TypeError(f"{name} is no file of the archive")
    return found


def _add(archive: tarfile.TarFile, name: str, data: io.BufferedIOBase, size: int, epoch: int) -> None:
    about = tarfile.TarInfo(name)
    about.size, about.mtime, about.mode = size, epoch, 0o644
    archive.addfile(about, data)


def a_debian(cache: Path, epoch: int) -> Path:
    """Return the archive of a bare Debian with Python, made of the packages of today and kept."""
    archive = cache / f"debian-{epoch}.tar"
    if not archive.exists():
        cache.mkdir(parents=True, exist_ok=True)
        aside = archive.with_suffix(f".{os.getpid()}.tar")  # another process may make the same
        asked = [
            "mmdebstrap",
            "--quiet",
            "--variant=essential",
            f"--include={','.join(PACKAGES)}",
            "trixie",
            str(aside),
        ]
        subprocess.run(asked, env=os.environ | {"SOURCE_DATE_EPOCH": str(epoch)}, check=True)
        aside.rename(archive)
    return archive


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the image that is asked for, and load it."""
    parser = argparse.ArgumentParser(prog="python -m tests.supply.image")
    parser.add_argument("--dist", type=Path, default=PROJECT / "dist", help="the folder with the bundle")
    parser.add_argument("--base", help="an image with glibc and Python, or a folder or archive of such a system")
    parser.add_argument(
        "--cache", type=Path, default=PROJECT / "tmp" / "base", help="where a Debian that was made is kept"
    )
    given = parser.parse_args(arguments)
    if missing := [tool for tool in ("buildah", *(() if given.base else ("mmdebstrap",))) if not shutil.which(tool)]:
        parser.exit(1, f"{' and '.join(missing)} cannot be found: apt-get install {' '.join(missing)}\n")
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    [bundle] = given.dist.glob("liaison-*-cp*.tar.gz")
    machine = bundle.name.removesuffix(".tar.gz").rsplit("-", 1)[1]
    target = given.dist / f"liaison-{bundle.name.split('-')[1]}-{machine}.image.tar.gz"
    image = make(bundle, given.base or str(a_debian(given.cache, epoch)), epoch, target)
    _run("buildah", "pull", "--quiet", f"docker-archive:{target}")
    sys.stdout.write(f"{target.name}: {target.stat().st_size >> 20} MiB, image {image}\n")


if __name__ == "__main__":
    main()
