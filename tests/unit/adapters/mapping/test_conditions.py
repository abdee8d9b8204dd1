"""Conditions over joined rows: a history is not the present, so the mapping says which of its rows decide."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.mapping.conditions import condition, last_day
from adapters.mapping.mapping import Over, Ref, When
from adapters.values.converters import date_of
from gateway.clock import SystemClock
from gateway.errors import LiaisonError, Malformed, Misconfigured, Unknown
from tests.support.customs_house import CustomsHouse, customs_house, scanned
from tests.support.tables import table

STATE, SINCE = Ref("states", "state", 1), Ref("states", "since", 1)
PLACES = {STATE: (1, 0), SINCE: (1, 1)}
LIVE = "live = []"


def state(over: Over, test: str = "in", **more: object) -> When:
    by = SINCE if over is Over.NEWEST else None
    return When(STATE, test, frozenset(("ACTIVE",)), over=over, by=by, **more)  # type: ignore[arg-type]


def holds(when: When, *rows: tuple[str | int | None, str | int | None]) -> bool:
    return condition(when, PLACES.__getitem__)([(), list(rows)])


@pytest.fixture
def house(tmp_path: Path) -> CustomsHouse:
    return customs_house(tmp_path)


def test_the_newest_row_decides_whatever_order_the_rows_are_in() -> None:
    ended = ("ACTIVE", "2023-05-01"), ("CANCELLED", "2024-02-01")
    for rows in (ended, ended[::-1]):
        assert not holds(state(Over.NEWEST), *rows)
        assert holds(state(Over.ANY), *rows)
        assert not holds(state(Over.ALL), *rows)


@table(
    ("old", "new"),
    [
        ("2023-12-31", "2024-01-01"),
        ("2024-01-01", "2024-01-01T08:30:00"),
        ("2024-01-01 08:30:00", "2024-01-01T09:00:00"),
        ("25661231", "25670101"),
        ("20231231235959", "20240101000000"),
        (9, 10),
        (20231231, 20240101),
    ],
)
def test_moments_are_compared_as_they_are_stored(old: str | int, new: str | int) -> None:
    assert holds(state(Over.NEWEST), ("ACTIVE", new), ("CANCELLED", old))
    assert not holds(state(Over.NEWEST), ("ACTIVE", old), ("CANCELLED", new))


def test_dates_in_words_of_their_own_are_read_as_the_mapping_says() -> None:
    when = state(Over.NEWEST, by_date=date_of({"formats": ["dd/mm/yyyy"]}, bounded=False))
    assert holds(when, ("CANCELLED", "31/01/2023"), ("ACTIVE", "01/02/2024"))


@table(
    "moments",
    [
        ("31/01/2023", "01/02/2024"),
        ("31012023", "01022024"),
        (31012023, 1022024),
        ("2024-01-01", None),
        (None, None),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01", "20240201"),
        ("9", "10"),
        ("n/a", "2024-01-01"),
    ],
)
def test_where_the_newest_row_cannot_be_told_nothing_is_picked(moments: tuple[str | int | None, ...]) -> None:
    first, second = moments
    with pytest.raises(Malformed) as caught:
        holds(state(Over.NEWEST), ("ACTIVE", first), ("CANCELLED", second))
    assert caught.value.code == "no-newest"
    assert "since" in caught.value.message
    # Rows that agree leave no doubt, whenever they were written.
    assert holds(state(Over.NEWEST), ("ACTIVE", first), ("ACTIVE", second))


@table("over", [Over.ANY, Over.ALL, Over.NEWEST])
@table(("test", "expected"), [("in", False), ("not_in", True), ("filled", False), ("empty", True)])
def test_without_rows_a_condition_is_tested_on_an_empty_cell(over: Over, test: str, expected: bool) -> None:
    assert holds(state(over, test)) is expected


@pytest.mark.parametrize(
    ("over", "expected"), [(Over.ANY, "2024-05-31"), (Over.ALL, "2023-01-02"), (Over.NEWEST, "2023-01-02")]
)
def test_a_last_day_comes_from_the_rows_that_decide(over: Over, expected: str) -> None:
    date = date_of({"formats": ["yyyy-mm-dd", "yyyy-mm"]}, bounded=False)
    when = When(STATE, "not_past", date=date, over=over, by=SINCE)
    ends = last_day(when, PLACES.__getitem__)
    day = ends([(), [("2024-05", "1"), ("2023-01-02", "2")]])
    assert day == SystemClock().now().date().fromisoformat(expected).toordinal()
    assert ends([(), []]) == 0
    assert last_day(When(STATE, "not_past", date=date, over=Over.ANY), PLACES.__getitem__)([(), [(None, "1")]]) == 0


# ---------------------------------------------------------------- in a mapping


def live(said: str) -> tuple[str, str]:
    return LIVE, f'live = [{{ column = "states.state", in = ["ACTIVE"]{said} }}]'


def test_a_cancelled_sheet_is_not_live_by_its_newest_state(house: CustomsHouse) -> None:
    def kept(said: str) -> set[str]:
        source = house.rows(live(said))
        builder = source.builders["Seizure"]
        return {str(rows[0][0]) for rows, _, _ in source.scan("Seizure") if rows and builder.is_live(rows)}

    assert kept(', rows = "newest by since"') == {"2", "3"}
    assert kept(', rows = "any"') == {"1", "2", "3"}
    assert kept(', rows = "all"') == {"2"}


def test_a_search_and_a_fetch_follow_the_newest_state(house: CustomsHouse) -> None:
    source, deadline = house.opened(live(', rows = "newest by since"')), SystemClock().monotonic() + 30
    with pytest.raises(Unknown):
        source.fetch("1", "Seizure", deadline)
    assert source.fetch("3", "Seizure", deadline).key == "3"
    house.run("INSERT INTO states VALUES (9, 3, 'CANCELLED', '2025-01-01')")
    with pytest.raises(Unknown):
        source.fetch("3", "Seizure", deadline)
    house.run("INSERT INTO states VALUES (10, 2, 'CANCELLED', '2024-03-01')")
    with pytest.raises(LiaisonError) as caught:
        source.fetch("2", "Seizure", deadline)
    assert caught.value.code == "record-unreadable"
    source.close()


def test_the_newest_of_a_long_history_decides(house: CustomsHouse) -> None:
    """The newest row is not the last one by its key, and far more rows are there than a field may hold."""
    rows = ", ".join(f"({number}, 2, 'CANCELLED', '2023-01-01')" for number in range(100, 800))
    house.run(f"INSERT INTO states VALUES {rows}")
    source = house.rows(live(', rows = "newest by since"'))
    rows_of = {str(rows[0][0]): rows for rows, _, _ in source.scan("Seizure") if rows}
    assert source.builders["Seizure"].is_live(rows_of["2"])
    read = source.read("Seizure", "2", {}, SystemClock().monotonic() + 3)
    assert source.builders["Seizure"].is_live(read)
    house.run(f"INSERT INTO states VALUES {rows.replace('(', '(9')}")
    assert "more than 1000 rows of `states`, which a condition looks at" in scanned(source).values()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("", "`states` may have many rows, and the condition does not say which of them decide"),
        (', rows = "some"', "`rows` cannot be `some`"),
        (', rows = "newest"', "`rows` cannot be `newest`"),
        (', rows = "newest by sicne"', "unknown column `sicne`"),
        (', rows = "newest by items.id"', "no column of `states`"),
    ],
)
def test_a_condition_says_which_rows_decide(house: CustomsHouse, said: str, message: str) -> None:
    with pytest.raises(Misconfigured, match=message) as caught:
        house.rows(live(said))
    assert caught.value.where == f"{house.mapping}:15"
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ('[[record.subject]]\nwhen = { column = "office", in = ["x"], rows = "any" }\nis = "SUSPECT"', "many rows"),
        ('[[record.subject]]\nwhen = { column = "os_year", not_past = "yyyy" }\nis = "SUSPECT"', "`live`"),
        ('[[record.marking]]\nwhen = { column = "states.state", in = ["x"] }\nlevel = "RESTRICTED"', "does not say"),
        ('[[record.subject]]\nwhen = { column = "people.nat", in = ["x"] }\nis = "SUSPECT"', "does not say"),
    ],
)
def test_rules_are_held_to_the_same(house: CustomsHouse, rule: str, message: str) -> None:
    with pytest.raises(Misconfigured, match=message):
        house.rows(("[record.search]", f"{rule}\n\n[record.search]"))


def test_a_value_may_depend_on_a_history(house: CustomsHouse) -> None:
    where = '{ column = "states.state", in = ["ACTIVE"], rows = "newest by since" }'
    found = scanned(house.rows(('{ column = "office" }', f'{{ column = "office", where = {where} }}')))
    assert ["office" in record for record in found.values()] == [False, True, True, False]


def test_a_subject_follows_the_rows_that_decide(house: CustomsHouse) -> None:
    for said, expected in (("any", "WANTED"), ("newest by since", "UNKNOWN"), ("all", "UNKNOWN")):
        rule = (
            f'[[record.subject]]\nwhen = {{ column = "states.state", in = ["ACTIVE"], rows = "{said}" }}\nis = "WANTED"'
        )
        assert scanned(house.rows(("[record.search]", f"{rule}\n\n[record.search]")))["1"]["category"] == expected
