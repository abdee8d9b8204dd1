"""A large export is written and verified in bounded time and memory.

In the small form the log has a few thousand entries. `make audit-scale` sets LIAISON_AUDIT_ENTRIES to a million: then
the limits are the figures that the design is held to (design, section 11).
"""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path

import pytest

from tests.support.audited import World, reopened
from tests.support.big_log import Cost, make_big_world, measured

ENTRIES = int(os.environ.get("LIAISON_AUDIT_ENTRIES", "1500"))
IS_FULL = ENTRIES >= 1_000_000
PROOF_SECONDS, STATEMENT_SECONDS, MEGABYTES = (60, 300, 500) if IS_FULL else (60, 60, 500)
HOME_SECONDS, OPEN_SECONDS = 150, 6

pytestmark = pytest.mark.timeout(7200)


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_big_world(tmp_path_factory.mktemp("big"), ENTRIES)


def verified(world: World, out: Path, *options: str) -> Cost:
    charter = world.federation.folder / "charter.jsonl"
    cost = measured("audit", "verify", "--export", out, "--charter", charter, *options)
    print(f"\n{' '.join(('verify', *options))}: {ENTRIES} entries, {cost.seconds:.1f} s, {cost.megabytes:.0f} MB")
    return cost


@pytest.mark.timed
def test_a_long_log_opens_soon_and_its_home_is_verified_in_all_cores(big: World) -> None:
    started = time.process_time()
    with big.home.log() as log:
        opened = time.process_time() - started
        assert log.size == ENTRIES
    started = time.monotonic()
    reopen = partial(reopened, big.home.folder)
    report = big.verify(processes=os.cpu_count() or 1, reopen=reopen)
    seconds = time.monotonic() - started
    print(f"\nhome: {ENTRIES} entries, opened in {opened:.1f} s of CPU, verified in {seconds:.1f} s")
    assert (report.exit_code, report.sizes["exchange/1"]) == (0, ENTRIES)
    assert opened < OPEN_SECONDS
    assert seconds < HOME_SECONDS


def test_g23_heads_and_proofs_of_a_large_export(big: World) -> None:
    cost = verified(big, big.export(nobody=True))
    assert (cost.code, cost.output["entries"]["exchange/1"]) == (0, ENTRIES)
    assert cost.seconds < PROOF_SECONDS
    assert cost.megabytes < MEGABYTES


def test_g23_every_statement_of_a_large_export(big: World) -> None:
    out = big.export()
    cost = verified(big, out)
    assert (cost.code, cost.output["verdict"]) == (0, "proved")
    assert cost.seconds < STATEMENT_SECONDS
    assert cost.megabytes < MEGABYTES
    quick = verified(big, out, "--without-statements")
    assert quick.code == 0
    assert quick.seconds < STATEMENT_SECONDS
