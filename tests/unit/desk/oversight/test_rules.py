"""Rules over the own log: what a country may write, what each counts, and that counting keeps its bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.desk.oversight.counting import MOST_GROUPS, Counting, Use
from gateway.desk.oversight.matters import ASKED_AGAIN, REVIEWED
from gateway.desk.oversight.rules import MOST_RULES, Rule, Ruled, packaged, read_rules
from gateway.desk.oversight.targets import target_keys
from gateway.desk.oversight.watching import is_picked
from gateway.errors import LiaisonError, Misconfigured
from gateway.model.query import DocumentQuery, PersonQuery
from gateway.model.values import NameForm
from gateway.views.desk.reviews import RULES
from tests.support.tables import table

KEY = b"k" * 32
HOUR_US = 3_600_000_000
NOW = 1_800_000_000_000_000


def use(search: int = 0, **changes: Any) -> Use:
    made = Use(
        f"s{search}", "th.o.1", "th.blo.one", "police", NOW + search, "INVESTIGATION", "NARC", "C-1", "",
        "document", "exchange/1", search, (b"a",),
    )  # fmt: skip
    return replace(made, **changes)


def counting(*rules: Rule, **more: Any) -> Counting:
    given: dict[str, Any] = {"lists": {}, "off_shift": lambda *_: False, "alert_since": lambda _: 0} | more
    return Counting(Ruled(rules), given["lists"], given["off_shift"], given["alert_since"])


def met(counter: Counting, *uses: Use) -> list[str]:
    return [one.rule.id for each in uses for one in counter.count(each)]


def test_each_rule_of_the_package_has_its_words() -> None:
    assert {name: rule.title for name, rule in packaged().items()} == {
        name: text for name, text in RULES.items() if name not in (REVIEWED, ASKED_AGAIN)
    }


def test_a_rule_is_met_by_so_many_questions_within_its_time_and_then_counts_anew() -> None:
    rule = Rule("r", "", same="target", count=3, hours=1)
    assert met(counting(rule), *(use(n) for n in range(7))) == ["r", "r"]
    assert met(counting(rule), use(1), use(2), use(3, time_us=NOW + 2 * HOUR_US)) == []
    assert met(counting(rule), use(1), use(1), use(1)) == [], "the same question again is one"
    assert met(counting(rule), use(1), use(2, person="th.o.2"), use(3, keys=(b"b",))) == []
    assert met(counting(rule), use(1), use(2, keys=(b"b", b"a")), use(3)) == ["r"]


@table(
    ("rule", "holds", "fails"),
    [
        (Rule("r", "", without_case=True), use(case="", ticket="T-1"), use()),
        (Rule("r", "", denied=True), use(denied=True), use()),
        (Rule("r", ""), use(), use(denied=True)),
        (Rule("r", "", purposes=frozenset({"INVESTIGATION"})), use(), use(purpose="BORDER_CHECK")),
        (Rule("r", "", kinds=frozenset({"document"})), use(), use(kind="person")),
        (Rule("r", "", off_shift=True), use(person="late"), use()),
        (Rule("r", "", listed="all"), use(), use(keys=(b"z",))),
        (Rule("r", "", listed="own"), use(), use(person="th.o.2")),
        (Rule("r", "", after_alert_hours=1), use(query=DocumentQuery("A1")), use(query=DocumentQuery("B1"))),
        (Rule("r", "", after_alert_hours=1), use(query=DocumentQuery("A1")), use(query=None)),
    ],
)
def test_a_question_counts_where_all_conditions_hold(rule: Rule, holds: Use, fails: Use) -> None:
    def counter() -> Counting:
        return counting(
            rule,
            lists={"all": {b"a": frozenset({""})}, "own": {b"a": frozenset({"th.o.1"})}},
            off_shift=lambda person, _: person == "late",
            alert_since=lambda query: NOW - 1 if query == DocumentQuery("A1") else NOW - 2 * HOUR_US,
        )

    assert met(counter(), holds) == ["r"]
    assert met(counter(), fails) == []


@pytest.mark.long
def test_counting_keeps_its_bounds_whatever_is_asked() -> None:
    counter = counting(Rule("r", "", same="target", count=100, hours=168))
    for number in range(MOST_GROUPS + 500):
        met(counter, use(number, keys=(number.to_bytes(4, "big"),)))
    assert len(counter._groups) == MOST_GROUPS


def test_a_target_is_the_same_in_any_script_and_says_nothing_without_the_key() -> None:
    names = ["สมชาย ใจดี", "Somchai Jaidee", "JAIDEE, SOMCHAY"]
    keys = [set(target_keys(KEY, PersonQuery((NameForm(name),)))) for name in names]
    assert keys[0] & keys[1] & keys[2]
    assert not keys[0] & set(target_keys(b"x" * 32, PersonQuery((NameForm(names[0]),))))
    assert target_keys(KEY, DocumentQuery("p 12-34")) == target_keys(KEY, DocumentQuery("P1234", "THA"))
    assert target_keys(KEY, DocumentQuery("---")) == ()


@pytest.mark.long
def test_so_many_percent_are_picked_always_the_same_and_others_with_another_key() -> None:
    searches = [f"{number:032x}" for number in range(20_000)]
    picked = {search for search in searches if is_picked(KEY, search, 2.0)}
    assert 300 < len(picked) < 500
    assert picked == {search for search in searches if is_picked(KEY, search, 2.0)}
    assert picked != {search for search in searches if is_picked(b"x" * 32, search, 2.0)}
    assert not any(is_picked(KEY, search, 0.0) for search in searches)
    assert all(is_picked(KEY, search, 100.0) for search in searches)


BAD = {
    "[rule.x]\n": "title",
    '[rule.X]\ntitle = "t"\n': "name of a rule",
    '[rule.x]\ntitle = "t"\ncount = 0\n': "count",
    '[rule.x]\ntitle = "t"\ncount = 101\n': "count",
    '[rule.x]\ntitle = "t"\nhours = 169\n': "hours",
    '[rule.x]\ntitle = "t"\nhours = true\n': "hours",
    '[rule.x]\ntitle = "t"\nsame = "officer"\n': "in common",
    '[rule.x]\ntitle = "t"\nlisted = "../x"\n': "list",
    '[rule.x]\ntitle = "t"\nblock = true\n': "block",
    '[rule.x]\ntitle = "t"\npurposes = ["FUN"]\n': "FUN",
    '[rule.x]\ntitle = "t"\nkinds = []\n': "kinds",
    "rules = 1\n": "rules",
    "".join(f'[rule.r{n}]\ntitle = "t"\n' for n in range(MOST_RULES)): "rules at most",
}


@table("text", BAD)
def test_a_rule_with_a_mistake_is_told_with_its_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "rules.toml").write_text(text)
    with pytest.raises(Misconfigured) as caught:
        read_rules(tmp_path, "th")
    assert caught.value.where.startswith(f"{tmp_path.name}/rules.toml:")
    assert BAD[text] in str(caught.value)


@table(
    "line",
    ["nolist,,document,A1", "watched,,boat,A1", "watched,a b,document,A1", "watched,,document,", "watched,,person,"],
)
def test_a_listed_line_with_a_mistake_is_told_with_its_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "listed.csv").write_text(f"list,officer,kind,value\nwatched,,document,A1\n{line}\n")
    with pytest.raises(LiaisonError) as caught:
        read_rules(tmp_path, "th")
    assert caught.value.where == f"{tmp_path.name}/listed.csv:3"


def test_a_country_adds_changes_and_switches_off_rules(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(
        '[rule.denied]\noff = true\n[rule.own]\ntitle = "ours"\n[rule.same-target]\ntitle = "t"\ncount = 2\n'
    )
    found = {rule.id: rule for rule in read_rules(tmp_path, "th").rules}
    assert found.keys() == (packaged().keys() | {"own"}) - {"denied"}
    assert found["same-target"].count == 2
    assert read_rules(tmp_path / "nowhere", "th").rules == tuple(packaged().values())


@given(st.binary(max_size=400))
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    folder.mkdir(exist_ok=True)
    (folder / "rules.toml").write_bytes(data)
    (folder / "listed.csv").write_bytes(b"list,officer,kind,value\n" + data)
    try:
        read_rules(folder, "th")
    except LiaisonError:
        return
