"""Write pictures of every page in every language for people to look at: `make screenshots` (never compared by pixel).

`python -m tests.support.screenshots FOLDER [LANGUAGE …]`; `--readme` writes the four of the README alone.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, ViewportSize

from gateway.language import Language
from tests.support.browser import chromium
from tests.support.console_pages import shown_pages
from tests.support.consoles import Consoles, Shown, consoles
from tests.support.shared import PROJECT

README = PROJECT / "docs" / "pictures"
_README_PAGES = (
    ("gate", Language.TH, "light"),
    ("answers-hit", Language.EN, "light"),
    ("answers-no-hit", Language.MY, "dark"),
    ("desk-all", Language.KM, "light"),
)
_TABLET = ViewportSize(width=390, height=720)


def main(arguments: list[str]) -> None:
    """Write the pictures into a folder, or those of the README."""
    with chromium() as browser, tempfile.TemporaryDirectory() as homes, consoles(Path(homes)) as running:
        pages = shown_pages(running, browser)
        if arguments == ["--readme"]:
            _write_readme(running, browser, pages)
            return
        folder, languages = Path(arguments[0]), [Language(name) for name in arguments[1:]] or list(Language)
        for language in languages:
            _write(running, browser, pages, language, folder / language.value)


def _write(running: Consoles, browser: Browser, pages: tuple[Shown, ...], language: Language, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for each in pages:
        picture(running, browser, each, language, "light", folder / f"{each.name}.png", full_page=True)


def _write_readme(running: Consoles, browser: Browser, pages: tuple[Shown, ...]) -> None:
    README.mkdir(parents=True, exist_ok=True)
    by_name = {page.name: page for page in pages}
    for name, language, scheme in _README_PAGES:
        file = README / f"console-{name}.png"
        picture(running, browser, by_name[name], language, scheme, file, full_page=False)


def picture(
    running: Consoles, browser: Browser, shown: Shown, language: Language, scheme: str, file: Path, *, full_page: bool
) -> None:
    """Write the picture of a page as its person sees it."""
    if not shown.person:
        context = browser.new_context(
            ignore_https_errors=True, locale=language.value, color_scheme="light", viewport=_TABLET
        )
        page = context.new_page()
        page.goto(f"{running.origin('th')}{shown.path}")
        page.evaluate("document.fonts.ready")
        page.screenshot(path=file, full_page=full_page)
        context.close()
        return
    with running.person(browser, shown.person, language, viewport=_TABLET, color_scheme=scheme) as person:
        person.open(shown.path).screenshot(path=file, full_page=full_page)


if __name__ == "__main__":
    main(sys.argv[1:])
