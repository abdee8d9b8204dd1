"""Run the nodes of the demo: real `liaison serve` processes on loopback."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom

from gateway.clock import Clock
from gateway.config import host_port
from gateway.demo.command import environment, program
from gateway.demo.running import STOP_S, forget_process, note_process
from gateway.errors import Unavailable

START_S = 60.0
_PAUSE_S = 0.05
_PORTS = range(10_000, 16_000)


@dataclass(slots=True)
class NodeProcess:
    """A running node, which writes its log to `log`."""

    member: str
    home: Path
    listens: tuple[str, str]
    log: Path
    process: subprocess.Popen[bytes]

    def wait_until_it_listens(self, clock: Clock) -> None:
        """Wait until both addresses take connections. Raises `Unavailable` when the process ends or takes too long."""
        until = clock.monotonic() + START_S
        while not all(_takes_connections(address) for address in self.listens):
            if self._ended_within(_PAUSE_S):
                raise Unavailable(
                    "the node of `{member}` ended with exit code {returncode}",
                    where=str(self.log),
                    remedy="the last line it logged: {last_line}",
                    member=self.member,
                    returncode=self.process.returncode,
                    last_line=self.last_line(),
                )
            if clock.monotonic() > until:
                raise Unavailable(
                    "the node of `{member}` did not start in time", where=str(self.log), member=self.member
                )

    def stop(self) -> None:
        """End the node as an operator would (SIGTERM drains it); kill it only when it does not end in time."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            if not self._ended_within(STOP_S):
                self.process.kill()
                self.process.wait()
        forget_process(self.home)

    def last_line(self) -> str:
        """Return the last line of its log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1][-600:] if lines else "nothing"

    def _ended_within(self, seconds: float) -> bool:
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


def start_node(member: str, home: Path, listens: tuple[str, str]) -> NodeProcess:
    """Start `liaison serve` for a home; it is up when `wait_until_it_listens` returns.

    The node has a session of its own and nothing of the terminal, so that it can outlive both.
    """
    log = home / "serve.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            program("serve", "--home", home),
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            start_new_session=True,
        )
    note_process(home, process.pid)
    return NodeProcess(member, home, listens, log, process)


def free_addresses(count: int) -> list[str]:
    """Return loopback addresses with ports that are free now, and that no other demo gets while this process lives.

    The system gives other ones to connections: one of these could be taken before its node listens. The
    port below them stays bound here, so that a node which is stopped meanwhile finds its own ports free again.
    """
    blocks = [range(first, first + count + 1) for first in _PORTS[: -count : count + 1]]
    for block in SystemRandom().sample(blocks, len(blocks)):
        with contextlib.ExitStack() as bound, contextlib.suppress(OSError):
            sockets = [bound.enter_context(socket.socket()) for _ in block]
            for listener, port in zip(sockets, block, strict=True):
                listener.bind(("127.0.0.1", port))
            sockets[0].detach()  # open, and with it bound, until the process ends
            return [f"127.0.0.1:{port}" for port in block[1:]]
    raise Unavailable(
        "no {count} ports in a row are free from {first} to {last}",
        code="no-ports",
        where="127.0.0.1",
        remedy="end a demo that runs: `liaison demo --stop --home HOME`",
        count=count + 1,
        first=_PORTS[0],
        last=_PORTS[-1],
    )


def _takes_connections(address: str) -> bool:
    try:
        socket.create_connection(host_port(address), timeout=1).close()
    except OSError:
        return False
    return True
