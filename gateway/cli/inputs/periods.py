"""Define the options of a period, for commands about what was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from gateway.cli.inputs.moments import TIME, TIME_OF_FIGURES, Time
from gateway.cli.options import together

_F = TypeVar("_F", bound=Callable[..., Any])


def _in_order(ctx: click.Context, param: click.Parameter, value: datetime | None) -> datetime | None:
    """Return a time of a period. Raises `BadParameter` where the period would end before it begins: nothing fits it."""
    given = ctx.params | {str(param.name): value}
    since, until = given.get("since"), given.get("until")
    if since is not None and until is not None and since >= until:
        raise click.BadParameter("the period ends before it begins: give a time after that of --since", ctx, param)
    return value


def _period(kind: Time, more: str) -> Callable[[_F], _F]:
    """Return the two options of a period."""
    since = f"From this time on: 2026-11-24T09:30, yesterday, 7d{more}."
    return together(
        click.option("--since", type=kind, callback=_in_order, help=since),
        click.option("--until", type=kind, callback=_in_order, help="Before this time."),
    )


period_options = _period(TIME, "")
figures_options = _period(TIME_OF_FIGURES, "; in UTC, as the months are, unless it has a zone")
