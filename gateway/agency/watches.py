"""`/v1/watches`: ask for watches, renew and end them, read what they met, and those of counterparts on our records."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from gateway.agency import patterns
from gateway.agency.calls.caller import json_body, language_of, officer_of, shown
from gateway.agency.calls.parts import AgencyParts
from gateway.agency.desk.asks import DraftedBody, IdOrNone, Member, ReasonsBody, time_us
from gateway.agency.desk.bodies import Closed, ReasonOrNone
from gateway.agency.desk.once import once_id, once_route
from gateway.agency.desk.routes import CHANGED, brought, desk_of
from gateway.agency.desk.steps import drafted_body
from gateway.agency.onward import whole
from gateway.agency.openapi import body_of, refusals
from gateway.agency.requests import ContainerBody, DocumentBody, NationalIdBody, PersonBody, VehicleBody, read_body
from gateway.clock import rfc3339
from gateway.desk.second_step.commands import FollowWatch, with_files
from gateway.desk.watches.standing import TakenWatch, WatchStand
from gateway.desk.watches.values import AddWatch, OwnHit, OwnWatch, asked_of
from gateway.desk.worklist.uses import DeskUses
from gateway.model.desk.watches import Goods, Watched
from gateway.model.hit import Hit
from gateway.model.names import ExchangeId, exchange_id, identifier, member_id, reference
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Officer

WatchId = Annotated[str, Path(max_length=32, json_schema_extra=patterns.EXCHANGE_ID)]
_Word = Annotated[str, Field(max_length=128, json_schema_extra=patterns.TEXT_OR_NONE)]


class GoodsBody(Closed):
    """Declarations of customs: all that is given must fit. `heading` is the beginning of a tariff code."""

    kind: Literal["goods"]
    container: _Word = ""
    heading: Annotated[str, Field(pattern=r"^([0-9]{4,10})?$")] = ""
    consignee: _Word = ""
    route: _Word = Field("", description="a place of the route")

    def as_model(self) -> Goods:
        """Return what is watched as a value of the desk."""
        return Goods(self.container, self.heading, self.consignee, self.route)


SubjectBody = Annotated[
    PersonBody | DocumentBody | NationalIdBody | VehicleBody | ContainerBody | GoodsBody, Field(discriminator="kind")
]

_EXAMPLE: dict[str, Any] = {
    "query": {"kind": "vehicle", "plate": "กข 1234", "province": "เชียงราย"},
    "to": ["la"],
    "purpose": "INVESTIGATION",
    "offence": "NARC",
    "case": "TH-2026-17",
}


class WatchBody(Closed):
    """A watch as an officer hands it in; without `to` it is on our own agencies' records.

    Without `until` it stands for 30 days, and for 90 at most. With `no_tip_off` it is shown to no person there.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    query: SubjectBody
    to: Annotated[list[Member], Field(max_length=32)] = Field(default_factory=list)
    purpose: Purpose
    offence: Offence
    case: Annotated[str, Field(min_length=1, max_length=64, json_schema_extra=patterns.REFERENCE)]
    until: AwareDatetime | None = None
    no_tip_off: bool = False

    def as_command(self) -> AddWatch:
        """Return the watch as a value of the desk; raise `Malformed` for a bad one."""
        return AddWatch(
            to=tuple(map(member_id, self.to)),
            subject=self.query.as_model(),
            purpose=self.purpose,
            offence=self.offence,
            case=reference(self.case, "case"),
            until_us=time_us(self.until),
            no_tip_off=self.no_tip_off,
        )


class AgainBody(Closed):
    """Until when a watch is needed; without it for 30 days from now."""

    until: AwareDatetime | None = None
    reason: ReasonOrNone = ""


class EndWatchBody(Closed):
    """The reason for which a watch ends; it is logged."""

    reason: ReasonOrNone = ""


class FollowBody(ReasonsBody):
    """A follow-up to hit number `hit` of a notice that told of one. Purpose, case and agreement are the watch's."""

    member: Member = Field(alias="from", description="whose hit it is")
    notice: Annotated[str, Field(max_length=32, json_schema_extra=patterns.EXCHANGE_ID)]
    hit: Annotated[int, Field(ge=0, le=1000, strict=True), BeforeValidator(whole)] = 0
    fields: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=64)] = Field(
        [], description="those wanted; empty: all that may be given"
    )
    to_office: IdOrNone = ""


class WatchedBody(BaseModel):
    """The sources that are watched, and those that take such a query and are not. All that was held at `looked` was
    searched once."""

    sources: list[str]
    not_watched: list[str]
    looked: str


class WatchHitBody(BaseModel):
    """A record that a watch has met. Of a counterpart's `notice` and `hit` name it; of ours `source` and `key` do."""

    notice: str
    hit: int
    record_type: str
    quality: str
    rules: list[str]
    time: str
    source: str
    key: str


class RecipientBody(BaseModel):
    """A recipient of a watch, and how that stands there; `stopped` is the code of why it does not count there now."""

    member: str
    thread: str
    state: str
    delivery: str
    problem: str
    stopped: str
    text: str
    watched: WatchedBody | None
    hits: list[WatchHitBody]


class OwnWatchBody(BaseModel):
    """A watch of ours. `stand` is `waiting` for approval, `on`, `paused`, `ended`, `declined`, `lapsed` or `over`.

    `renewal` is until when an officer says that it is needed, which a supervisor has not approved yet. `watched` and
    `hits` are those of our own agencies, where no recipient is named.
    """

    id: str
    query: dict[str, Any]
    stand: str
    reason: str
    to: list[RecipientBody]
    purpose: str
    offence: str
    case: str
    author: str
    approver: str
    raised: str
    until: str
    revalidate_by: str
    renewal: str
    no_tip_off: bool
    watched: WatchedBody | None
    hits: list[WatchHitBody]


class WatchListBody(BaseModel):
    """Watches of ours, the newest first."""

    watches: list[OwnWatchBody]


class TakenWatchBody(BaseModel):
    """A watch of a counterpart on our records; `told` is how many hits it was told of."""

    thread: str
    owner: str
    agency: str
    office: str
    query: dict[str, Any]
    purpose: str
    offence: str
    case: str
    state: str
    stopped: str
    until: str
    revalidate_by: str
    watched: WatchedBody | None
    told: int


class TakenWatchListBody(BaseModel):
    """Watches of counterparts on our records, the newest first."""

    watches: list[TakenWatchBody]


def watch_routes(parts: AgencyParts) -> APIRouter:
    """Return the routes of watches."""
    router = APIRouter(prefix="/watches", route_class=once_route(parts))

    @router.post("", status_code=202, response_model=OwnWatchBody, responses=CHANGED, openapi_extra=body_of(WatchBody))
    async def add(request: Request) -> Response:
        """Ask for a watch: it is sent once another person has approved it. One that is too wide is refused."""
        officer, desk = officer_of(request, parts), desk_of(parts)
        body = read_body(WatchBody, await json_body(request), "bad-watch")
        made = await desk.watches.add(desk.actor(officer), body.as_command(), once_id(request))
        return await _shown(parts, request, officer, made, 202)

    @router.get("", response_model=WatchListBody, responses=refusals(400))
    async def list_watches(
        request: Request, over: Annotated[bool, Query(description="those that have ended, as well")] = False
    ) -> Response:
        """Return the watches of ours that the caller may read."""
        officer, desk = officer_of(request, parts), desk_of(parts)
        found = await desk.watches.all(desk.actor(officer), over=over)
        body = WatchListBody(watches=[await _watch_body(desk, watch) for watch in found])
        return shown(body, parts, language_of(request))

    @router.get("/taken", response_model=TakenWatchListBody, responses=refusals(400))
    async def list_taken(request: Request) -> Response:
        """Return the watches of counterparts on our records, but for those that no person is shown."""
        officer, desk = officer_of(request, parts), desk_of(parts)
        found = await desk.watch_standing.theirs(desk.actor(officer))
        body = TakenWatchListBody(watches=[_taken_body(watch) for watch in found])
        return shown(body, parts, language_of(request))

    @router.get("/{watch_id}", response_model=OwnWatchBody, responses=refusals(400, 404))
    async def get_watch(request: Request, watch_id: WatchId) -> Response:
        """Return a watch of ours with what it has met."""
        officer = officer_of(request, parts)
        return await _shown(parts, request, officer, exchange_id(watch_id))

    @router.post("/{watch_id}/renew", response_model=OwnWatchBody, responses=CHANGED, openapi_extra=body_of(AgainBody))
    async def renew(request: Request, watch_id: WatchId) -> Response:
        """Say that a watch is still needed; a supervisor must approve it."""
        officer, desk = officer_of(request, parts), desk_of(parts)
        body = read_body(AgainBody, await json_body(request), "bad-watch")
        name = exchange_id(watch_id)
        await desk.watches.renew(desk.actor(officer), name, time_us(body.until), body.reason)
        return await _shown(parts, request, officer, name)

    @router.post("/{watch_id}/end", response_model=OwnWatchBody, responses=CHANGED, openapi_extra=body_of(EndWatchBody))
    async def end(request: Request, watch_id: WatchId) -> Response:
        """End a watch; its recipients are told, and watch no more."""
        officer, desk = officer_of(request, parts), desk_of(parts)
        body = read_body(EndWatchBody, await json_body(request), "bad-watch")
        name = exchange_id(watch_id)
        await desk.watches.end(desk.actor(officer), name, body.reason)
        return await _shown(parts, request, officer, name)

    @router.post(
        "/{watch_id}/followup",
        status_code=202,
        response_model=DraftedBody,
        responses=CHANGED,
        openapi_extra=body_of(FollowBody),
    )
    async def follow(request: Request, watch_id: WatchId) -> Response:
        """Draft a follow-up to a hit of a watch: a human of the owner decides on it, once it is approved here."""
        officer, desk = officer_of(request, parts), desk_of(parts)
        body = read_body(FollowBody, await json_body(request), "bad-ask")
        actor, peer = desk.actor(officer), member_id(body.member)
        watch = await desk.watches.show(actor, exchange_id(watch_id))
        command = FollowWatch(
            peer=peer,
            watch=watch.thread_with(peer),
            notice_id=exchange_id(body.notice),
            hit=body.hit,
            reasons=body.reasons(),
            fields=tuple(body.fields),
            to_office=identifier(body.to_office, "to_office") if body.to_office else "",
        )
        command = with_files(command, await brought(desk, actor, body.attachments))
        drafted = await desk.drafting.follow_watch(actor, command, once_id(request))
        return shown(drafted_body(drafted), parts, language_of(request), 202)

    return router


async def _shown(
    parts: AgencyParts, request: Request, officer: Officer, watch_id: ExchangeId, status: int = 200
) -> Response:
    desk = desk_of(parts)
    watch = await desk.watches.show(desk.actor(officer), watch_id)
    return shown(await _watch_body(desk, watch), parts, language_of(request), status)


async def _watch_body(desk: DeskUses, watch: OwnWatch) -> OwnWatchBody:
    stands = await desk.watch_standing.ours(watch)
    return OwnWatchBody(
        id=watch.id,
        query={"kind": watch.kind, **watch.asked},
        stand=watch.stand.value,
        reason=watch.reason,
        to=[_recipient(stand) for stand in stands],
        purpose=watch.purpose.value,
        offence=watch.offence.value,
        case=watch.case,
        author=watch.author.person,
        approver=watch.approver.person if watch.approver is not None else "",
        raised=rfc3339(watch.raised_us),
        until=rfc3339(watch.until_us),
        revalidate_by=rfc3339(watch.revalidate_by_us),
        renewal=rfc3339(watch.renewal.until_us) if watch.renewal is not None else "",
        no_tip_off=watch.no_tip_off,
        watched=_watched(watch.watched),
        hits=[_own_hit(hit) for hit in watch.hits],
    )


def _recipient(stand: WatchStand) -> RecipientBody:
    return RecipientBody(
        member=stand.member,
        thread=stand.thread_id,
        state=stand.state,
        delivery=stand.delivery,
        problem=stand.problem,
        stopped=stand.stopped,
        text=stand.text,
        watched=_watched(stand.watched),
        hits=[_hit(each.hit, each.time_us, notice=each.notice_id, number=each.number) for each in stand.hits],
    )


def _watched(watched: Watched | None) -> WatchedBody | None:
    if watched is None:
        return None
    return WatchedBody(
        sources=list(watched.sources), not_watched=list(watched.not_watched), looked=rfc3339(watched.looked_us)
    )


def _hit(hit: Hit, time_us: int, *, notice: str, number: int) -> WatchHitBody:
    return WatchHitBody(
        notice=notice,
        hit=number,
        record_type=hit.record_type,
        quality=hit.quality.value,
        rules=list(hit.rules),
        time=rfc3339(time_us),
        source="",
        key="",
    )


def _own_hit(hit: OwnHit) -> WatchHitBody:
    return WatchHitBody(
        notice="",
        hit=0,
        record_type=hit.record_type,
        quality=hit.quality.value,
        rules=list(hit.rules),
        time=rfc3339(hit.seen_us),
        source=hit.source,
        key=hit.key,
    )


def _taken_body(taken: TakenWatch) -> TakenWatchBody:
    head, watch = taken.head, taken.watch
    kind, asked = asked_of(watch.query)
    return TakenWatchBody(
        thread=taken.key.thread_id,
        owner=taken.key.peer,
        agency=head.requester.agency,
        office=head.requester.office,
        query={"kind": kind, **asked},
        purpose=head.purpose.value,
        offence=head.offence.value,
        case=head.case,
        state=taken.state,
        stopped=taken.stopped,
        until=rfc3339(watch.until_us),
        revalidate_by=rfc3339(watch.revalidate_by_us),
        watched=_watched(taken.watched),
        told=taken.told,
    )
