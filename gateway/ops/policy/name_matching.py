"""Compare two names under the thresholds that a policy refers to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from gateway.errors import Malformed, Misused
from gateway.matching.own_rows.deciding import deciding_rows
from gateway.matching.person import PersonFeatures
from gateway.matching.report import Comparison, compare
from gateway.matching.thresholds import SETS
from gateway.model.query import PersonQuery
from gateway.model.values import MAX_TEXT, NameForm, PartialDate, Sex


def compare_names(
    first: str, second: str, birth: Sequence[str], sex: Sequence[str], father: Sequence[str], thresholds: str
) -> Comparison:
    """Compare two names, with features given once for both or for each. Raises `Misused` for unusable values."""
    for which, name in (("FIRST", first), ("SECOND", second)):
        if not name.strip():
            raise Misused(f"{which} is empty: give two names, each in quotation marks")
        if len(name) > MAX_TEXT:
            raise Misused(f"{which} has more than {MAX_TEXT} characters")
    sexes, fathers = _both("sex", sex), _both("father", father)
    try:  # exit code 1 is an answer here, so a value that cannot be compared is wrong usage
        births = [PartialDate(text) if text else None for text in _both("birth", birth)]
        query = PersonQuery((NameForm(first),), births[0], Sex(sexes[0]) if sexes[0] else None, father=fathers[0])
        held = PersonQuery((NameForm(second),))
    except Malformed as error:
        raise Misused(str(error)) from error
    features = PersonFeatures((held.names[0].text,), births[1], sexes[1], "", fathers[1])
    again = partial(compare, query, features, SETS[thresholds])
    return replace(again(), rows=deciding_rows((first, second, *filter(None, fathers)), again))


def _both(option: str, values: Sequence[str]) -> tuple[str, str]:
    """Return one value for each name: none, one for both, or two."""
    if len(values) > 2:
        raise Misused(f"--{option} can be given once for both names, or twice")
    return (values[0], values[-1]) if values else ("", "")
