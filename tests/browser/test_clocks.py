"""Clocks of work in Chromium: they count in the reader's language, in the country's time, and say when it is over."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Browser, Locator, expect

from gateway.clock import rfc3339_s
from gateway.language import Language, tell
from tests.support.console_pages import leave_work
from tests.support.consoles import CLOCK, DUTY, Consoles

pytestmark = [pytest.mark.small_form, pytest.mark.process, pytest.mark.timeout(600)]

_SECOND_US = 1_000_000


def _counted(clock: Locator) -> None:
    """Wait until the script has counted: it keeps the text as it was first."""
    expect(clock.locator("[data-left]")).to_have_attribute("data-first", re.compile("."))


@pytest.mark.parametrize("language", [Language.EN, Language.TH, Language.MY, Language.ZH])
def test_a_clock_counts_in_the_reader_s_language_and_time(
    browser: Browser, federation: Consoles, language: Language
) -> None:
    leave_work(federation)
    with federation.person(browser, f"th.{DUTY}", language) as person:
        page = person.open("/desk?list=all&rows=400")
        clocks = page.locator("time.countdown:not(.danger)")  # what other tests left may be overdue by now
        due = [datetime.fromisoformat(str(clock.get_attribute("datetime"))) for clock in clocks.all()]
        near, far = clocks.nth(due.index(min(due))), clocks.nth(due.index(max(due)))
        for clock, at in ((near, min(due)), (far, max(due))):
            _counted(clock)
            assert at.utcoffset() == timedelta()
            assert f"{at + timedelta(hours=7):%H:%M}" in clock.inner_text()
        minutes = tell(language, "in {count} min", count=0).replace("0", "").strip()
        days = tell(language, "in {count} days", count=0).replace("0", "").strip()
        assert all(part in near.inner_text() for part in minutes.split())
        assert all(part in far.inner_text() for part in days.split())
        assert ("(ค.ศ. 2" in far.inner_text()) == (language is Language.TH)


def test_a_clock_that_runs_out_while_the_page_is_open_says_so(browser: Browser, federation: Consoles) -> None:
    leave_work(federation)
    with federation.person(browser, f"th.{DUTY}", Language.VI) as person:
        clock = person.open("/desk?list=all&rows=400").locator("time.countdown:not(.danger)").first
        _counted(clock)
        handle = clock.element_handle()
        assert handle is not None
        handle.evaluate("(each, due) => { each.dataset.due = due; }", rfc3339_s(CLOCK.now_us() - 5 * _SECOND_US))
        person.page.locator("time.countdown.danger", has_text=tell(Language.VI, "overdue")).first.wait_for()
