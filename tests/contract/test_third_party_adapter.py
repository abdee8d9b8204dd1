"""An adapter that somebody else installs beside the gateway: found by its entry point, held to the same contract."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from adapters.base import Adapter, Changes
from adapters.check.conformance import Expectation, check_adapter, check_closing
from adapters.load import GROUP, Place, open_source
from gateway.clock import SystemClock
from gateway.errors import Misconfigured
from gateway.model.hit import SearchResult, SourceRecord
from gateway.model.query import Query, VehicleQuery
from gateway.model.strictness import Strictness
from tests.support.shared import PROJECT
from tests.support.sql_agencies import left_out

CLOCK = SystemClock()
GUIDE = PROJECT / "docs" / "guides" / "adapters.md"

MAPPING = f"""
[source]
id = "th.police.list"
agency = "police"
kind = "list of vehicles"

[marking]
releasable_to = ["vn"]

[[record]]
type = "Vehicle"
table = "vehicles"
key = "id"
left_out = {left_out("Vehicle", "plate", "province")}

[record.fields]
plate = {{ column = "plate" }}
province = {{ column = "province" }}

[record.search]
plates = {{ item = {{ plate = {{ field = "plate" }}, province = {{ field = "province" }} }} }}
"""

ROWS = '[{"id": 1, "plate": "กข 1234", "province": "ตาก"}, {"id": 2, "plate": "กค 99", "province": ""}]'

EXPECTATION = Expectation(found=[VehicleQuery("กข 1234")], not_found=[VehicleQuery("ฮฮ 1")])


def example() -> str:
    """The example of the guide, word for word."""
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    return str(code)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path with the package and what an installer writes about it."""
    site = tmp_path / "site"
    facts = site / "jsonlist_adapter-1.0.dist-info"
    facts.mkdir(parents=True)
    (site / "jsonlist_adapter.py").write_text(example(), encoding="utf-8")
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: jsonlist-adapter\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(f"[{GROUP}]\njsonlist = jsonlist_adapter:open_list\n")
    monkeypatch.syspath_prepend(str(site))
    (tmp_path / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    (tmp_path / "list.json").write_text(ROWS, encoding="utf-8")
    yield tmp_path
    import sys

    sys.modules.pop("jsonlist_adapter", None)


def opened(folder: Path) -> Adapter:
    return open_source(Place(folder / "mapping.toml", f"jsonlist://{folder}/list.json", folder / "index", CLOCK))


def test_the_guides_example_is_found_by_its_scheme_and_keeps_the_contract(installed: Path) -> None:
    adapter = opened(installed)
    assert check_adapter(adapter, CLOCK, EXPECTATION) == []
    (installed / "list.json").write_text(ROWS.replace("กค 99", "ขข 7"), encoding="utf-8")
    end = CLOCK.monotonic() + 10
    while not adapter.refresh() and CLOCK.monotonic() < end:  # after a pass over all rows the source gets some rest
        continue
    assert adapter.search(VehicleQuery("ขข 7"), CLOCK.monotonic() + 3).candidates
    assert check_closing(adapter, CLOCK, EXPECTATION) == []


def test_a_scheme_that_nobody_installed_is_named_with_those_that_are_there(installed: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        open_source(Place(installed / "mapping.toml", "jsonlst:///x", installed / "index", CLOCK))
    assert "did you mean `jsonlist`?" in caught.value.remedy


# ---------------------------------------------------------------- the suite has teeth


class Wrapped:
    """An adapter that keeps the contract but for what a subclass does."""

    def __init__(self, inner: Adapter) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Slow(Wrapped):
    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        return self.inner.search(query, deadline + 100, strictness)


class Loud(Wrapped):
    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        raise ValueError("SELECT * FROM vehicles")


class Restless(Wrapped):
    def changes(self, since: str) -> Changes:
        return Changes("x", True)

    def refresh(self) -> bool:
        return True


class Mixed(Wrapped):
    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        return structs.replace(self.inner.fetch(key, record_type, deadline), key="7")


class Wild(Wrapped):
    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        known = self.inner.search(VehicleQuery("กข 1234"), deadline)
        return known if "%" in str(query) else self.inner.search(query, deadline, strictness)


class Endless(Wrapped):
    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        found = self.inner.search(query, deadline, strictness)
        return SearchResult(found.candidates * 50)


class Vague(Wrapped):
    left_out = {"Vehicle": {"": 3}}  # noqa: RUF012 - what a careless adapter does


class Unsafe(Wrapped):
    calls = 0

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        Unsafe.calls += 1
        return self.inner.search(query, deadline, strictness) if Unsafe.calls % 7 else SearchResult()


BREACHES: dict[Callable[[Adapter], Wrapped], str] = {
    Slow: "deadlines: a call goes on after its deadline",
    Loud: "found: ValueError came out",
    Restless: "refresh: a refresh finds changes while nothing happens",
    Mixed: "found: a fetched record is not the one that was asked for",
    Wild: "hostile: a hostile text in a vehicle query finds something",
    Endless: "cap: a vehicle query does not say that there are more",
    Vague: "left_out: rows are left out without a reason or a number",
    Unsafe: "threads: threads that ask at once get other answers",
}


@pytest.mark.parametrize(("breaker", "breach"), BREACHES.items(), ids=[each.__name__ for each in BREACHES])
def test_an_adapter_that_breaks_the_contract_is_told_how(
    installed: Path, breaker: Callable[[Adapter], Any], breach: str
) -> None:
    adapter = opened(installed)
    expectation = replace(EXPECTATION, many=[VehicleQuery("กข 1234")] if breaker is Endless else [])
    assert breach in check_adapter(breaker(adapter), CLOCK, expectation)
    adapter.close()
