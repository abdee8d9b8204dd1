"""The life of a country's node: it starts, listens, makes its rounds and stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from certs.tls import check_floor, server_credentials
from gateway import __version__
from gateway.agency.api import AgencyParts, RefusedCall, create_api
from gateway.agency.server import AgencyServer, tls_context
from gateway.app.ground import Ground, lay_ground
from gateway.app.node_parts import NodeParts
from gateway.app.watched_journal import watch_node
from gateway.audit.retention.prune import pruned_below
from gateway.config import host_port
from gateway.config.schema import Settings
from gateway.errors import LiaisonError
from gateway.exchange.asking.abandoned import abandoned
from gateway.model.names import MemberId
from gateway.node.doors import Doors, ServerLimits
from gateway.node.server import NodeServer
from gateway.ops.policy.keeper import policy_entry
from gateway.ports.content_keys import Retention
from gateway.ports.journal import EntryDraft
from gateway.ports.peers import PeerStatus
from gateway.signing.multi_buffer import crypto_mb
from gateway.telemetry import Event, Metric
from gateway.telemetry.metrics import serve_metrics

_DRAIN_S = 10.0


def build_node(settings: Settings, production: bool, place: int = 0) -> Node:
    """All parts of a node, put together; nothing listens yet. `place` is its number among the home's processes."""
    return Node(lay_ground(settings, production), production, place)


class Node(NodeParts):
    """A country's node: towards counterparts, towards its own systems, and its rounds."""

    def __init__(self, ground: Ground, production: bool, place: int = 0) -> None:
        super().__init__(ground, production)
        self._place = place
        self._server: NodeServer | None = None
        self._agency: AgencyServer | None = None
        self._rounds: asyncio.Task[None] | None = None
        self._stopping = False
        self._stop_metrics: Callable[[], None] | None = None
        self.addresses: dict[str, str] = {}

    # ------------------------------------------------------------ life

    async def start(self) -> None:
        """Compare with the witnesses, start the workers, write `start`, listen."""
        self._release_loop = asyncio.get_running_loop()
        compared = await self._compare()
        for wall in self.ground.walls:
            wall.start()
        self.answerer.start()
        self.scribes.exchange.start()
        self.scribes.operations.start()
        hashes = {"policy_hash": self.parts.policy().hash.hex(), "trust_hash": self.parts.trust().hash.hex()}
        pruned = pruned_below(self.ground.store)
        await self._note("start", version=__version__, **hashes, **({"pruned_below": pruned} if pruned else {}))
        if (accepted := policy_entry(self.ground.policy.unlogged)) is not None:
            await self.scribes.operations.write(accepted)
            self.ground.policy.logged()
        for key_id in self.ground.revived:
            await self._note("alarm", code="key-came-back", detail=f"{key_id} was destroyed before, and is again")
        if compared is not None:
            await self.scribes.operations.write(compared)
        if await self._housekeeper.lead():
            await self._housekeeper.log_switches()
        if not self.ground.database.shared:
            for draft in abandoned(self.ground.store, self.ground.exchange_log.store_name):
                await self.scribes.exchange.write(draft)
        self.acknowledger.resume([MemberId(name) for name in self.parts.trust().members])
        await self._listen()
        self._rounds = asyncio.create_task(self._housekeeper.run())
        self._rounds.add_done_callback(self._rounds_ended)
        self._log.info(Event.NODE_STARTED, address=self.addresses["exchange"], signatures=crypto_mb.describe())

    async def _compare(self) -> EntryDraft | None:
        """Before anything is signed. A refused start leaves the logs as they are."""
        try:
            return await self.witness.before_signing()
        except LiaisonError:
            await self.witness.close()
            await self.peers.close()
            for log in (self.ground.exchange_log, self.ground.operations_log):
                log.abandon()
            self.ground.database.close()
            raise

    async def _listen(self) -> None:
        settings = self.ground.settings
        credentials = server_credentials(self._identity, self._roots, self._alarm)
        doors = Doors(
            identify=lambda certificate: self.parts.trust().peer(certificate),
            submit=self.answerer.submit,
            acknowledge=lambda peer, receipt: self.receipts.take(peer.member, receipt),
            consent=lambda peer, envelope: self.consents.take(peer.member, envelope),
            compare_day=lambda peer, envelope: self.days.take(peer.member, envelope),
            cosign=lambda peer, body, cosigned: self.witness.cosign(peer.member, body, cosigned),
            largest_head=lambda peer, origin: self.witness.largest_head(peer.member, origin),
            refused=self._refused,
            healthy=self._serving,
        )
        shared = self.ground.database.shared
        self._server = NodeServer(doors, self.ground.clock, credentials, ServerLimits(), share_port=shared)
        host, port = host_port(settings.listen.exchange)
        port = await self._server.start(f"{host}:{port}")
        self.addresses["exchange"] = f"{host}:{port}"
        await asyncio.to_thread(check_floor, host, port)
        home = self.ground.home
        context = tls_context(home.key("tls"), home.certificate("tls"), home.ca)
        api, address = create_api(self._agency_parts()), host_port(settings.listen.agency)
        self._agency = AgencyServer(api, *address, context, share_port=shared)
        self.addresses["agency"] = "{}:{}".format(*await self._agency.start())
        watch_node(
            self.ground.counters,
            self.ground.clock,
            log_sizes={
                "exchange": lambda: self.ground.exchange_log.size,
                "operations": lambda: self.ground.operations_log.size,
            },
            certificates=home.keys,
            counterparts=self._counterparts,
            debts=(self.debts.open_answers, self.debts.oldest_s),
        )
        if settings.listen.metrics:
            host, port = host_port(settings.listen.metrics)
            port, self._stop_metrics = serve_metrics(self.ground.counters, host, port + self._place if port else 0)
            self.addresses["metrics"] = f"{host}:{port}"

    async def stop(self) -> None:
        """Take no more, finish what was taken, write `stop` as the last entry, close."""
        self._log.info(Event.NODE_DRAINING)
        await self._end_rounds()
        if self._agency is not None:
            await self._agency.stop()
        if self._server is not None:
            await self._server.stop(_DRAIN_S)
        await self.searches.finish(_DRAIN_S)
        await self.asker.finish()
        await self.outbox.finish()
        await asyncio.to_thread(self.answerer.stop, _DRAIN_S)
        await self.witness.close()
        await self.peers.close()
        for wall in self.ground.walls:
            wall.stop()
        await self._note("stop", reason="asked to stop")
        for scribe in (self.scribes.exchange, self.scribes.operations):
            await asyncio.to_thread(scribe.stop, _DRAIN_S)
        if self._stop_metrics is not None:
            self._stop_metrics()
        for log in (self.ground.exchange_log, self.ground.operations_log):
            await asyncio.to_thread(log.close)
        self.ground.leader.close()
        self.ground.database.close()
        self._log.info(Event.NODE_STOPPED)

    async def _end_rounds(self) -> None:
        """Cancel the rounds; an error that they ended with is no reason to leave the logs open."""
        self._stopping = True
        if self._rounds is None:
            return
        self._rounds.cancel()
        try:
            with suppress(asyncio.CancelledError):
                await self._rounds
        except Exception as error:  # noqa: BLE001  # whatever it was, the logs are closed and `stop` is written
            self._log.error(Event.ROUNDS_FAILED, error)

    def _rounds_ended(self, rounds: asyncio.Task[None]) -> None:
        """Without its rounds a node would go on under old trust and old switches: it ends instead."""
        if self._stopping or rounds.cancelled():
            return
        self._fatal(rounds.exception() or RuntimeError("the rounds have ended"))

    def _serving(self) -> bool:
        """Whether exchanges are answered: not everything is suspended, and the rounds are made."""
        alive = self._rounds is None or not self._rounds.done()
        return alive and "all" not in self.parts.suspensions.active

    # ------------------------------------------------------------ seams

    def _roots(self) -> bytes:
        """CA certificates of all active counterparts; our own where there is none yet, so that nobody else fits."""
        view = self.parts.trust()
        others = [view.ca_pem(member) for member in sorted(view.members) if view.active(member)]
        return b"".join(others) or self.ground.home.ca.read_bytes()

    def _refused(self, member: str, error: LiaisonError) -> None:
        self._incidents.note(member, error.code)
        self.ground.counters.add(Metric.REFUSALS, reason=error.reason.value, code=error.code)

    def _alarm(self, text: str) -> None:
        self._incidents.note(self.ground.member, "tls-files", text)

    async def _note(self, kind: str, **private: Any) -> None:
        await self.scribes.operations.write(EntryDraft(kind, private=private, retention=Retention.OPERATIONS))

    def _agency_parts(self) -> AgencyParts:
        return AgencyParts(
            member=self.ground.member,
            searches=self.searches,
            tokens=self._tokens,
            health=self._health,
            refused=self._refused_call,
            broken=self._fatal,
            counters=self.ground.counters,
            onward=self.onward,
        )

    def _counterparts(self) -> list[PeerStatus]:
        return [self.peers.status(member) for member in self._others]

    def _health(self) -> dict[str, Any]:
        sources = {wall.description.id: wall.state for wall in self.ground.walls}
        return {"status": "ok", "member": self.ground.member, "sources": sources}

    async def _refused_call(self, call: RefusedCall) -> None:
        private = {"officer": call.officer, "client": call.client, "code": call.code}
        await self.scribes.operations.write(EntryDraft("denied", private=private, retention=Retention.OPERATIONS))
