"""Define the options of a period, for commands about what was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from gateway.cli.inputs.moments import TIME, TIME_OF_FIGURES, TIME_UNTIL, Time
from gateway.cli.options import together

_F = TypeVar("_F", bound=Callable[..., Any])


_BEGINS, _ENDS = ("since", "start"), ("until", "before", "end")


def in_order(ctx: click.Context, param: click.Parameter, value: datetime | None) -> datetime | None:
    """Return a time of a period. Raises `BadParameter` where the period would end before it begins: nothing fits it.

    It is the callback of both options of the period.
    """
    given = ctx.params | {str(param.name): value}
    begin, end = (next(filter(None, map(given.get, names)), None) for names in (_BEGINS, _ENDS))
    if begin is not None and end is not None and begin >= end:
        raise click.BadParameter("the period ends before it begins: give an end that is after its begin", ctx, param)
    return value


def _period(kind: Time, end_kind: Time, more: str, until: str) -> Callable[[_F], _F]:
    """Return the two options of a period."""
    since = f"From this time on: 2026-11-24T09:30, yesterday, 7d{more}."
    return together(
        click.option("--since", type=kind, callback=in_order, help=since),
        click.option("--until", type=end_kind, callback=in_order, help=until),
    )


period_options = _period(TIME, TIME_UNTIL, "", "Before this time; with seconds it is whole, and in it.")
figures_options = _period(
    TIME_OF_FIGURES, TIME_OF_FIGURES, "; in UTC, as the months are, unless it has a zone", "Before this time."
)
