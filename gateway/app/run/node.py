"""The life of a country's node: it starts, listens, makes its rounds and stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from certs.hsm.openssl import LaneContexts
from certs.hsm.places import uri_at
from certs.tls import check_floor, server_credentials
from gateway import __version__
from gateway.agency.api import create_api
from gateway.agency.bodies.problems import HEADERS_TOO_LARGE
from gateway.agency.calls.allowance import Allowance
from gateway.agency.calls.parts import AgencyParts, RefusedCall
from gateway.app.answering_parts import build_answering
from gateway.app.asking_parts import build_asking
from gateway.app.console.part import build_console
from gateway.app.core import build_core, first_rounds, last_rounds
from gateway.app.desks.desk_parts import build_desk
from gateway.app.gossip_parts import NodeGossip
from gateway.app.health import Health
from gateway.app.members_parts import NodeMembers
from gateway.app.node_witness import NodeWitness
from gateway.app.resources import Resources, open_resources
from gateway.app.rounds import UPKEEP_S, WATCH_S, Round, Rounds, writing
from gateway.app.run.live_settings import LiveSettings, Tuned
from gateway.app.run.telemetry import start_telemetry
from gateway.app.watched_journal import watch_machine, watch_node
from gateway.audit.retention.destroyed_keys import key_came_back, keys_lost
from gateway.audit.retention.prune import pruned_below
from gateway.config import host_port
from gateway.config.schema import Settings
from gateway.errors import LiaisonError
from gateway.exchange.answering.admission import Patience
from gateway.exchange.answering.inbound import Inbound
from gateway.exchange.asking.abandoned import abandoned
from gateway.gossip.dismissed import dismissed_member, known_caller
from gateway.host.failures import NO_ENTRY
from gateway.https.listener import Listener
from gateway.https.tls_files import TlsFiles
from gateway.matching.normal import read_tables
from gateway.model.names import MemberId
from gateway.node.server import NodeServer
from gateway.ops.audit.figures import PackMaker
from gateway.ops.policy.judged import tell_judged
from gateway.ops.policy.keeper import policy_entry
from gateway.pauses import OWN, STEP_S
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.rpc import methods
from gateway.rpc.contract import Call, Door
from gateway.rpc.lane import TlsLane
from gateway.rpc.server import Credentials, ServerLimits
from gateway.signing.multi_buffer import crypto_mb
from gateway.telemetry import Counters, Gauge, Logger, LogLine, LoopLag, Metric

_DRAIN_S = 10.0


def build_node(settings: Settings, production: bool, place: int = 0) -> Node:
    """Return a node with all of its parts; nothing listens yet. `place` is its number among the home's processes."""
    return Node(open_resources(settings, production), production, place)


class Node:
    """A country's node: towards counterparts, towards its own systems, and its rounds."""

    def __init__(self, resources: Resources, production: bool, place: int = 0) -> None:
        core = build_core(resources, production)
        self.resources = resources
        self.core = core
        self.answering = build_answering(core)
        self.asking = build_asking(core)
        self.desk = build_desk(core, self.asking)
        self.witness = NodeWitness(core)
        self.gossip = NodeGossip(core, self._trust_changed)
        self.members = NodeMembers(core, self.asking.asker.breakers, self.witness)
        self.health = Health(resources, lambda: core.parts.suspensions.active.get("all"), self._serving)
        self.addresses: dict[str, str] = {}
        self._log = Logger(component="node", member=resources.member)
        self._fatal = core.fatal
        self._place = place
        self._allowance = Allowance(resources.settings.limits, resources.clock.monotonic)
        tuned = Tuned(self.answering, self.asking.asker, self._allowance, core.tokens)
        self.settings = LiveSettings(resources, tuned, production=production, place=place, note=core.note)
        self._console = build_console(core, self.asking, self.desk, self.members, self.health, self.health.report)
        self.rounds = Rounds(self._rounds(), core.leadership, core.note, core.fatal)
        resources.counters.gauge(Gauge.ROUND_LATE, self._rounds_late)
        self._server: NodeServer | None = None
        self._agency: Listener | None = None
        self._tls_files = TlsFiles(resources.home.key("tls"), resources.home.certificate("tls"), resources.home.ca)
        self._making: asyncio.Task[None] | None = None
        self._stopping = False
        self._stop_telemetry: Callable[[], None] | None = None
        resources.policy.tell = partial(tell_judged, resources.home, place)
        self._turning = Turning(resources.counters, resources.member)

    def _rounds(self) -> list[Round]:
        """Return the rounds of all parts; the rounds of one line run in this order."""
        return [
            *first_rounds(self.core),
            *self.gossip.rounds,
            Round("commits", WATCH_S, self.health.probe, leader_only=False),
            Round("disks", WATCH_S, partial(asyncio.to_thread, self._look_at_disks), leader_only=False),
            *self.desk.rounds,
            *self.answering.rounds,
            *self.asking.rounds,
            *self.witness.rounds,
            *last_rounds(self.core),
            *(self._console.rounds if self._console else ()),
            Round("agency TLS", WATCH_S, self._renew_tls, leader_only=False),
            Round("settings", WATCH_S, self.settings.round, leader_only=False),
            Round("agency calls", UPKEEP_S, self._count_calls, leader_only=False),
        ]

    def _rounds_late(self) -> dict[tuple[tuple[str, str], ...], float]:
        return {(("round", name),): seconds for name, seconds in self.rounds.late_s().items()}

    async def _renew_tls(self) -> None:
        """Use the TLS files of the REST API when they have changed."""
        context = await asyncio.to_thread(self._tls_files.changed)
        if context is not None and self._agency is not None:
            self._agency.renew(context)

    async def _count_calls(self) -> None:
        """Write the entries of refused calls that were only counted."""
        for draft in (*self._allowance.drafts(), *self.asking.asker.denials.drafts()):
            await self.core.note(draft)

    # ------------------------------------------------------------ life

    async def start(self) -> None:
        """Compare with the witnesses, start the threads, write `start`, listen."""
        self.answering.release.start()
        compared = await self._compare()
        self._turning.start()
        # Before the first question: an alert that is not in memory would be no hit.
        await asyncio.to_thread(self.desk.alerts.load)
        await asyncio.to_thread(read_tables)  # before it listens: the first question has no more time than others
        for wall in (*self.core.walls, self.asking.alert_wall):
            wall.start()
        await asyncio.to_thread(self.answering.answerer.start)
        self.core.writers.exchange.start()
        self.core.writers.operations.start()
        self.desk.pen.start()
        await self._note_start(compared)
        if await self.core.leadership.look():
            await asyncio.to_thread(self.desk.acts.switches.log)
        if not self.resources.database.shared:
            for draft in abandoned(self.resources.store, self.resources.exchange_log.store_name, self.core.is_notice):
                await self.core.writers.exchange.write(draft)
        self.asking.acknowledger.resume([MemberId(name) for name in self.core.parts.trust().members])
        await self.gossip.look()  # before the first greeting, and the first question for documents
        await self._listen()
        self._begin_rounds()
        self._log.info(LogLine.NODE_STARTED, address=self.addresses["exchange"], signatures=crypto_mb.describe())

    async def _note_start(self, compared: EntryDraft | None) -> None:
        """Write the first entries of this run: the start, a policy without an entry, and the findings of the start."""
        parts, pruned = self.core.parts, pruned_below(self.resources.store)
        said: dict[str, Any] = {"policy_hash": parts.policy().hash.hex(), "trust_hash": parts.trust().hash.hex()}
        if pruned:
            said["pruned_below"] = pruned
        await self.core.note(events.START.draft(version=__version__, **said))
        await self.core.note_policy(policy_entry(self.resources.policy.unlogged))
        for key_id in self.resources.revived:
            await self.core.note(key_came_back(key_id))
        if untold := await asyncio.to_thread(self.resources.keystore.untold_lost):
            await self.core.note(keys_lost(untold))
            await asyncio.to_thread(self.resources.keystore.note_told, untold)
        if compared is not None:
            await self.core.note(compared)

    async def _compare(self) -> EntryDraft | None:
        """Compare our logs with the witnesses before anything is signed; a refused start leaves them as they are."""
        try:
            return await self.witness.before_signing(self._credentials)
        except LiaisonError:
            await self.witness.close()
            await self.core.peers.close()
            for log in (self.resources.exchange_log, self.resources.operations_log):
                log.abandon()
            self.resources.close_sources()
            await asyncio.to_thread(self.resources.database.close)
            raise

    async def _listen(self) -> None:
        self._server = NodeServer(
            self._doors(),
            lambda certificate: self.core.parts.trust().peer(certificate).member,
            lambda certificate: known_caller(self.core.parts.trust(), certificate),
            self._take,
            lambda call: self._refused(dismissed_member(call.who) or call.who, call.error),
            self.resources.clock,
            self._credentials(),
            ServerLimits(),
            Patience(self.resources.clock, lambda: self.core.leadership.processes),
            self.core.greetings,
            share_port=self.resources.database.shared,
            processes=lambda: self.core.leadership.processes,
        )
        await self._listen_to_counterparts(self._server)
        await self._listen_at_home()
        watch_node(
            self.resources.counters,
            self.resources.clock,
            log_sizes={
                "exchange": lambda: self.resources.exchange_log.size,
                "operations": lambda: self.resources.operations_log.size,
            },
            certificates=self.resources.home.keys,
            counterparts=lambda: [self.core.peers.status(member) for member in self.core.others],
            debts=(self.answering.debts.open_answers, self.answering.debts.oldest_s),
        )
        watch_machine(
            self.resources.counters,
            self.resources.reserve,
            self.resources.database.hangs_s,
            lambda: not self.health.look(),
        )
        address, self._stop_telemetry = await asyncio.to_thread(start_telemetry, self.resources, self._place)
        if address:
            self.addresses["metrics"] = address

    async def _listen_to_counterparts(self, server: NodeServer) -> None:
        host, port = host_port(self.resources.settings.listen.exchange)
        port = await server.start(f"{host}:{port}")
        self.addresses["exchange"] = f"{host}:{port}"
        await asyncio.to_thread(check_floor, host, port)

    async def _listen_at_home(self) -> None:
        """Listen to our own systems, and to browsers where there is a console."""
        self._agency = Listener(
            create_api(self._agency_parts()),
            *host_port(self.resources.settings.listen.agency),
            self._tls_files.context(),
            HEADERS_TOO_LARGE,
            share_port=self.resources.database.shared,
            is_withdrawn=self.core.parts.suspensions.is_withdrawn,
        )
        self.addresses["agency"] = "{}:{}".format(*await self._agency.start())
        if self._console is not None:
            self.addresses["console"] = await self._console.start()

    def _begin_rounds(self) -> None:
        self._making = asyncio.create_task(self.rounds.run())
        self._making.add_done_callback(self._rounds_ended)

    def _credentials(self) -> Credentials:
        """Return the credentials of the exchange port; with its key in a security module, the lane before it."""
        key, certificate = self.resources.home.key("tls"), self.resources.home.certificate("tls")
        if uri_at(key) is None:
            return server_credentials(self.core.identity, self._roots, self._alarm)
        return TlsLane(LaneContexts(key, certificate, self._roots, self._alarm).context)

    async def stop(self) -> None:
        """Take no more, finish what was taken, write `stop` as the last entry, close."""
        self._log.info(LogLine.NODE_DRAINING)
        # First of all, while it can still be delivered: counterparts are told that this node goes down.
        await self.desk.oversight.outages.stop()
        # From here on health says that the node is not ready, and a balancer sends nothing new.
        await self._end_rounds()
        self.core.upkeep.close()
        for part in (self._console, self._agency):
            if part is not None:
                await part.stop()
        if self._server is not None:
            await self._server.stop(_DRAIN_S)
        await self.asking.searches.finish(_DRAIN_S)
        await self.asking.asker.finish()
        await self.desk.sender.finish()
        await self.desk.notifier.finish()
        await self.desk.files.finish()
        await asyncio.to_thread(self.desk.pen.stop, _DRAIN_S)
        await asyncio.to_thread(self.answering.answerer.stop, _DRAIN_S)
        await self.witness.close()
        await self.gossip.close()
        await self.core.peers.close()
        for wall in (*self.core.walls, self.asking.alert_wall):
            wall.stop()
        await asyncio.to_thread(self.resources.close_sources)
        await writing(partial(self.core.incidents.drafts, ending=True), self.core.note)()
        await self.core.note(events.STOP.draft(reason="asked to stop"))
        for writer in (self.core.writers.exchange, self.core.writers.operations):
            await asyncio.to_thread(writer.stop, _DRAIN_S)
        if self._stop_telemetry is not None:
            await asyncio.to_thread(self._stop_telemetry)
        for log in (self.resources.exchange_log, self.resources.operations_log):
            await asyncio.to_thread(log.close)
        for close in (self.resources.leader.close, self.resources.database.close):  # they may wait for the server
            await asyncio.to_thread(close)
        self._turning.stop()
        self._log.info(LogLine.NODE_STOPPED)

    async def _end_rounds(self) -> None:
        """Cancel the rounds; an error of theirs is logged, and does not keep the logs open."""
        self._stopping = True
        if self._making is None:
            return
        self._making.cancel()
        try:
            with suppress(asyncio.CancelledError):
                await self._making
        except Exception as error:  # noqa: BLE001  # whatever it was, the logs are closed and `stop` is written
            self._log.error(LogLine.ROUNDS_FAILED, error)

    def _rounds_ended(self, rounds: asyncio.Task[None]) -> None:
        """End the process when the rounds have ended: without them a node would go on under old trust and switches."""
        if self._stopping or rounds.cancelled():
            return
        self._fatal(rounds.exception() or RuntimeError("the rounds have ended"))

    def _trust_changed(self) -> None:
        if self._server is not None:
            self._server.trust_changed()

    def _serving(self) -> bool:
        """Tell whether the rounds run, and are to go on."""
        return not self._stopping and (self._making is None or not self._making.done())

    def _look_at_disks(self) -> None:
        """Raise `Unavailable`, which becomes an alarm, when a disk has too little room."""
        self.resources.reserve.look()
        self.resources.reserve.check()

    # ------------------------------------------------------------ what the servers call

    def _doors(self) -> list[Door[MemberId]]:
        """Return the doors of all parts for counterparts' other messages than exchanges."""

        async def health(_call: Call[MemberId], _request: None) -> bool:
            return not self.health.look()

        parts = (self.answering, self.desk, self.witness, self.gossip)
        # The check of health is not among them: it answers, and says that there is no room.
        doors = [self._with_room(door) for part in parts for door in part.doors]
        return [*doors, methods.HEALTH_CHECK.door(health)]

    def _with_room(self, door: Door[MemberId]) -> Door[MemberId]:
        """Return a door that takes nothing while there is no room to keep it."""

        def serve(call: Call[MemberId], request: Any) -> Any:
            self.resources.reserve.check()
            return door.serve(call, request)

        return replace(door, serve=serve)

    def _take(self, inbound: Inbound) -> None:
        """Take a request into the stages, or raise `Unavailable`, `Overloaded`."""
        self.resources.reserve.check()
        self.answering.answerer.submit(inbound)

    def _roots(self) -> bytes:
        """Return the CA certificates of all members; our own where there is none: no other CA then fits.

        A member that is not active is told why (decision 0068): each of its calls is refused by its certificate.
        """
        view = self.core.parts.trust()
        others = [(view if view.active(member) else view.evidence).ca_pem(member) for member in sorted(view.members)]
        return b"".join(others) or self.resources.home.ca.read_bytes()

    def _refused(self, member: str, error: LiaisonError) -> None:
        """Count a refused call, and note it for an entry."""
        self.resources.counters.add(Metric.REFUSALS, reason=error.reason.value, code=error.code)
        if error.code not in NO_ENTRY:
            self.core.incidents.note(member, error.code)

    def _alarm(self, text: str) -> None:
        self.core.incidents.note(self.resources.member, "tls-files", text)

    def _agency_parts(self) -> AgencyParts:
        return AgencyParts(
            member=self.resources.member,
            searches=self.asking.searches,
            tokens=self.core.tokens,
            revocations=self._take_revocations,
            provider=self.resources.settings.tokens.provider,
            health=self.health.report,
            members=self.members.describe,
            refused=self._refused_call,
            broken=self._fatal,
            counters=self.resources.counters,
            onward=self.desk.onward,
            desk=self.desk.uses,
            figures=PackMaker(self.resources.home.path, self.resources.clock.now_us),
            is_withdrawn=self.core.parts.suspensions.is_withdrawn,
            require_storage=partial(self.resources.database.absence.require_here, "officer's call"),
            allowance=self._allowance,
        )

    async def _take_revocations(self, data: bytes) -> None:
        """Put a list of the identity provider in force, and write its entry."""
        revoked = self.core.revoked
        await asyncio.to_thread(revoked.take, data)
        await writing(revoked.round, self.core.note)()

    async def _refused_call(self, call: RefusedCall) -> None:
        if call.code not in NO_ENTRY:
            await self.core.note(events.DENIED.draft(officer=call.officer, client=call.client, code=call.code))


# ------------------------------------------------------------ whether the loop turns


class Turning:
    """The turns of a node's loop, from `start` to `stop`."""

    def __init__(self, counters: Counters, member: MemberId) -> None:
        self._lag = LoopLag()
        self._log = Logger(component="node", member=member)
        self._stop: Callable[[], None] = lambda: None
        counters.gauge(Gauge.LOOP_LAG, self._lag.quantiles)
        counters.gauge(Gauge.LOOP_HELD, self._lag.held)
        counters.gauge(Gauge.STOOD_STILL, lambda: {(): OWN.stood_s})

    def start(self) -> None:
        """Watch the running loop, in its own thread."""
        self._lag.start()
        self._beat(asyncio.get_running_loop())

    def stop(self) -> None:
        """Watch no more."""
        self._lag.stop()
        self._stop()
        OWN.rest()

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        if stood_s := OWN.beat():
            self._log.warning(LogLine.STOOD_STILL, duration_ms=round(1000 * stood_s))
        self._stop = loop.call_later(STEP_S / 10, self._beat, loop).cancel
