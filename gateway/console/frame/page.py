"""Pages and redirections, as the handlers of pages return them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from gateway.console.frame.shapes import Link
from gateway.language.catalogue import tell
from gateway.language.languages import Language


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its template, its title in the reader's language, and its frozen view model.

    `live` is the address of events after which the page is to be fetched again; `printed` names the exchange that a
    print of it shows.
    """

    template: str
    title: str
    view: Any
    status: int = 200
    live: str = ""
    printed: str = ""


@dataclass(frozen=True, slots=True)
class To:
    """A redirection after a form, to a path of ours (303)."""

    path: str


def later_pages(path: str, place: str, language: Language, **query: str) -> Sequence[Link]:
    """Return the link to the part of a list that begins after a place; none without a place."""
    asked = {name: value for name, value in query.items() if value} | {"after": place}
    return [Link(f"{path}?{urlencode(asked)}", tell(language, "those after"))] if place else []
