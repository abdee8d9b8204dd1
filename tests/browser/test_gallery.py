"""Every part of the pages, in Chromium: no violation of WCAG 2.2 AA, no sideways scroll, nothing cut, nothing refused.

`make browser` tries seven languages, both schemes and three widths; elsewhere it is English and Burmese, the longest.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from gateway.language import Language
from tests.support import looked_at
from tests.support.browser import watched
from tests.support.gallery import served

_ALL = os.environ.get("LIAISON_BROWSER") == "all"
_LANGUAGES = list(Language) if _ALL else [Language.EN, Language.MY]
_SCHEMES = ["light", "dark"]
_WIDTHS = [390, 820, 1280] if _ALL else [390]

MEASURED = {
    "en": (1.5, 1.25),
    "zh": (1.5, 1.25),
    "vi": (1.55, 1.4),
    "th": (1.65, 1.5),
    "lo": (1.75, 1.6),
    "km": (1.8, 1.65),
    "my": (1.85, 1.7),
}
"""Heights of lines of text and of headings, in sizes of the letters."""

pytestmark = [pytest.mark.small_form, pytest.mark.process]


@pytest.fixture(scope="module")
def address() -> Iterator[Callable[[Language], str]]:
    with served() as found:
        yield found


def _opened(browser: Browser, url: str, width: int, **options: Any) -> tuple[Page, list[str]]:
    page = browser.new_page(viewport={"width": width, "height": 900}, **options)
    faults = watched(page)
    page.goto(url)
    page.evaluate("document.fonts.ready")
    return page, faults


@pytest.mark.parametrize("width", _WIDTHS)
@pytest.mark.parametrize("scheme", _SCHEMES)
@pytest.mark.parametrize("language", _LANGUAGES)
def test_no_part_violates_wcag_scrolls_sideways_or_is_cut(
    browser: Browser, address: Callable[[Language], str], language: Language, scheme: str, width: int
) -> None:
    page, faults = _opened(browser, address(language), width, color_scheme=scheme)
    assert looked_at.violations(page, passes=30) == []
    assert looked_at.width(page) <= width
    assert looked_at.cut(page) == []
    assert looked_at.small(page) == []
    assert faults == []
    page.close()


@pytest.mark.parametrize("width", [390, 820, 1280] if _ALL else [390])
@pytest.mark.parametrize("tail", ["%20" + "W" * 150, "%20" + "word%20" * 30])
def test_a_text_of_any_length_stays_inside(
    browser: Browser, address: Callable[[Language], str], width: int, tail: str
) -> None:
    page, faults = _opened(browser, f"{address(Language.MY)}?tail={tail}", width)
    assert looked_at.width(page) <= width
    assert looked_at.cut(page) == []
    assert faults == []
    page.close()


@pytest.mark.parametrize("scheme", _SCHEMES)
def test_text_in_drawings_can_be_read_on_what_lies_below_it(
    browser: Browser, address: Callable[[Language], str], scheme: str
) -> None:
    """Axe leaves text over shapes undecided: each has a border in a colour that it is compared with here."""
    page, _ = _opened(browser, address(Language.TH), 820, color_scheme=scheme)
    assert len(looked_at.drawn(page)) > 60
    assert looked_at.unreadable(page) == []
    page.close()


@pytest.mark.parametrize("language", Language)
def test_lines_are_as_high_as_was_measured(
    browser: Browser, address: Callable[[Language], str], language: Language
) -> None:
    page, _ = _opened(browser, address(language), 820)
    ratio = "e => { const s = getComputedStyle(e); return parseFloat(s.lineHeight) / parseFloat(s.fontSize) }"
    text, heading = page.locator(".lead").evaluate(ratio), page.locator("h1").evaluate(ratio)
    lao = page.locator("td bdi[lang=lo], th bdi[lang=lo]").first.evaluate(ratio)
    assert (round(text, 2), round(heading, 2)) == MEASURED[language]
    assert round(lao, 2) == 1.75
    page.close()


def test_only_the_fonts_of_what_is_shown_are_loaded(browser: Browser, address: Callable[[Language], str]) -> None:
    page = browser.new_page()
    loaded: list[str] = []
    page.on("response", lambda answer: loaded.append(answer.url.rpartition("/")[2]))
    page.goto(address(Language.EN))
    page.evaluate("document.fonts.ready")
    fonts = {name for name in loaded if name.endswith(".woff2")}
    assert {"latin.woff2", "thai.woff2", "lao.woff2", "khmer.woff2", "myanmar.woff2", "vietnamese.woff2"} <= fonts
    assert 1 <= len([name for name in fonts if name.startswith("sc-")]) < 12
    page.close()


_FOCUSED = """() => {
  const e = document.activeElement, s = getComputedStyle(e);
  return [e.textContent.trim().slice(0, 30), s.outlineStyle, s.outlineWidth];
}"""


def test_everything_can_be_reached_by_keyboard_and_is_seen_when_it_is(
    browser: Browser, address: Callable[[Language], str]
) -> None:
    page, _ = _opened(browser, address(Language.EN), 820)
    seen = []
    for _ in range(14):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(_FOCUSED))
    assert seen[0][0] == "skip to the content"
    assert all(style == "solid" and width == "3px" for _, style, width in seen)
    page.close()


@pytest.mark.parametrize("forced", ["active", "none"])
def test_what_presses_is_seen_in_the_colours_of_the_system(
    browser: Browser, address: Callable[[Language], str], forced: str
) -> None:
    page, faults = _opened(browser, address(Language.EN), 820, forced_colors=forced, contrast="more")
    assert page.locator(".alarm").evaluate("e => getComputedStyle(e).borderTopStyle") == "solid"
    assert page.locator(".alarm .mark").evaluate("e => getComputedStyle(e).backgroundColor") != "rgba(0, 0, 0, 0)"
    assert faults == []
    page.close()


def test_a_print_has_the_line_of_officer_time_and_exchange_and_no_buttons(
    browser: Browser, address: Callable[[Language], str]
) -> None:
    page, _ = _opened(browser, address(Language.EN), 820)
    assert not page.locator(".print-line").is_visible()
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator(".print-line").is_visible()
    assert "7f3a-22c1" in page.locator(".print-line").inner_text()
    assert page.locator("button:visible").count() == 0
    assert page.locator(".proof").first.is_visible()
    room = page.locator("body").evaluate(
        "e => [getComputedStyle(e).boxDecorationBreak, getComputedStyle(e).paddingBottom]"
    )
    assert room[0] == "clone"
    assert float(room[1].removesuffix("px")) > page.locator(".print-line").bounding_box()["height"]  # type: ignore[index]
    assert page.locator("h1").evaluate("e => getComputedStyle(e).color") == "rgb(20, 32, 43)"
    page.close()


def test_without_a_script_the_menu_and_the_languages_open(browser: Browser, address: Callable[[Language], str]) -> None:
    page, _ = _opened(browser, address(Language.TH), 390, java_script_enabled=False)
    assert not page.locator(".nav a").first.is_visible()
    page.locator(".menu > summary").click()
    assert page.locator(".nav a").first.is_visible()
    page.locator(".languages > summary").click()
    assert page.locator(".languages button[value=lo]").is_visible()
    page.close()
