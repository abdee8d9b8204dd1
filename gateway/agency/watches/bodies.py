"""The bodies of `/v1/watches`: a watch as it is handed in, how ours stand and what they met, and counterparts' ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from gateway.agency.bodies.answers import answer, many
from gateway.agency.bodies.handed import Handed
from gateway.agency.bodies.requests import WatchableBody
from gateway.clock import rfc3339
from gateway.desk.watches.standing import MetThere, TakenWatch, WatchStand
from gateway.desk.watches.values import OwnHit, OwnWatch, asked_of
from gateway.model.desk.watches import Goods, Watched
from gateway.model.faces.told import told
from gateway.model.handed.asks import FollowWatch
from gateway.model.handed.watches import AddWatch, EndWatch, RenewWatch

GOODS = Handed(Goods, "GoodsBody", beside={"kind": Literal["goods"]})
_subject: Any = WatchableBody | GOODS.model
SubjectBody = Annotated[_subject, Field(discriminator="kind")]

_EXAMPLE: dict[str, Any] = {
    "query": {"kind": "vehicle", "plate": "กข 1234", "province": "เชียงราย"},
    "to": ["la"],
    "purpose": "INVESTIGATION",
    "offence": "NARC",
    "case": "TH-2026-17",
}


ADD = Handed(AddWatch, "WatchBody", example=_EXAMPLE, own={"query": SubjectBody})
RENEW = Handed(RenewWatch, "AgainBody")
END = Handed(EndWatch, "EndWatchBody")
FOLLOW = Handed(FollowWatch, "FollowBody", path=("watch",))


_WATCHED = answer(
    "WatchedBody",
    """The sources that are watched, and those that take such a query and are not. All that was held at `looked` was
searched once.""",
    Watched,
)


_HIT = answer(
    "WatchHitBody",
    """A record that a watch has met. Of a counterpart's `notice` and `hit` name it; of ours `source` and `key` do.""",
    OwnHit,
    leave=("seen",),
    time=str,
    notice=str,
    hit=int,
)
_RECIPIENT = answer(
    "RecipientBody",
    "A recipient of a watch, and how that stands there; `stopped` is the code of why it does not count there now.",
    WatchStand,
    watched=_WATCHED | None,
    hits=many(_HIT),
)
OWN = answer(
    "OwnWatchBody",
    """A watch of ours. `stand` is `waiting` for approval, `on`, `paused`, `ended`, `declined`, `lapsed` or `over`.

`renewal` is until when an officer says that it is needed, which a supervisor has not approved yet. `watched` and
`hits` are those of our own agencies, where no recipient is named.""",
    OwnWatch,
    leave=("kind", "asked", "renewed"),
    query=dict[str, Any],
    to=many(_RECIPIENT),
    author=str,
    approver=str,
    renewal=str,
    watched=_WATCHED | None,
    hits=many(_HIT),
)
OWN_LIST = answer(
    "WatchListBody",
    "Watches of ours, the newest first; `next` is the `after` of the next page, empty on the last one.",
    watches=many(OWN),
    next=str,
)
TAKEN = answer(
    "TakenWatchBody",
    "A watch of a counterpart on our records; `told` is how many hits it was told of.",
    thread=str,
    owner=str,
    agency=str,
    office=str,
    query=dict[str, Any],
    purpose=str,
    offence=str,
    case=str,
    state=str,
    stopped=str,
    until=str,
    revalidate_by=str,
    watched=_WATCHED | None,
    told=int,
)
TAKEN_LIST = answer(
    "TakenWatchListBody",
    "Watches of counterparts on our records, the newest first; `next` as in the list of ours.",
    watches=many(TAKEN),
    next=str,
)


def own_watch_body(watch: OwnWatch, stands: Sequence[WatchStand]) -> BaseModel:
    """Return a watch of ours with its standing at each recipient."""
    return OWN(
        **told(watch)
        | {
            "query": {"kind": watch.kind, **watch.asked},
            "to": [told(stand) | {"hits": [_met(each) for each in stand.hits]} for stand in stands],
            "author": watch.author.person,
            "approver": watch.approver.person if watch.approver is not None else "",
            "renewal": rfc3339(watch.renewal.until_us) if watch.renewal is not None else "",
            "hits": [_own_hit(hit) for hit in watch.hits],
        }
    )


def taken_watch_body(taken: TakenWatch) -> BaseModel:
    """Return a watch of a counterpart on our records."""
    head, watch = taken.head, taken.watch
    kind, asked = asked_of(watch.query)
    return TAKEN(
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
        watched=told(taken.watched) if taken.watched is not None else None,
        told=taken.told,
    )


def _met(met: MetThere) -> BaseModel:
    of_record = told(met.hit, leave=("reference", "action", "record"))
    return _HIT(**of_record, source="", key="", time=rfc3339(met.time_us), notice=met.notice_id, hit=met.number)


def _own_hit(hit: OwnHit) -> BaseModel:
    return _HIT(**told(hit, leave=("seen",)), time=rfc3339(hit.seen_us), notice="", hit=0)
