"""Ships: the IMO ship identification number (IMO resolution A.1117(30)) and the MMSI (ITU-R M.585)."""

from __future__ import annotations

import re

from gateway.model.forms.numbers import compact, imo_check_digit
from gateway.records.identifiers.reading import Reading, bounded, refuse

_IMO = re.compile(r"(?:IMO)?(?:NO)?(\d{7})", re.ASCII)
_MMSI = re.compile(r"(?:MMSI)?([2-7]\d{8})", re.ASCII)


def read_imo(text: str) -> Reading:
    """Return the seven digits in `text`, with or without `IMO` before them. Raises `Malformed` for another number."""
    match = _IMO.fullmatch(compact(bounded(text, "imo")))
    if match is None:
        refuse("imo", "not seven digits", "such as `IMO 9074729`")
    digits = match[1]
    expected = str(imo_check_digit(digits[:6]))
    problems = []
    if digits[6] != expected:
        problems.append(f"the last digit is {digits[6]}, but the six before it call for {expected}")
    if len(set(digits)) == 1:
        problems.append("one digit only, repeated: filled in by somebody who had no number")
    return Reading("imo", digits, {"number": digits, "expected": expected}, tuple(problems))


def read_mmsi(text: str) -> Reading:
    """Return the nine digits of a ship station; there is no check digit, so only the form is checked."""
    match = _MMSI.fullmatch(compact(bounded(text, "mmsi")))
    if match is None:
        refuse("mmsi", "not nine digits that begin with 2 to 7", "such as `574001230`")
    return Reading("mmsi", match[1], {"country_digits": match[1][:3]})
