"""Every page of the console, in Chromium over real nodes: WCAG 2.2 AA, nothing cut, nothing left in English.

`make browser` tries seven languages, both schemes and three widths; elsewhere it is Burmese alone, the longest.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from gateway.language import Language
from tests.support import looked_at
from tests.support.browser import watched
from tests.support.console_pages import pattern_of, registered, shown_pages
from tests.support.console_stories import examined
from tests.support.consoles import ADMINISTRATOR, Consoles, Shown

_ALL = os.environ.get("LIAISON_BROWSER") == "all"
_LANGUAGES = list(Language) if _ALL else [Language.MY]
_SCHEMES = ["light", "dark"] if _ALL else ["light"]
_WIDTHS = (390, 820, 1280)

pytestmark = [pytest.mark.small_form, pytest.mark.process, pytest.mark.timeout(1_200)]


@pytest.fixture(scope="module")
def pages(browser: Browser, federation: Consoles) -> tuple[Shown, ...]:
    return shown_pages(federation, browser)


@contextmanager
def looking(
    browser: Browser, federation: Consoles, person: str, language: Language, scheme: str = "light", **options: Any
) -> Iterator[Callable[[str], Page]]:
    """Yield what opens a page as a person, or as a stranger, in a language."""
    if not person:
        shown = {"locale": language.value, "color_scheme": scheme, "viewport": {"width": 390, "height": 844}} | options
        context = browser.new_context(ignore_https_errors=True, **shown)
        page = context.new_page()
        faults = watched(page)
        origin = federation.origin("th")

        def open_it(path: str) -> Page:
            page.goto(f"{origin}{path}")
            page.evaluate("document.fonts.ready")
            return page

        yield open_it
        assert faults == []
        context.close()
        return
    with federation.person(browser, person, language, color_scheme=scheme, **options) as signed_in:
        yield signed_in.open


def by_person(pages: tuple[Shown, ...]) -> dict[str, list[Shown]]:
    found: dict[str, list[Shown]] = {}
    for page in pages:
        found.setdefault(page.person, []).append(page)
    return found


def test_every_page_that_is_registered_is_looked_at(federation: Consoles, pages: tuple[Shown, ...]) -> None:
    """A page that no link leads to has no row yet in `tests/support/console_pages.py`."""
    seen = {pattern_of(federation, page) for page in pages}
    assert registered(federation) - seen == _ELSEWHERE


_ELSEWHERE = {"/", "/operations/thread/{peer}/{thread}", "/audit/sign/{act}"}
"""Two that lead to another page, and one that lapses; `test_audit.py` looks at it."""


@pytest.mark.parametrize("scheme", _SCHEMES)
@pytest.mark.parametrize("language", _LANGUAGES)
def test_no_page_violates_wcag_is_cut_or_keeps_english(
    browser: Browser, federation: Consoles, pages: tuple[Shown, ...], language: Language, scheme: str
) -> None:
    wrong: list[tuple[str, object]] = []
    for person, shown in by_person(pages).items():
        with looking(browser, federation, person, language, scheme) as opened:
            for each in shown:
                page = opened(each.path)
                assert page.locator("html").get_attribute("lang") == language.value
                found = [
                    looked_at.violations(page),
                    looked_at.english_left(page, language),
                    looked_at.unreadable(page),
                    *(_too_wide(page, width) for width in _WIDTHS),
                ]
                wrong += [(each.name, fault) for fault in found if fault]
    assert not wrong, wrong


def _too_wide(page: Page, width: int) -> list[object]:
    page.set_viewport_size({"width": width, "height": 844})
    faults: list[object] = [*looked_at.cut(page), *looked_at.small(page)]
    if looked_at.width(page) > width:
        faults.append(f"scrolls sideways: {looked_at.width(page)}")
    return [(width, fault) for fault in faults]


def test_the_look_at_english_words_sees_one(browser: Browser, federation: Consoles) -> None:
    with looking(browser, federation, "", Language.TH) as opened:
        page = opened("/login")
        assert looked_at.english_left(page, Language.TH) == []
        page.locator("h1").evaluate("each => { each.textContent = 'Our own agencies' }")
        assert looked_at.english_left(page, Language.TH) == ["agencies", "our", "own"]


def test_each_page_is_reached_by_keyboard_in_the_order_in_which_it_is_read(
    browser: Browser, federation: Consoles, pages: tuple[Shown, ...]
) -> None:
    wrong: list[tuple[str, object]] = []
    for person, shown in by_person(pages).items():
        with looking(browser, federation, person, Language.EN) as opened:
            for each in shown:
                wrong += [(each.name, fault) for fault in _badly_ordered(opened(each.path))]
    assert not wrong, wrong


_FOCUSED = """() => {
  const e = document.activeElement, s = getComputedStyle(e), box = e.getBoundingClientRect();
  const all = [...document.querySelectorAll('body *')];
  return [all.indexOf(e), s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2, box.width > 0,
          e.outerHTML.slice(0, 100)];
}"""


def _badly_ordered(page: Page) -> list[str]:
    """Return what is reached before what is above it, and what is not seen when it is reached."""
    wrong: list[str] = []
    last = -1
    page.evaluate("document.activeElement.blur()")
    for _ in range(60):
        page.keyboard.press("Tab")
        at, is_seen, has_room, html = page.evaluate(_FOCUSED)
        if at < 0 or html.startswith("<body"):
            return wrong
        if at < last:  # a field for a date has stops of its own inside
            wrong.append(f"goes back to {html}")
            return wrong
        if not is_seen or not has_room:
            wrong.append(f"not seen: {html}")
        last = at
    return wrong


def test_each_page_prints_with_officer_and_time_and_without_buttons(
    browser: Browser, federation: Consoles, pages: tuple[Shown, ...]
) -> None:
    for person, shown in by_person(pages).items():
        with looking(browser, federation, person, Language.TH, "dark") as opened:
            for each in shown:
                page = opened(each.path)
                page.emulate_media(media="print")
                assert page.locator("button:visible").count() == 0, each.name
                assert not person or person in page.locator(".print-line").inner_text(), each.name
                assert page.locator("main h1").count() == 1, each.name
                page.emulate_media(media="screen")


def test_every_page_can_be_read_and_used_without_a_script(
    browser: Browser, federation: Consoles, pages: tuple[Shown, ...]
) -> None:
    for person, shown in by_person(pages).items():
        with looking(browser, federation, person, Language.EN, java_script_enabled=False) as opened:
            for each in shown:
                assert opened(each.path).locator("main").inner_text().strip(), each.name


def test_a_page_shows_a_result_by_itself_although_the_node_could_not_serve_it_at_first(
    browser: Browser, federation: Consoles
) -> None:
    """The stream of events is refused, and what it would have brought fails twice: nothing tells of it once more."""
    refused: list[str] = []

    def refuse(kind: str, times: int) -> Callable[[Route], None]:
        def answer(route: Route) -> None:
            if refused.count(kind) < times and ("x-liaison-live" in route.request.headers or kind == "stream"):
                refused.append(kind)
                route.fulfill(status=503)
            else:
                route.continue_()

        return answer

    with federation.person(browser, f"th.{ADMINISTRATOR}", Language.EN) as person:
        person.page.route("**/admin/jobs/doctor", refuse("page", 2))
        person.page.route("**/admin/jobs/doctor/events", refuse("stream", 1))
        examined(person)
        assert [fault for fault in person.faults if "503" not in fault] == []
        person.faults.clear()
    assert sorted(refused) == ["page", "page", "stream"]
