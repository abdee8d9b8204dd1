"""Put the desk of a node together: its writer, delivery, what each subject brings, and the acts that people sign."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from gateway.agency.officer_tokens.keys import handed_in
from gateway.app.asking_parts import Asking
from gateway.app.core import Core
from gateway.app.desks.alerts import Alerts, build_alerts
from gateway.app.desks.attachments import Files, build_files, file_rows
from gateway.app.desks.brought import Brought, Wake
from gateway.app.desks.ending import ENDS_S, closing_of
from gateway.app.desks.faces import desk_uses
from gateway.app.desks.notify import build_notifier
from gateway.app.desks.originator import OriginatorDesk, build_originator, change_effects, confirmations
from gateway.app.desks.oversight import Oversight, build_oversight
from gateway.app.desks.reports import Reports, build_reports
from gateway.app.desks.rooms import RoomDesk, build_rooms
from gateway.app.desks.second_step import SecondStep, build_second_step, raising_of, step_effects
from gateway.app.desks.watches import Watches, build_watches
from gateway.app.rounds import WATCH, WATCH_S, Round
from gateway.app.watched_journal import watch_desk
from gateway.desk.acting.parts import DeskParts
from gateway.desk.alerts.effects import alert_effects
from gateway.desk.changes import Changes
from gateway.desk.consent.book import ConsentBook
from gateway.desk.consent.effects import ConsentEffects
from gateway.desk.consent.onward import OnwardDesk
from gateway.desk.consent.replies import ConsentReplies
from gateway.desk.delivery.ahead import Ahead, withdrawn_elsewhere
from gateway.desk.delivery.authoring import Author, check_notice
from gateway.desk.delivery.budget import KeepingBudget
from gateway.desk.delivery.content import ContentDoor, Fetching
from gateway.desk.delivery.effects import merged
from gateway.desk.delivery.sending import Sender, SenderParts
from gateway.desk.delivery.taking import NoticeTaker, TakerParts
from gateway.desk.notify.notifier import Notifier
from gateway.desk.pen import Pen, Written
from gateway.desk.raising import UNDELIVERED, for_reading
from gateway.desk.reports.effects import report_effects
from gateway.desk.rooms.effects import room_effects
from gateway.desk.watches.effects import watch_effects
from gateway.desk.worklist.uses import DeskUses
from gateway.model.desk.notices import NoticeType
from gateway.model.names import MemberId
from gateway.node.client import Deliveries
from gateway.ops.acts.parts import Desks, Stands, desks_on
from gateway.ports.desk import Delivery, DeskStore, Work
from gateway.ports.log_store import LogStore
from gateway.rpc import methods
from gateway.rpc.contract import Door

_QUICK_ACTS_S = 0.2


@dataclass(slots=True)
class Desk:
    """The parts that hold requests and decisions of humans, with their rounds and doors."""

    parts: DeskParts
    pen: Pen
    sender: Sender
    taker: NoticeTaker
    alerts: Alerts
    reports: Reports
    watches: Watches
    onward: OnwardDesk
    uses: DeskUses
    acts: Desks
    second_step: SecondStep
    originator: OriginatorDesk
    oversight: Oversight
    notifier: Notifier
    rooms: RoomDesk
    files: Files
    rounds: Sequence[Round]

    @property
    def doors(self) -> list[Door[MemberId]]:
        """The doors for counterparts that deliver notices, and that ask for those that they have lost."""
        return [
            methods.DELIVER_NOTICE.door(lambda call, message: self.taker.take(call.who, message)),
            methods.FETCH_NOTICES.door(self.originator.returns.page),
            self.files.door,
        ]


def build_desk(core: Core, asking: Asking) -> Desk:
    """Put together the desk; nothing of it runs yet."""
    resources, parts, operations = core.resources, core.parts, core.writers.operations
    searches = asking.searches
    changes = Changes()
    # Filled further down: kinds are made with the writer, and the writer wakes them.
    wakes: list[Wake] = [changes.tell]

    def wrote(written: Written) -> None:
        if (rows := written.draft.rows) is not None:
            for wake in wakes:
                wake(rows)

    store = core.desk
    effects = merged(
        step_effects(core),
        change_effects(core),
        alert_effects(parts),
        report_effects(parts),
        room_effects(parts),
        watch_effects(parts.member),
        ConsentEffects(parts, core.kept).table,
        {NoticeType.CHANGE: withdrawn_elsewhere},
    )
    pen = Pen(parts, core.fatal, wrote, resources.turn, core.people.placed)
    sender = Sender(
        SenderParts(
            parts,
            store,
            pen,
            Deliveries(core.peers),
            asking.acknowledger.received,
            partial(undelivered, store),
            lambda: core.leadership.leads,
            confirmations(core).received,
            lambda held: Ahead(parts, store, author).send(held),
        )
    )

    def greeted(member: MemberId) -> None:
        asking.contacts.heard(member)
        # A greeting says that the counterpart is there, so what waits for it is sent without the pause of its last
        # failure.
        sender.reached(member)

    core.greetings.greeted = greeted
    rows = file_rows(core)
    author = Author(parts, store, pen, effects, sender.wake, rows)
    budget = KeepingBudget(parts, store)
    taker = NoticeTaker(
        TakerParts(
            parts=parts,
            store=store,
            pen=pen,
            incidents=core.incidents,
            effects=effects,
            types=frozenset(NoticeType),
            policy=partial(check_notice, parts),
            raising=partial(raising_of, core),
            entry_of=partial(entry_of, resources.store),
            budget=budget,
        )
    )
    desk = DeskParts(parts, store, pen, author, changes, core.kept, searches, core.pseudonyms.make, core.ledger)
    second_step = build_second_step(core, desk)
    alerts = build_alerts(desk, asking, core)
    reports = build_reports(desk, core)
    watches = build_watches(core, desk)
    book = ConsentBook(parts.documents, store)
    consents = ConsentReplies(desk, book, second_step.parts.humans, second_step.consents)
    onward = OnwardDesk(desk, operations, resources.exchange_log.store_name)
    acts = node_desks(core)
    door, fetching = ContentDoor(parts, pen), Fetching(parts, pen)
    originator = build_originator(core, desk, acts.long.erase_for_owner, effects, sender.reached, door, fetching)
    oversight = build_oversight(core, desk, asking, budget)
    notifier = build_notifier(core, desk)
    rooms = build_rooms(core, desk)
    files = build_files(core, desk, rows, door, fetching)
    watch_desk(
        resources.counters,
        resources.clock,
        store,
        lambda: acts.long.retained_us if core.leadership.leads else None,
    )
    kinds: tuple[Brought, ...] = (second_step, alerts, reports, watches, originator, oversight, rooms, files)
    wakes += [wake for kind in kinds for wake in kind.wakes]
    rounds = [
        Round("switches", WATCH_S, partial(asyncio.to_thread, acts.switches.log), line=WATCH),
        Round("decisions", WATCH_S, consents.round, line=WATCH),
        Round("notices", WATCH_S, sender.round),
        *(each for kind in kinds for each in kind.rounds),
        Round("ends of threads", ENDS_S, closing_of(core, pen).round),
        Round("notify", WATCH_S, notifier.round, leader_only=False),
        Round("erasures", WATCH_S, partial(asyncio.to_thread, acts.long.round)),
        Round("acts", _QUICK_ACTS_S, partial(asyncio.to_thread, acts.quick.run)),
    ]
    decides = dict(row for kind in kinds for row in kind.decides.items())
    uses = desk_uses(core, desk, decides, second_step, alerts, originator, oversight, reports, rooms, watches, files)
    return Desk(
        desk,
        pen,
        sender,
        taker,
        alerts,
        reports,
        watches,
        onward,
        uses,
        acts,
        second_step,
        originator,
        oversight,
        notifier,
        rooms,
        files,
        rounds,
    )


def entry_of(store: LogStore, log: str, index: int) -> bytes:
    """Return the body of an entry, empty where it is pruned."""
    return next((body for _, body, _ in store.bodies(log, index, index + 1)), b"")


def undelivered(store: DeskStore, delivery: Delivery, _code: str, now_us: int) -> tuple[Work, ...]:
    """Return the work of an officer whose notice was refused, or was not taken in its time."""
    thread = store.thread(delivery.key)
    if thread is None:
        return ()
    return (replace(for_reading(thread, delivery.notice_id, now_us), result=UNDELIVERED),)


def node_desks(core: Core) -> Desks:
    """Put together the parts that carry out acts at a running node."""
    resources = core.resources

    def settle() -> None:
        resources.exchange_log.settle()
        resources.operations_log.settle()

    return desks_on(
        Stands(
            resources.settings,
            resources.clock,
            resources.database,
            resources.store,
            core.desk,
            resources.keystore,
            core.parts.operations,
            resources.operations_log.store_name,
            settle,
            lambda: resources.trust.view,
            lambda: core.parts.suspensions.switches,
            handed_in(resources.settings, resources.clock, core.tokens, core.parts.suspensions),
            lambda: core.proved.now_us() > 0,
            resources.trust.refresh,
        )
    )
