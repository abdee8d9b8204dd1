"""Witnessing at a node: the node cosigns other countries' logs, and sends its own heads to its witnesses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from certs.tls import TlsIdentity
from gateway.app.core import Core, ending
from gateway.app.rounds import WATCH_S, Round
from gateway.audit.log.log import AuditLog
from gateway.audit.tree.checkpoint import parse_checkpoint
from gateway.audit.tree.cosignature import Cosigner, domestic_name, witness_name
from gateway.config import Home, Settings, host_port
from gateway.errors import Misconfigured, NotProved
from gateway.exchange.answering.admission import Patience
from gateway.model.members import CosignedLog
from gateway.model.names import MemberId
from gateway.node.waiting_server import WaitingServer
from gateway.node.witness_client import DomesticChannel, WitnessClient
from gateway.ops.acts.prove import HomeTrust, Used
from gateway.ops.acts.unwitnessed_start import check_waiver, is_waived, take_unwitnessed_start
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.rpc import methods
from gateway.rpc.contract import Door
from gateway.rpc.server import Credentials
from gateway.signing.keys import VerifyKey
from gateway.storage.documents.witness_store import SqlWitnessStore
from gateway.telemetry import Gauge, Logger, LogLine
from gateway.trust.ceremony.witness_card import witness_cards
from gateway.trust.documents.descriptor import KeyUse
from gateway.witness.before_start import Compared, Comparison
from gateway.witness.listed_logs import ListedLogs
from gateway.witness.plan import witness_plan
from gateway.witness.rounds import UNKNOWN_NAME, Witnessing
from gateway.witness.service import WitnessService
from gateway.witness.standing import Standing

_ASKS_AGAIN_S = 0.5
"""Seconds between two questions to all witnesses, of a node that waits for one."""
_FLUSH_S = 0.5
"""Seconds in which the last answers leave before the node listens for all; gRPC does not survive two stops without."""


class NodeWitness:
    """All of a node's witnessing, apart from the path of exchanges."""

    def __init__(self, core: Core) -> None:
        resources = core.resources
        member, clock, note = resources.member, resources.clock, core.note
        self._resources = resources
        self._documents = core.parts.documents
        self._heads = core.heads
        self._incidents = core.incidents
        self._logs: tuple[AuditLog, ...] = (resources.exchange_log, resources.operations_log)
        store = SqlWitnessStore(resources.database)
        logs = ListedLogs(lambda: resources.trust.view, clock, member, domestic=False)
        self._cosigner = Cosigner(witness_name(member), resources.keys.witness)
        self._service = WitnessService(self._cosigner, store, logs, clock, lambda _evidence: None, heads=core.heads)
        self._turns = ThreadPoolExecutor(1, thread_name_prefix="witness")
        self._client = WitnessClient(
            core.peers, domestic_channel(resources.settings, resources.home, lambda: resources.keys.tls)
        )
        self._comparison = Comparison(self._client, store, self._own_keys, clock)
        self._witnessing = Witnessing(
            member,
            self._logs,
            store,
            self._client,
            lambda: witness_plan(member, resources.settings.witness, resources.trust.view),
            self._comparison,
            clock,
            core.proved,
            core.parts.documents,
            note,
            ending(resources, LogLine.LOG_FORKED),
            core.counterparts.cosigned,
        )
        self._told_unknown: dict[str, str] = {}
        resources.counters.gauge(Gauge.QUORUM_AGE, self._ages)
        resources.counters.gauge(Gauge.WITNESS_REACHED, self._reached)

    @property
    def rounds(self) -> list[Round]:
        """The rounds that look at others' heads, keep them, and send our heads to their witnesses."""
        every_s = self._resources.settings.witness.every_s
        return [
            Round("forks", WATCH_S, self.note_forks, leader_only=False),
            Round("heads", every_s, self.keep_heads, leader_only=False),
            Round("witnesses", every_s, self.round),
        ]

    @property
    def doors(self) -> list[Door[MemberId]]:
        """The doors for counterparts that we witness."""
        return [
            methods.ADD_CHECKPOINT.door(lambda call, head: self.cosign(call.who, *head)),
            methods.LARGEST_HEAD.door(lambda call, origin: self.largest_head(call.who, origin)),
        ]

    # ------------------------------------------------------------ as a witness

    async def cosign(self, caller: MemberId, body: bytes, cosigned: bytes) -> bytes:
        """Cosign a head of a counterpart's log."""
        self._cosigner.use(self._resources.keys.witness)
        return await self._in_turn(self._service.add_checkpoint, caller, body, cosigned)

    async def largest_head(self, caller: MemberId, origin: str) -> bytes:
        """Return the largest head of a counterpart's own log."""
        return await self._in_turn(self._service.largest_head, caller, origin)

    async def _in_turn(self, serve: Callable[..., bytes], *arguments: object) -> bytes:
        """Serve in one thread of its own, so that many requests for cosignatures take none that our rounds need."""
        return await asyncio.get_running_loop().run_in_executor(self._turns, partial(serve, *arguments))

    # ------------------------------------------------------------ our own heads

    async def before_signing(self, credentials: Callable[[], Credentials]) -> EntryDraft | None:
        """Compare our logs with their witnesses; return the entry of the result, None where the logs are empty.

        Where no witness answers for a log that came from elsewhere, they are asked again for `witness.wait_s` seconds,
        in which counterparts that wait as we do can ask us on our port, with these credentials. A waiver is used up
        only when none has answered by then.

        Raises `Contradicted` when this is an old or a second copy, `NotProved` when that cannot be known.
        """
        plan = witness_plan(self._resources.member, self._resources.settings.witness, self._resources.trust.view)
        waived: dict[str, Any] = {"waived": ""}
        try:
            found = await self._compared(plan.asked, credentials)
        except NotProved:
            if not (told := self._take_waiver()):
                raise
            waived |= told
            found = Compared((), tuple((name, "unreachable") for name in plan.asked))
        if not any(parse_checkpoint(log.checkpoint).size for log in self._logs):
            return None
        return events.WITNESS_COMPARED.draft(
            seen=[{"witness": name or "domestic", "log": log, "size": size} for name, log, size in found.seen],
            missing=[f"{name or 'domestic'}: {code}" for name, code in found.missing],
            **waived,
        )

    async def _compared(self, witnesses: Sequence[str], credentials: Callable[[], Credentials]) -> Compared:
        try:
            return await self._comparison.at_start(self._logs, witnesses)
        except NotProved:
            if not (wait_s := self._resources.settings.witness.wait_s):
                raise
        if is_waived(self._resources.home):
            check_waiver(self._trust)  # a bad one is told before the wait
        async with self._waiting(credentials()):
            return await self._compared_within(wait_s, witnesses)

    @asynccontextmanager
    async def _waiting(self, credentials: Credentials) -> AsyncIterator[None]:
        """Let counterparts that wait as we do ask what we remember of their logs; any other call is unavailable."""
        resources = self._resources
        server = WaitingServer(
            self.largest_head,
            lambda certificate: resources.trust.view.peer(certificate).member,
            credentials,
            Patience(resources.clock, lambda: 1),
            share_port=resources.database.shared,
        )
        host, port = host_port(resources.settings.listen.exchange)
        await server.start(f"{host}:{port}")
        Logger(component="node", member=resources.member).warning(LogLine.WAITS_FOR_WITNESSES)
        try:
            yield
        finally:
            await server.stop(_FLUSH_S)

    async def _compared_within(self, wait_s: float, witnesses: Sequence[str]) -> Compared:
        now = asyncio.get_running_loop().time
        until = now() + wait_s
        while True:
            try:
                return await self._comparison.at_start(self._logs, witnesses)
            except NotProved:
                if now() >= until:
                    raise
                await asyncio.sleep(_ASKS_AGAIN_S)

    def _take_waiver(self) -> dict[str, Any]:
        resources = self._resources
        return take_unwitnessed_start(self._trust, Used(self._documents, resources.store, resources.keystore))

    @property
    def _trust(self) -> HomeTrust:
        return HomeTrust(self._resources.home, self._resources.member, self._resources.clock)

    async def note_forks(self) -> None:
        """Keep heads of others that contradict each other; raise an alarm, and write their entries."""
        for evidence in await asyncio.to_thread(self._heads.keep):
            owner = evidence.origin.partition(".")[0]
            self._incidents.note(owner, f"log-{evidence.code}", f"{evidence.origin}: `liaison audit evidence` shows it")
            await self._witnessing.note_evidence()

    async def keep_heads(self) -> None:
        """Store the largest heads of others that this process saw."""
        await asyncio.to_thread(self._heads.write)

    async def round(self) -> None:
        """Store the heads of others that we saw, and send our newest heads to their witnesses."""
        await self.keep_heads()
        await self._witnessing.round()
        self._tell_unknown(self._witnessing.unknown)

    def _tell_unknown(self, unknown: dict[str, str]) -> None:
        """Raise an alarm, once, for each witness that cosigns under a name that is not its own."""
        for name, told in unknown.items():
            if self._told_unknown.get(name) != told:
                member = name or self._resources.member
                expected = witness_name(name) if name else domestic_name(member)
                self._incidents.note(member, UNKNOWN_NAME, f"it cosigned as `{told}`, and is listed as `{expected}`")
        self._told_unknown = unknown

    async def close(self) -> None:
        """Close the connection to the domestic witness, and cosign no more."""
        await asyncio.to_thread(self._heads.write)
        await asyncio.to_thread(self._heads.keep)
        self._turns.shutdown(wait=False, cancel_futures=True)
        await self._client.close()

    @property
    def standings(self) -> list[Standing]:
        """The standing of each log with its witnesses."""
        return self._witnessing.standings

    @property
    def failing(self) -> dict[str, str]:
        """The witnesses that did not cosign in the last round, with the code of each failure."""
        return self._witnessing.failing

    @property
    def unknown(self) -> dict[str, str]:
        """The witnesses that cosigned last under a name or key that is not theirs, and that name."""
        return self._witnessing.unknown

    def cosigned(self) -> list[CosignedLog]:
        """Return how far each of our logs is under a quorum now, and who cosigned it when. Blocks."""
        quorum, now_us = self._resources.settings.witness.quorum, self._resources.clock.now_us()
        return [
            CosignedLog(
                each.log.partition("/")[0],
                each.size,
                each.covered,
                quorum,
                each.age_s(now_us),
                {"domestic" if item.domestic else item.member: item.time_s * 1_000_000 for item in each.cosigned},
            )
            for each in self._witnessing.look()
        ]

    def _own_keys(self) -> list[VerifyKey]:
        return list(self._resources.trust.view.vkeys(self._resources.member, KeyUse.LOG))

    def _ages(self) -> dict[tuple[tuple[str, str], ...], float]:
        now_us = self._resources.clock.now_us()
        return {(("log", item.log.partition("/")[0]),): float(item.age_s(now_us)) for item in self.standings}

    def _reached(self) -> dict[tuple[tuple[str, str], ...], float]:
        failing = self.failing
        plan = witness_plan(self._resources.member, self._resources.settings.witness, self._resources.trust.view)
        return {(("witness", name or "domestic"),): float(name not in failing) for name in plan.asked}


def domestic_channel(settings: Settings, home: Home, identity: Callable[[], TlsIdentity]) -> DomesticChannel | None:
    """Return the connection to the domestic witness; raise `Misconfigured` unless the home has exactly one card."""
    address = settings.witness.domestic
    if not address:
        return None
    cards = witness_cards(home.path, settings.node.member)
    if len(cards) != 1:
        raise Misconfigured(
            "witness.domestic is set, and witnesses/ of the home holds {count} cards",
            code="no-witness-card",
            where=settings.origin.get("witness.domestic", "witness.domestic"),
            remedy="put the one `witness.pub` of the domestic witness into witnesses/ of the home",
            count=len(cards),
        )
    return DomesticChannel(settings.node.member, address, cards[0].certificate, identity)
