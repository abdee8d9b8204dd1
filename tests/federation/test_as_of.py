"""No answer claims more than an oracle that knows each source's state: what it holds, and when it was looked at last.

Three sources of one country break, freeze, slow down, are written to while they are read, and are set back to an older
state, at random. After each question the oracle is asked what an honest answer could claim. `make test` asks a few
hundred; `LIAISON_QUESTIONS=10000` with `-s` is a night's part. A failure prints its seed (`LIAISON_SEED`).
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from adapters.load import Place
from adapters.mapping.mapping import FRESH_WITHIN_S
from gateway.clock import SECOND_US
from gateway.errors import LiaisonError, TimedOut, Unavailable
from gateway.model.exchange import Outcome
from gateway.model.query import DocumentQuery
from gateway.model.search import Line
from gateway.ops.sources.places import source_place
from tests.support.exchange import VN, command, lines
from tests.support.moved_clock import Ahead
from tests.support.nodes import SourcePlan, build_world, impatient, officer
from tests.support.samples import ONE_EACH, sample_database
from tests.support.simulator import Simulation, simulated
from tests.support.weathered_rows import WeatheredRows

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUESTIONS = int(os.environ.get("LIAISON_QUESTIONS", "80"))
SEED = int(os.environ.get("LIAISON_SEED", str(random.SystemRandom().randrange(10**9))))
HER = officer("th")
KINDS = ("immigration records", "second records", "third records")
NUMBERS = tuple(f"W{number:07d}" for number in range(30))
_COPY = "Loai, ?, MaNoiCap, NgayCap, NgayHetHan, TinhTrang, LanQuaCuoi, DaXoa FROM GiayTo WHERE So = 'C4419027'"


@dataclass(slots=True)
class Agency:
    """One agency's system, its faults, and what the oracle knows of it."""

    kind: str
    database: Path
    random: random.Random
    ahead: Ahead | None = None
    fault: str = ""
    held: dict[str, int] = field(default_factory=dict)
    """Each number that it holds, with the time from which on it has held it."""
    numbered: dict[str, int] = field(default_factory=dict)
    last: int = 1_000
    older: list[tuple[dict[str, int], int]] = field(default_factory=list)
    """Its keys of these documents and the last one that it gave, and what these were some writes ago."""
    is_set_back: bool = False
    whole_us: int = 0
    """When the last look at it that succeeded ended."""
    has_failed: bool = False

    def now_us(self) -> int:
        assert self.ahead is not None
        return self.ahead.clock().now_us()

    def pass_time(self, most_s: float) -> None:
        assert self.ahead is not None
        self.ahead.move(timedelta(seconds=self.random.uniform(0, most_s)))

    def meet(self, call: str) -> None:
        """Be as the weather is: what a call of the node to this system meets."""
        if self.fault == "broken":
            raise Unavailable("the source cannot be asked")
        if self.fault == "frozen":
            self.pass_time(60)
            raise TimedOut("the source did not answer in time")
        if self.fault == "slow" and call != "fetch":
            self.pass_time(200)
            self.write()  # its own people go on meanwhile

    def write(self) -> None:
        """Enter a document, or delete one. Nobody does after the system was set back, until it was looked at."""
        if self.is_set_back:
            return
        self.older = [*self.older[-5:], (dict(self.numbered), self.last)]
        number = self.random.choice(NUMBERS)
        with closing(sqlite3.connect(self.database)) as opened, opened:
            if number in self.held:
                self._delete(opened, number)
            else:
                self.last += 1
                self._enter(opened, number, self.last)

    def _enter(self, opened: sqlite3.Connection, number: str, key: int) -> None:
        opened.execute(f"INSERT INTO GiayTo SELECT ?, MaHoSo, {_COPY}", (key, number))
        self.held[number], self.numbered[number] = self.now_us(), key

    def _delete(self, opened: sqlite3.Connection, number: str) -> None:
        opened.execute("DELETE FROM GiayTo WHERE So = ?", (number,))
        del self.held[number], self.numbered[number]

    def set_back(self) -> None:
        """Go back to an older state, as a restored backup does; what came after it is never restored.

        Else a key could come back with another row, so that neither count nor largest key shows it (decision 0119).
        """
        if not self.older:
            return
        place = self.random.randrange(len(self.older))
        (wanted, self.last), self.is_set_back = self.older[place], True
        del self.older[place:]
        with closing(sqlite3.connect(self.database)) as opened, opened:
            for number, _ in sorted(self.numbered.items() - wanted.items()):
                self._delete(opened, number)
            for number, key in sorted(wanted.items() - self.numbered.items()):
                self._enter(opened, number, key)

    def looked(self, look: Callable[[], object]) -> object:
        """Make the node's look at this system, and know how it went."""
        self.has_failed = True
        found = look()
        self.whole_us, self.has_failed, self.is_set_back = self.now_us(), False, False
        return found


@dataclass(slots=True)
class Country:
    """Viet Nam with its three systems."""

    world: Simulation
    agencies: Sequence[Agency]
    looks: Sequence[Callable[[], object]]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def country(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Country]:
    folder = tmp_path_factory.mktemp("weather")
    (sample,) = [sample for sample in ONE_EACH if sample.member == "vn"]
    plans, agencies = [], {}
    rng = random.Random(SEED)
    text = Path(sample.mapping_file).read_text(encoding="utf-8")
    original = sample_database(sample, folder / "sources")
    for place, kind in enumerate(KINDS):
        name, mapping, database = f"vn.immigration.s{place}", folder / f"s{place}.toml", folder / f"s{place}.sqlite"
        mapping.write_text(text.replace(sample.id, name).replace(KINDS[0], kind), encoding="utf-8")
        shutil.copyfile(original, database)
        plans.append(SourcePlan(name, sample.agency, mapping, f"sqlite:///{database}"))
        agencies[name] = Agency(kind, database, rng)

    def with_weather(settings: Any, source: Any, home: Any, clock: Any) -> Place:
        place = source_place(settings, source, home, clock)
        agency = agencies.get(source.id)
        return place if agency is None else replace(place, observe=lambda rows: WeatheredRows(rows, agency.meet))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.app.resources.source_place", with_weather)
        async with simulated(impatient(build_world(folder, {"vn": plans}, ("th", "vn")))) as world:
            refreshers = world.nodes["vn"].resources.refreshers
            for name, agency in agencies.items():
                agency.ahead = world.ahead
                refreshers[name] = partial(agency.looked, refreshers[name])
                refreshers[name]()
            yield Country(world, tuple(agencies.values()), tuple(refreshers.values()))


async def asked(country: Country, number: str) -> Line:
    found = await country.world.nodes["th"].asking.searches.start(HER, command(DocumentQuery(number, "VNM"), (VN,)))
    return lines(found)[VN]


def claims_more(agencies: Sequence[Agency], number: str, line: Line, now_us: int) -> Iterator[str]:
    """Yield what a line claims and the oracle knows to be otherwise."""
    if line.outcome is Outcome.SILENT:  # a source froze in the middle of it
        return
    searched = {one.kind: one.as_of_us for one in line.searched}
    if (line.outcome is Outcome.NO_HIT) != (not line.hits and len(searched) == len(agencies) and not line.missing):
        yield "no hit without all sources, or not told"
    if (line.outcome is Outcome.PARTIAL) != bool(searched and line.missing and not line.hits):
        yield "partial, or not told"
    if (line.outcome is Outcome.NOT_SEARCHED) != (not searched and not line.hits):
        yield "not searched, and searched"
    for agency in agencies:
        if agency.kind not in searched:
            if agency.kind not in line.missing:
                yield f"{agency.kind}: neither searched nor missing"
            continue
        as_of_us = searched[agency.kind]
        if agency.has_failed:
            yield f"{agency.kind}: searched, and its last look failed"
        if not agency.whole_us or as_of_us > agency.whole_us:
            yield f"{agency.kind}: as of a time at which nobody looked"
        if as_of_us < now_us - (FRESH_WITHIN_S + 1) * SECOND_US:
            yield f"{agency.kind}: older than its mapping promises"
        held_us = agency.held.get(number)
        if not line.hits and held_us is not None and held_us < as_of_us:
            yield f"{agency.kind}: it held the document from {as_of_us - held_us} us before on"


async def test_n198_no_answer_claims_more_than_the_state_of_each_source(country: Country) -> None:
    rng, world, told = random.Random(SEED), country.world, Counter[str]()
    print(f"seed {SEED}")
    for _ in range(QUESTIONS):
        agency = rng.choice(country.agencies)
        if rng.random() < 0.3:
            agency.fault = rng.choice(("broken", "frozen", "slow", "", ""))
        if rng.random() < 0.05:
            agency.set_back()
        if rng.random() < 0.7:
            agency.write()
        world.ahead.move(timedelta(seconds=rng.choice((1, 10, 40, 70, 400))))
        for looks in country.looks:
            if rng.random() < 0.4:
                with suppress(LiaisonError):
                    looks()
        if rng.random() < 0.05:
            await world.turn()
        number = rng.choice(NUMBERS)
        line = await asked(country, number)
        assert list(claims_more(country.agencies, number, line, agency.now_us())) == [], (SEED, line)
        told[line.outcome] += 1
    print(dict(told))


async def test_what_can_be_searched_is_searched_and_what_cannot_is_told(country: Country) -> None:
    """Without this, an oracle that lets nothing through would be content."""

    async def in_weather(*faults: str) -> Line:
        country.world.ahead.move(timedelta(hours=3))  # no source rests any more
        for agency, fault, look in zip(country.agencies, faults, country.looks, strict=True):
            agency.fault = fault
            with pytest.raises(LiaisonError) if fault else nullcontext():
                look()
        return await asked(country, "W9999999")

    assert (await in_weather("", "", "")).outcome is Outcome.NO_HIT
    partial = await in_weather("broken", "", "frozen")
    assert (partial.outcome, set(partial.missing)) == (Outcome.PARTIAL, {KINDS[0], KINDS[2]})
    assert (await in_weather("broken", "broken", "frozen")).outcome is Outcome.NOT_SEARCHED
    assert len((await in_weather("", "", "")).searched) == len(KINDS)
