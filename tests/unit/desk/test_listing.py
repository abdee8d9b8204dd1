"""A list is read page by page: each item once, in order, however many of one moment there are."""

from __future__ import annotations

import pytest
from msgspec import structs

from gateway.desk import listing
from gateway.desk.listing import slice_of
from gateway.errors import Malformed
from gateway.model.desk.notices import Urgency
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import ListPlace, Thread
from tests.support.tables import table


def thread(number: int, opened_us: int, peer: str = "th") -> Thread:
    key = ThreadKey(MemberId(peer), ExchangeId(f"{number:032x}"))
    made = Thread(key, ThreadKind.SERVICE, opener=True, state=ThreadState.OPEN, urgency=Urgency.ROUTINE, version=1,
                  opened_us=opened_us)  # fmt: skip
    return structs.replace(made, draft=str(number).encode())


ROWS = sorted(
    [thread(number, 1_000 - number // 7) for number in range(50)] + [thread(3, 1_000, "vn")],
    key=lambda row: (-row.opened_us, row.key.thread_id, row.key.peer),
)


def read(behind: ListPlace | None, count: int) -> list[Thread]:
    def is_behind(row: Thread) -> bool:
        if behind is None:
            return True
        place = (-behind.opened_us, behind.thread_id, behind.peer)
        return (-row.opened_us, row.key.thread_id, row.key.peer) > place

    return [row for row in ROWS if is_behind(row)][:count]


@table("limit", [1, 2, 3, 17, 50, 51, 60])
@table("of", [1, 3])
def test_all_pages_together_are_the_list(limit: int, of: int) -> None:
    def fits(row: Thread) -> Thread | None:
        return row if int(row.key.thread_id, 16) % of == 0 else None

    pages, after = [], ""
    for _ in range(200):
        page = slice_of(read, fits, limit, after)
        pages.append(page.items)
        after = page.next
        if not after:
            break
    assert [row for page in pages for row in page] == [row for row in ROWS if fits(row)]
    assert all(len(page) == limit for page in pages[:-1])
    assert pages[-1], "no page is empty"


def test_a_call_ends_and_leads_on_where_nearly_nothing_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_READ", 10)
    monkeypatch.setattr(listing, "_READ", 2)
    last = ROWS[-1]
    page = slice_of(read, lambda row: row if row is last else None, 1)
    assert (page.items, bool(page.next)) == ((), True)
    for _ in range(10):
        page = slice_of(read, lambda row: row if row is last else None, 1, page.next)
        if page.items:
            break
    assert page.items == (last,)


@table("place", ["x", "1.2.th", f"1.{'0' * 32}.th' or 1", f"-1.{'0' * 32}.th", f"1.{'0' * 31}g.th"])
def test_a_place_that_is_none_is_refused(place: str) -> None:
    with pytest.raises(Malformed) as caught:
        slice_of(read, lambda row: row, 1, place)
    assert caught.value.code == "bad-place"
