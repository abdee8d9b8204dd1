"""A watch of ours: what is watched where, what it has met, and what may be done: approve, say again, end, follow up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from starlette.routing import Route

from gateway.clock import HOUR_US, rfc3339_s
from gateway.console.frame.clocks import countdown
from gateway.console.frame.errors import fault_of
from gateway.console.frame.forms import Form, field_of, label_of, text_of
from gateway.console.frame.navigation import OPEN_TO
from gateway.console.frame.page import Page, To
from gateway.console.frame.shapes import Banner, Clock, Field, Option, Row, Tag, Text
from gateway.console.pages.alerts.lasting import lasting, lengths
from gateway.console.pages.threads.follow_up import place_of
from gateway.console.pages.threads.forms import Sent, Writer, thread_path
from gateway.console.pages.watches.board import PATH, TONES, USUAL_H
from gateway.console.pages.watches.follow import FOLLOW_FIELDS, FollowForm, follow_form, read_follow, type_words
from gateway.console.uploads.attached import FILES, Attached, FilesPart, files_part
from gateway.console.uploads.file_form import FileForm
from gateway.console.visits.door import Answer, Door
from gateway.console.visits.own_matter import Approval, OwnAct, approval, decision, done
from gateway.console.visits.visit import ConsoleParts, Visit
from gateway.desk.acting.home import Stand
from gateway.desk.watches.standing import MetThere, WatchStand
from gateway.desk.watches.values import OwnHit, OwnWatch
from gateway.errors import Refused
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.language.terms import OFFENCES, PURPOSES
from gateway.matching.explain import explain
from gateway.model.desk.watches import Watched
from gateway.model.handed.asks import with_files
from gateway.model.handed.watches import AddWatch, EndWatch, RenewWatch
from gateway.model.names import ExchangeId, exchange_id
from gateway.ports.desk import Work
from gateway.views.desk.watches import asked_pairs, asked_text, stand_words, stopped_words
from gateway.views.desk.words import state_words

_HERE = "\N{OBJECT REPLACEMENT CHARACTER}"
"""The place of the kinds of sources in a line."""


@dataclass(frozen=True, slots=True)
class PlaceView:
    """A recipient, or our own agencies: how the watch stands there, how far it reaches, and what it has met."""

    name: str
    tag: Tag
    lines: Sequence[Sequence[Text | str]]
    hits: Sequence[Row]


@dataclass(frozen=True, slots=True)
class OwnView:
    """A watch of ours. Each form is there where the person may do what it does.

    `needed` asks why it is still needed, beside the `lengths` that it can go on for, and `ended` why it ends.
    """

    tag: Tag
    clock: Clock | None
    banners: Sequence[Banner]
    facts: Sequence[Row]
    places: Sequence[PlaceView]
    path: str
    approval: Approval | None
    needed: Field | None
    lengths: Sequence[Option]
    ended: Field | None
    follow: FollowForm | None
    faults: Sequence[tuple[str, str]]


def own_watch_routes(door: Door, parts: ConsoleParts) -> list[Route]:
    """Return the routes of a watch of ours."""
    own, roles, path = _Own(parts), tuple(OPEN_TO[PATH]), f"{PATH}/{{id}}"
    return [
        door.get(path, own.show, roles),
        door.post(f"{path}/approve", own.approve, roles),
        door.post(f"{path}/renew", own.renew, roles),
        door.post(f"{path}/end", own.end, roles),
        door.upload(f"{path}/follow", own.follow, roles),
    ]


class _Own:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts

    async def show(self, visit: Visit) -> Page:
        """Return the page."""
        return await self._page(visit, exchange_id(visit.part("id")))

    async def approve(self, visit: Visit, form: Form) -> Answer:
        """Approve or decline what a colleague wants."""
        return await self._done(visit, decision(self._parts.desk.watches, visit, form), "reason")

    async def renew(self, visit: Visit, form: Form) -> Answer:
        """Say that the watch is still needed."""

        async def act(name: ExchangeId) -> None:
            until_us = visit.now_us + lasting(form.one("lasts"), "lasts") * HOUR_US
            await self._parts.desk.watches.renew(
                visit.actor, name, until_us, text_of(form, RenewWatch, "reason", "needed")
            )

        return await self._done(visit, act, "lasts")

    async def end(self, visit: Visit, form: Form) -> Answer:
        """End the watch."""

        async def act(name: ExchangeId) -> None:
            await self._parts.desk.watches.end(visit.actor, name, text_of(form, EndWatch, "reason", "ended"))

        return await self._done(visit, act, "ended")

    async def follow(self, visit: Visit) -> Answer:
        """Draft a follow-up to a hit, and show its thread; the same form again goes to the same thread."""
        name, desk = exchange_id(visit.part("id")), self._parts.desk
        sent = await FileForm.read(visit.request)
        form, attached = sent.form, Attached(desk, visit.actor, sent)
        try:
            watch = await desk.watches.show(visit.actor, name)
            command = with_files(read_follow(form, watch, self._parts.offices()), await attached.take())
            claim = await asyncio.to_thread(desk.keys.claim, visit.actor, form.id, repr(command).encode())
            drafted = await desk.drafting.follow_watch(visit.actor, command, claim.name)
        except Refused as error:
            field = attached.field(place_of(error, FOLLOW_FIELDS))
            fault = fault_of(error, visit.language)
            files = await attached.part(visit.language, fault if field == FILES else "")
            return await self._page(visit, name, ((field, fault),), Sent.of(form, {field: fault}), files)
        return To(thread_path(drafted.key))

    async def _done(self, visit: Visit, act: OwnAct, field: str) -> Answer:
        return await done(visit, PATH, act, self._page, field)

    async def _page(
        self,
        visit: Visit,
        name: ExchangeId,
        faults: tuple[tuple[str, str], ...] = (),
        sent: Sent | None = None,
        files: FilesPart | None = None,
    ) -> Page:
        desk, language = self._parts.desk, visit.language
        watch = await desk.watches.show(visit.actor, name)
        stands = await desk.watch_standing.ours(watch)
        work, acts = await asyncio.to_thread(desk.watches.acts, visit.actor, watch)
        writer = Writer(language, sent or Sent())
        follow = follow_form(stands, writer, self._parts.offices(), files or files_part(language))
        is_own = watch.author.person == visit.officer.person
        view = _view(watch, stands, work, acts, visit, faults, follow if is_own else None)
        title = tell(language, "Watch: {what}", what=asked_text({"kind": watch.kind, **watch.asked}, language))
        return Page("pages/watches/own.html", title, view, 400 if faults else 200)


def _view(
    watch: OwnWatch,
    stands: Sequence[WatchStand],
    work: Work | None,
    acts: frozenset[str],
    visit: Visit,
    faults: tuple[tuple[str, str], ...],
    follow: FollowForm | None,
) -> OwnView:
    language, wrong = visit.language, dict(faults)
    due_us = work.due_us if work is not None else watch.revalidate_by_us if watch.stand is Stand.ON else 0
    return OwnView(
        tag=Tag(stand_words(watch.stand.value, language), TONES.get(watch.stand, "quiet")),
        clock=countdown(due_us, visit.now_us, language) if due_us else None,
        banners=list(_banners(watch, work, language)),
        facts=_facts(watch, language),
        places=[_place(stand, language) for stand in stands] or [_at_home(watch, language)],
        path=f"{PATH}/{watch.id}",
        approval=approval(work, (watch.renewal.by if watch.renewal else watch.author).person, wrong, language)
        if work and "approve" in acts
        else None,
        needed=_reason(RenewWatch, "needed", wrong, language) if "renew" in acts else None,
        lengths=lengths(language, USUAL_H),
        ended=_reason(EndWatch, "ended", wrong, language) if "end" in acts else None,
        follow=follow,
        faults=faults,
    )


def _banners(watch: OwnWatch, work: Work | None, language: Language) -> Iterator[Banner]:
    if work is not None and watch.stand is Stand.WAITING:
        line = tell(language, "It has not been sent. Without approval it never is.")
        yield Banner(tell(language, "Another person must approve this watch"), (line,), "warn")
    elif watch.renewal is not None:
        person, reason = watch.renewal.by.person, watch.renewal.reason
        said = tell(language, "{person} says that it is still needed", person=person)
        yield Banner(tell(language, "Another person must approve that it goes on"), (said, reason), "warn")
    if watch.stand is Stand.PAUSED:
        line = tell(language, "Nothing is told meanwhile. What comes now is told once it goes on.")
        yield Banner(stopped_words(watch.reason, language), (line,), "warn")


def _facts(watch: OwnWatch, language: Language) -> list[Row]:
    def at(time_us: int) -> str:
        return moment(rfc3339_s(time_us), language)

    rows = [Row(name, (value,)) for name, value in asked_pairs(watch.asked, language)]
    rows += [
        Row(tell(language, "asked by"), (f"{watch.author.person}, {watch.author.office}", at(watch.raised_us))),
        Row(tell(language, "case"), (watch.case,)),
        Row(
            tell(language, "why"),
            (tell(language, PURPOSES[watch.purpose.value]), tell(language, OFFENCES[watch.offence.value])),
        ),
        Row(tell(language, "stands until"), (at(watch.until_us),)),
    ]
    if watch.approver is not None:
        rows.append(Row(tell(language, "approved by"), (watch.approver.person,)))
    if watch.no_tip_off:
        rows.append(
            Row(label_of(AddWatch, "no_tip_off", language), (tell(language, "No person: only their node answers it"),))
        )
    if watch.reason and watch.stand is not Stand.PAUSED:
        rows.append(Row(tell(language, "reason of its end"), (watch.reason,)))
    return rows


def _place(stand: WatchStand, language: Language) -> PlaceView:
    lines = list(_reach(stand.watched, language))
    if stand.stopped:
        why = tell(language, "it does not count there: {why}", why=stopped_words(stand.stopped, language))
        lines.insert(0, (why,))
    tag = Tag(state_words(stand.state, language), "warn" if stand.stopped else "done" if stand.watched else "info")
    return PlaceView(with_country(stand.member, language), tag, lines, [_row(met, language) for met in stand.hits])


def _at_home(watch: OwnWatch, language: Language) -> PlaceView:
    tag = Tag(stand_words(watch.stand.value, language), TONES.get(watch.stand, "quiet"))
    hits = [_own_row(hit, language) for hit in watch.hits]
    return PlaceView(tell(language, "our own agencies"), tag, list(_reach(watch.watched, language)), hits)


def _reach(watched: Watched | None, language: Language) -> Iterator[tuple[Text | str, ...]]:
    if watched is None:
        return
    kinds = _HERE if watched.sources else tell(language, "nothing")
    time = moment(rfc3339_s(watched.looked_us), language)
    line = tell(language, "watched: {kinds}; what they held at {time} was searched", kinds=kinds, time=time)
    yield _apart(line, watched.sources)
    if watched.not_watched:
        line = tell(language, "not watched, so nothing is told of it: {kinds}", kinds=_HERE)
        yield _apart(line, watched.not_watched)


def _apart(line: str, kinds: Sequence[str]) -> tuple[Text | str, ...]:
    """Return a line with the kinds of sources, which their owners name, apart from its own words."""
    before, here, after = line.partition(_HERE)
    return (before, Text(", ".join(kinds)), after) if here else (line,)


def _row(met: MetThere, language: Language) -> Row:
    return _hit_row(met.hit.record_type, met.time_us, met.hit.rules, language)


def _own_row(hit: OwnHit, language: Language) -> Row:
    row = _hit_row(hit.record_type, hit.seen_us, hit.rules, language)
    return Row(row.name, (*row.values, f"{hit.source} {hit.key}"))


def _hit_row(record_type: str, time_us: int, rules: Sequence[str], language: Language) -> Row:
    time = moment(rfc3339_s(time_us), language)
    return Row(type_words(record_type, language), (time, *explain(rules, language)))


def _reason(form: type[msgspec.Struct], place: str, wrong: Mapping[str, str], language: Language) -> Field:
    return field_of(form, "reason", language, fault=wrong.get(place, ""), place=place)
