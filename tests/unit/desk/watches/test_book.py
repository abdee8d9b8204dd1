"""The book of live watches: what a changed row finds, what it costs, and what it forgets."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable

import pytest

from adapters.index.rows import KIND_OF, day_of_birth, keys_of, word_and_year
from gateway.desk.watches.book import LiveWatch, WatchBook
from gateway.errors import Malformed
from gateway.matching.identifiers import asked_number
from gateway.matching.keys import name_keys, word_keys
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.watches import Goods, Subject
from gateway.model.names import ExchangeId, MemberId
from gateway.model.query import ContainerQuery, DocumentQuery, PersonQuery, VehicleQuery, VesselQuery
from gateway.model.values import NameForm, PartialDate
from gateway.ports.sources import FreshRow
from tests.support.tables import table

TH = MemberId("th")
FAMILIES = (
    "Nguyen",
    "Tran",
    "Le",
    "Pham",
    "Hoang",
    "Huynh",
    "Phan",
    "Vu",
    "Vo",
    "Dang",
    "Bui",
    "Do",
    "Ho",
    "Ngo",
    "Ly",
)
GIVEN = (
    "Anh",
    "Binh",
    "Chi",
    "Dung",
    "Giang",
    "Hanh",
    "Lan",
    "Minh",
    "Nga",
    "Phuc",
    "Quan",
    "Son",
    "Tam",
    "Van",
    "Yen",
)
MANY = 10_000
MOST_MS = 2.0


def person(number: int) -> PersonQuery:
    """One of many persons whose names are made of few words, as they are."""
    family, one, two = (
        words[number // step % len(words)] for words, step in ((FAMILIES, 1), (GIVEN, 15), (GIVEN, 225))
    )
    birth = f"{1950 + number % 55}-{1 + number % 12:02d}-{1 + number % 28:02d}"
    return PersonQuery((NameForm(f"{family} {one} {two}"),), PartialDate(birth))


def row(query: PersonQuery) -> FreshRow:
    """The row of a person, as the index holds it."""
    (name,), birth = (each.text for each in query.names), query.birth.value if query.birth else ""
    keys = [(1, key, birth) for key in name_keys(name)]
    keys += [(1, word_and_year(key, birth), birth) for key in word_keys(name)] if birth else []
    keys += [(1, day_of_birth(birth), birth)] if birth else []
    return FreshRow("Person", "1", keys, json.dumps([[name], birth, "", ""]))


def numbered(query: DocumentQuery | VehicleQuery | ContainerQuery) -> FreshRow:
    asked = asked_number(query)
    return FreshRow("TravelDocument", "1", [(int(KIND_OF[asked.held_as]), asked.key, asked.detail)], "")


def live(subject: Subject, number: int = 0) -> LiveWatch:
    key = ThreadKey(TH, ExchangeId(f"{number:032x}"))
    return LiveWatch(key, key.thread_id, subject, "INVESTIGATION", None, 2**60, 2**60, 1)


def book_of(subjects: Iterable[Subject]) -> WatchBook:
    book = WatchBook()
    for number, subject in enumerate(subjects):
        book.put(live(subject, number))
    return book


def test_a_row_finds_the_watches_that_it_may_fit_and_no_others() -> None:
    plate, box = VehicleQuery("กข 1234", "เชียงราย"), ContainerQuery("MSCU1234566")
    book = book_of([person(1), person(2), DocumentQuery("P4471209", "THA"), plate, box])
    assert book.possible(row(person(2)))[0] == [person(2)]
    assert book.possible(numbered(DocumentQuery("p 4471209")))[0] == [DocumentQuery("P4471209", "THA")]
    assert book.possible(numbered(plate))[0] == [plate]
    assert book.possible(numbered(ContainerQuery("MSCU1234567")))[0] == []
    assert book.possible(row(person(3)))[0] == []


def test_a_boat_finds_its_watches_by_name_and_by_registration_and_those_of_no_person() -> None:
    features = json.dumps([[], "", "", "", "", ["แม่โขง 7"]])
    boat = FreshRow("Vessel", "1", keys_of(features, [["9", "ชรข0417", "mark|TH"]]), features)
    named, marked = VesselQuery("Mae Khong 7"), VesselQuery(local_reg="ชร-ข 0417")
    book = book_of([named, marked, VesselQuery(local_reg="ชร-ข 0418"), PersonQuery((NameForm("แม่โขง 7"),))])
    assert sorted(book.possible(boat)[0], key=str) == sorted([named, marked], key=str)


@table("birth", ["1985-03-14", "1985", "1986-03-14", "1985-03-15"])
def test_a_name_in_another_script_and_a_birth_that_is_nearly_the_same_are_found(birth: str) -> None:
    asked = PersonQuery((NameForm("สมชาย ใจดี", "Thai"),), PartialDate("1985-03-14"))
    held = PersonQuery((NameForm("Somchai Jaidee"),), PartialDate(birth))
    assert book_of([asked]).possible(row(held))[0] == [asked]


def test_one_question_of_many_is_compared_once_and_each_of_them_is_told() -> None:
    book = book_of([person(1)] * 3)
    assert book.possible(row(person(1)))[0] == [person(1)]
    assert len(book.asking(person(1))) == 3


def test_what_is_taken_out_leaves_nothing_behind() -> None:
    book = book_of([person(1), person(1), DocumentQuery("P4471209", "THA"), Goods(heading="2933")])
    for key in book.watches:
        book.remove(key)
    assert (book.watches, book._by_key, book._asking, book._numbers, book._subjects) == ({}, {}, {}, {}, {})


def test_a_watch_that_asks_for_nothing_is_refused() -> None:
    with pytest.raises(Malformed):
        WatchBook().put(live(DocumentQuery("???", "")))


def _cost_ms(book: WatchBook, rows: list[FreshRow]) -> float:
    """The least CPU time of a row in three passes; names are prepared before."""
    passes = []
    for _ in range(4):
        begun = time.process_time()
        for each in rows:
            book.possible(each)
        passes.append(time.process_time() - begun)
    return min(passes[1:]) * 1_000 / len(rows)


@pytest.mark.timed
def test_ten_thousand_watches_cost_each_changed_row_little() -> None:
    rows = [row(person(number * 7 + 3)) for number in range(100)]
    one, many = _cost_ms(book_of([person(1)]), rows), _cost_ms(book_of(map(person, range(MANY))), rows)
    assert many - one < MOST_MS


@pytest.mark.timed
def test_ten_thousand_watches_on_one_name_cost_each_row_of_it_little() -> None:
    name = (NameForm("Nguyen Van Anh"),)
    births = [f"{1930 + number // 336}-{1 + number // 28 % 12:02d}-{1 + number % 28:02d}" for number in range(MANY)]
    book = book_of(PersonQuery(name, PartialDate(birth)) for birth in births)
    rows = [row(PersonQuery(name, PartialDate(births[number * 97]))) for number in range(20)]
    assert _cost_ms(book, rows) < 10 * MOST_MS


def test_n185_many_watches_of_one_member_hide_none_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = PersonQuery((NameForm("Nguyen Van Anh"),), PartialDate("1985"))
    like = [PersonQuery((NameForm("Nguyen Van Anh"),), PartialDate("1985"), father=f"Van {n}") for n in range(900)]
    book = book_of(like)
    key = ThreadKey(MemberId("kh"), ExchangeId("f" * 32))
    book.put(LiveWatch(key, key.thread_id, wanted, "INVESTIGATION", None, 2**60, 2**60, 1))
    held = row(PersonQuery((NameForm("Nguyen Van Anh"),), PartialDate("1985-03-14")))
    fitting, unsure = book.possible(held)
    assert wanted in fitting
    assert len(fitting) + len(unsure) == 901, "what was not compared is searched for, and never passed over"


def test_declarations_are_found_by_what_they_say() -> None:
    fields = {
        "containers": ["MSCU 123456 6"],
        "lines": [{"hs": "2933.39", "ahtn": "29333990"}],
        "consignee": {"name": "GOLDEN STAR TRADING CO LTD"},
        "route": ["Mae Sot", {"name": "Yangon"}],
    }
    fit = [
        Goods(container="MSCU1234566"),
        Goods(heading="2933"),
        Goods(heading="29333990", route="yangon"),
        Goods(consignee="Golden Star Trading"),
    ]
    others = [Goods(container="MSCU1234567"), Goods(heading="2934"), Goods(consignee="Silver Moon Trading")]
    found = book_of([*fit, *others]).declared(fields)
    assert set(fit) <= set(found)
    assert not {others[0], others[1]} & set(found)
