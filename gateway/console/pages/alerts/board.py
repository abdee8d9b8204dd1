"""The board of alerts: those of counterparts that warn here, and ours; what must be done first comes first.

It names no person or thing: who opens an alert to read it is written down.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from gateway.clock import rfc3339_s
from gateway.console.drawings.region import RegionMap
from gateway.console.frame.clocks import countdown
from gateway.console.frame.events import EVENT_STREAM, merged_changes
from gateway.console.frame.navigation import OPEN_TO
from gateway.console.frame.page import Page
from gateway.console.frame.shapes import Banner, Link, Option, Table, Tag, Task, Tone
from gateway.console.pages.alerts.places import OfficeCount, map_of, office_name, table_of
from gateway.console.pages.alerts.told import (
    ORDER,
    PATH,
    STAND_TONES,
    STANDS,
    SUBJECTS,
    action_tone,
    action_words,
    answer_tag,
    gravity,
    hidden_time,
    subject,
    warnings,
)
from gateway.console.visits.door import Door
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.acting.home import Stand
from gateway.desk.alerts.board import TakenLine
from gateway.desk.alerts.standing import AlertStand
from gateway.desk.alerts.values import OwnAlert
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Role

_T = TypeVar("_T")
_SHOWN = 25
_MOST_ENDED = 100
_LISTS: Sentences = {"": "From abroad", "own": "Ours", "ended": "Ours that ended"}
_ALARMED = frozenset({Role.DUTY, Role.NATIONAL_DESK})


@dataclass(frozen=True, slots=True)
class Card(Task):
    """An alert on the board: what to do, what must not be done, whose it is, who has it, and until when it holds."""

    first: Sequence[str] = ()
    until: str = ""


@dataclass(frozen=True, slots=True)
class BoardView:
    """The board. `alarm` names what has not been acknowledged by this person's offices, for the sound of an alarm."""

    tabs: Sequence[Link]
    alarm: str
    banners: Sequence[Banner]
    which: str
    offices: Sequence[Option]
    actions: Sequence[Option]
    cards: Sequence[Card]
    pages: Sequence[Link]
    may_raise: bool
    map: RegionMap | None
    table: Table | None


def board_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes of the board."""
    board, roles = _Board(parts), tuple(OPEN_TO[PATH])
    return [door.get(PATH, board.show, roles), door.get(f"{PATH}/events", board.follow, roles)]


def alert_path(key: ThreadKey) -> str:
    """Return the path of the page of a counterpart's alert."""
    return f"{PATH}/{key.peer}/{key.thread_id}"


class _Board:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return the list that the query names."""
        which = visit.query("list") if visit.query("list") in _LISTS else ""
        view = await (self._own(visit, which) if which else self._taken(visit))
        live = f"{PATH}/events"
        return Page("pages/alerts/board.html", tell(visit.language, "Alerts"), view, live=live)

    async def follow(self, visit: Visit) -> Response:
        """Stream that alerts have changed; nothing of them is told."""
        return StreamingResponse(merged_changes([self._changes(visit.query("about"))]), media_type=EVENT_STREAM)

    async def _changes(self, about: str) -> AsyncIterator[object]:
        async for _ in self._parts.desk.alerts.follow(about):
            yield True

    # ------------------------------------------------------------ of counterparts

    async def _taken(self, visit: Visit) -> BoardView:
        found = await self._parts.desk.alerts.taken(visit.actor)
        ours = self._parts.offices().get(self._parts.member, ())
        fitting = [line for line in found if _fits(visit, line.alert.offices, line.alert.action)]
        fitting.sort(key=lambda line: (not line.waits, gravity(line.alert.action), line.alert.until_us))
        shown, pages = _page(visit, fitting)
        answers = await self._parts.desk.alerts.answers(line.alert.key for line in shown if not line.waits)
        cards = [_taken_card(line, answers.get(line.alert.key, ""), visit) for line in shown]
        counts = _counts(((line.alert.offices or ours), bool(line.waits)) for line in fitting)
        return await self._view(visit, "", cards, pages, _offices(ours, counts), _alarm(visit, found))

    # ------------------------------------------------------------ ours

    async def _own(self, visit: Visit, which: str) -> BoardView:
        desk = self._parts.desk
        if which == "ended":
            found = await desk.own_alerts.ended(visit.actor, _MOST_ENDED)
        else:
            found = await desk.own_alerts.alive(visit.actor)
        known = self._parts.offices()
        fitting = [alert for alert in found if _fits(visit, _addressed(alert, known), alert.action)]
        fitting.sort(key=lambda alert: alert.stand is not Stand.WAITING)
        shown, pages = _page(visit, fitting)
        standing = await desk.alerts.standing(shown)
        cards = [_own_card(alert, stands, visit) for alert, stands in zip(shown, standing, strict=True)]
        others = [office for member, offices in known.items() if member != self._parts.member for office in offices]
        unanswered = await desk.alerts.unanswered()
        counts = _counts(
            (to.offices or known.get(to.member, ()), (alert.id, to.member) in unanswered)
            for alert in fitting
            if alert.stand is Stand.ON
            for to in alert.to
        )
        return await self._view(visit, which, cards, pages, _offices(others, counts), "")

    async def _view(
        self,
        visit: Visit,
        which: str,
        cards: Sequence[Card],
        pages: Sequence[Link],
        counts: Sequence[OfficeCount],
        alarm: str,
    ) -> BoardView:
        language, is_map = visit.language, which != "ended"
        drawn = await asyncio.to_thread(map_of, self._parts.outline, counts, language) if is_map else None
        return BoardView(
            tabs=[
                Link(f"{PATH}?list={name}" if name else PATH, tell(language, text), name == which)
                for name, text in _LISTS.items()
            ],
            alarm=alarm,
            banners=_banners(self._parts.desk.alerts.missing, alarm, language) if not which else (),
            which=which,
            offices=_choices(
                ((count.office, office_name(count.office)) for count in counts),
                visit.query("office"),
                tell(language, "all offices"),
            ),
            actions=_choices(
                ((code, action_words(code, language)) for code in ORDER),
                visit.query("kind"),
                tell(language, "all kinds"),
            ),
            cards=cards,
            pages=pages,
            may_raise=Role.OFFICER in visit.roles,
            map=drawn,
            table=table_of(counts, language) if is_map else None,
        )


def _fits(visit: Visit, offices: Sequence[str], action: str) -> bool:
    office, kind = visit.query("office"), visit.query("kind")
    # An alert that names no office is for all of them.
    return (not office or not offices or office in offices) and (not kind or kind == action)


def _page(visit: Visit, items: Sequence[_T]) -> tuple[Sequence[_T], list[Link]]:
    """Return the part of a list that the query names, and the links to the parts beside it."""
    text = visit.query("page")
    number = min(int(text), 10_000) if text.isascii() and text.isdecimal() and len(text) < 6 else 0
    start, language = number * _SHOWN, visit.language
    links = []
    if number:
        links.append(Link(_other_page(visit, number - 1), tell(language, "those before")))
    if len(items) > start + _SHOWN:
        links.append(Link(_other_page(visit, number + 1), tell(language, "those after")))
    return items[start : start + _SHOWN], links


def _other_page(visit: Visit, number: int) -> str:
    kept = {name: visit.query(name) for name in ("list", "office", "kind") if visit.query(name)}
    return f"{PATH}?{urlencode(kept | {'page': str(number)})}"


def _addressed(alert: OwnAlert, known: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the offices that get an alert of ours."""
    return tuple(office for to in alert.to for office in (to.offices or known.get(to.member, ())))


def _counts(alerts: Iterable[tuple[Sequence[str], bool]]) -> dict[str, tuple[int, int]]:
    every, waiting = Counter[str](), Counter[str]()
    for offices, waits in alerts:
        every.update(offices)
        waiting.update(offices if waits else ())
    return {office: (count, waiting[office]) for office, count in every.items()}


def _offices(offices: Iterable[str], counts: dict[str, tuple[int, int]]) -> list[OfficeCount]:
    return [OfficeCount(office, *counts.get(office, (0, 0))) for office in dict.fromkeys((*offices, *counts))]


def _alarm(visit: Visit, found: Iterable[TakenLine]) -> str:
    """Return the ids of work that this person should do at once; another set of them is another alarm."""
    if visit.roles.isdisjoint(_ALARMED):
        return ""
    offices = ("", visit.officer.office)
    is_national = Role.NATIONAL_DESK in visit.roles
    works = [work for line in found for work in line.waits if is_national or work.office in offices]
    return " ".join(sorted(work.id for work in works))


def _banners(missing: Sequence[str], alarm: str, language: Language) -> tuple[Banner, ...]:
    found = []
    if alarm:
        count = len(alarm.split())
        title = tell(language, "Alerts that your office must acknowledge now: {count}", count=count)
        found.append(Banner(title, tone="danger"))
    if missing:
        names = ", ".join(with_country(member, language) for member in missing)
        title = tell(language, "The alerts of {countries} cannot be told now", countries=names)
        line = tell(
            language, "We have not heard from them for long. What they seek is not shown: this does not mean no alert."
        )
        found.append(Banner(title, (line,), "warn"))
    return tuple(found)


def _taken_card(line: TakenLine, answer: str, visit: Visit) -> Card:
    alert, language = line.alert, visit.language
    owner = tell(language, "from {country}", country=with_country(alert.owner, language))
    offices = ", ".join(map(office_name, alert.offices)) or tell(language, "all offices")
    since = tell(language, "since {time}", time=moment(rfc3339_s(alert.heard_us), language))
    if line.waits:
        first = min(line.waits, key=lambda work: work.due_us)
        tags = [Tag(tell(language, "not acknowledged"), "danger")]
        tags += [Tag(tell(language, "taken by {person}", person=work.assigned)) for work in line.waits if work.assigned]
        clock = countdown(first.due_us, visit.now_us, language)
    else:
        tags = [answer_tag(answer, language)] if answer else []
        clock = None
    return Card(
        link=Link(alert_path(alert.key), action_words(alert.action, language)),
        tone=action_tone(alert.action),
        first=warnings(alert.fields, alert.marking, language),
        about=(tell(language, SUBJECTS[subject(alert.fields)]), owner, offices, since),
        tags=tuple(tags),
        clock=clock,
        until=_until(alert.until_us, language),
    )


def _own_card(alert: OwnAlert, stands: Sequence[AlertStand], visit: Visit) -> Card:
    language, is_on = visit.language, alert.stand is Stand.ON
    tags = [Tag(tell(language, STANDS[alert.stand]), STAND_TONES.get(alert.stand, "quiet"))]
    tags += [stand_tag(stand, language) for stand in stands] if is_on else []
    is_hidden = is_on and alert.is_hidden(visit.now_us)
    if is_hidden:
        time = hidden_time(alert, language)
        tags.append(Tag(tell(language, "kept at home until {time}", time=time), "quiet"))
    return Card(
        link=Link(f"{PATH}/{alert.id}", action_words(alert.action, language)),
        tone=action_tone(alert.action) if is_on or alert.stand is Stand.WAITING else "quiet",
        first=warnings(alert.fields, {}, language),
        about=(
            tell(language, SUBJECTS[subject(alert.fields)]),
            alert.case or alert.ticket,
            tell(language, "raised by {person}", person=alert.author.person),
            ", ".join(with_country(to.member, language) for to in alert.to),
        ),
        tags=tuple(tags),
        clock=countdown(alert.until_us, visit.now_us, language) if is_on else None,
        until="" if is_on else _until(alert.until_us, language),
    )


def stand_tag(stand: AlertStand, language: Language) -> Tag:
    """Return how an alert of ours stands at a counterpart: its last word, or that there is none."""
    said, tone = stand_words(stand, language)
    return Tag(f"{with_country(stand.member, language)}: {said}", tone)


def stand_words(stand: AlertStand, language: Language) -> tuple[str, Tone]:
    """Return how an alert of ours stands at a counterpart, in words and as a colour."""
    if stand.is_unanswered:
        return tell(language, "overdue: no answer in time"), "danger"
    if stand.reactions:
        tag = answer_tag(stand.reactions[-1].code, language)
        return str(tag.text), tag.tone
    if not stand.delivery:
        return tell(language, "not sent yet"), "quiet"
    if stand.delivery == "taken":
        return tell(language, "received, not acknowledged yet"), "warn"
    if stand.delivery == "waiting":
        return tell(language, "on its way: not received yet"), "quiet"
    return tell(language, "could not be delivered"), "danger"


def _until(until_us: int, language: Language) -> str:
    return tell(language, "holds until {time}", time=moment(rfc3339_s(until_us), language))


def _choices(items: Iterable[tuple[str, str]], chosen: str, every: str) -> list[Option]:
    return [Option("", every), *(Option(value, text, chosen=value == chosen) for value, text in items)]
