"""Signing in and out, the language, the time, and the end of a session, in Chromium over a real node."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Browser

from gateway.language import Language
from gateway.language.dates import day
from tests.support.consoles import CLOCK, DUTY, OFFICER, Consoles

pytestmark = [pytest.mark.small_form, pytest.mark.process, pytest.mark.timeout(600)]

_DAY_US = 86_400_000_000


def test_a_person_signs_in_and_out_and_back_shows_nothing(browser: Browser, federation: Consoles) -> None:
    with federation.person(browser, f"th.{OFFICER}") as officer:
        page = officer.page
        assert page.url == f"{officer.origin}/gate"
        page.locator(".who form[action='/logout'] button").click()
        page.wait_for_url("**/login?out=1")
        page.go_back()
        page.wait_for_url("**/login**")
        assert page.locator("#asked").count() == 0


def test_a_session_that_has_ended_leads_to_sign_in_and_back(browser: Browser, federation: Consoles) -> None:
    with federation.person(browser, f"th.{DUTY}") as person:
        page = person.open("/desk?list=all")
        sessions = federation.login("th").sessions
        sessions.end_over(CLOCK.now_us() + 2 * _DAY_US, 0)
        page.reload()
        page.wait_for_url("**/login?next=/desk**")
        page.locator("main a.button[href^='/login/trial']").click()
        page.locator(f'button[name=person][value="{person.id}"]').click()
        page.wait_for_url("**/desk?list=all")


def test_a_form_of_a_session_that_has_ended_changes_nothing(browser: Browser, federation: Consoles) -> None:
    with federation.person(browser, f"th.{OFFICER}") as officer:
        page = officer.open("/gate")
        federation.login("th").sessions.end_over(CLOCK.now_us() + 2 * _DAY_US, 0)
        page.locator("#asked").fill("C4419027")
        with page.expect_response(lambda answer: answer.request.method == "POST") as sent:
            page.locator("form#gate button.first").click()
        assert sent.value.status == 401


def test_a_language_that_is_chosen_before_sign_in_holds_on_the_device(browser: Browser, federation: Consoles) -> None:
    context = browser.new_context(ignore_https_errors=True, locale="en")
    page, origin = context.new_page(), federation.origin("th")
    page.goto(f"{origin}/login?next=/desk?list=all")
    page.locator(".languages summary").click()
    page.locator('.languages button[value="km"]').click()
    page.wait_for_url("**/login?next=**")
    assert page.locator("html").get_attribute("lang") == "km"
    page.locator("main a.button[href^='/login/trial']").click()
    page.locator(f'button[name=person][value="th.{DUTY}"]').click()
    page.wait_for_url("**/desk?list=all")
    assert page.locator("html").get_attribute("lang") == "th", "the country's list says which language a person reads"
    page.locator(".who form[action='/logout'] button").click()
    page.wait_for_url("**/login?out=1")
    assert page.locator("html").get_attribute("lang") == "km"
    context.close()


@pytest.mark.parametrize("language", Language)
def test_a_page_is_in_the_person_s_language_with_the_day_of_the_country(
    browser: Browser, federation: Consoles, language: Language
) -> None:
    with federation.person(browser, f"th.{OFFICER}", language) as officer:
        page = officer.open("/gate")
        assert page.locator("html").get_attribute("lang") == language.value
        line = page.locator(".foot").inner_text()
        thai_day = (CLOCK.now() + timedelta(hours=7)).date()
        assert day(thai_day, language) in line or day(thai_day - timedelta(days=1), language) in line
        assert "(UTC+7)" in line
        assert ("พ.ศ. 2" in line) == (language is Language.TH)
        officer.open("/desk")
        assert page.locator("html").get_attribute("lang") == language.value  # for the whole session


def test_a_touch_of_an_enrolled_passkey_signs_in(browser: Browser, federation: Consoles) -> None:
    with federation.person(browser, f"th.{DUTY}") as person:
        page = person.page
        page.locator(".who form[action='/logout'] button").click()
        page.wait_for_url("**/login?out=1")
        person.give_passkey()
        page.locator("main a.button[href^='/login/passkey']").click()
        page.locator("form[data-passkey] button").click()
        page.wait_for_url(f"{person.origin}/desk")
        assert person.id in page.locator(".who").inner_text()
        assert page.locator(".banner.trial").count() == 1  # any device may come, but this person is proved
