"""Write the lock of the product with all of its extras: `python -m tests.supply.product_lock FILE` (`make build`).

It is beside the wheel. `pip install --require-hashes -r` takes it as it is, on each platform.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from tests.supply.lock import BASE, Locked, extras, read


def product() -> list[Locked]:
    """Return what is installed with the product and its extras, by name."""
    return sorted([*read(BASE), *extras()], key=lambda package: package.name)


def text(packages: Iterable[Locked]) -> str:
    """Return a lock as pip reads it."""
    return "".join(_block(package) for package in packages)


def _block(package: Locked) -> str:
    head = f"{package.name}=={package.version}" + (f" ; {package.marker}" if package.marker else "")
    return " \\\n".join((head, *(f"    --hash=sha256:{value}" for value in package.hashes))) + "\n"


def main(file: Path) -> None:
    """Write the lock."""
    packages = product()
    file.write_text(text(packages), encoding="utf-8")
    sys.stdout.write(f"{file.name}: {len(packages)} packages\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
