"""Pages of a list of work: what a human is waited for first, each search once, and places that nothing moves."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.audit.log.log import AuditLog
from gateway.desk.listing import Slice
from gateway.desk.raising import from_hits, from_warning
from gateway.desk.worklist.paging import page_of
from gateway.errors import Malformed
from gateway.model.desk.notices import Urgency
from gateway.model.desk.order import Waited, WorkPlace, waited_for
from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import WorkKind
from gateway.model.names import ExchangeId, MemberId
from gateway.model.requester import Officer
from gateway.ports.desk import DeskRows, Work, WorkFilter
from gateway.storage.desk.desk_store import SqlDeskStore
from gateway.storage.log.log_store import SqlLogStore
from tests.support.audit_logs import LogHome, answered
from tests.support.desk_rows import START_US, new_key, some_work

OFFICER = Officer("kh.o.9", "officer", "poipet-blo", "police", frozenset(), b"\1" * 32)
SEARCHES = ("search-a", "search-b")
BEGUN = {search: START_US + number for number, search in enumerate(SEARCHES)}


def hits(search: str) -> Iterator[Work]:
    """The hits of a search at two counterparts, and an alert of one of them."""
    for peer, count in ((MemberId("th"), 3), (MemberId("vn"), 2)):
        yield from from_hits(OFFICER, ThreadKey(peer, ExchangeId(f"{search}-{peer}")), count, search, BEGUN[search])
    yield from_warning(OFFICER, ThreadKey(MemberId("vn"), ExchangeId("alert")), search, BEGUN[search])


WORKS = [
    some_work(new_key(), f"{kind.value}.{urgency.value}.{number}", kind=kind, urgency=urgency, due_us=START_US + number)
    for kind, urgency, number in itertools.product(set(WorkKind) - {WorkKind.CONFIRM}, Urgency, (1, 2))
] + [work for search in SEARCHES for work in hits(search)]


class Rows:
    """A desk with rows, and the list over them."""

    def __init__(self, log: AuditLog, store: SqlDeskStore) -> None:
        self._log = log
        self.store = store

    def raised(self, *works: Work) -> None:
        self._log.append([answered(rows=DeskRows(works=works))])

    def page(self, limit: int, after: str = "", *, folded: bool = True) -> Slice[tuple[Work, ...]]:
        def read(behind: WorkPlace | None, count: int) -> list[Work]:
            return self.store.works(WorkFilter(ranked=True, behind=behind, limit=count))

        return page_of(read, lambda work: work.kind is not WorkKind.COMPLY, limit, after, folded=folded)

    def pages(self, limit: int, *, folded: bool = True) -> list[tuple[Work, ...]]:
        found, after = list[tuple[Work, ...]](), ""
        while True:
            page = self.page(limit, after, folded=folded)
            assert len(page.items) == limit or not page.next
            found += page.items
            if not (after := page.next):
                return found


@contextmanager
def rows(folder: Path) -> Iterator[Rows]:
    home = LogHome(folder / "home")
    with home.database() as database:
        store = SqlLogStore(database, home.keystore)
        log = AuditLog(store, home.keystore, home.key, home.clock, "th", highwater=home.highwater)
        with closing(log):
            found = Rows(log, SqlDeskStore(database, home.keystore))
            found.raised(*WORKS)
            yield found


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Rows]:
    with rows(tmp_path) as found:
        yield found


def test_n206_what_a_human_is_waited_for_comes_first_and_pages_have_each_item_once(desk: Rows) -> None:
    wanted = [work for work in WORKS if work.kind is not WorkKind.COMPLY]
    wanted.sort(key=lambda work: (waited_for(work.kind, work.urgency), work.due_us, work.id))
    for limit in (1, 7, 1000):
        assert [item.id for (item,) in desk.pages(limit, folded=False)] == [work.id for work in wanted]
    assert {waited_for(item[0].kind, item[0].urgency) for item in desk.page(5).items} == {Waited.AT_THE_GATE}


def test_n206_hits_of_a_search_at_a_counterpart_are_one_item_and_its_alert_is_another(desk: Rows) -> None:
    for limit in (1, 2, 3, 1000):
        confirmed = [item for item in desk.pages(limit) if item[0].kind is WorkKind.CONFIRM]
        found = [
            (item[0].notice_id, item[0].key.peer, item[0].key.thread_id == "alert", len(item)) for item in confirmed
        ]
        assert sorted(found) == [
            (search, *matter) for search in SEARCHES for matter in (("th", False, 3), ("vn", False, 2), ("vn", True, 1))
        ]
        assert all(len({(work.notice_id, work.key.peer) for work in item}) == 1 for item in confirmed)
    read = next(item for item in desk.pages(50) if item[0].kind is WorkKind.READ)
    assert desk.pages(50).index(read) < desk.pages(50).index(confirmed[0])


def test_n206_what_is_raised_or_ended_meanwhile_moves_no_page(desk: Rows) -> None:
    first = desk.page(10)
    behind = desk.page(1000, first.next).items
    pressing = some_work(new_key(), "decide.new", urgency=Urgency.FLASH, due_us=START_US)
    desk.raised(pressing, *(replace(work, done_us=START_US + 9, by="kh.o.9") for (work,) in first.items[5:]))
    assert desk.page(1000, first.next).items == behind
    assert desk.page(1).items == ((pressing,),)


@pytest.mark.parametrize("place", ["x", "0.1", "0..decide", "0.1.a b", f"0.{'9' * 18}.a", "1.5.\u0660", "10.1.a"])
def test_a_place_that_is_none_is_refused(desk: Rows, place: str) -> None:
    with pytest.raises(Malformed) as refused:
        desk.page(10, place)
    assert (refused.value.code, refused.value.where) == ("bad-place", "after")
