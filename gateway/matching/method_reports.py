"""Find reports on methods and routes by their keys (words in all scripts, codes, places, months), and judge by its own
fields whether a report is one that was asked for.

Words are in one form: without capitals and diacritics, in Unicode, in simplified characters, with ASCII figures. A
script without blanks between words is cut into pairs of signs; what is found by pairs is then compared as a whole. A
place is also found by its name in another script or spelling, as names are in all searches.

`places` are the names that the registers have for the places of a report's route; the registers stand elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from gateway.errors import Malformed
from gateway.matching.keys import whole_keys
from gateway.matching.scripts import burmese, han, latin
from gateway.matching.scripts.detect import script_of
from gateway.model.forms.numbers import ascii_digits
from gateway.model.forms.reports import MAX_TEXTS, MOST_SIGNS, ReportTerms, is_period, months
from gateway.model.hit import Match, Quality, Verdict

RECORD_TYPE = "ModusOperandiReport"
PLACES = "places"
"""The search key under which the owner of a report names its places as the registers do."""

_RULES = {
    "text": "report-words",
    "offence": "report-offence",
    "place": "report-place",
    "crossing": "report-crossing",
    "period": "report-period",
}

_UNSPACED = frozenset({"Thai", "Laoo", "Khmr", "Mymr", "Hani"})
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_MARKS = "\u0300-\u036f\u0e31\u0e34-\u0e4e\u0eb1\u0eb4-\u0ece\u102b-\u103e\u1056-\u1059\u17b4-\u17d3"
_RUN = re.compile(rf"[^\W_](?:[^\W_]|[{_MARKS}])*")
MAX_WORDS = 16
"""The most words by which a report is looked for."""

_PLURAL = 4
"""Latin words of so many letters and more are found with and without a final `s`."""


def texts_of(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each text of a report with the name of its place: codes as well, since a code may hide a number."""
    for name, value in fields.items():
        if name in ("no_personal_data", "pictures", "offence"):
            continue
        for number, part in enumerate(value if isinstance(value, list) else [value]):
            where = f"{name}.{number}" if isinstance(value, list) else name
            if isinstance(part, Mapping):
                yield from ((f"{where}.{key}", str(text)) for key, text in part.items())
            else:
                yield where, str(part)


def report_keys(fields: Mapping[str, Any], places: Iterable[str], owner: str = "") -> tuple[str, ...]:
    """Return the keys of a report."""
    found = {f"offence {fields.get('offence', '')}", f"owner {owner}"}
    found |= {f"month {month}" for month in months(str(fields.get("period", "")))}
    for place in fields.get("route", ()):
        found |= set(_code_keys(place))
    for name in [*_names_in(fields), *places]:
        found |= {f"place {key}" for key in whole_keys(name)}
        found |= {key for run in _runs(name) for key in _word_keys(run)}
    for _, text in texts_of(fields):
        for run in _runs(text):
            found |= set(_word_keys(run))
    return tuple(sorted(found))


def wanted_keys(terms: ReportTerms, owner: str = "") -> list[Collection[str]]:
    """Return groups of keys: a report that fits has one of each group. Raises `Malformed` for terms of another form.

    What is found by the words of a script without blanks is to be compared with the words again (`says`).
    """
    if len(terms.text) > MOST_SIGNS or len(terms.place) > MOST_SIGNS:
        raise Malformed("more than {limit} characters", code="too-long", where="text", limit=MOST_SIGNS)
    if words_in(terms.text) > MAX_WORDS:
        raise Malformed("more than {limit} words", code="too-long", where="text", limit=MAX_WORDS)
    groups: list[Collection[str]] = []
    if terms.offence:
        groups.append((f"offence {terms.offence}",))
    if owner:
        groups.append((f"owner {owner}",))
    if terms.crossing:
        groups.append((f"crossing {terms.crossing}",))
    if terms.place:
        groups.append(_wanted_place(terms.place))
    if terms.period:
        groups.append(_wanted_months(terms.period))
    for run in _runs(terms.text):
        groups += [(key,) for key in _word_keys(run, asked=True)]
    return groups


def words_in(text: str) -> int:
    """Return how many words a text has by which a report can be found."""
    return len(_runs(text))


def says(terms: ReportTerms, fields: Mapping[str, Any], places: Iterable[str]) -> bool:
    """Tell whether a report has each word of a script without blanks, and not its pairs of signs alone."""
    wanted = [run for run in _runs(terms.text) if script_of(run[0]) in _UNSPACED]
    if not wanted:
        return True
    texts = [*(text for _, text in texts_of(fields)), *_names_in(fields), *places]
    written = "\n".join("".join(_runs(text)) for text in texts)
    return all(run in written for run in wanted)


def report_match(terms: ReportTerms) -> Match:
    """Return the match of a report that has all that was asked for."""
    return Match(Quality.STRONG, 1.0, tuple(rule for name, rule in _RULES.items() if getattr(terms, name)))


def judge_report(
    terms: ReportTerms, record_type: str, fields: Mapping[str, Any], search: Mapping[str, Any] | None, *, whole: bool
) -> Match | Verdict:
    """Return the match of a report with the terms, or the verdict where there is none.

    Without `search` the registers' names of its places are not known, so that what may be such a name is left open. So
    is all that a text says which is longer than any report may be.
    """
    if record_type != RECORD_TYPE or (terms.offence and fields.get("offence", terms.offence) != terms.offence):
        return Verdict.OTHER
    if sum(len(text) for _, text in texts_of(fields)) > MAX_TEXTS:
        return Verdict.SILENT
    places = search.get(PLACES, ()) if search is not None else ()
    keys = frozenset(report_keys(fields, places))
    if not any(keys.isdisjoint(group) for group in wanted_keys(terms)) and says(terms, fields, places):
        return report_match(terms)
    return Verdict.OTHER if whole and (search is not None or not _has_codes(fields)) else Verdict.SILENT


def _runs(text: str) -> list[str]:
    """Return the words of a text in their one form; of a script without blanks, what stands together."""
    plain = ascii_digits(_INVISIBLE.sub("", text))
    if burmese.is_zawgyi(plain):
        plain = burmese.to_unicode(plain)
    return [run for found in _RUN.findall(plain.casefold()) for run in _of_one_script(found)]


def _of_one_script(run: str) -> Iterator[str]:
    """Yield the parts of a run that are in one script, each in its one form."""
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


def _names_in(fields: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the places of a route, as its author wrote them."""
    for place in fields.get("route", ()):
        if name := place.get("name", "") if isinstance(place, Mapping) else place:
            yield str(name)


def _code_keys(place: Any) -> Iterator[str]:
    """Yield the keys of the codes of a place of the route."""
    if isinstance(place, Mapping):
        for code in ("crossing", "unlocode", "country"):
            if value := place.get(code):
                yield f"{code} {value}"


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


def _has_codes(fields: Mapping[str, Any]) -> bool:
    """Tell whether a route tells places by their codes, which stand for names."""
    route = [place for place in fields.get("route", ()) if isinstance(place, Mapping)]
    return any(place.get("crossing") or place.get("unlocode") for place in route)
