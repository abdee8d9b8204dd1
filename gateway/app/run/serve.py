"""`liaison serve`: one node for one home, until it is asked to stop."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from gateway.app.health import Health
from gateway.app.rounds import WATCH_S
from gateway.app.run.node import Node, build_node
from gateway.app.run.start_checks import listing_obstacles
from gateway.audit.log.highwater import MAX_PROCESSES
from gateway.clock import SystemClock
from gateway.config import Settings, load_settings
from gateway.config.home import Home
from gateway.config.sections.setting import ENDED
from gateway.errors import LiaisonError, Misconfigured, StorageAway, StorageBroken
from gateway.host import descriptors, memory
from gateway.host.ending import Say, end_process, end_within
from gateway.host.failures import what_was_met
from gateway.host.service_manager import ServiceManager
from gateway.loop import run
from gateway.ops.homes.lock import only_one
from gateway.ops.homes.own_tables import use_own_tables
from gateway.storage.database.absence import Absence
from gateway.storage.database.open import open_storage
from gateway.telemetry import Logger, LogLine, configure_logging

_AWAITS_S = 600.0
"""A start under the unit of `deploy/systemd` may take fifteen minutes."""

_LOOK_S = 1.0

_AWAY_S = 5.0
"""Seconds that a stop waits for a database that is away: `stop`, its last entry, goes there."""


def serve(home: Path, production: bool) -> int:
    """Run the node of `home` until SIGTERM or SIGINT; return its exit code. Raises `LiaisonError` at a failed start."""
    settings = load_settings(home)
    configure_logging(settings.telemetry.log_level)
    descriptors.raise_limit()
    memory.share_pools()
    with _place(Home(home), shared=settings.is_shared) as place:
        log = Logger(component="node", member=settings.node.member)
        for path in ENDED.keys() & settings.origin.keys():
            log.warning(LogLine.SETTING_ENDED, target=path, at=settings.origin[path])
        production = production or settings.node.production
        _await_database(settings, log)
        with listing_obstacles(settings, SystemClock(), production=production):
            use_own_tables(settings.home)
            node = build_node(settings, production, place)
        run(_until_signal(node))
        if settings.keys.tls:
            del node
            memory.release()
    return 0


def _await_database(settings: Settings, log: Logger) -> None:
    """Wait for a server that cannot be reached, as amid a fail-over, where a service manager would only start us again.

    Whatever else is wrong with the database, and a wait that is too long, the start itself tells.
    """
    with closing(ServiceManager()) as manager:
        until = SystemClock.monotonic() + _AWAITS_S
        while settings.is_shared and manager.is_there and SystemClock.monotonic() < until:
            try:
                open_storage(settings).close()
            except StorageBroken as error:
                log.warning(LogLine.STORAGE_AWAITED, error, state=what_was_met(error))
                manager.tell(f"STATUS=waits for the database: {error.code}")
                time.sleep(_LOOK_S)
                continue
            except LiaisonError:
                return
            return


async def _until_signal(node: Node) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, node.settings.ask)
    with closing(ServiceManager()) as manager:
        await node.start()
        memory.settle()
        manager.tell("READY=1")
        telling = asyncio.create_task(tell_state(manager, node.health))
        await stop.wait()
        telling.cancel()
        manager.tell("STOPPING=1", "STATUS=stopping")
        log = Logger(component="node", member=node.resources.member)
        stop_hangs = partial(log.error, LogLine.STOP_HANGS)
        end_within(stop_hangs)
        looking = asyncio.create_task(end_without_database(node.resources.database.absence, stop_hangs))
        await node.stop()
        looking.cancel()


async def tell_state(manager: ServiceManager, health: Health) -> None:
    """Tell the service manager again and again that the loop turns, and whether the node is ready."""
    while True:
        codes = ", ".join(problem.code for problem in health.look())
        manager.tell("WATCHDOG=1", f"STATUS=not ready: {codes}" if codes else "STATUS=ready")
        await asyncio.sleep(manager.every_s(WATCH_S))


async def end_without_database(absence: Absence, say: Say, seconds: float = _AWAY_S) -> None:
    """End the process once the database has been away for so many seconds of its stop: nothing can be written."""
    began = SystemClock.monotonic()
    while min(absence.away_s(), SystemClock.monotonic() - began) < seconds:
        await asyncio.sleep(seconds / 10)
    met = absence.met()
    error = StorageAway(
        "the stop cannot be written: the database has been away for {away:.0f} s: {met}",
        away=absence.away_s(),
        met="it is looked for" if met is None else met.message,
    )
    end_process(say, error)


@contextmanager
def _place(home: Home, *, shared: bool) -> Iterator[int]:
    """Yield this process's number among those that serve the home: 0, or the first free one with a shared database."""
    for number in range(MAX_PROCESSES if shared else 1):
        try:
            with only_one(home.lock_of(number)):
                yield number
                return
        except Misconfigured as error:
            if error.code != "already-running" or not shared:
                raise
    raise Misconfigured(
        "{limit} processes serve this home",
        code="already-running",
        where=str(home.path),
        remedy="stop one",
        limit=MAX_PROCESSES,
    )
