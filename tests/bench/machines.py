"""Measure two nodes on one PostgreSQL beside one, each held to half a core, and with all cores (`make machines`).

Both are nodes of one member: copies of one home, with one keystore and one database. They answer signed questions that
hit nothing. Passes are interleaved. Each node is held to its share by a cgroup where this account may make one, else by
stopping it whenever it is ahead of its share, as `cpulimit` does.

Then one of the two is killed, and one is stopped, while both answer: the fail-over is the longest time in which the
other one answered nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from gateway.bench.load import Measure, Streams, Target, connect, drive
from gateway.bench.world import World, build_world, process_of, requests_for, wait_for_port
from gateway.loop import run as run_loop
from tests.support.databases import Server, new_postgres
from tests.support.ports import free_port

HALF = 0.5
_PERIOD_US = 100_000
_SLICE_S = 0.02
_FAIL_OVER_S = 3.0
_AT_MOST = 8_000
"""Exchanges a second that no machine of ours reaches."""


class Ration:
    """Shares of a core for processes. `means` says how."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        mounted = subprocess.run(["mount", "-t", "cgroup", "-o", "cpu", "none", folder], capture_output=True)
        self.means = (
            "cgroup, quota of 50 ms in 100 ms" if mounted.returncode == 0 else "stopped when ahead of its share"
        )
        self._is_cgroup = mounted.returncode == 0

    @contextmanager
    def to(self, share: float, pids: Sequence[int]) -> Iterator[None]:
        """Hold each process to its share until the block ends; share 0 holds none."""
        with ExitStack() as stack:
            for pid in pids if share else ():
                stack.enter_context((self._group if self._is_cgroup else _stopping)(share, pid))
            yield

    @contextmanager
    def _group(self, share: float, pid: int) -> Iterator[None]:
        group = self._folder / f"liaison-{pid}"
        group.mkdir()
        (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
        (group / "cpu.cfs_quota_us").write_text(str(int(share * _PERIOD_US)))
        (group / "cgroup.procs").write_text(str(pid))
        try:
            yield
        finally:
            (self._folder / "cgroup.procs").write_text(str(pid))
            group.rmdir()

    def close(self) -> None:
        """Take the mount away."""
        if self._is_cgroup:
            subprocess.run(["umount", self._folder], check=True)


@contextmanager
def _stopping(share: float, pid: int) -> Iterator[None]:
    over = threading.Event()

    def hold() -> None:
        clock = (~pid << 3) | 2
        begun, used = time.monotonic(), time.clock_gettime(clock)
        while not over.wait(_SLICE_S):
            ahead = time.clock_gettime(clock) - used > (time.monotonic() - begun) * share
            os.kill(pid, signal.SIGSTOP if ahead else signal.SIGCONT)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        os.kill(pid, signal.SIGCONT)


def homes(world: World, url: str) -> list[Path]:
    """Return two homes of the answering member on one database and one keystore."""
    settings, keystore = world.answerer / "node.toml", world.answerer / "keystore"
    text = settings.read_text()
    for part, lines in (
        ("limits", "in_flight_per_member = 4000"),
        ("storage", f'url = "{url}"\nkeystore = "{keystore}"'),
    ):
        text = (
            text.replace(f"[{part}]\n", f"[{part}]\n{lines}\n")
            if f"[{part}]\n" in text
            else f"{text}\n[{part}]\n{lines}\n"
        )
    settings.write_text(text)
    second = world.folder / "vn-second"
    shutil.copytree(world.answerer, second)
    copied = second / "node.toml"
    copied.write_text(copied.read_text().replace(f":{world.listens}", f":{free_port()}"))
    return [world.answerer, second]


@contextmanager
def serving(world: World, home: Path) -> Iterator[Target]:
    """A node of this home."""
    port = int((home / "node.toml").read_text().partition('exchange = "127.0.0.1:')[2].partition('"')[0])
    log = world.folder / f"{home.name}.log"
    with (
        log.open("wb") as errors,
        process_of([sys.executable, "-m", "gateway.cli", "serve", "--home", str(home)], stderr=errors) as process,
    ):
        wait_for_port(process, port, log)
        yield replace(world.target(Path("th").name, process.pid), address=f"127.0.0.1:{port}")  # type: ignore[arg-type]
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGCONT)


async def ask(world: World, targets: Sequence[Target], in_flight: int, seconds: float) -> Measure:
    """Keep questions in flight over all targets alike."""
    channels = [channel for target in targets for channel in connect(target)]
    streams = Streams(channels)
    pids = [pid for target in targets for pid in target.pids]
    measure = await drive(
        streams.ask, requests_for(world, int(seconds * _AT_MOST), present=False), in_flight, seconds, pids
    )
    await streams.close()
    await asyncio.gather(*(channel.close() for channel in channels))
    return measure


def written(postgres: Server) -> tuple[int, ...]:
    """Return how many entries, batches and leases the log of exchanges has had."""
    connection = postgres.admin()
    found = connection.execute(
        "SELECT size, (SELECT count(*) FROM log_checkpoint WHERE log_id = id), epoch"
        " FROM log_state JOIN log_lease ON log_id = id WHERE log = 'exchange/1'"
    ).fetchone()
    connection.close()
    return tuple(found)


async def compare(
    world: World, postgres: Server, targets: Sequence[Target], ration: Ration, wanted: argparse.Namespace
) -> None:
    """Print rows of one and of two nodes, with half a core each and without a limit."""
    counts: dict[tuple[float, int], list[tuple[int, ...]]] = {}
    found: dict[tuple[float, int], list[Measure]] = {}
    for _ in range(wanted.passes):
        for share in (HALF, 0.0):
            for count in (1, 2):
                before = written(postgres)
                with ration.to(share, [target.pids[0] for target in targets]):
                    found.setdefault((share, count), []).append(
                        await ask(world, targets[:count], wanted.in_flight, wanted.seconds)
                    )
                more = zip(written(postgres), before, strict=True)
                counts.setdefault((share, count), []).append(tuple(a - b for a, b in more))
    print("| cores each | nodes | a second | × one | p50, p99 ms | CPU, µs | batch | batches a lease | others |")
    print("|---|---|---|---|---|---|---|---|---|")
    for (share, count), rows in found.items():
        of_one = found[share, 1]
        ratio = statistics.median(a.requests_per_s / b.requests_per_s for a, b in zip(rows, of_one, strict=True))
        middle = {name: statistics.median(getattr(row, name) for row in rows) for name in Measure.__dataclass_fields__}
        entries, batches, leases = (sum(part) for part in zip(*counts[share, count], strict=True))
        assert not middle["bad_answers"], rows
        print(
            f"| {share or 'all'} | {count} | {middle['requests_per_s']:,.0f} | {ratio:.2f} "
            f"| {middle['p50_ms']:.0f}, {middle['p99_ms']:.0f} | {middle['server_cpu_us_per_request']:.0f} "
            f"| {entries / batches:.0f} | {batches / max(1, leases):.1f} | {middle['cores_used_by_others']:.2f} |"
        )


async def fail_over(world: World, targets: Sequence[Target], how: signal.Signals) -> float:
    """Return the longest time in which the second node answers nothing after the first one gets a signal under load."""
    first, second = targets
    answered: list[float] = []
    channels = [connect(target) for target in targets]
    streams = [Streams(each) for each in channels]

    async def noted(message: bytes) -> int:
        size = await streams[1].ask(message)
        answered.append(time.monotonic())
        return size

    messages = requests_for(world, int(3 * _FAIL_OVER_S * _AT_MOST), present=False)
    beside = asyncio.create_task(drive(streams[0].ask, messages[::2], 64, _FAIL_OVER_S, first.pids))
    asyncio.get_running_loop().call_later(_FAIL_OVER_S / 2, os.kill, first.pids[0], how)
    await drive(noted, messages[1::2], 64, _FAIL_OVER_S, second.pids)
    if how == signal.SIGSTOP:
        os.kill(first.pids[0], signal.SIGCONT)
    beside.cancel()
    await asyncio.gather(beside, *(each.close() for each in streams), return_exceptions=True)
    await asyncio.gather(*(channel.close() for each in channels for channel in each), return_exceptions=True)
    return max(later - one for one, later in pairwise(answered))


async def fail_overs(world: World, targets: Sequence[Target], stops: int) -> None:
    """Print the fail-over times: the first node is stopped a few times, and killed at the end."""
    ways = (*[signal.SIGSTOP] * stops, signal.SIGKILL)
    found = [(how, await fail_over(world, targets, how)) for how in ways]
    for how, took_s in found:
        print(f"fail-over after {how.name}: {took_s * 1e3:.0f} ms")


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(prog="machines", description=__doc__)
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--in-flight", type=int, default=200)
    parser.add_argument("--stops", type=int, default=9)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="liaison-machines-") as folder, ExitStack() as stack:
        postgres = new_postgres()
        world = build_world(Path(folder), 1_000)
        ration = Ration(Path(folder) / "cgroup")
        stack.callback(ration.close)
        targets = [stack.enter_context(serving(world, home)) for home in homes(world, postgres.url("postgres"))]
        print(f"{wanted.in_flight} in flight, {wanted.passes} passes of {wanted.seconds} s; shares: {ration.means}")
        run_loop(compare(world, postgres, targets, ration, wanted))
        run_loop(fail_overs(world, targets, wanted.stops))


if __name__ == "__main__":
    main()
