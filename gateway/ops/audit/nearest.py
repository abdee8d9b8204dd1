"""Refuse a word that is not on a list, and name the nearest one that is."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from gateway.errors import Misused

_CLOSE = 0.6


def unlisted(option: str, value: str, what: str, known: Collection[str]) -> Misused:
    """Return the usage error of an option's value that is not in `known`, with the nearest of them and all."""
    names = {name.lower(): name for name in known}
    near = difflib.get_close_matches(value.lower(), names, 1, _CLOSE)
    advice = [f"did you mean `{names[near[0]]}`?"] if near else []
    listed = [f"known: {', '.join(known)}"] if known else []
    return Misused(f"{option} `{value}` is {what}; {' '.join([*advice, *listed])}")
