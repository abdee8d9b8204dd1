"""Pages and redirections, as the handlers of pages return them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
