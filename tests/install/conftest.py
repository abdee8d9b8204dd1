"""What the tests of installing share: one bundle, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import install_page as page
from tests.support.bundles import Made, made
from tests.support.debian import Debian
from tests.support.debian import made as a_debian


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(_shared(tmp_path_factory))


@pytest.fixture(scope="session")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Debian:
    return a_debian(_shared(tmp_path_factory), page.packages())


def _shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all test processes of a run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if base.name.startswith("popen-") else base
