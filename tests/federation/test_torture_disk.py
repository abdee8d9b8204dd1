"""A disk that fails, tears or forgets at one call of a node, and a machine that goes down there (CASE-H1, CASE-H2).

Each phase of a node (its start, exchanges of both sides, its end) is a sequence of writes, syncs, truncations and of
files made, renamed and removed. At one of them, in turn, `tests.support.faulty_disk` does one of these:

- the call fails, once or from then on, with nothing done or with all of it done;
- the process is killed before, after, or half through it;
- the machine goes down: what was not synced is gone, all of it or any part.

Then the node starts again on a good disk, and all that `test_torture` checks after a kill must hold. The tests take
`LIAISON_FAULTS` calls of each phase for each fault, at either of the two nodes in turn; two or more: at both (0: every
call of both, as `make faults` does).
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.cli import Liaison
from tests.support.faulty_disk import ERRORS, Fault
from tests.support.torture_faults import PHASES, faults

POINTS = int(os.environ.get("LIAISON_FAULTS", "1"))
SEED = int(os.environ.get("LIAISON_SEED", "20261124"))
_FAULTS = tuple(fault for fault in Fault if fault)


def plans() -> list[tuple[str, Sequence[str], Sequence[Fault]]]:
    """Victim, phases and faults of each federation: few of them for a sample, one for each pair when all is run."""
    if POINTS == 1:
        return [("vn", PHASES, _FAULTS[::2]), ("th", PHASES, _FAULTS[1::2])]
    if POINTS:
        return [(victim, PHASES, _FAULTS) for victim in ("vn", "th")]
    return [(victim, (phase,), (fault,)) for victim in ("vn", "th") for phase in PHASES for fault in _FAULTS]


def chosen(count: int, dice: random.Random) -> list[int]:
    """Numbers of calls, from 1."""
    everything = range(1, count + 1)
    return list(everything) if not POINTS else sorted(dice.sample(everything, min(POINTS, count)))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("victim", "phases", "wanted"), plans())
async def test_h2_a_disk_that_fails_at_any_call_costs_no_answer_and_no_promise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], victim: str, phases: Sequence[str], wanted: Sequence[Fault]
) -> None:
    dice, points = random.Random(f"{SEED} {victim}"), 0
    async with faults(tmp_path, victim) as torture:
        for phase in phases:
            count = len(await torture.calls(phase))
            assert count > 20, f"only {count} calls of `{victim}` were seen in its {phase}"
            for fault in wanted:
                for number in chosen(count, dice):
                    points += await torture.at(phase, fault, number, dice.choice(ERRORS))
        await torture.end()
    assert points > 0
    verified = Liaison(capsys)("audit", "verify", "--home", torture.victim.home)
    assert verified.code == 0, verified.out + verified.err
    print(f"{victim} {phases} {[fault.name for fault in wanted]}: {points} faults, {dict(torture.outcomes)}")
