"""`liaison bench`: measure the whole exchange at the answering node beside a bare echo, on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import click

from gateway.cli.options import json_option
from gateway.cli.output import print_json, print_table, say

_COLUMNS = (
    ("requests_per_s", "requests/s"),
    ("p50_ms", "p50 ms"),
    ("p99_ms", "p99 ms"),
    ("server_cpu_us_per_request", "server µs"),
    ("ratio_to_echo", "× echo"),
    ("cpu_ratio_to_echo", "CPU × echo"),
)

_FLOOD_COLUMNS = (
    ("quiet_p50_ms", "quiet p50 ms"),
    ("quiet_p99_ms", "p99"),
    ("flood_p50_ms", "flood p50 ms"),
    ("flood_p99_ms", "p99"),
    ("p50_ratio", "× p50"),
    ("p99_ratio", "× p99"),
    ("own_p99_ratio", "× its CPU"),
    ("node_p99_ratio", "× node"),
    ("wrong", "wrong"),
    ("flood_per_s", "flood/s"),
    ("flood_refused", "refused"),
    ("quiet_cpu", "quiet CPU"),
    ("flood_cpu", "flood CPU"),
    ("flooder_cpu", "flooder's"),
)

_NOTICE_COLUMNS = (
    ("offered_per_s", "offered/s"),
    ("notices_per_s", "notices/s"),
    ("p50_ms", "p50 ms"),
    ("p99_ms", "p99 ms"),
    ("taker_cpu_us_per_notice", "taker µs"),
    ("author_cpu_us_per_notice", "author µs"),
    ("listed_p50_ms", "listed p50 ms"),
    ("listed_p95_ms", "p95"),
    ("undelivered", "undelivered"),
)

_Named = tuple[Sequence[str], Any]
"""Names of a row, and the row."""

_REMOVALS = 20

_SCALE_COLUMNS = (
    ("p50_ms", "p50 ms"),
    ("p95_ms", "p95 ms"),
    ("cpu_p95_ms", "CPU p95"),
    ("build_s", "build s"),
    ("build_cpu_s", "CPU s"),
    ("build_max_mb", "max MB"),
    ("index_mb", "index MB"),
    ("updates_per_s", "updates/s"),
    ("difference_s", "compare s"),
)


def _numbers(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(part) for part in value.split(",") if part)
    except ValueError:
        numbers = ()
    if not numbers or min(numbers) < 1:
        raise click.BadParameter("whole numbers with commas between them, such as 1,16,64")
    return numbers


def _sizes(context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, ...]:
    return _numbers(context, parameter, value) if value else ()


@click.command()
@click.option("--concurrency", default="1,16,64", show_default=True, callback=_numbers, help="Requests in flight.")
@click.option("--rows", default="1000,100000", show_default=True, callback=_numbers, help="Rows in the source.")
@click.option("--seconds", default=2.0, show_default=True, type=click.FloatRange(0.2, 60), help="Of each measure.")
@click.option("--passes", default=3, show_default=True, type=click.IntRange(1, 20), help="Interleaved passes.")
@click.option(
    "--only",
    type=click.Choice(
        ["unary", "no-hit", "streams", "hsm", "lane", "flood", "removal", "notices"],
    ),
    help="One way of asking, beside the echo (hsm: with keys in SoftHSM, lane: with that of TLS there); or what a"
    " member's flood costs another one; or how soon a removed key is refused; or the delivery of notices between two"
    " nodes at 500 a second.",
)
@click.option("--quick", is_flag=True, help="One pass of one second at 64 in flight with 1,000 rows.")
@click.option(
    "--scale",
    default="",
    callback=_sizes,
    metavar="ROWS,…",
    help="Only what large sources cost, with so many rows, such as 1000000. A full run has 10000,100000 at its end.",
)
@json_option
def bench(
    concurrency: tuple[int, ...],
    rows: tuple[int, ...],
    seconds: float,
    passes: int,
    only: str | None,
    quick: bool,
    scale: tuple[int, ...],
    as_json: bool,
) -> int:
    """Measure the exchange (verify, decide, look up, filter, sign, log durably, proof) and a bare mutual-TLS echo.

    \b
    Examples:
      liaison bench
      liaison bench --quick
      liaison bench --only flood
      liaison bench --only hsm --rows 1000
      liaison bench --only removal
      liaison bench --only notices
      liaison bench --concurrency 64 --rows 100000 --json
      liaison bench --scale 1000000

    Prints each table once it is measured; --json prints one JSON document at the end: the rows of each kind, and
    whether every answer was right.
    """
    from gateway.bench.decisions import measure_decisions
    from gateway.bench.evidence import measure_evidence
    from gateway.bench.flood import run_flood
    from gateway.bench.notices import run_notices
    from gateway.bench.removal import run_removals
    from gateway.bench.run import WAYS, Plan, run
    from gateway.bench.scale import SIZES, run_scale

    plan = Plan(1.0, 1, (64,), (1_000,), only) if quick else Plan(seconds, passes, concurrency, rows, only)

    def progress(text: str) -> None:
        say(text, "dim", err=True)

    is_whole = not (quick or only or scale)

    def show(
        heads: Sequence[str], columns: Sequence[tuple[str, str]], rows: Sequence[tuple[Sequence[str], Any]]
    ) -> None:
        if not as_json:
            _show_table(heads, columns, rows)

    def tell(lines: Iterable[str]) -> None:
        for line in () if as_json else lines:
            say(line)

    found = [] if scale or only not in (None, *WAYS) else run(plan, progress)
    show(
        ("", "in flight", "rows"), _COLUMNS, [((row.name, str(row.concurrency), f"{row.rows:,}"), row) for row in found]
    )
    flooded = run_flood(seconds, passes, progress) if only == "flood" or is_whole else []
    show(("",), _FLOOD_COLUMNS, [((row.name,), row) for row in flooded])
    removed = [run_removals(_REMOVALS, progress)] if only == "removal" or is_whole else []
    tell(
        f"{removal.name}: p50 {removal.p50_s:.2f} s, max {removal.max_s:.2f} s, over {removal.removals}"
        for removal in removed
    )
    noticed = run_notices(seconds, passes, progress) if only == "notices" or is_whole else []
    show(("",), _NOTICE_COLUMNS, [((row.name,), row) for row in noticed])
    scaled = run_scale(scale or (() if quick or only else SIZES), progress)
    show(("", "rows"), _SCALE_COLUMNS, [((row.name, f"{row.rows:,}"), row) for row in scaled])
    decisions = [] if scale or only else measure_decisions()
    tell(f"{row.name}: {row.cpu_us:,.1f} µs of CPU, {row.policies} policies, {row.asked} asked" for row in decisions)
    evidence = [] if scale or only else [measure_evidence()]
    tell(
        f"{size.name}: {size.median_bytes:,} bytes, {size.most_bytes:,} at most, at {size.entries:,} entries"
        for size in evidence
    )
    wrong = [row.bad_answers for row in found] + [row.wrong for row in flooded] + [row.undelivered for row in noticed]
    is_right = not any(wrong)
    if as_json:
        kinds: dict[str, Sequence[Any]] = {
            "exchanges": found,
            "flood": flooded,
            "removal": removed,
            "notices": noticed,
            "scale": scaled,
            "decisions": decisions,
            "evidence": evidence,
        }
        rows_of = {kind: [asdict(row) for row in rows] for kind, rows in kinds.items()}
        print_json({"ok": is_right} | rows_of)
    return 0 if is_right else 1


def _show_table(
    heads: Sequence[str],
    columns: Sequence[tuple[str, str]],
    rows: Sequence[_Named],
) -> None:
    if rows:
        titles = (*heads, *(title for _, title in columns))
        figures = ((*names, *(f"{getattr(row, key):,.2f}" for key, _ in columns)) for names, row in rows)
        print_table(titles, figures, names=1)
