"""Fetch the packages that `package-lock.json` pins, and write `gateway/console/assets` from them: `make assets`."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.assets import fonts, outline
from tests.support.shared import PROJECT

ASSETS = PROJECT / "gateway" / "console" / "assets"
_PINNED = ("package.json", "package-lock.json")


def main() -> None:
    """Write the assets anew; npm fetches from where this machine's own settings say."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in _PINNED:
            shutil.copyfile(Path(__file__).with_name(file), folder / file)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True)
        fonts.write(folder / "node_modules", ASSETS)
        outline.write(folder / "node_modules", ASSETS)
    size = sum(path.stat().st_size for path in ASSETS.rglob("*") if path.is_file())
    print(f"{ASSETS.relative_to(PROJECT)}: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
