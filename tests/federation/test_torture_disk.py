"""A disk that fails, tears or forgets at one call of a node, and a machine that goes down there (CASE-H1, CASE-H2).

Each phase of a node (its start, exchanges of both sides, its end) is a sequence of writes, syncs, truncations and of
files made, renamed and removed. At one of them, in turn, `tests.support.faulty_disk` does one of these:

- the call fails, once or from then on, with nothing done or with all of it done;
- the process is killed before, after, or half through it;
- the machine goes down: what was not synced is gone, all of it or any part.

Then the node starts again on a good disk, and all that `test_torture` checks after a kill must hold. The tests take
`LIAISON_FAULTS` calls of each phase for each fault at both nodes; without it a sample, at either of them in turn (0:
every call of both, as `make faults` does).
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


_PAIRS = tuple((phase, fault) for phase in PHASES for fault in _FAULTS)

Plan = tuple[str, Sequence[tuple[str, Fault]]]


def plans() -> list[Plan]:
    """Victim, and phases with a fault each, of each federation: few for a sample, one for each pair when all is run.

    The smallest sample has each fault while exchanges go on, and two of them at the start and two at the end of a node.
    """
    if POINTS == 1:
        sample = [("start", fault) for fault in _FAULTS[::4]] + [("stop", fault) for fault in _FAULTS[2::4]]
        sample += [("work", fault) for fault in _FAULTS]
        return [("vn", sample[::2]), ("th", sample[1::2])]
    if POINTS:
        return [(victim, _PAIRS) for victim in ("vn", "th")]
    return [(victim, (pair,)) for victim in ("vn", "th") for pair in _PAIRS]


def plan_name(plan: Plan) -> str:
    """Name a plan by its victim, and by its pair where it has only one."""
    victim, pairs = plan
    return "-".join([victim, *(f"{phase}-{fault.name}" for phase, fault in pairs[:1] if len(pairs) == 1)])


def chosen(count: int, dice: random.Random) -> list[int]:
    """Numbers of calls, from 1."""
    everything = range(1, count + 1)
    return list(everything) if not POINTS else sorted(dice.sample(everything, min(POINTS, count)))


@pytest.mark.small_form
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("plan", plans(), ids=plan_name)
async def test_h2_a_disk_that_fails_at_any_call_costs_no_answer_and_no_promise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], plan: Plan
) -> None:
    victim, pairs = plan
    dice, points, counts = random.Random(f"{SEED} {victim}"), 0, dict[str, int]()
    async with faults(tmp_path, victim) as torture:
        for phase, fault in pairs:
            if phase not in counts:
                counts[phase] = len(await torture.calls(phase))
            assert counts[phase] > 20, f"only {counts[phase]} calls of `{victim}` were seen in its {phase}"
            for number in chosen(counts[phase], dice):
                points += await torture.at(phase, fault, number, dice.choice(ERRORS))
        await torture.end()
    assert points > 0
    verified = Liaison(capsys)("audit", "verify", "--home", torture.victim.home)
    assert verified.code == 0, verified.out + verified.err
    print(f"{victim} {[f'{phase}: {fault.name}' for phase, fault in pairs]}: {points} faults, {dict(torture.outcomes)}")


@pytest.mark.process
@pytest.mark.parametrize(("victim", "struck"), [("vn", (Fault.KILLED, Fault.FAILS)), ("th", (Fault.REBOOT,))])
async def test_h2_h14_a_node_that_is_struck_amid_its_exchanges_loses_nothing_and_answers_nothing_twice(
    tmp_path: Path, victim: str, struck: Sequence[Fault]
) -> None:
    async with faults(tmp_path, victim) as torture:
        # A run makes more calls or fewer, as entries come together: a sixth of them comes in each.
        amid = len(await torture.calls("work")) // 6
        assert [await torture.at("work", fault, amid) for fault in struck] == [True] * len(struck)
        await torture.end()
