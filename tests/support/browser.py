"""Open pages in Debian's headless Chromium; where it is missing a test is skipped, or fails with `CI=true`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.support.optional import found, needs

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield a browser; its profile is thrown away. Inside another use of it this is the same one."""
    needs("chromium-headless-shell")
    with _Shared.lock:
        _Shared.uses += 1
        if _Shared.uses == 1:
            _Shared.browser = _Shared.stack.enter_context(_launched())
    try:
        yield _Shared.browser
    finally:
        with _Shared.lock:
            _Shared.uses -= 1
            if not _Shared.uses:
                _Shared.stack.close()


class _Shared:
    """The browser of this process: Playwright's plain interface runs once in a thread."""

    lock = threading.Lock()
    stack = ExitStack()
    uses = 0
    browser: Browser


@contextmanager
def _launched() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found("chromium-headless-shell"), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def watched(page: Page) -> list[str]:
    """Return the list that takes what the browser complains of: refused by the CSP, not loaded, a script's error.

    That a page itself says no, with a status of 400 or more, is no complaint.
    """
    faults: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        said_no = message.text.startswith("Failed to load resource") and message.location.get("url") == page.url
        if message.type in ("error", "warning") and not said_no:
            faults.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: faults.append(str(error)))
    return faults
