"""The library of reports: what stands here of all countries, found by words, offence, place and period."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.routing import Route

from gateway.clock import rfc3339_s
from gateway.console.drawings.region import RegionMap, Spot, region_map
from gateway.console.frame.navigation import OPEN_TO
from gateway.console.frame.page import Page, later_pages
from gateway.console.frame.shapes import Field, Link, Option, Tag, Task, Text
from gateway.console.pages.reports.told import PATH, STAND_TONES, text_in
from gateway.console.visits.door import Door
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.listing import Slice
from gateway.desk.reports.library import Found, Shelved
from gateway.desk.reports.values import LibraryQuery, OwnReport
from gateway.errors import Malformed
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import country, with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.language.sentences import sentence
from gateway.language.terms import OFFENCES
from gateway.model.desk.work import Role
from gateway.records import codes
from gateway.views.desk.reports import STANDS, more_words, report_title

_LISTS: Sentences = {"": "All reports", "own": "Ours"}
_SHOWN = 50


@dataclass(frozen=True, slots=True)
class LibraryView:
    """The library: the fields of the search, and the reports that fit."""

    tabs: Sequence[Link]
    which: str
    fields: Sequence[Field]
    offences: Sequence[Option]
    may_write: bool
    reports: Sequence[Task]
    more: str
    map: RegionMap | None
    pages: Sequence[Link]


def library_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the route of the library."""
    return [door.get(PATH, _Library(parts).show, tuple(OPEN_TO[PATH]))]


class _Library:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return the reports that fit, or those of ours with how they stand."""
        language, which, fault = visit.language, visit.query("list"), ""
        desk, query = self._parts.desk, _query(visit)
        found = Found(())
        try:
            found = await desk.library.search(visit.actor, query, _SHOWN) if which != "own" else found
        except Malformed as error:
            about_period = tell(language, "A period is a year or a month, or two with / between")
            fault = about_period if error.where == "period" else sentence(error, language)
        own: Slice[OwnReport] = Slice(())
        if which == "own":
            own = await desk.own_reports.all(visit.actor, over=True, limit=_SHOWN, after=visit.query("after"))
        tasks = [*(_own_task(one, visit) for one in own.items), *(_task(one, visit) for one in found.reports)]
        drawn = await asyncio.to_thread(self._map, found.reports, language) if found.reports else None
        view = LibraryView(
            tabs=[
                Link(f"{PATH}?list={name}" if name else PATH, tell(language, words), name == which)
                for name, words in _LISTS.items()
            ],
            which=which,
            fields=_fields(query, language),
            offences=[
                Option("", tell(language, "all offences")),
                *(
                    Option(code, tell(language, words), chosen=code == query.offence)
                    for code, words in OFFENCES.items()
                ),
            ],
            may_write=Role.OFFICER in visit.roles,
            reports=tasks,
            more=fault or more_words(is_capped=found.capped, is_partial=found.partial, language=language),
            map=drawn,
            pages=later_pages(PATH, own.next, language, list=which),
        )
        return Page("pages/reports/library.html", tell(language, "Reports"), view)

    def _map(self, found: Sequence[Shelved], language: Language) -> RegionMap | None:
        """Return the map with the crossing points of the routes; None where no route names one."""
        counts = Counter(
            place["crossing"]
            for one in found
            for place in one.fields.get("route", ())
            if isinstance(place, dict) and place.get("crossing") in codes.crossing_points()
        )
        points = [(codes.crossing_points()[name], count) for name, count in counts.items()]
        spots = [
            Spot(" / ".join(side.name for side in point.sides), point.latitude, point.longitude, "", str(count))
            for point, count in points
            if point.latitude is not None and point.longitude is not None
        ]
        names = {land.country: country(land.country, language) for land in self._parts.outline.lands}
        known = {code: name for code, name in names.items() if name}
        title = tell(language, "Crossing points in these reports")
        return region_map(self._parts.outline, title, spots, known, language) if spots else None


def _query(visit: Visit) -> LibraryQuery:
    offence = visit.query("offence")
    return LibraryQuery(
        text=visit.query("text")[:200],
        offence=offence if offence in OFFENCES else "",
        place=visit.query("place")[:200],
        period=visit.query("period")[:20],
    )


def _fields(query: LibraryQuery, language: Language) -> list[Field]:
    return [
        Field("text", tell(language, "Words, in any script"), query.text, kind="search", most=200),
        Field("place", tell(language, "Place or crossing point of the route"), query.place, most=200),
        Field("period", tell(language, "Month or year"), query.period, tell(language, "such as 2026-03"), most=20),
    ]


def _task(report: Shelved, visit: Visit) -> Task:
    language = visit.language
    at = moment(rfc3339_s(report.added_us), language)
    about: list[Text | str] = [with_country(report.owner, language), at]
    method = str(report.fields.get("method", ""))
    about += [text_in(f"{method[:140]}…" if len(method) > 140 else method, report.lang)]
    return Task(Link(f"{PATH}/{report.id}", report_title(report.fields, language)), tuple(about))


def _own_task(report: OwnReport, visit: Visit) -> Task:
    language = visit.language
    stand = Tag(tell(language, STANDS[report.stand.value]), STAND_TONES.get(report.stand.value, "quiet"))
    at = moment(rfc3339_s(report.written_us), language)
    title = report_title(report.fields, language)
    return Task(Link(f"{PATH}/{report.id}", title), (report.author.person, at), tags=(stand,))
