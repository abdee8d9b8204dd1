"""No member starves another one at a source: lines for each member, limits on what a question by name may cost."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue

import pytest

from adapters.base import Budget
from gateway.clock import SystemClock
from gateway.errors import LiaisonError, Malformed, TimedOut
from gateway.exchange.sources.batching import SearchCall, Steps
from gateway.exchange.sources.bulkhead import Bulkhead, Task, WallLimits
from gateway.exchange.sources.lines import MAX_WAITING, Lines
from gateway.matching.keys import asked_word_keys, query_cost, query_keys
from gateway.matching.normal import asked_name, normal_name
from gateway.matching.person import PersonFeatures, score_person
from gateway.matching.scripts.cost import MAX_NAME_COST, name_cost
from gateway.model.hit import SearchResult, SourceRecord
from gateway.model.query import DocumentQuery, PersonQuery, Query
from gateway.model.strictness import Strictness
from gateway.model.values import NameForm
from gateway.ports.sources import Source, SourceDescription
from tests.support.load import compute, effort
from tests.support.waiting import MOST_S

CLOCK = SystemClock()
QUERY = DocumentQuery("AA1234567")


def task(line: str, *, urgent: bool = False, cost: float = 0.0) -> Task:
    def run(source: Source) -> Steps[object]:
        return (yield SearchCall(source, QUERY))

    return Task(run, lambda _result, _error: None, CLOCK.monotonic() + 60, line, urgent, cost)


def served(lines: Lines, seconds: Callable[[Task], float], count: int) -> list[Task]:
    """Take and charge so many tasks, one after the other."""
    found = []
    for _ in range(count):
        each = lines.ready()
        assert each is not None
        lines.charge([each], seconds(each), 0.0)
        found.append(each)
    return found


# ---------------------------------------------------------------- lines


def test_a_member_with_few_questions_waits_for_one_of_anothers_many() -> None:
    lines = Lines(1)
    for _ in range(200):
        assert lines.put(task("th"))
    served(lines, lambda _: 0.01, 20)
    lines.put(task("vn"))
    assert "vn" in [each.line for each in served(lines, lambda _: 0.01, 2)]


def test_costly_questions_get_no_more_time_than_cheap_ones() -> None:
    lines = Lines(1)
    for _ in range(300):
        lines.put(task("th"))
        lines.put(task("vn"))
    seconds = {"th": 0.1, "vn": 0.001}
    spent = {"th": 0.0, "vn": 0.0}
    for each in served(lines, lambda one: seconds[one.line], 303):
        spent[each.line] += seconds[each.line]
    assert lines.qsize() == 297
    assert spent["th"] < 5 * 0.1
    assert spent["vn"] > 0.25


def test_a_member_that_was_away_has_saved_no_time() -> None:
    lines = Lines(1)
    lines.put(task("vn"))
    served(lines, lambda _: 0.01, 1)
    for _ in range(200):
        lines.put(task("th"))
    served(lines, lambda _: 0.01, 100)
    for _ in range(100):
        lines.put(task("vn"))
    order = [each.line for each in served(lines, lambda _: 0.01, 40)]
    assert 15 <= order.count("th") <= 25


def test_urgent_questions_go_first_and_do_not_stop_the_others() -> None:
    lines = Lines(1)
    for _ in range(50):
        lines.put(task("th"))
    served(lines, lambda _: 0.01, 10)
    lines.put(task("th", urgent=True))
    assert served(lines, lambda _: 0.01, 1)[0].urgent
    for _ in range(100):
        lines.put(task("th", urgent=True))
        lines.put(task("vn"))
    found = served(lines, lambda _: 0.01, 100)
    assert 70 <= sum(each.urgent for each in found) <= 90
    assert sum(each.line == "vn" for each in found) >= 5


def test_too_much_waiting_is_counted_for_each_member() -> None:
    lines = Lines(1)
    assert all(lines.put(task("th")) for _ in range(MAX_WAITING))
    assert not lines.put(task("th"))
    assert lines.put(task("vn"))


def test_one_costly_question_is_served_at_a_time_and_cheap_ones_go_on() -> None:
    lines = Lines(4)
    for line in ("th", "vn"):
        lines.put(task(line, cost=0.02))
    first = lines.ready()
    assert first is not None
    assert lines.is_costly(first)
    lines.enter(first)
    assert lines.ready() is None
    lines.put(task("kh"))
    cheap = lines.ready()
    assert cheap is not None
    assert cheap.line == "kh"
    lines.leave(first)
    assert lines.ready() is not None


def test_a_much_shorter_question_by_name_does_not_wait_for_another_member_s_costly_one() -> None:
    lines = Lines(4)
    for cost in (0.2, 0.006):
        lines.put(task("th", cost=cost))
    costly = lines.ready()
    assert costly is not None
    lines.enter(costly)
    assert lines.ready() is None, "its own member waits"
    lines.put(task("vn", cost=0.006))
    shorter = lines.ready()
    assert shorter is not None
    assert shorter.line == "vn"
    lines.enter(shorter)
    lines.put(task("kh", cost=0.006))
    assert lines.ready() is None, "one beside it is enough"
    lines.leave(shorter)
    lines.leave(costly)
    assert {each.line for each in served(lines, lambda _: 0.01, 2)} == {"th", "kh"}


def test_the_last_thread_is_for_another_member() -> None:
    lines = Lines(3, computes=False)
    lines.put(task("vn"))
    served(lines, lambda _: 0.01, 1)
    for _ in range(5):
        lines.put(task("th"))
    for _ in range(2):
        each = lines.ready()
        assert each is not None
        lines.enter(each)
    assert lines.ready() is None
    lines.put(task("vn"))
    last = lines.ready()
    assert last is not None
    assert last.line == "vn"


# ---------------------------------------------------------------- a wall


class Backend:
    """A source that computes for as long as the question's number says, in milliseconds."""

    def describe(self) -> SourceDescription:
        return SourceDescription("th.police.x", "police", "police records", frozenset(), frozenset())

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        assert isinstance(query, DocumentQuery)
        compute(int(query.number) / 1000)
        return SearchResult()

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        raise NotImplementedError

    def health(self) -> str:
        return ""


@pytest.fixture
def wall() -> Iterator[Bulkhead]:
    made = Bulkhead(Backend(), CLOCK, 4)
    made.start()
    yield made
    made.stop()


def ask(wall: Bulkhead, line: str, ms: int, seconds: float, *, cost: float = 0.0) -> SimpleQueue[LiaisonError | None]:
    ended: SimpleQueue[LiaisonError | None] = SimpleQueue()

    def run(source: Source) -> Steps[object]:
        return (yield SearchCall(source, DocumentQuery(f"{ms:02d}")))

    wall.submit(Task(run, lambda _result, error: ended.put(error), CLOCK.monotonic() + seconds, line, False, cost))
    return ended


@pytest.mark.parametrize("cost", [0.0, 0.02], ids=["by number", "by name"])
def test_costly_questions_of_one_member_make_no_answer_of_another_missing(wall: Bulkhead, cost: float) -> None:
    flood = [ask(wall, "th", 50, 120.0, cost=cost) for _ in range(100)]
    for _ in range(10):
        assert ask(wall, "vn", 1, 10.0).get(timeout=20) is None
    assert sum(each.qsize() for each in flood) < 60  # far from all of them were before these ten


def test_a_rate_of_a_source_is_shared_by_its_members() -> None:
    wall = Bulkhead(Backend(), CLOCK, 2, limits=WallLimits(rate_per_s=20.0))
    flood = [ask(wall, "th", 0, 3.0) for _ in range(200)]
    quiet = [ask(wall, "vn", 0, 3.0) for _ in range(5)]
    wall.start()
    assert [each.get(timeout=MOST_S) for each in quiet] == [None] * 5
    assert any(each.get(timeout=MOST_S) is not None for each in flood)
    wall.stop()


# ---------------------------------------------------------------- cost of names

_LETTERS = {
    "Hani": range(0x4E00, 0x8000),
    "Cyrl": range(0x430, 0x44F),
    "Arab": range(0x627, 0x64A),
    "Hang": range(0xAC00, 0xD7A3),
    "Mymr": range(0x1000, 0x1021),
    "Thai": range(0xE01, 0xE2E),
    "Latn": range(0x61, 0x7B),
}


def written(script: str, count: int, word: int) -> str:
    letters = _LETTERS[script]
    signs = (chr(letters[place * 7919 % len(letters)]) for place in range(count))
    return "".join(sign + (" " if place % word == word - 1 else "") for place, sign in enumerate(signs))[:256]


def read(names: Sequence[str]) -> None:
    for name in names:
        normal_name(name)
        query_keys(name)
        asked_word_keys(name)


def takes(query: Query) -> bool:
    try:
        return query_cost(query) > 0
    except Malformed:
        return False


@pytest.mark.timed
@pytest.mark.parametrize("word", [1, 5, 20, 250])
@pytest.mark.parametrize("script", _LETTERS)
def test_no_question_that_is_taken_costs_more_than_a_fraction_of_a_second(script: str, word: int) -> None:
    read(["王小明", "Иванов", "محمد", "김", "မောင်"])  # the tables are loaded
    for count in (250, 120, 60, 48, 24):
        names = [written(script, count + place, word) for place in range(8)]
        for some in (8, 4, 1):
            query = PersonQuery(tuple(map(NameForm, names[:some])))
            with effort() as spent:
                is_taken = takes(query)
            assert spent.seconds < 0.02
            if is_taken:
                with effort() as spent:
                    read(names[:some])
                assert spent.seconds < 0.25


def test_one_sign_that_stands_for_eighteen_letters_counts_as_these() -> None:
    assert name_cost("\ufdfa" * 10, MAX_NAME_COST) > MAX_NAME_COST
    with pytest.raises(Malformed, match="too many letters"):
        query_cost(PersonQuery((NameForm("\ufdfa" * 10),)))


def test_a_fathers_name_counts_too() -> None:
    with pytest.raises(Malformed, match="too many letters"):
        query_cost(PersonQuery((NameForm("Somchai"),), father="王" * 100))


@pytest.mark.parametrize(
    "name",
    [
        "พระเจ้าวรวงศ์เธอ พระองค์เจ้าโสมสวลี กรมหมื่นสุทธนารีนาถ",
        "Nguyễn Phúc Hồng Nhậm Công Tằng Tôn Nữ Thị Quỳnh Trang",
        "ព្រះករុណា ព្រះបាទសម្តេច ព្រះបរមនាថ នរោត្តម សីហមុនី",
        "မောင်မောင်သန်းထွန်းအောင်ကျော်စွာမြင့်လွင်ဦးဇော်ဝင်း",
        "阿卜杜勒·拉赫曼·穆罕默德·阿卜杜拉·本·萨勒曼",
        "Mohammed Abdul Rahman bin Abdullah bin Salman Al-Saud Al-Faisal Al-Hashimi",
    ],
)
def test_eight_spellings_of_a_long_name_are_taken(name: str) -> None:
    assert query_cost(PersonQuery((NameForm(name),) * 8)) > 0


def test_a_question_that_used_up_its_processor_seconds_ends_as_missing() -> None:
    budget = Budget(CLOCK, CLOCK.monotonic() + 60, 0.01)
    compute(0.02)
    with pytest.raises(TimedOut) as caught:
        budget.check()
    assert caught.value.code == "query-budget"


def test_a_pass_of_the_collector_is_not_counted_as_the_question_s() -> None:
    held = [[number] for number in range(1_000_000)]
    budget = Budget(CLOCK, CLOCK.monotonic() + 60, 0.01)
    for _ in range(3):  # each takes longer than the budget is
        gc.collect()
    assert len(held) == 1_000_000
    budget.check()


def test_a_budget_is_of_its_own_thread() -> None:
    budget = Budget(CLOCK, CLOCK.monotonic() + 60, 0.05)
    other = threading.Thread(target=read, args=([written("Hani", 48, 20)] * 8,))
    other.start()
    other.join()
    budget.check()


def test_names_of_questions_take_no_more_memory_the_longer_the_flood_is() -> None:
    rows = normal_name.cache_info().currsize
    for turn in range(600):
        name = "".join(chr(0x4E00 + (turn * 31 + place) % 0x4000) for place in range(3))
        query_keys(name)
        asked_word_keys(name)
        score_person(PersonQuery((NameForm(name),)), PersonFeatures(("NGUYEN VAN AN",), None))
    assert normal_name.cache_info().currsize <= rows + 1
    for cache in (asked_name, query_keys, asked_word_keys):
        assert cache.cache_info().currsize <= 512
