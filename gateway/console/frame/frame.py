"""Define what the frame of every page shows: where one is, as whom, in which language, and what holds for all pages."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.console.frame.shapes import Banner, Hidden, Link
from gateway.language.languages import Language

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
