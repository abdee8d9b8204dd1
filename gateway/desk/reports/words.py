"""Make the keys by which a report is found: its words in all scripts, its codes, its places and its months.

Words are in one form: without capitals and diacritics, in Unicode, in simplified characters, with ASCII figures. A
script without blanks between words is cut into pairs of signs; what is found by pairs is then compared as a whole. A
place is also found by its name in another script or spelling, as names are in all searches.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from gateway.desk.reports.checks import is_period, months, texts_of
from gateway.errors import Malformed
from gateway.matching.keys import whole_keys
from gateway.matching.scripts import burmese, han, latin
from gateway.matching.scripts.detect import script_of
from gateway.model.numbers import ascii_digits
from gateway.records import codes

_UNSPACED = frozenset({"Thai", "Laoo", "Khmr", "Mymr", "Hani"})
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_MARKS = "\u0300-\u036f\u0e31\u0e34-\u0e4e\u0eb1\u0eb4-\u0ece\u102b-\u103e\u1056-\u1059\u17b4-\u17d3"
_RUN = re.compile(rf"[^\W_](?:[^\W_]|[{_MARKS}])*")
_MAX_WORDS, _MAX_SIGNS = 16, 200
_PLURAL = 4
"""Latin words of so many letters and more are found with and without a final `s`."""


class ReportQuery(msgspec.Struct, frozen=True):
    """The reports that are looked for; what is empty leaves it open.

    `place` is a crossing point's id, a UN/LOCODE or a name; `period` is a year or a month, or two with `/` between.
    """

    text: str = ""
    offence: str = ""
    place: str = ""
    crossing: str = ""
    period: str = ""
    owner: str = ""


def report_keys(fields: Mapping[str, Any], owner: str) -> tuple[str, ...]:
    """Return the keys of a report."""
    found = {f"offence {fields.get('offence', '')}", f"owner {owner}"}
    found |= {f"month {month}" for month in months(str(fields.get("period", "")))}
    for place in fields.get("route", ()):
        found |= set(_place_keys(place))
    for _, text in texts_of(fields):
        for run in _runs(text):
            found |= set(_word_keys(run))
    return tuple(sorted(found))


def wanted_keys(query: ReportQuery) -> list[Collection[str]]:
    """Return groups of keys: a report that fits has one of each group. Raises `Malformed` for a query of another form.

    What is found by the words of a script without blanks is to be compared with the words again (`says`).
    """
    if len(query.text) > _MAX_SIGNS or len(query.place) > _MAX_SIGNS:
        raise Malformed("more than {limit} characters", code="too-long", where="text", limit=_MAX_SIGNS)
    groups: list[Collection[str]] = []
    if query.offence:
        groups.append((f"offence {query.offence}",))
    if query.owner:
        groups.append((f"owner {query.owner}",))
    if query.crossing:
        groups.append((f"crossing {query.crossing}",))
    if query.place:
        groups.append(_wanted_place(query.place))
    if query.period:
        groups.append(_wanted_months(query.period))
    for run in _wanted_runs(query.text):
        groups += [(key,) for key in _word_keys(run, asked=True)]
    return groups


def says(query: ReportQuery, fields: Mapping[str, Any]) -> bool:
    """Tell whether a report has each word of a query of a script without blanks, and not its pairs of signs alone."""
    wanted = [run for run in _wanted_runs(query.text) if script_of(run[0]) in _UNSPACED]
    if not wanted:
        return True
    written = "\n".join("".join(_runs(text)) for _, text in texts_of(fields)) + "\n" + "\n".join(_names_of(fields))
    return all(run in written for run in wanted)


def _wanted_runs(text: str) -> list[str]:
    return _runs(text)[:_MAX_WORDS]


def _runs(text: str) -> list[str]:
    """Return the words of a text in their one form; of a script without blanks, what stands together."""
    plain = ascii_digits(_INVISIBLE.sub("", text))
    if burmese.is_zawgyi(plain):
        plain = burmese.to_unicode(plain)
    return [run for found in _RUN.findall(plain.casefold()) for run in _of_one_script(found)]


def _of_one_script(run: str) -> Iterator[str]:
    """Yield the parts of a run that stand in one script, each in its one form."""
    part, script = "", ""
    for sign in run:
        of = script_of(sign) or script
        if part and of != script and (of in _UNSPACED or script in _UNSPACED):
            yield _one_form(part, script)
            part = ""
        part, script = part + sign, of
    if part:
        yield _one_form(part, script)


def _one_form(part: str, script: str) -> str:
    if script == "Hani":
        return han.simplified(part)
    return part if script in _UNSPACED else latin.plain(part) or part


def _word_keys(run: str, *, asked: bool = False) -> Iterator[str]:
    """Yield the keys of a word; `asked`: those that a report must all have."""
    if script_of(run[0]) not in _UNSPACED:
        yield f"word {run[:-1] if len(run) >= _PLURAL and run.endswith('s') else run}"
    elif len(run) == 1 or not asked:
        yield from (f"sign {sign}" for sign in run)
    if script_of(run[0]) in _UNSPACED:
        yield from (f"pair {run[place : place + 2]}" for place in range(len(run) - 1))


def _place_keys(place: Any) -> Iterator[str]:
    """Yield the keys of a place of the route, with all names that the registers have for it."""
    for name in _place_names(place):
        yield from (f"place {key}" for key in whole_keys(name))
        for run in _runs(name):
            yield from _word_keys(run)
    if isinstance(place, Mapping):
        for code in ("crossing", "unlocode", "country"):
            if value := place.get(code):
                yield f"{code} {value}"


def _place_names(place: Any) -> list[str]:
    if not isinstance(place, Mapping):
        return [str(place)]
    point = codes.crossing_points().get(str(place.get("crossing", "")))
    sides = point.sides if point is not None else ()
    names = [place.get("name", ""), codes.unlocodes().get(str(place.get("unlocode", "")), "")]
    return [str(name) for name in (*names, *(name for side in sides for name in (side.name, side.local_name))) if name]


def _names_of(fields: Mapping[str, Any]) -> list[str]:
    return ["".join(_runs(name)) for place in fields.get("route", ()) for name in _place_names(place)]


def _wanted_place(text: str) -> Collection[str]:
    """Return the keys of a place, however it is named: by its code, by its name, or by that in another script."""
    runs = _runs(text)
    whole = {f"place {key}" for key in whole_keys(text)} | {f"crossing {text}", f"unlocode {text.upper()}"}
    one_word = set(_word_keys(runs[0], asked=True)) if len(runs) == 1 else set()
    return whole | ({key for key in one_word if key.startswith("word ")})


def _wanted_months(period: str) -> Sequence[str]:
    if not is_period(period):
        raise Malformed(
            "a period is a year or a month, or two with `/` between, of ten years at most",
            code="bad-period",
            where="period",
            remedy="such as `2026-03/2026-05`",
        )
    return [f"month {month}" for month in months(period)]
