"""Make the golden files again (`python -m tests.golden`); `git diff` tells what has changed."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.golden import sentences
from tests.golden.lives import tell_lives
from tests.golden.stored import write


def main() -> int:
    """Write all golden files."""
    sentences.write()
    with tempfile.TemporaryDirectory(prefix="lsn-") as folder:
        told = asyncio.run(tell_lives(Path(folder)))
    for name, texts in told.items():
        write(name, texts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
