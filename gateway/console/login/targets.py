"""Decide where a person goes after sign-in: to a page of ours, and nowhere else."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

HOME = "/"

_PAGE = re.compile(r"(?:/[A-Za-z0-9._~%:@-]+)*/?(?:\?[A-Za-z0-9._~%:@/=&+-]*)?", re.ASCII)
_LONGEST = 512
# They are no pages that a person could go on from, or lead back to sign-in.
_NOT_AFTER_LOGIN = ("/login", "/logout", "/assets", "/events")


def own_path(text: str) -> str:
    """Return `text` where it is the path of one of our pages, else the path of the first page.

    Another site, a path that a browser reads as one (`//host`, a backslash), dots that climb and characters that no
    path of ours has lead to the first page.
    """
    path = text.partition("?")[0]
    if not text.startswith("/") or len(text) > _LONGEST or not _PAGE.fullmatch(text):
        return HOME
    if any(part in (".", "..") for part in path.lower().replace("%2e", ".").split("/")):
        return HOME
    first = "/" + path.split("/")[1]
    return HOME if first in _NOT_AFTER_LOGIN else text


def wanted_after(here: str) -> str:
    """Return what the address of a page of sign-in names as the page to go on to; `own_path` judges it."""
    return "".join(parse_qs(here.partition("?")[2]).get("next", ())[:1])
