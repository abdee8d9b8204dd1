"""A tablet that changes hands: after sign-out no page comes back, and open tabs lead to sign-in by themselves."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from gateway.console.frame import events
from gateway.demo.sources import planted
from tests.security.test_console_markup import HOSTILE, MARK, plant
from tests.support.browser import chromium, watched
from tests.support.console_nodes import DUTY, OFFICER, consoles
from tests.support.waiting import MOST_S

pytestmark = [pytest.mark.small_form, pytest.mark.process]

SIGN_IN = re.compile("/login")


def sign_in(context: BrowserContext, origin: str, person: str) -> Page:
    """Sign in for a trial, and return the first page."""
    page = context.new_page()
    page.goto(f"{origin}/login/trial")
    page.locator(f'button[name=person][value="{person}"]').click()
    page.wait_for_url(re.compile(rf"{re.escape(origin)}/(?!login)"))
    return page


def changes_hands(origin: str) -> None:
    """Sign out in one tab, then look for pages in both."""
    with chromium() as browser:
        context = browser.new_context(ignore_https_errors=True)
        page = sign_in(context, origin, DUTY)
        other = context.new_page()
        for each in (page, other):
            each.goto(f"{origin}/desk")
            expect(each.locator("nav .tabs")).to_be_visible()
        page.goto(f"{origin}/desk?list=threads")
        page.locator('form[action="/logout"] button').click()
        page.wait_for_url(SIGN_IN)
        other.wait_for_url(SIGN_IN, timeout=MOST_S * 1000)
        for _ in range(2):
            page.go_back()
            expect(page.locator("nav .tabs")).to_have_count(0)
            expect(page).to_have_url(SIGN_IN)
        context.close()


def reads(origin: str) -> None:
    """Ask about a record with hostile texts, and type some: nothing of it runs or is even tried."""
    with chromium() as browser:
        context = browser.new_context(ignore_https_errors=True)
        page = sign_in(context, origin, OFFICER)
        faults = watched(page)
        page.goto(f"{origin}/gate")
        page.locator("#asked").fill(planted.STOLEN_PASSPORT.number)
        if not page.locator("#ticket").is_visible():
            page.locator("details:has(#ticket) > summary").click()
        page.locator("#ticket").fill("T-1")
        page.locator("button.first").click()
        expect(page.locator("#content")).to_contain_text(MARK, timeout=MOST_S * 1000)
        for text in HOSTILE:
            page.goto(f"{origin}/gate?{quote(text)}#{quote(text)}")
        assert page.evaluate(f"typeof window.{MARK}") == "undefined"
        assert faults == []
        context.close()


async def test_after_sign_out_no_tab_shows_anything_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PAUSE_S", 0.2)
    monkeypatch.setattr(events, "LOOK_S", 0.5)
    async with consoles(tmp_path) as running:
        await asyncio.to_thread(changes_hands, running.node().addresses["console"])


async def test_a_browser_runs_nothing_of_what_is_shown(tmp_path: Path) -> None:
    async with consoles(tmp_path, ("th", "vn"), before=plant) as running:
        await asyncio.to_thread(reads, running.node().addresses["console"])
