"""A watch at the consoles of two countries: asked for, refused where it is too wide, approved, met, and ended."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from gateway.clock import SystemClock
from gateway.demo.federation import Federation, open_federation
from gateway.demo.sources import planted
from tests.browser.test_alerts import looked_at, signed_in
from tests.support.browser import chromium
from tests.support.optional import needs

pytestmark = [pytest.mark.small_form, pytest.mark.process, pytest.mark.timeout(900)]

_HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Two running nodes with consoles."""
    needs("chromium-headless-shell")
    made = open_federation(tmp_path_factory.mktemp("watches") / "demo", SystemClock())
    made.start("th", "vn")
    try:
        yield made
    finally:
        made.stop("th", "vn")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser."""
    with chromium() as running:
        yield running


def test_a_watch_is_asked_for_approved_met_and_ended(browser: Browser, federation: Federation) -> None:
    with signed_in(browser, federation, "th.o.1042") as author:
        author.goto("/watches")
        author.locator("summary", has_text="Ask for a watch").click()
        looked_at(author)
        author.fill("#name", _HOSTILE)
        author.locator("input[name=to][value=vn]").check()
        author.select_option("#purpose", "INVESTIGATION")
        author.select_option("#offence", "DOCFRAUD")
        author.locator("button.first").click()
        expect(author.locator(".errors")).to_be_visible()
        expect(author.locator("#name")).to_have_value(_HOSTILE)
        looked_at(author)
        author.fill("#case", "TH-2026-17")
        author.fill("#name", "Nguyễn")
        author.locator("button.first").click()
        expect(author.locator(".errors")).to_contain_text("20 records are the most")
        author.select_option("#kind", "document")
        author.fill("#number", planted.STOLEN_PASSPORT.number)
        author.fill("#issuer", planted.STOLEN_PASSPORT.issuer)
        author.locator("input[name=to][value=vn]").check()
        author.locator("button.first").click()
        expect(author).to_have_url(re.compile(r"/watches/[0-9a-f]{32}$"))
        assert author.locator("button[value=approve]").count() == 0, "its author approves it"
        looked_at(author)
        path = "/" + author.url.partition("://")[2].partition("/")[2]
        with signed_in(browser, federation, "th.s.3", "th") as supervisor:
            supervisor.goto(path)
            supervisor.locator("button[value=decline]").click()
            expect(supervisor.locator("#reason-fault")).to_be_visible()
            supervisor.locator("button[value=approve]").click()
            expect(supervisor.locator("button[value=approve]")).to_have_count(0)
            looked_at(supervisor)
        follow = author.locator("summary", has_text="Ask for more about a hit")
        for _ in range(60):
            author.goto(path)
            if follow.count():
                break
            author.wait_for_timeout(500)
        looked_at(author)
        follow.click()
        author.fill("#facts", "the holder stands at the gate")
        author.locator("button", has_text="Hand it in for approval").click()
        expect(author).to_have_url(re.compile(r"/threads/vn/[0-9a-f]{32}$"))
        with signed_in(browser, federation, "vn.d.7", "my") as duty:
            duty.goto("/watches?list=taken")
            expect(duty.locator(".alert-card")).to_have_count(1)
            looked_at(duty)
        author.goto(path)
        author.locator("summary", has_text="End it").click()
        author.locator("button.danger").click()
        expect(author.locator("#watch .tag").first).to_have_text("ended")
