"""Parts of the system that some tests need: without one a test is skipped with the command that installs it.

Where `CI=true` the test fails instead. `python -m tests.support.optional` prints the packages that are missing here.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

PACKAGES = {
    "buildah": "buildah",
    "cc": "gcc",
    "chromium-headless-shell": "chromium-headless-shell",
    "mariadbd": "mariadb-server-core",  # the server without a service: nothing is started where it is installed
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "node": "nodejs",
    "npm": "npm",
    "openssl": "openssl",
    "pkcs11.so": "pkcs11-provider",
    "podman": "podman",
    "promtool": "promtool",
    "runc": "runc",
    "softhsm2-util": "softhsm2",
    "ssh-keygen": "openssh-client",
    "strace": "strace",
    "systemd-analyze": "systemd",
}
"""The Debian package of each program, and of OpenSSL's provider for keys in a security module."""

_ALSO = ("/usr/sbin", "/usr/local/sbin")


def is_ci() -> bool:
    """Tell whether this is where nothing may be missing."""
    return os.environ.get("CI", "").lower() == "true"


def absent(message: str) -> NoReturn:
    """Skip the running test for what is missing, or fail it where nothing may be."""
    import pytest  # what lists packages runs before there is a pytest

    if is_ci():
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def found(name: str) -> str | None:
    """Return where a part of the table is, also where the folders of the administrator are not in the path."""
    if name.endswith(".so"):
        return next((str(place) for place in Path("/usr").glob(f"lib*/**/ossl-modules/{name}")), None)
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), *_ALSO)))


def missing(names: Iterable[str]) -> str:
    """Say which of these are not here and the command that installs them; nothing where all are."""
    lacking = [name for name in names if not found(name)]
    packages = " ".join(dict.fromkeys(PACKAGES[name] for name in lacking))
    return f"there is no {', '.join(lacking)}: apt-get install {packages}" if lacking else ""


def needs(*names: str) -> None:
    """Skip the running test unless all of these are here, or fail it in CI. The mark `needs` does so for a test."""
    if told := missing(names):
        absent(told)


if __name__ == "__main__":
    print(*sorted({PACKAGES[name] for name in PACKAGES if not found(name)}))
