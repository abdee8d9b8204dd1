"""The demo's databases with their key indexes: made once in a test process, and copied into each world."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from adapters.load import Place, open_source
from gateway.clock import SystemClock
from gateway.config import Home
from gateway.demo.sample import SAMPLES, SampleSource
from gateway.storage.index.index_seal import load_index_secret


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="lsn-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def sample_database(sample: SampleSource, folder: Path) -> Path:
    """A copy in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy2(sample.build(_folder() / "sources"), folder))


def give_indexes(home: Path, member: str) -> None:
    """The indexes of the member's databases, and the secret that seals them, as after a first start of its node."""
    shutil.copytree(_indexed(member).path, home, symlinks=True, dirs_exist_ok=True)


@cache
def _indexed(member: str) -> Home:
    """A home that holds nothing else."""
    home = Home(_folder() / member)
    keystore = home.path / "keystore"
    home.path.mkdir(mode=0o700)
    keystore.mkdir(mode=0o700)
    secret = load_index_secret(keystore)
    for sample in SAMPLES:
        if sample.member == member:
            url = f"sqlite:///{sample.build(_folder() / 'sources')}"
            open_source(Place(sample.mapping_file, url, home.index, SystemClock(), index_secret=secret)).close()
    return home
