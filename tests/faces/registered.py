"""Find what is registered: the REST calls, commands and forms of each subject, and which of them the table has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import click
from fastapi.routing import APIRoute

from gateway.agency.api import application
from gateway.app.run.node import Node
from gateway.cli.lazy import LazyGroup
from gateway.cli.main import liaison
from tests.faces.acting import Row
from tests.support.console_nodes import routes

_READING = frozenset({"list", "pack", "search", "show", "taken"})
"""The names of commands that show something, and of no others."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a subject is: the paths of its calls, the group of its commands, the paths of its forms."""

    rest: str
    group: str
    console: str


PLACES: Mapping[str, Place] = {
    "alert": Place("/v1/alerts", "alert", "/alerts"),
    "freeze": Place("/v1/freezes", "freeze", "/freezes"),
    "incident": Place("/v1/incidents", "incident", "/incidents"),
    "report": Place("/v1/reports", "report", "/reports"),
    "room": Place("/v1/operations", "operation", "/operations"),
    "token": Place("/v1/misuse", "misuse", "/misuse"),
    "watch": Place("/v1/watches", "watch", "/watches"),
}


def calls(place: Place) -> Iterator[str]:
    """Yield the calls of a subject that do something."""
    for route in application().routes:
        if isinstance(route, APIRoute) and route.methods != {"GET"} and f"{route.path}/".startswith(f"{place.rest}/"):
            yield from (f"{method} {route.path}" for method in route.methods or ())


def commands(place: Place) -> Iterator[str]:
    """Yield the commands of a subject that do something."""
    group = liaison.get_command(click.Context(liaison), place.group)
    assert isinstance(group, LazyGroup)
    yield from (f"{place.group} {name}" for name in group.table.keys() - _READING)


def forms(place: Place, node: Node) -> Iterator[str]:
    """Yield the paths to which forms of a subject are sent."""
    for route in routes(node):
        if "POST" in (route.methods or ()) and f"{route.path}/".startswith(f"{place.console}/"):
            yield route.path


def without_row(place: Place, node: Node, rows: Iterable[Row]) -> list[str]:
    """Return what is registered for a subject and done by no row."""
    done = list(rows)
    found = [each for each in calls(place) if not any(_fits(each, row.rest, "/v1/") for row in done)]
    found += [each for each in commands(place) if not any(f"{row.command} ".startswith(f"{each} ") for row in done)]
    return found + [each for each in forms(place, node) if not any(_fits(each, row.form.to) for row in done)]


def _fits(route: str, done: str, prefix: str = "") -> bool:
    """Tell whether a path of a row, with any names in it, is one of a route."""
    method, _, path = done.rpartition(" ")
    example = re.sub(r"\{[^}]*\}", "0" * 32, f"{method} {prefix}{path}".strip() if method else f"{prefix}{path}")
    return re.fullmatch(re.sub(r"\\\{.*?\\\}", "[^/]+", re.escape(route)), example) is not None
