"""Alerts between two countries' consoles: raised, read in the receiver's language, approved, acknowledged, taken back.

The texts of the alert are hostile: what a counterpart writes is shown, and never taken for a part of the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from gateway.clock import SystemClock
from gateway.config import host_port, load_settings
from gateway.demo.federation import Federation, open_federation
from tests.support.browser import chromium, watched
from tests.support.optional import needs

pytestmark = [pytest.mark.small_form, pytest.mark.process, pytest.mark.timeout(900)]

_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
_HOSTILE = "<img src=x onerror=alert(1)></textarea><script>alert(1)</script>"
_PHONE = {"width": 390, "height": 844}
_WAIT_MS = 60_000


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Two running nodes with consoles."""
    needs("chromium-headless-shell")
    made = open_federation(tmp_path_factory.mktemp("alerts") / "demo", SystemClock())
    made.start("th", "kh")
    try:
        yield made
    finally:
        made.stop("th", "kh")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser."""
    with chromium() as running:
        yield running


@contextmanager
def signed_in(browser: Browser, federation: Federation, person: str, language: str = "en") -> Iterator[Page]:
    """The first page of a person on a telephone; at its end no page had a fault of its own."""
    member = person.partition(".")[0]
    port = host_port(load_settings(federation.home(member), {}).listen.console)[1]
    origin = f"https://localhost:{port}"
    context = browser.new_context(ignore_https_errors=True, viewport=_PHONE, base_url=origin, locale=language)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(_WAIT_MS)
    faults = watched(page)
    page.goto("/")
    page.locator("a[href*='trial']").click()
    page.locator(f"button[value='{person}']").click()
    page.locator("details.languages summary").click()
    page.locator(f"details.languages button[value='{language}']").click()
    yield page
    assert [fault for fault in faults if "status of 400" not in fault] == []
    context.close()


def looked_at(page: Page) -> None:
    """Check what a page looks like: no violation, no sideways scroll, nothing of a counterpart's text in its tree."""
    found = Axe().run(page, options=_RULES).response["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.locator("main img, main script").count() == 0


def raised(page: Page) -> str:
    """Raise an alert by its template; return the path of its page."""
    page.goto("/alerts")
    looked_at(page)
    page.locator("a[href='/alerts/raise']").click()
    looked_at(page)
    page.locator("a[href='/alerts/raise?kind=vehicle']").click()
    page.locator("input[name=action][value=DISCREET_CHECK]").check()
    page.locator("input[name=do_not][value=DO_NOT_ALERT_SUBJECT]").check()
    page.fill("#plate", "กข 1234")
    page.fill("#reason", _HOSTILE)
    page.locator("input[name=to][value=kh]").check()
    page.select_option("#purpose", "INVESTIGATION")
    page.select_option("#offence", "NARC")
    page.locator("main form button.first").click()
    expect(page.locator(".errors a")).to_have_attribute("href", "#case")
    expect(page.locator("#reason")).to_have_value(_HOSTILE)
    looked_at(page)
    page.fill("#case", "TH-2026-17")
    page.locator("main form button.first").click()
    reading = page.locator(".reads[lang=km]")
    expect(reading).to_contain_text("កុំឱ្យសាមីខ្លួនដឹង")
    expect(reading.locator("[lang=th]")).to_have_text("กข 1234")
    looked_at(page)
    page.locator("button[value=send]").click()
    expect(page).to_have_url(re.compile(r"/alerts/[0-9a-f]{32}$"))
    assert page.locator("button[value=approve]").count() == 0, "its author approves it"
    looked_at(page)
    return "/" + page.url.partition("://")[2].partition("/")[2]


def test_an_alert_goes_from_one_console_to_the_other_and_back(browser: Browser, federation: Federation) -> None:
    with signed_in(browser, federation, "th.o.1042") as author:
        path = raised(author)
        with signed_in(browser, federation, "th.s.3", "th") as supervisor:
            supervisor.goto(path)
            supervisor.locator("button[value=decline]").click()
            expect(supervisor.locator("#reason-fault")).to_be_visible()
            supervisor.locator("button[value=approve]").click()
            expect(supervisor.locator("button[value=approve]")).to_have_count(0)
        with signed_in(browser, federation, "kh.d.7", "my") as duty:
            duty.goto("/alerts")
            expect(duty.locator("[data-alarm]")).to_have_attribute("data-alarm", re.compile("^acknowledge"))
            assert "กข 1234" not in duty.content(), "the board shows what a reading must be written down for"
            looked_at(duty)
            duty.locator(".alert-card h3 a").click()
            expect(duty.locator("#alert")).to_contain_text(_HOSTILE)
            looked_at(duty)
            duty.locator("button[value=ACKNOWLEDGED]").click()
            expect(duty.locator("button[value=ACKNOWLEDGED]")).to_have_count(0)
            duty.locator("details.folded summary").first.click()
            duty.select_option("#reason", "court-order-needed")
            duty.locator("button[value=NOT_EXECUTED]").click()
            expect(duty.locator(".timeline li")).to_have_count(4)
            # By itself, since the page follows the alert.
            expect(author.locator("#alert")).to_contain_text("our law needs a court's order first")
            author.locator("summary", has_text="Take it back").click()
            author.locator("button.danger", has_text="Take it back from all").click()
            expect(author.locator("#alert .tag").first).to_have_text("taken back")
            # Who looks at it is told by the page itself, which shows nothing of it any more.
            expect(duty.locator(".banner.danger")).to_be_visible()
            expect(duty.locator("#alert, form.form")).to_have_count(0)
            assert "กข 1234" not in duty.content()
            looked_at(duty)
            duty.goto("/alerts")
            expect(duty.locator(".alert-card")).to_have_count(0)
            expect(duty.locator(".empty")).to_be_visible()
        author.goto("/alerts?list=ended")
        expect(author.locator(".alert-card")).to_have_count(1)


def test_pages_are_for_those_who_may_see_them(browser: Browser, federation: Federation) -> None:
    with signed_in(browser, federation, "th.o.1042") as officer:
        for path in ("/holders", "/alerts/" + "0" * 32, "/alerts/kh/" + "0" * 32, "/alerts/raise?kind=x"):
            answer = officer.request.get(path, headers={"accept": "text/html"})
            assert answer.status in (403, 404), path
    with signed_in(browser, federation, "kh.d.7") as duty:
        assert duty.request.get("/alerts/raise").status == 403
    with signed_in(browser, federation, "th.p.1", "my") as owner:
        owner.goto("/holders")
        looked_at(owner)
