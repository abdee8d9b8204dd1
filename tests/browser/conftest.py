"""A browser for each module, and running nodes with consoles for all of them.

Playwright's plain interface keeps a loop of its own in the test's thread while a browser is open, so a browser does not
outlive its module: other tests of the same process have loops, too.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import chromium
from tests.support.consoles import Consoles, consoles
from tests.support.optional import needs


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser in which no one is signed in."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consoles]:
    """Running nodes of Thailand and Viet Nam with consoles, for all tests: none of them leaves a node stopped."""
    needs("chromium-headless-shell")
    with consoles(tmp_path_factory.mktemp("consoles")) as running:
        yield running
