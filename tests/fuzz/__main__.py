"""`python -m tests.fuzz TARGET SECONDS CORPUS`: one campaign under atheris. Exit code 0 when nothing was found."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["gateway", "adapters"]):
    from tests.fuzz.targets import run


def main() -> None:
    """Fuzz one target; inputs that bring something new stay in the corpus folder."""
    name, seconds, corpus = sys.argv[1:]
    limits = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=5", "-rss_limit_mb=2048", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *limits, corpus], lambda data: run(name, data))
    atheris.Fuzz()


main()
