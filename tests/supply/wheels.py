"""Fetch the wheels of the product's lock for one platform: those that an offline bundle carries.

They are kept by what was asked for, so that a second bundle of the same lock needs no registry.
"""

from __future__ import annotations

import hashlib
import platform as this
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.markers import Marker
from packaging.utils import parse_wheel_filename

from tests.supply import product_lock
from tests.supply.lock import Locked
from tests.support.shared import PROJECT

CACHE: Final = PROJECT / "tmp" / "wheels"
"""Where fetched wheels are kept."""

NEWEST_GLIBC: Final = 36
"""No wheel is taken that needs a glibc newer than 2.36, which is Debian 12's."""

_OLDEST_GLIBC = 17
_GLIBC = re.compile(r"manylinux_2_(\d+)_")


@dataclass(frozen=True, slots=True)
class Platform:
    """Linux with a processor and a version of CPython, such as `x86_64` and `3.13`."""

    python: str
    machine: str

    @classmethod
    def of_this_machine(cls) -> Platform:
        """Return the platform that this program runs on."""
        return cls(f"{sys.version_info[0]}.{sys.version_info[1]}", this.machine())

    @property
    def tag(self) -> str:
        """The name of the platform in file names."""
        return f"cp{self.python.replace('.', '')}-{self.machine}"

    def wants(self, package: Locked) -> bool:
        """Tell whether a package is installed there."""
        environment = {
            "python_version": self.python,
            "python_full_version": f"{self.python}.0",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
            "os_name": "posix",
            "sys_platform": "linux",
            "platform_system": "Linux",
            "platform_machine": self.machine,
        }
        return not package.marker or Marker(package.marker).evaluate(environment)


def fetch(platform: Platform, cache: Path) -> list[Path]:
    """Return the wheels of the lock for a platform. Raises `CalledProcessError` where one cannot be had."""
    packages = [package for package in product_lock.product() if platform.wants(package)]
    text = "".join(f"{each.name}=={each.version} {_hashes(each)}\n" for each in packages)
    folder = cache / f"{platform.tag}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    if not folder.is_dir():
        _download(platform, text, folder)
    wheels = sorted(folder.glob("*.whl"))
    _check(wheels, packages)
    return wheels


def _hashes(package: Locked) -> str:
    return " ".join(f"--hash=sha256:{value}" for value in package.hashes)


def _download(platform: Platform, text: str, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))  # another process may do the same
    (aside / "wanted").write_text(text, encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet", "--no-deps",
         "--require-hashes", "--only-binary", ":all:", "--implementation", "cp", "--python-version", platform.python,
         *_platforms(platform.machine), "--dest", str(aside), "--requirement", str(aside / "wanted")],
        check=True,
    )  # fmt: skip
    try:
        aside.rename(folder)
    except OSError:
        shutil.rmtree(aside)
        if not folder.is_dir():
            raise


def _platforms(machine: str) -> Iterator[str]:
    for minor in range(NEWEST_GLIBC, _OLDEST_GLIBC - 1, -1):
        yield from ("--platform", f"manylinux_2_{minor}_{machine}")
    yield from ("--platform", f"manylinux2014_{machine}")


def _check(wheels: Sequence[Path], packages: Sequence[Locked]) -> None:
    """Raise `ValueError` unless the wheels are those of the lock, one for each package."""
    locked = {package.name: package for package in packages}
    names = [parse_wheel_filename(wheel.name)[0] for wheel in wheels]
    if sorted(names) != sorted(locked):
        raise ValueError(f"wheels and lock differ: {sorted(set(names) ^ set(locked))}")
    for name, wheel in zip(names, wheels, strict=True):
        if hashlib.sha256(wheel.read_bytes()).hexdigest() not in locked[name].hashes:
            raise ValueError(f"{wheel.name} is not what the lock names: delete {wheel.parent} and fetch it again")


def glibc(wheels: Sequence[Path]) -> str:
    """Return the version of glibc that all of these wheels can do with."""
    return f"2.{max(_least(wheel.name) for wheel in wheels)}"


def _least(name: str) -> int:
    """Return the oldest glibc that one of a wheel's tags names, as its second number."""
    found = [int(number) for number in _GLIBC.findall(name)]
    return min(found, default=_OLDEST_GLIBC)
