"""Freight containers: owner code, category, serial number, check digit (ISO 6346)."""

from __future__ import annotations

import re

from gateway.model.forms.numbers import compact, container_check_digit
from gateway.records.identifiers.reading import Reading, bounded, refuse

_FORM = re.compile(r"([A-Z]{3})([A-Z])(\d{6})(\d?)", re.ASCII)
_CATEGORIES = {"U": "freight container", "J": "detachable equipment", "Z": "trailer or chassis"}


def read_container(text: str) -> Reading:
    """Return the number in `text`, blanks and hyphens ignored. Raises `Malformed` for another form."""
    normal = compact(bounded(text, "container"))
    match = _FORM.fullmatch(normal)
    if match is None:
        refuse("container", "not four letters with six or seven digits", "such as `CSQU 305438-3`")
    owner, category, serial, given = match.groups()
    expected = str(container_check_digit(owner + category + serial))
    problems = []
    if category not in _CATEGORIES:
        problems.append(f"the fourth letter is `{category}`; it is U for a container, J or Z for its equipment")
    if not given:
        problems.append(f"the check digit is missing; it is {expected}")
    elif given != expected:
        problems.append(f"the check digit is {given}, but the number before it calls for {expected}")
    parts = {"owner": owner, "category": _CATEGORIES.get(category, ""), "serial": serial, "check_digit": given}
    return Reading("container", normal, parts | {"expected": expected}, tuple(problems))
