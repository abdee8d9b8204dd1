"""Choose the options of the converter `country` that read a column, by its values."""

from __future__ import annotations

from adapters.draft.guess_column import Look
from adapters.values.converters import CONVERTERS
from adapters.values.texts import LEAST_WIDTH

_PATTERNS = (("alpha-3", "[A-Z]{3}"), ("alpha-2", "[A-Z]{2}"), ("numeric", r"\d{1,3}"))


def guess_country(look: Look) -> dict[str, str | int] | None:
    """Return the options that read at least half of the values, as codes or as names; None when there are none."""
    scheme = _scheme(look)
    if not scheme:
        return None
    options: dict[str, str | int] = {} if scheme == "alpha-3" else {"scheme": scheme}
    # A name that fills the column may have been cut, and is read only where the width is said.
    width = max(map(len, look.counts))
    cut = {**options, "width": width}
    return cut if width >= LEAST_WIDTH and _read(look, cut) > _read(look, options) else options


def _scheme(look: Look) -> str:
    """Return the scheme of the column's codes, `name` if it has names; empty if half of it is neither."""
    total = sum(look.counts.values())
    for scheme, pattern in _PATTERNS:
        # An agency that counts its own countries from 1 meets a few of the numbers of ISO 3166, too.
        if look.matches(pattern, 0.5) and (scheme != "numeric" or 2 * _read(look, {"scheme": scheme}) > total):
            return scheme
    as_names, beside_codes = _read(look, {"scheme": "name"}), _read(look, {})
    if not total or 2 * max(as_names, beside_codes) < total:
        return ""
    return "name" if as_names >= beside_codes else "alpha-3"


def _read(look: Look, options: dict[str, str | int]) -> int:
    """Return the number of values that the converter reads with `options`."""
    convert = CONVERTERS["country"].make(options)
    return sum(count for value, count in look.counts.items() if convert(value))
