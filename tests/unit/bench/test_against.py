"""The comparison of two trees: what counts as worse, and what is noise."""

from __future__ import annotations

from tests.bench.against import Figure, compare
from tests.support.tables import table


@table(
    ("ratios", "worse"),
    [
        ((1.0,) * 9, False),
        ((1.2,) * 9, True),
        ((0.8,) * 9, False),
        ((0.9, 1.02, 1.05, 1.05, 1.05, 1.06, 1.06, 1.07, 1.4), False),  # the interval reaches into the noise
        ((0.9, 1.04, 1.05, 1.05, 1.05, 1.06, 1.06, 1.07, 1.4), True),
    ],
)
def test_only_a_difference_beyond_noise_in_the_whole_interval_is_worse(ratios: tuple[float, ...], worse: bool) -> None:
    assert Figure("streams", "CPU", ratios, more_is_worse=True).worse is worse
    assert Figure("streams", "rate", tuple(1 / ratio for ratio in ratios), more_is_worse=False).worse is worse


def test_the_interval_of_nine_passes_leaves_out_one_at_each_end() -> None:
    assert Figure("streams", "CPU", tuple(float(n) for n in range(1, 10)), more_is_worse=True).interval == (2.0, 8.0)
    assert Figure("streams", "CPU", (1.0, 2.0, 3.0), more_is_worse=True).interval == (1.0, 3.0)


def test_passes_are_compared_pair_by_pair() -> None:
    ours = [{"streams": {"server_cpu_us_per_request": 10.0 * n, "ratio_to_echo": 0.5}} for n in (1, 2, 3)]
    theirs = [{"streams": {"server_cpu_us_per_request": 10.0 * n, "ratio_to_echo": 0.25}} for n in (1, 2, 3)]
    cpu, rate = compare(ours, theirs)
    assert (cpu.ratios, rate.ratios) == ((1.0, 1.0, 1.0), (2.0, 2.0, 2.0))
    assert not cpu.worse
    assert not rate.worse


def test_too_few_passes_are_not_judged() -> None:
    assert not Figure("streams", "CPU", (2.0,) * 5, more_is_worse=True).worse
    assert Figure("streams", "CPU", (2.0,) * 6, more_is_worse=True).worse
