"""Nodes killed at random moments of running exchanges (CASE-H1, CASE-H14, CASE-E3; design, section 11, "loss").

After each kill:

1. each answer that anybody was given is logged at its place, under a signed head, at both sides;
2. no exchange has two answers;
3. each log extends what it was seen to hold before;
4. each log extends every head that was ever signed: in answers, in the database, in the high-water file;
5. the same bytes again get the stored answer, byte for byte;
6. a search under the same key is the first one, and what an officer was shown is kept;
7. each question of the asking side has an answer, a silence, or was abandoned;
8. each notice that was written durably is there: asks, replies, withdrawals, outcomes and notes flow both ways;
9. when all notices are delivered, both sides have the same threads in the same states, the same notices, each once, and
   the same evidence of each;
10. each file that was brought is kept, and each that a notice names ends whole at both sides under its Merkle root;
    where a kill falls within its fetch, the rest is fetched behind the last chunk that is here;

and at the end both homes verify, and neither country's log blames the other.

`LIAISON_KILLS` says how many kills there are, in federations of 100 kills each (CI: 20, `make torture`: 2,000), and
`LIAISON_SEED` where the dice begin. A seed gives the same victims and moments; the scheduler does the rest.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.cli import Liaison
from tests.support.torture import tortured

pytestmark = pytest.mark.small_form

KILLS = int(os.environ.get("LIAISON_KILLS", "20"))
SEED = int(os.environ.get("LIAISON_SEED", "20261124"))
_EACH, _FEW = 100, 20


def parts() -> list[tuple[int, int]]:
    """Seed and number of kills of each federation."""
    return [(SEED + first, min(_EACH, KILLS - first)) for first in range(0, KILLS, _EACH)]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("seed", "kills"), parts())
async def test_h14_killed_at_random_moments_nothing_answered_is_lost_and_nothing_is_done_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int, kills: int
) -> None:
    done = await tortured(tmp_path, kills, seed)
    liaison = Liaison(capsys)
    for member, seat in done.seats.items():
        verified = liaison("audit", "verify", "--home", seat.home)
        assert verified.code == 0, verified.out + verified.err
        exported = liaison("audit", "export", "--home", seat.home, "--out", tmp_path / f"export-{member}")
        assert exported.code == 0, exported.err
    exports = [tmp_path / f"export-{member}" for member in done.seats]
    compared = liaison("audit", "reconcile", *exports, "--charter", tmp_path / "charter.jsonl", "--json")
    assert compared.code in (0, 3), compared.out
    assert compared.value["blamed"] == [], compared.out
    heads = sum(seat.exchange.heads for seat in done.seats.values())
    kept = f"{len(done.counterpart.answers)} answers and {len(done.desk.shown)} searches kept"
    kept += f", {done.notices.count} notices at both sides"
    kept += f", {done.repeated} repeated"
    files = done.notices.files
    assert files is not None
    assert kills < _FEW or (files.count > 0 and done.in_files), "no kill fell within a fetch"
    kept += f", {files.count} files, {len(done.in_files)} half fetched at a kill, {files.resumed} fetched on"
    print(f"seed {seed}: {done.kills} kills, {kept}, {heads} heads extended")
