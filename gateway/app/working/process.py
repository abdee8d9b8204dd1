"""A worker of a node: the process that `gateway.app.working.front` starts. It serves the socket it is given, and ends
with it.

It is told on that socket what it must know. Where the system has Landlock it can open neither the log's keys nor those
of the content, nor the database, whatever is done with its code.
"""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from adapters.base import Adapter
from adapters.load import NodeSide, Place, open_source
from certs.tls import TlsIdentity
from gateway.app.rounds import UPKEEP_S
from gateway.clock import Clock, SystemClock
from gateway.config.home import Home
from gateway.errors import ConnectionLost, LiaisonError, Malformed
from gateway.exchange.answering.gather import Gatherer
from gateway.exchange.answering.port import InProcess
from gateway.exchange.parts import DecidingParts
from gateway.exchange.sources.bulkhead import Bulkhead, WallLimits
from gateway.exchange.stages import Turn
from gateway.exchange.workers.channel import Channel
from gateway.exchange.workers.door import knock
from gateway.exchange.workers.frames import MOST_FROM_WORKER, MOST_TO_WORKER, SourceSpec, Start, to_worker
from gateway.exchange.workers.serving import Known, Serving
from gateway.host import memory
from gateway.host.child import end_with
from gateway.host.confine import confine
from gateway.host.ending import end_process
from gateway.model.names import member_id
from gateway.ops.homes.own_tables import use_own_tables
from gateway.ops.keys.live import agency_issuer
from gateway.signing.keys import load_signing_key
from gateway.storage.keys.references import HitReferences
from gateway.telemetry import Logger, LogLine, configure_logging

_FIRST_FRAME_S = 60.0


def main(arguments: Sequence[str]) -> int:
    """Serve the front whose socket lies in a home: `HOME SOCKET PARENT`."""
    home, file, parent = Home(Path(arguments[0])), Path(arguments[1]), int(arguments[2])
    end_with(parent)
    memory.share_pools()
    channel = Channel(knock(file), MOST_TO_WORKER, MOST_FROM_WORKER * 4)
    start, rest = _started(channel)
    configure_logging(start.log_level)
    log = Logger(component="worker", member=start.member)
    confined = confine(map(Path, start.closed), map(Path, start.opened))
    log.info(LogLine.WORKER_STARTED, state="confined" if confined else "by file modes")
    try:
        serving, walls = _put_together(home, start, channel)
        for data in rest:
            serving.take(to_worker(data))
        for wall in walls:
            wall.start()
        memory.settle()
        serving.run()
    except ConnectionLost:  # the front let it go, or has ended
        return 0
    except LiaisonError as error:
        log.error(LogLine.WORKER_FAILED, error)
        return 1
    return 0


def _started(channel: Channel) -> tuple[Start, list[bytes]]:
    """Return the first frame, and those that came with it. Raises `ConnectionLost`, `Malformed`."""
    until = time.monotonic() + _FIRST_FRAME_S
    frames: list[bytes] = []
    while not frames:
        if not select.select([channel], [], [], max(0.0, until - time.monotonic()))[0]:
            raise ConnectionLost("the front says nothing", code="worker-lost")
        frames = channel.receive()
    start = to_worker(frames[0])
    if not isinstance(start, Start):
        raise Malformed("the first frame is another one", code="bad-frame", where="worker")
    return start, frames[1:]


def _put_together(home: Home, start: Start, channel: Channel) -> tuple[Serving, list[Bulkhead]]:
    clock, turn, member = SystemClock(), Turn(), member_id(start.member)
    use_own_tables(home.path)
    known = Known(member, clock)
    log = Logger(component="worker", member=member)
    fatal = partial(end_process, partial(log.error, LogLine.WORKER_FAILED))
    sources = [open_source(_place(home, source, clock, known)) for source in start.sources]
    walls = [
        Bulkhead(source, clock, start.threads, turn, WallLimits(spec.rate_per_s, spec.timeout_s), fewest_near=1)
        for source, spec in zip(sources, start.sources, strict=True)
    ]
    issuers = {issuer.name: issuer for issuer in (agency_issuer(Path(key), member) for key in start.agency_keys)}
    references = HitReferences(Path(start.keystore), clock)
    parts = DecidingParts(member, clock, known.trust, known.switches, issuers, references.make_reference)
    work = InProcess(parts, Gatherer(parts, walls), clock)

    def states() -> dict[str, str]:
        return {wall.description.id: wall.state for wall in walls}

    threading.Thread(target=_keep_up, args=(sources, walls), name="upkeep", daemon=True).start()
    return Serving(start.epoch, channel, known, work, clock, turn, states, fatal), walls


def _place(home: Home, source: SourceSpec, clock: Clock, known: Known) -> Place:
    return Place(
        Path(source.mapping),
        source.url,
        home.index,
        clock,
        access=Path(source.access) if source.access else None,
        index_secret=source.index_secret or None,
        difference=source.difference_s,
        id=source.id,
        node=_node_side(home, source, known) if source.is_process else None,
    )


def _node_side(home: Home, source: SourceSpec, known: Known) -> NodeSide:
    identity = TlsIdentity.load(home.key("tls"), home.certificate("tls"))
    key = load_signing_key(home.key("statement"))
    return NodeSide(
        source.id,
        source.agency,
        known.member,
        identity=lambda: identity,
        ca=home.ca.read_bytes(),
        key=lambda: key,
        keys=known.trust,
    )


def _keep_up(sources: Sequence[Adapter], walls: Sequence[Bulkhead]) -> None:
    """Bring the indexes up to date, or turn to those that the front has; a failure is the front's to tell."""
    pause = threading.Event()
    while not pause.wait(UPKEEP_S):
        for source, wall in zip(sources, walls, strict=True):
            with suppress(LiaisonError):
                source.refresh()
                wall.look_again()


if __name__ == "__main__":
    code = main(sys.argv[1:])
    os._exit(code)  # threads of sources may hang
