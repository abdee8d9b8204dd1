"""Judge a page that is in the browser: WCAG 2.2 AA, what is cut, what is too small, what is left in English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from gateway.language import Language
from tests.support.colours import contrast
from tests.support.words import officer_sentences, read_catalogue

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

_CUT = """() => [...document.querySelectorAll('body *')].filter(e => {
  const s = getComputedStyle(e);
  return e.clientWidth > 1 && !e.closest('svg, .scroll, .unseen, thead, select, textarea, input')
    && s.display !== 'inline' && (e.scrollWidth > e.clientWidth + 1
      || (s.overflowY === 'hidden' && e.scrollHeight > e.clientHeight + 1));
}).map(e => e.outerHTML.slice(0, 120))"""

_TOUCHED = (
    "button, summary, .button, select, .nav a, .tabs a, .option, "
    "input:not([type=hidden], [type=checkbox], [type=radio])"
)
_SMALL = f"""() => [...document.querySelectorAll('{_TOUCHED}')]
  .filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 43.9).map(e => e.outerHTML.slice(0, 120))"""

_DRAWN = """() => [...document.querySelectorAll('svg text')].map(e => {
  const s = getComputedStyle(e), below = getComputedStyle(e.closest('svg')).backgroundColor;
  return [s.fill, s.stroke === 'none' ? below : s.stroke].map(
    colour => '#' + colour.match(/\\d+/g).slice(0, 3).map(part => (+part).toString(16).padStart(2, '0')).join(''));
})"""

_TEXTS = """() => {
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const own = document.documentElement.lang;
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (e.closest('bdi, .proof, .who, .foot, .brand, script, noscript, [data-as-sent]')) continue;
    if (e.closest('[lang]').lang !== own) continue;
    found.push(walker.currentNode.textContent);
  }
  for (const e of document.querySelectorAll('[aria-label], [placeholder], [title], [alt]'))
    for (const name of ['aria-label', 'placeholder', 'title', 'alt'])
      if (e.getAttribute(name)) found.push(e.getAttribute(name));
  return [document.title, ...found];
}"""

_COMMAND = re.compile(r"\bliaison(?: [a-z-]+)*|(?<!\S)--[a-z]+(?:-[a-z]+)*")
"""Commands and options are the same in every language."""

_WORD = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*")
_PLACEHOLDER = re.compile(r"\{[^}]*\}|`[^`]*`")


def violations(page: Page, passes: int = 15) -> list[tuple[str, str]]:
    """Return the rules of axe that the page breaks, each with where; it has seen nothing unless more rules passed."""
    found = Axe().run(page, options=RULES).response
    assert len(found["passes"]) > passes
    return [(item["id"], node["html"][:160]) for item in found["violations"] for node in item["nodes"]]


def cut(page: Page) -> list[str]:
    """Return the elements whose text goes beyond them."""
    return list(page.evaluate(_CUT))


def small(page: Page) -> list[str]:
    """Return what is touched, and is lower than 44 points."""
    return list(page.evaluate(_SMALL))


def width(page: Page) -> int:
    """Return how wide the page is; wider than the screen it scrolls sideways."""
    return int(page.evaluate("document.documentElement.scrollWidth"))


def drawn(page: Page) -> list[tuple[str, str]]:
    """Return the colour of each text of a drawing, and of the border around its letters, or the ground without one."""
    return [(text, below) for text, below in page.evaluate(_DRAWN)]


def unreadable(page: Page) -> list[tuple[str, str]]:
    """Return the texts of drawings whose contrast is too low: axe leaves text over shapes undecided."""
    return [pair for pair in drawn(page) if contrast(*pair) < 4.5]


def english_left(page: Page, language: Language) -> list[str]:
    """Return the words of our English sentences that are on a page of another language.

    A word that the language's own catalogue uses is no English, and neither are codes, names of people, what a
    counterpart wrote (`bdi`), proofs, and the line of officer, office and time.
    """
    if language is Language.EN:
        return []
    english, own = _english(), _own(language)
    return sorted({word for text in page.evaluate(_TEXTS) for word in _plain_words(text) if word in english - own})


def _plain_words(text: str) -> Iterator[str]:
    """Yield the words of a text in lower case: no codes in capitals, commands, options, or parts with signs in them."""
    for part in _COMMAND.sub("", text).split():
        if part.startswith("[") and part.endswith("]"):  # a section of the settings
            continue
        word = part.strip("()[]{}<>«»“”\"'.,:;!?…·—–-→←၊။។、。，：；（）")
        if _WORD.fullmatch(word) and not (word.isupper() and len(word) > 1):
            yield word.lower()


@cache
def _english() -> frozenset[str]:
    return frozenset(word for text in officer_sentences() for word in _plain_words(_PLACEHOLDER.sub(" ", text)))


@cache
def _own(language: Language) -> frozenset[str]:
    said = (str(message.string) for message in read_catalogue(language) if message.id)
    return frozenset(word for text in said for word in _plain_words(_PLACEHOLDER.sub(" ", text))) | {"liaison"}
