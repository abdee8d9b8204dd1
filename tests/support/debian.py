"""An empty Debian, made once for all test processes, in which commands of a document are run as root."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.optional import needs

_ENTER = """
set -eu
root=$1 shared=$2 script=$3
mount -t tmpfs tmpfs "$shared/over"
mkdir "$shared/over/upper" "$shared/over/work" "$shared/over/root"
mount -t overlay -o "lowerdir=$root,upperdir=$shared/over/upper,workdir=$shared/over/work" overlay "$shared/over/root"
cd "$shared/over/root"
mkdir -p media/release
mount --bind "$shared/files" media/release
mount -t proc proc proc
mount -t tmpfs tmpfs run
for each in null zero full random urandom; do : >"dev/$each"; mount --bind "/dev/$each" "dev/$each"; done
ip link set lo up
exec chroot . /bin/sh -euxc "cd /media/release; $script"
"""


@dataclass(frozen=True)
class Debian:
    """The tree of an empty Debian. Nothing that is run there changes it."""

    root: Path

    def run(self, script: str, folder: Path, files: Sequence[Path], **environment: str) -> str:
        """Run commands in `/media/release`, where these files are, without a network. Return what they print."""
        (folder / "files").mkdir(parents=True)
        (folder / "over").mkdir()
        for file in files:
            shutil.copy2(file, folder / "files" / file.name)
        enter = ["unshare", "--mount", "--propagation", "private", "--net", "--pid", "--fork", "--kill-child"]
        about = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"} | environment
        ran = subprocess.run(
            [*enter, "sh", "-c", _ENTER, "sh", str(self.root), str(folder), script],
            env=about, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout[-6000:]
        return ran.stdout


def made(shared: Path, packages: Sequence[str]) -> Debian:
    """Return a Debian with some packages in a folder that all test processes share; the first to come makes it."""
    root = shared / "debian"
    with (shared / ".debian").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            needs("mmdebstrap")
            aside = shared / "debian.new"
            shutil.rmtree(aside, ignore_errors=True)
            # Its mounts end with it: a /proc that it could not unmount would be packed into an image.
            asked = ["unshare", "--mount", "--propagation", "private", "mmdebstrap", "--quiet", "--variant=essential"]
            subprocess.run([*asked, f"--include={','.join(packages)}", "trixie", str(aside)], check=True)
            aside.rename(root)
    return Debian(root)
