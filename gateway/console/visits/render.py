"""Show a page: its view model in its template, inside the frame that all pages share.

The frame tells where one is, as whom, in which language, and what holds for all pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway.console.frame.forms import FORM_ID, new_form_id
from gateway.console.frame.navigation import navigation
from gateway.console.frame.page import Page
from gateway.console.frame.shapes import Banner, Button, Hidden, Link, Proof
from gateway.console.frame.static import StaticFiles
from gateway.console.frame.times import stamp
from gateway.console.login.sessions import language_of
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.language.catalogue import is_reviewed, tell
from gateway.language.countries import with_country
from gateway.language.languages import Language
from gateway.views.statistics import said
from gateway.views.words.printable import readable

NAMES = {
    Language.EN: "English",
    Language.TH: "ไทย",
    Language.LO: "ລາວ",
    Language.KM: "ខ្មែរ",
    Language.MY: "မြန်မာ",
    Language.VI: "Tiếng Việt",
    Language.ZH: "中文",
}
"""Each language by its own name, so that its readers find it on a page in any other."""


@dataclass(frozen=True, slots=True)
class Person:
    """The person who is signed in: name, office, and what is said of a device or a role."""

    name: str
    office: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame of a page.

    `styles` and `scripts` are addresses with the hash of their content. `languages` change the language by a form to
    `language_action`, `hidden` being what every form carries. `watermark` has officer, time and exchange id: it stands
    under the page and on each sheet of a print. `is_trial` marks every page of a node that is not in service, and
    `any_device` that of one that takes any device. `is_reviewed` tells that a native speaker has read its language.
    """

    title: str
    language: Language
    product: str
    member: str
    styles: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    navigation: tuple[Link, ...] = ()
    person: Person | None = None
    languages: tuple[Language, ...] = tuple(Language)
    language_action: str = "/language"
    sign_out_action: str = "/logout"
    hidden: tuple[Hidden, ...] = ()
    is_trial: bool = False
    any_device: bool = False
    is_reviewed: bool = True
    notices: tuple[Banner, ...] = ()
    watermark: str = ""
    direction: str = "ltr"

    @property
    def language_names(self) -> tuple[tuple[str, str, bool], ...]:
        """Return each language that can be chosen: its code, its own name, and whether the page is in it."""
        return tuple((str(item), NAMES[item], item is self.language) for item in self.languages)


TEMPLATES = Path(__file__).parents[1] / "templates"
CHARTS = Path(__file__).parents[2] / "views" / "templates"
_STYLES = ("fonts.css", "console.css")
_SCRIPTS = ("live.js",)


class Renderer:
    """Shows pages of one node."""

    def __init__(self, parts: ConsoleParts, files: StaticFiles) -> None:
        self._parts = parts
        self._styles = tuple(map(files.href, _STYLES))
        self._scripts = tuple(map(files.href, _SCRIPTS))

    def response(self, page: Page, request: Request, visit: Visit | None, status: int = 0) -> Response:
        """Return a page as a response, for a person who is signed in or for a stranger."""
        frame = self._frame(page, request, visit)
        told = partial(tell, frame.language)
        text = _templates().get_template(page.template).render(frame=frame, view=page.view, live=page.live, _=told)
        return HTMLResponse(text, status or page.status, {"content-language": frame.language.value})

    def _frame(self, page: Page, request: Request, visit: Visit | None) -> Frame:
        language = visit.language if visit is not None else language_of(request)
        return Frame(
            title=page.title,
            language=language,
            product="Liaison",
            member=with_country(self._parts.member, language),
            styles=self._styles,
            scripts=self._scripts,
            navigation=navigation(visit.roles, request.url.path, language) if visit is not None else (),
            person=Person(visit.officer.person, visit.officer.office) if visit is not None else None,
            language_action="/language" if visit is not None else "/login/language",
            hidden=(Hidden(FORM_ID, new_form_id()), Hidden("here", _here(request))),
            is_trial=visit is not None and visit.is_trial,
            any_device=not self._parts.known_devices,
            is_reviewed=is_reviewed(language),
            watermark=self._watermark(page, visit, language) if visit is not None else "",
        )

    def _watermark(self, page: Page, visit: Visit, language: Language) -> str:
        """Return who sees this when: it stands on the page and on each sheet of a print."""
        at = stamp(visit.now_us, self._parts.member, language)
        return " · ".join(filter(None, (visit.officer.person, visit.officer.office, at, page.printed)))


@cache
def _templates() -> Environment:
    """Return the templates of all consoles of this process: each is compiled once, and holds nothing of a node.

    A template says `_` with a sentence to tell it in the reader's language, and makes small parts by their shapes.
    """
    made = environment((FileSystemLoader((TEMPLATES, CHARTS)),))
    made.filters["counted"] = said
    made.globals |= {shape.__name__: shape for shape in (Banner, Button, Link, Proof)}
    return made


def environment(loaders: Sequence[BaseLoader]) -> Environment:
    """Return the environment of templates: all values are escaped, and what is missing is an error."""
    return Environment(
        loader=ChoiceLoader(loaders),
        undefined=StrictUndefined,
        autoescape=True,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def _shown(value: object) -> object:
    """Return what a template shows of a value: no control or direction character of a text from abroad (CASE-L5)."""
    # What has `__html__` is markup of a template of ours, whose values went through here when it was made.
    return readable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _here(request: Request) -> str:
    """Return the path and query of a page that can be shown again, for what leads back to it."""
    if request.method != "GET":
        return "/"
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
