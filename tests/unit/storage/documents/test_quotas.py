"""Quotas are exact: parallel requests and several processes together use all of a limit and nothing beyond it."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.toml import parse_toml
from gateway.errors import Misconfigured
from gateway.ports.quotas import QuotaPlace
from gateway.storage.database.engine import Database
from gateway.storage.database.migrate import migrate
from gateway.storage.documents.quotas import SqlQuotas
from policy.bundle.limits import Quotas, read_quotas
from tests.support.audit_logs import LogHome
from tests.support.policies import NOW_US
from tests.support.tables import table
from tests.support.zygote import Zygote

pytestmark = pytest.mark.usefixtures("engine")

TH = QuotaPlace("in", "th", "BORDER_CHECK")
LA = QuotaPlace("in", "la", "BORDER_CHECK")
DAY_US = 86_400_000_000
DAYS = itertools.count()


@pytest.fixture
def database(tmp_path: Path) -> Database:
    opened = LogHome(tmp_path).open()
    migrate(opened)
    return opened


def test_a_limit_is_used_up_and_not_passed(database: Database) -> None:
    quotas = SqlQuotas(database)
    assert quotas.take([TH] * 3, lambda _: 5, NOW_US) == [True] * 3
    assert quotas.take([TH] * 4, lambda _: 5, NOW_US) == [True, True, False, False]
    assert quotas.take([TH], lambda _: 5, NOW_US) == [False]
    assert [(use.place, use.used) for use in quotas.used(NOW_US)] == [(TH, 5)]


def test_a_new_day_begins_at_nothing(database: Database) -> None:
    quotas = SqlQuotas(database)
    assert quotas.take([TH] * 2, lambda _: 1, NOW_US) == [True, False]
    assert quotas.take([TH], lambda _: 1, NOW_US + DAY_US) == [True]
    assert quotas.used(NOW_US + 2 * DAY_US) == []


def test_one_counterpart_does_not_use_anothers_quota(database: Database) -> None:
    limits = {TH: 1, LA: 2}
    assert SqlQuotas(database).take([TH, LA, TH, LA, LA], limits.get, NOW_US) == [True, True, False, True, False]


def test_what_has_no_limit_is_not_counted(database: Database) -> None:
    quotas = SqlQuotas(database)
    assert quotas.take([TH, LA], lambda _: None, NOW_US) == [True, True]
    assert quotas.used(NOW_US) == []


def test_a_limit_of_nothing_lets_nothing_through(database: Database) -> None:
    assert SqlQuotas(database).take([TH], lambda _: 0, NOW_US) == [False]


def test_old_days_are_forgotten(database: Database) -> None:
    SqlQuotas(database).take([TH], lambda _: 9, NOW_US - 200 * DAY_US)
    SqlQuotas(database).take([TH], lambda _: 9, NOW_US)
    assert SqlQuotas(database).used(NOW_US - 200 * DAY_US) == []


def test_a_clock_that_is_ahead_gives_no_quota_back(database: Database) -> None:
    proved_us = 0
    quotas = SqlQuotas(database, lambda: proved_us)
    assert quotas.take([TH], lambda _: 1, NOW_US) == [True]
    quotas.take([TH], lambda _: 1, NOW_US + 365 * DAY_US)
    assert quotas.take([TH], lambda _: 1, NOW_US) == [False]
    proved_us = NOW_US + 366 * DAY_US
    quotas.take([TH], lambda _: 1, proved_us)
    assert quotas.used(NOW_US) == []


def test_parallel_threads_together_are_exact(database: Database) -> None:
    quotas = SqlQuotas(database)
    granted: list[bool] = []

    def ask() -> None:
        for _ in range(10):
            granted.extend(quotas.take([TH] * 3, lambda _: 100, NOW_US))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert granted.count(True) == 100
    assert quotas.used(NOW_US)[0].used == 100


@pytest.mark.process
async def test_several_processes_together_are_exact(database: Database, tmp_path: Path) -> None:
    async with Zygote() as zygote:
        children = [await zygote.fork("tests.support.at_once:take", str(tmp_path), str(NOW_US)) for _ in range(3)]
        granted = [await child.ended(60) for child in children]  # its exit code
    assert sum(granted) == 70
    assert SqlQuotas(database).used(NOW_US)[0].used == 70


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from([TH, LA]), st.integers(1, 5)), max_size=8), st.integers(0, 9))
@pytest.mark.long
def test_never_more_than_the_limit_and_never_less_than_what_was_asked(
    tmp_path_factory: pytest.TempPathFactory, asked: list[tuple[QuotaPlace, int]], limit: int
) -> None:
    opened = LogHome(tmp_path_factory.getbasetemp() / f"quota-{LogHome.engine}").open()
    migrate(opened)
    quotas, now_us = SqlQuotas(opened), NOW_US + next(DAYS) * DAY_US
    granted = {TH: 0, LA: 0}
    for place, number in asked:
        granted[place] += sum(quotas.take([place] * number, lambda _: limit, now_us))
    for place in granted:
        assert granted[place] == min(limit, sum(number for one, number in asked if one == place))
    opened.close()


def test_what_is_spent_is_counted_in_advance_and_never_passes_its_limit(database: Database) -> None:
    place, other = QuotaPlace("kept", "th", "alert"), QuotaPlace("kept", "la", "alert")
    quotas = SqlQuotas(database)
    assert quotas.spend(place, 10, 1_280, NOW_US)
    assert [use.used for use in quotas.used(NOW_US)] == [10], "what is asked for, or a part of the limit"
    assert quotas.spend(place, 3, 1_280, NOW_US)
    assert quotas.spend(place, 3, 1_280, NOW_US)
    assert [use.used for use in quotas.used(NOW_US)] == [20]
    later = SqlQuotas(database)  # after a start the rest of a part is lost, and no more
    assert not later.spend(place, 1_261, 1_280, NOW_US)
    third = SqlQuotas(database)
    assert third.spend(place, 1_260, 1_280, NOW_US), "what did not fit has taken nothing"
    assert not later.spend(place, 1, 1_280, NOW_US)
    assert later.spend(other, 1, 1_280, NOW_US), "another one has its own"
    assert later.spend(place, 1, 1_280, NOW_US + DAY_US), "and so has another day"
    assert not later.spend(place, 1, 0, NOW_US)


def test_beyond_a_limit_the_database_is_not_asked_any_more(database: Database) -> None:
    quotas = SqlQuotas(database)
    assert quotas.spend(TH, 2, 2, NOW_US)
    assert not quotas.spend(TH, 1, 2, NOW_US)
    other = SqlQuotas(database)
    assert other.spend(LA, 1, 9, NOW_US)
    assert not other.spend(LA, 9, 9, NOW_US)
    database.close()
    assert not quotas.spend(TH, 1, 2, NOW_US)
    assert not other.spend(LA, 9, 9, NOW_US)


def _read(text: str) -> Quotas:
    return read_quotas(parse_toml("quotas.toml", text.encode()))


def test_quotas_are_read_by_direction_counterpart_and_purpose() -> None:
    quotas = _read("default = 100\n[in.th]\nBORDER_CHECK = 5\n[out.la]\nINVESTIGATION = 0\n")
    assert quotas.limit("in", "th", "BORDER_CHECK") == 5
    assert quotas.limit("out", "la", "INVESTIGATION") == 0
    assert quotas.limit("out", "th", "BORDER_CHECK") == 100
    assert _read("").limit("in", "th", "BORDER_CHECK") is None


@table(
    "text",
    [
        "default = -1",
        "default = true",
        "both = 3",
        "[in]\nth = 3",
        "[in.TH]\nBORDER_CHECK = 3",
        "[in.th]\nCURIOSITY = 3",
        "[in.th]\nBORDER_CHECK = 'many'",
    ],
)
def test_a_quota_that_says_something_else_does_not_load(text: str) -> None:
    with pytest.raises(Misconfigured):
        _read(text)


def test_a_budget_names_what_differs_and_one_counterpart_alone() -> None:
    budget = _read("[budget]\nalert = { mib = 1 }\n[budget_of.th]\nalert = { open = 2 }\n").budget
    usual = Quotas().budget.share("la", "alert")
    assert (budget.share("la", "alert").mib, budget.share("la", "alert").open) == (1, usual.open)
    assert (budget.share("th", "alert").mib, budget.share("th", "alert").open) == (1, 2)
    assert budget.share("th", "ask") == Quotas().budget.share("th", "ask")
    quotas = _read("[brought]\nperson_mib = 1\n")
    assert quotas.limit("brought", "police", "p-1") == 1_024
    assert quotas.limit("kept", "th", "alert") == usual.mib * 1_024
    assert quotas.limit("told", "th", "alert") == usual.told
    assert (quotas.limit("word", "th", "03"), quotas.limit("in", "th", "BORDER_CHECK")) == (1, None)
    assert not quotas.named, "no question is counted for it"


@table(
    "text",
    (
        "[budget]\nrumour = { mib = 1 }\n",
        "[budget]\nalert = { mb = 1 }\n",
        "[budget]\nalert = { mib = -1 }\n",
        "[budget]\nalert = 3\n",
        "[budget_of.Thailand]\nalert = { mib = 1 }\n",
        "[brought]\noffice_mib = 1\n",
    ),
)
def test_a_mistake_in_a_budget_is_told_with_its_line(text: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        _read(text)
    assert caught.value.where.startswith("quotas.toml:")
