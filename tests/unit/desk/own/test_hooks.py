"""What each kind says to the machine under it: as much as one can keep in mind, and nothing beside its hooks."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from gateway.desk.acting.home import OwnKind
from gateway.desk.alerts.own import OwnAlerts
from gateway.desk.alerts.spread import AlertSpread
from gateway.desk.oversight.freezing import FreezeDesk
from gateway.desk.oversight.frozen import FREEZES
from gateway.desk.own.acts import OwnActs
from gateway.desk.own.spread import Spread
from gateway.desk.reports.own import OwnReports
from gateway.desk.reports.spread import ReportSpread
from gateway.desk.watches.own import OwnWatches
from gateway.desk.watches.spread import WatchSpread

MOST = 22
ACTS = {
    *("widens", "raising", "changing", "approving", "tells", "looks"),
    *("begun", "state", "decided", "not_now", "open_to"),
}
TELLING = {"home", "remembers", "changed", "without", "to", "missing", "settled", "due", "times"}


def said(kind: type, machine: type) -> set[str]:
    """The names of the machine that a kind says anew."""
    known = {name for each in machine.__mro__ for name in (*vars(each), *vars(each).get("__annotations__", ()))}
    return {name for name in known & vars(kind).keys() if not name.startswith(("__", "_abc"))}


def fields(home: OwnKind[Any]) -> list[str]:
    return [
        each.name for each in dataclasses.fields(home) if each.init and getattr(home, each.name) is not each.default
    ]


@pytest.mark.parametrize(
    ("acts", "spread"), [(OwnAlerts, AlertSpread), (OwnReports, ReportSpread), (OwnWatches, WatchSpread)]
)
def test_a_kind_says_its_rules_in_hooks_and_goes_round_no_act_of_the_machine(
    acts: type[OwnActs[Any]], spread: type[Spread[Any, Any]]
) -> None:
    to_acts, to_telling = said(acts, OwnActs), said(spread, Spread)
    assert to_acts <= ACTS
    assert to_telling <= TELLING
    assert len(fields(spread.home)) + len(to_acts) + len(to_telling) <= MOST


def test_a_freezing_which_is_told_to_no_counterpart_says_its_rules_in_hooks_too() -> None:
    to_acts = said(FreezeDesk, OwnActs)
    assert to_acts <= ACTS
    assert len(fields(FREEZES)) + len(to_acts) <= MOST
