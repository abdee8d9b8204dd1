"""Show what came of long work: findings with remedies, a masked sample, a mapping's faults, and what policy gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from gateway.console.frame.records import foreign
from gateway.console.frame.shapes import Banner, Cell, Line, Link, Row, Table, Tag, Text, Tone
from gateway.console.pages.admin.sections import PATH, Section
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import country, with_country
from gateway.language.languages import Language
from gateway.language.terms import PURPOSES, RECORD_TYPES, named
from gateway.ops.console.jobs import Job, JobKind

_MOST_ROWS = 200

SEVERITIES: Sentences = {"stop": "stops exchanges", "warn": "look at it", "good": "in order"}
_TONES: Mapping[str, Tone] = {"stop": "danger", "warn": "warn", "good": "done", "error": "danger", "note": "info"}
_ORDER = {"stop": 0, "warn": 1, "good": 2}
_FAULTS: Sentences = {"error": "a mistake", "warn": "look at it", "note": "worth knowing"}

_CHANGES: Sentences = {
    "newly_released": "newly released",
    "newly_with_human": "newly with a human",
    "newly_served": "newly served",
    "newly_shown": "newly shown as a hit",
    "newly_withheld": "newly withheld",
    "no_longer_with_human": "not even with a human any more",
    "newly_refused": "newly refused",
    "newly_hidden": "newly hidden",
}
_LEAVES = ("newly_released", "newly_with_human", "newly_served", "newly_shown")


def result_sections(job: Job, language: Language, chosen: str = "") -> list[Section]:
    """Return the result of a job that has ended; `chosen` is the counterpart whose matrix is shown."""
    if job.failure:
        return [_failed(job.failure, language)]
    if job.kind is JobKind.MATRIX:
        return list(_matrix(job.result, language, chosen))
    return list(_SHOWN[job.kind](job.result, language))


def _failed(failure: Mapping[str, str], language: Language) -> Section:
    what = tuple(Text(text, "en") for text in (failure["message"], failure["where"], failure["remedy"]) if text)
    return Section(
        tell(language, "It could not be done"),
        rows=(Row(tell(language, "Why, and what to do"), what, note=failure["code"]),),
    )


def findings_section(findings: Sequence[Mapping[str, Any]], language: Language) -> Section:
    """Return the findings of the doctor, those that stop an exchange first, each with its remedy."""
    stops = sum(each["severity"] == "stop" for each in findings)
    notes = sum(each["severity"] == "warn" for each in findings)
    told = sorted(findings, key=lambda each: _ORDER[each["severity"]])
    return Section(
        tell(language, "Findings"),
        figures=(
            (tell(language, SEVERITIES["stop"]), str(stops)),
            (tell(language, SEVERITIES["warn"]), str(notes)),
            (tell(language, SEVERITIES["good"]), str(len(findings) - stops - notes)),
        ),
        lines=tuple(_finding(each, language) for each in told),
    )


def _finding(each: Mapping[str, Any], language: Language) -> Line:
    tag = Tag(tell(language, SEVERITIES[each["severity"]]), _TONES[each["severity"]])
    said: tuple[Text | str, ...] = (Text(each["text"], "en"),)
    if each["remedy"]:
        said += (Text(f"→ {each['remedy']}", "en"),)
    return Line(Text(each["check"], "en"), tag, said)


def _doctor(result: Mapping[str, Any], language: Language) -> Iterator[Section]:
    yield findings_section(result["findings"], language)


def _sample(result: Mapping[str, Any], language: Language) -> Iterator[Section]:
    lead = tell(language, "Letters and figures are masked: only the form of the values is shown.")
    row = tuple(Row(name, (_shown(value),)) for name, value in result["row"].items())
    yield Section(tell(language, "A row of the source"), lead, rows=row)
    if result["record"] is None:
        yield Section(
            tell(language, "No record is made of it"),
            rows=(Row(tell(language, "Why"), (Text(str(result["left_out"]), "en"),)),),
        )
        return
    name = named(result["type"], RECORD_TYPES, language)
    fields = tuple(Row(field, (_shown(value),)) for field, value in result["record"]["fields"].items())
    yield Section(tell(language, "The record that is made of it: {type}", type=name), rows=fields)


def _shown(value: Any) -> Text | str:
    """Return a masked value as one text."""
    if isinstance(value, Mapping):
        return foreign(", ".join(f"{key}: {part}" for key, part in value.items()))
    if isinstance(value, list):
        return foreign("; ".join(_plain(part) for part in value) or "-")
    return foreign(str(value)) if value is not None else "-"


def _plain(value: Any) -> str:
    return ", ".join(map(str, value.values())) if isinstance(value, Mapping) else str(value)


def _check(result: Mapping[str, Any], language: Language) -> Iterator[Section]:
    good = tell(language, "The mapping can be used.")
    bad = tell(language, "The mapping cannot be used.")
    banner = Banner(good, tone="done") if result["good"] else Banner(bad, tone="danger")
    yield Section(
        tell(language, "What is wrong, and where"),
        banners=(banner,),
        lines=tuple(_fault(each, language) for each in result["findings"]),
    )
    heads = (
        tell(language, "Record"),
        tell(language, "Table"),
        tell(language, "Rows looked at"),
        tell(language, "Records"),
        tell(language, "Left out"),
    )
    rows = tuple(
        (
            named(each["type"], RECORD_TYPES, language),
            each["table"],
            str(each["rows"]),
            str(each["valid"]),
            Text("; ".join(f"{why}: {count}" for why, count in each["left_out"].items()) or "-", "en"),
        )
        for each in result["records"]
    )
    yield Section(tell(language, "What it makes of the rows"), tables=(Table("", heads, rows, frozenset({2, 3})),))
    if leaves := result["leaves"]:
        yield Section(tell(language, "Who can get the records"), rows=tuple(_reach(each, language) for each in leaves))


def _fault(each: Mapping[str, Any], language: Language) -> Line:
    said = tuple(
        Text(text, "en") for text in (each["message"], f"→ {each['remedy']}" if each["remedy"] else "") if text
    )
    place = str(each["where"]).rpartition("/")[2]
    severity = each["severity"] if each["severity"] in _FAULTS else "note"
    return Line(place, Tag(tell(language, _FAULTS[severity]), _TONES[severity]), said)


def _reach(each: Mapping[str, Any], language: Language) -> Row:
    name = named(each["record_type"], RECORD_TYPES, language)
    if not each["ways"]:
        nobody = tell(language, "nobody can get it")
        return Row(name, (nobody, Text(each["problem"], "en"), Text(f"→ {each['remedy']}", "en")))
    ways = (", ".join(way["recipients"]) for way in each["ways"])
    return Row(name, tuple(dict.fromkeys(ways)))


def _matrix(result: Mapping[str, Any], language: Language, chosen: str) -> Iterator[Section]:
    rows = result["rows"]
    places = sorted({each["counterpart"] for each in rows})
    shown = chosen if chosen in places else next(iter(places), "")
    heads = (
        tell(language, "Agency"),
        tell(language, "Purpose"),
        tell(language, "Record"),
        tell(language, "With a case number"),
        tell(language, "With a ticket only"),
        tell(language, "When a human releases it"),
    )
    lines = tuple(_given(each, language) for each in rows if each["counterpart"] == shown)
    told = country(shown, language) or shown
    links = tuple(
        Link(f"{PATH}/jobs/matrix?of={place}", with_country(place, language), place == shown) for place in places
    )
    yield Section(
        tell(language, "What {country} can get", country=told) if shown else tell(language, "Nobody can get anything"),
        tell(language, "The policy in force was asked for each agency, purpose and kind of record."),
        tables=(Table("", heads, lines[:_MOST_ROWS]),) if lines else (),
        links=links,
    )


def _given(each: Mapping[str, Any], language: Language) -> tuple[Cell | Text | str, ...]:
    victim = tell(language, "of a victim") if each["subject"] == "victim" else ""
    record = " · ".join(filter(None, (named(each["record_type"], RECORD_TYPES, language), victim)))
    fields = (Text(", ".join(each[name]) or "-", "en") for name in ("with_case", "with_ticket", "with_human"))
    return (each["agency"], named(each["purpose"], PURPOSES, language), record, *fields)


def _review(result: Mapping[str, Any], language: Language) -> Iterator[Section]:
    failed = [each for each in result["cases"] if not each["holds"]]
    bad = tell(language, "Cases of this policy do not hold: {count}", count=len(failed))
    held = tell(language, "All of its cases hold: {count}", count=len(result["cases"]))
    none = tell(language, "It carries no case, so nothing was tried.")
    banner = Banner(bad, tone="danger") if failed else Banner(held if result["cases"] else none, tone="done")
    yield Section(
        tell(language, "The proposed policy"),
        banners=(banner if result["cases"] else Banner(none, tone="warn"),),
        rows=(
            Row(tell(language, "Version"), (str(result["version"]),)),
            Row(tell(language, "Signatures"), (str(len(result["signers"])),)),
            Row(tell(language, "SHA-256 to compare by voice"), (result["hash"],)),
            Row(tell(language, "Compared with"), (Text(result["against"], "en"),)),
        ),
        lines=tuple(
            Line(each["name"], Tag(tell(language, "does not hold"), "danger"), (Text(problem, "en"),))
            for each in failed
            for problem in each["problems"][:1]
        ),
    )
    found = result["difference"]
    released = tuple(
        Row(tell(language, "leaves anew") if each["leaves"] else tell(language, "stays from now on"),
            (Text(_leaving(each), "en"),))
        for each in found["released"]
    )  # fmt: skip
    words = tuple(Row(tell(language, "Changed"), (Text(text, "en"),)) for text in found["words"])
    rules = tuple(Row(each["name"], tuple(Text(line, "en") for line in each["lines"])) for each in found["rules"])
    empty = (
        tell(language, "Nothing differs"),
        tell(language, "The proposed policy decides as the one in force does."),
    )
    yield Section(
        tell(language, "What it changes"),
        rows=(*released, *words, *rules),
        empty=None if released or words or rules else empty,
    )


def _leaving(each: Mapping[str, Any]) -> str:
    whom, why = ", ".join(each["recipients"]), ", ".join(each["purposes"])
    return f"{each['record_type']}: {', '.join(each['fields'])} → {whom} ({why})"


def _rehearse(result: Mapping[str, Any], language: Language) -> Iterator[Section]:
    rows = tuple(
        Row(tell(language, _CHANGES[name]), (_counted(each),))
        for name in _CHANGES
        for each in result[name][:_MOST_ROWS]
    )
    warned = any(result[name] for name in _LEAVES)
    more = tell(language, "More would have left the country.")
    same = tell(language, "Nothing more would have left the country.")
    entry = result["entry"]
    yield Section(
        tell(language, "What would have come out otherwise"),
        tell(language, "This use is entry {index} of {log}.", index=entry["index"], log=entry["log"]),
        banners=(Banner(more, tone="warn") if warned else Banner(same, tone="done"),),
        figures=(
            (tell(language, "Questions"), str(result["exchanges"])),
            (tell(language, "Decisions made again"), str(result["decisions"])),
            (tell(language, "Changes"), str(result["changes"])),
        ),
        rows=rows,
    )


def _counted(each: Mapping[str, Any]) -> Text:
    *names, times = each.values()
    return Text(f"{' '.join(map(str, names))} × {times}", "en")


_SHOWN: Mapping[JobKind, Callable[[Mapping[str, Any], Language], Iterator[Section]]] = {
    JobKind.DOCTOR: _doctor,
    JobKind.SAMPLE: _sample,
    JobKind.CHECK: _check,
    JobKind.REVIEW: _review,
    JobKind.REHEARSE: _rehearse,
}
