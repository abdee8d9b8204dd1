"""Figures of a month: both sides count the same, small counts stay hidden, and nothing of a person is told."""

from __future__ import annotations

import csv
import io
import random
import re
import time
from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.audit.statistics.statistics import OTHER, SMALLEST, Stats, rounded
from gateway.audit.statistics.statistics import Cell as LogCell
from gateway.audit.statistics.uptime import Availability, Uptime
from gateway.clock import from_us
from gateway.desk.figures.belonging import threads_of
from gateway.desk.figures.from_log import Scope, add_log
from gateway.desk.figures.months import Month, month_at, month_of
from gateway.desk.figures.pack import MINUTES_BY_HAND, Pack, Table, Tables
from gateway.desk.figures.published import HIDDEN, Publisher
from gateway.desk.figures.tally import OURS, THEIRS, Tally
from gateway.desk.figures.threads import ThreadCount
from gateway.desk.fold import kind_opened_by, placed_notice
from gateway.desk.second_step.questions import outcome_group
from gateway.errors import Malformed
from gateway.language.languages import Language
from gateway.model.desk.counted import CountedNotice, CountedThread
from gateway.model.desk.notices import (
    About,
    Ask,
    Body,
    Change,
    ChangeCode,
    Notice,
    OutcomeCode,
    OutcomeReport,
    Reply,
    ReplyCode,
    Status,
    StatusCode,
    Urgency,
)
from gateway.model.desk.threads import ThreadKey
from gateway.model.names import ExchangeId
from gateway.statements.notices.notice import build_notice
from gateway.views.pack.files import as_csv, as_value
from gateway.views.pack.page import page
from gateway.views.statistics import spreadsheet_cell
from tests.support import notices as samples
from tests.support.notices import HEAD, LATER
from tests.support.sealing import HOUR, NOW, TH, VN, new_key
from tests.support.tables import table

KEY = new_key()
MONTH = Month("2026-11", NOW - 24 * HOUR, NOW + 24 * HOUR)
IDS = (f"{number:032x}" for number in range(1, 10**6))
ASK, ALERT, CHANGE = samples.ASK, samples.ALERT, samples.CHANGE
OUTCOME_BODIES = [
    OutcomeReport(OutcomeCode.SEIZED, "Methamphetamine ", grams=14_000),
    OutcomeReport(OutcomeCode.SEIZED, "methamphetamine", grams=2_000),
    OutcomeReport(OutcomeCode.SEIZED, "heroin", grams=700, units=3),
    OutcomeReport(OutcomeCode.ARRESTED, persons=2),
    OutcomeReport(OutcomeCode.NO_ACTION),
]


def said(first: Notice, after_us: int, body: Body) -> Notice:
    """Return a later notice of a thread."""
    head = replace(
        LATER, notice_id=ExchangeId(next(IDS)), thread_id=first.head.thread_id, issued_us=first.issued_us + after_us
    )
    return Notice(head, body)


def opened(sample: Notice, **changes: Any) -> Notice:
    """Return the first notice of a new thread."""
    name = ExchangeId(next(IDS))
    return replace(sample, head=replace(sample.head, notice_id=name, thread_id=name, **changes))


def seen_by(opener: bool, notices: Sequence[tuple[bool, Notice]]) -> CountedThread:
    """Return a thread as one side has it; `notices` are told by the opener (True) or by the other side."""
    first = notices[0][1]
    counted = tuple(
        CountedNotice(
            by_opener == opener,
            placed_notice(notice, opener=by_opener),
            lambda notice=notice: bytes_of(notice),  # type: ignore[misc]
        )
        for by_opener, notice in notices
    )
    return CountedThread(ThreadKey(VN if opener else TH, first.head.thread_id), kind_opened_by(first), opener, counted)


def bytes_of(notice: Notice) -> bytes:
    return build_notice(notice, KEY).envelope


def counted(threads: Sequence[CountedThread], scope: Scope = Scope()) -> Tally:  # noqa: B008
    tally = Tally()
    count = ThreadCount(MONTH.since_us, MONTH.until_us, tally, threads_of(scope))
    for thread in threads:
        count.add(thread)
    count.close()
    return tally


def tables(tally: Tally, *, exact: bool = True, own: bool = False) -> dict[tuple[str, str], Table]:
    made = Tables(tally, Publisher(exact=exact), own=own).all(Availability("2026-11", 0, 0, 0), MINUTES_BY_HAND)
    return {(table.name, table.side): table for table in made}


def pack(tally: Tally, *, exact: bool = False, member: str = "th", peer: str = "vn") -> Pack:
    made = Tables(tally, Publisher(exact=exact), own=not peer).all(Availability("2026-11", 0, 0, 0), MINUTES_BY_HAND)
    return Pack(member, peer, "", "", month_of("2026-11", member), "now", exact, MINUTES_BY_HAND, made)


def asks(urgency: Urgency, hours: float | None, code: ReplyCode = ReplyCode.RELEASED) -> list[tuple[bool, Notice]]:
    first = opened(ASK, urgency=urgency)
    if hours is None:
        return [(True, first)]
    return [(True, first), (False, said(first, int(hours * HOUR), Reply(code)))]


def some_threads(seed: int) -> list[list[tuple[bool, Notice]]]:
    """Threads of all kinds, as their two sides said them."""
    chance = random.Random(seed)
    made = []
    for _ in range(30):
        notices = asks(
            chance.choice(list(Urgency)), chance.choice([None, 0.1, 7, 40, 100, 300]), chance.choice(list(ReplyCode))
        )
        first = notices[0][1]
        if chance.random() < 0.5:
            notices.append((True, said(first, HOUR, chance.choice(OUTCOME_BODIES))))
        made.append(notices)
    for sample, bodies in (
        (ALERT, [Status(ExchangeId("0" * 32), code) for code in (StatusCode.ACTING, StatusCode.NOT_EXECUTED)]),
        (CHANGE, [Status(ExchangeId("0" * 32), code) for code in (StatusCode.ERASED, StatusCode.OBJECTED)]),
    ):
        for body in bodies:
            first = opened(sample)
            made.append([(True, first), (False, said(first, chance.randrange(1, 99) * HOUR, body))])
    return made


@table("seed", range(5))
def test_both_sides_count_the_same_from_their_own_rows(seed: int) -> None:
    chance = random.Random(seed)
    told = [(chance.random() < 0.5, notices) for notices in some_threads(seed)]
    here = counted([seen_by(ours, notices) for ours, notices in told])
    there = counted([seen_by(not ours, notices) for ours, notices in told])
    other = {OURS: THEIRS, THEIRS: OURS}
    assert {key._replace(side=other[key.side]): number for key, number in there.counts.items()} == here.counts
    assert {key._replace(side=other[key.side]): sorted(times) for key, times in there.times.items()} == {
        key: sorted(times) for key, times in here.times.items()
    }
    assert {(key._replace(side=other[key.side]), unit): n for (key, unit), n in there.amounts.items()} == here.amounts
    assert here.counts
    assert here.amounts


def test_requests_stand_by_urgency_with_the_time_that_they_took() -> None:
    hours: dict[Urgency, list[float | None]] = {
        Urgency.FLASH: [0.2, 0.3, None],
        Urgency.URGENT: [7, 9],
        Urgency.ROUTINE: [100, 200],
    }
    made = [seen_by(True, asks(urgency, took)) for urgency, all_ in hours.items() for took in all_]
    rows = {
        row.value: dict(zip(table.columns, row.cells, strict=True))
        for table in [tables(counted(made))["ask", OURS]]
        for row in table.rows
    }
    told = {urgency: {name: cell.value for name, cell in cells.items()} for urgency, cells in rows.items()}
    assert list(told) == ["FLASH", "URGENT", "ROUTINE"]
    assert (told["FLASH"]["asked"], told["FLASH"]["in-clock"], told["FLASH"]["waiting"]) == (3, 1, 1)
    assert (told["URGENT"]["within-8h"], told["URGENT"]["within-3d"], told["URGENT"]["share-in-clock"]) == (1, 2, 50)
    assert (told["ROUTINE"]["within-7d"], told["ROUTINE"]["later"], told["ROUTINE"]["median"]) == (1, 1, 150)


def test_a_question_back_is_no_answer_and_a_request_that_is_taken_back_waits_for_none() -> None:
    back = asks(Urgency.FLASH, 1, ReplyCode.CLARIFY)
    withdrawn = asks(Urgency.FLASH, None)
    withdrawn.append((True, said(withdrawn[0][1], HOUR, Change(ChangeCode.WITHDRAWN))))
    (row,) = tables(counted([seen_by(True, back), seen_by(True, withdrawn)]))["ask", OURS].rows
    told = dict(zip(tables(counted([seen_by(True, back)]))["ask", OURS].columns, row.cells, strict=True))
    assert (told["waiting"].value, told["taken-back"].value, told["within-8h"].value) == (1, 1, 0)


def test_an_outcome_counts_once_for_its_hit_however_often_and_wherever_it_is_told() -> None:
    hit = samples.PLACE
    first = opened(ASK)
    follow_up = [(True, first), (True, said(first, HOUR, OutcomeReport(OutcomeCode.SEIZED, "meth", grams=5_000)))]
    name = ExchangeId(next(IDS))
    told = OutcomeReport(OutcomeCode.SEIZED, "meth", grams=9_000, hit=hit)
    alone = Notice(
        replace(HEAD, notice_id=name, thread_id=name, issued_us=NOW + 2 * HOUR, group_id=outcome_group(hit)), told
    )
    tally = counted([seen_by(True, follow_up), seen_by(True, [(True, alone)])])
    (row,) = tables(tally)["seized", OURS].rows
    assert [cell.value for cell in row.cells] == [1, 9.0, None]


def test_n190_another_spelling_of_a_substance_counts_no_hit_again() -> None:
    first = opened(ASK)
    spelled = ("Heroin", "heroin ", "HEROIN", "her\u200boin", "ｈｅｒｏｉｎ")
    told = [
        (True, said(first, HOUR + at, OutcomeReport(OutcomeCode.SEIZED, name, grams=5_000)))
        for at, name in enumerate(spelled)
    ]
    tally = counted([seen_by(True, [(True, first), *told])])
    (row,) = tables(tally)["seized", OURS].rows
    assert (row.value, [cell.value for cell in row.cells]) == ("heroin", [1, 5.0, None])


@table(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"), ("＝1+1", "'＝1+1"), (" \u200b=1+1", "' \u200b=1+1"), ("\t=1", "'\t'=1"),
        ("a;=cmd", "a;'=cmd"),
        ("a; '=cmd", "a; ''=cmd"), ('x;"@A1', "x;\"'@A1"), ("a|+1", "a|'+1"), ("meth 5-7; 3", "meth 5-7; 3"), ("", ""),
    ],
)  # fmt: skip
def test_n190_no_text_is_a_formula_whatever_separates_the_cells(text: str, cell: str) -> None:
    assert spreadsheet_cell(text) == cell


@pytest.mark.timed
def test_n190_looking_for_formulas_is_linear() -> None:
    def cost(text: str) -> float:
        begun = time.thread_time()
        spreadsheet_cell(text)
        return time.thread_time() - begun

    for shape in ("\t", ";", "; ", " ", ";'"):
        half, whole = (min(cost(shape * size) for _ in range(3)) for size in (100_000, 200_000))
        assert whole < 3 * half + 0.01


def test_what_the_other_side_writes_tells_of_no_person_and_breaks_no_file() -> None:
    """A substance is a text of the counterpart: one that is rare could be a name, and one may be code."""
    hostile = ["Somchai Jaidee 1-1042-00021-33-7", '=HYPERLINK("http://x")', "<script>alert(1)</script>", "meth\u202e"]
    made = []
    for number, substance in enumerate(hostile * 2 + ["meth"] * 9):
        first = opened(replace(ASK, body=replace(ASK.body, hit=replace(samples.PLACE, reference=f"r-{number}"))))
        told = said(first, HOUR, OutcomeReport(OutcomeCode.SEIZED, substance.replace("\u202e", ""), grams=1_000))
        made.append(seen_by(False, [(True, first), (True, told)]))
    shown = pack(counted(made))
    (table,) = [each for each in shown.tables if each.name == "seized"]
    assert [row.value for row in table.rows] == ["meth", OTHER]
    for text in (page(shown, Language.EN), as_csv(shown), str(as_value(shown))):
        assert "Somchai" not in text
        assert "somchai" not in text
        assert "alert(1)" not in text
        assert "HYPERLINK" not in text.upper()
    exact = pack(counted(made), exact=True)
    assert "<script>" not in page(exact, Language.EN)
    assert all(not row["value"].startswith("=") for row in csv.DictReader(io.StringIO(as_csv(exact))))


def test_a_hidden_count_can_not_be_worked_out_from_the_shown_ones() -> None:
    """Whatever is hidden, at least one other number fits all that is shown with it."""
    for hidden, other in product(range(1, SMALLEST), range(SMALLEST, 60)):
        shown = (rounded(other), rounded(other + hidden))
        fitting = {
            guess
            for guess, rest in product(range(1, SMALLEST), range(SMALLEST, 70))
            if (rounded(rest), rounded(rest + guess)) == shown
        }
        assert len(fitting) > 1, (hidden, other)


def test_shares_medians_and_amounts_of_few_are_hidden() -> None:
    outside, own = Publisher(exact=False), Publisher(exact=True)
    assert outside.share(6, 7).value == HIDDEN, "its rest is one"
    assert outside.share(4, 20).value == HIDDEN
    assert (outside.share(7, 7).value, outside.share(0, 7).value, outside.share(5, 10).value) == (100, 0, 50)
    assert outside.share(0, 0).value is None
    assert (outside.median_hours([3_600] * 4).value, outside.median_hours([3_600] * 5).value) == (HIDDEN, 1.0)
    assert (outside.amount("kg", 12.345, 4).value, outside.amount("kg", 12.345, 5).value) == (HIDDEN, 12.0)
    assert (own.share(6, 7).value, own.count(3).value, own.amount("kg", 12.345, 1).value) == (86, 3, 12.345)


def test_a_pack_of_a_pair_tells_nothing_of_our_own_mistakes() -> None:
    tally = Tally()
    for measure in ("denied", "alarm", "erasure-of-persons"):
        tally.count(measure, "role-not-permitted", OURS, 9)
    assert not tables(tally)
    assert {name for name, _ in tables(tally, own=True)} == {"denied", "alarm", "erasure-of-persons"}


@table("language", Language)
def test_an_empty_month_gives_a_page_that_says_so(language: Language) -> None:
    shown = pack(Tally())
    assert shown.is_empty
    text = page(shown, language)
    assert f'lang="{language.value}"' in text
    assert 'class="none"' in text
    assert not re.search(r'(?:src|href)="|https?://|<script', text), "the page needs nothing from elsewhere"
    assert as_value(shown)["empty"] is True
    assert len(as_csv(shown).splitlines()) == 1


def test_a_month_is_that_of_the_country() -> None:
    assert from_us(month_of("2026-11", "th").since_us).isoformat() == "2026-10-31T17:00:00+00:00"
    assert from_us(month_of("2026-12", "mm").until_us).isoformat() == "2026-12-31T17:30:00+00:00"
    assert month_at(month_of("2026-12", "cn").since_us, "cn").name == "2026-12"
    assert month_at(month_of("2026-12", "cn").since_us - 1, "cn").name == "2026-11"
    for bad in ("2026", "2026-13", "2026-1", "1999-01", "2026-11-01", "٢٠٢٦-11"):
        with pytest.raises(Malformed):
            month_of(bad, "th")


def test_offices_are_told_apart_by_what_both_sides_signed() -> None:
    own, other = HEAD.requester.office, "vn.blo.cau-treo"
    here = seen_by(True, [(True, opened(ASK, to_office=""))])
    named = seen_by(True, [(True, opened(ASK, to_office=other))])
    elsewhere = seen_by(True, [(True, opened(ASK, to_office="vn.blo.moc-bai"))])
    for scope, fitting in (
        (Scope("vn", own), [here, named, elsewhere]),
        (Scope("vn", own, other), [here, named]),
        (Scope("vn", "th.blo.two"), []),
    ):
        assert [thread for thread in (here, named, elsewhere) if threads_of(scope)(thread)] == fitting
    theirs = [replace_side(thread) for thread in (here, named, elsewhere)]
    assert [threads_of(Scope("th", other, own))(thread) for thread in theirs] == [True, True, False]
    assert [threads_of(Scope("th", other))(thread) for thread in theirs] == [False, True, False]


def replace_side(thread: CountedThread) -> CountedThread:
    return CountedThread(thread.key, thread.kind, not thread.opener, thread.notices)


def test_an_outage_over_the_bounds_of_a_month_is_in_its_availability() -> None:
    uptime = Uptime(since_us=100 * HOUR, until_us=200 * HOUR)
    for kind, hour in (("start", 50), ("stop", 90), ("start", 110), ("receipt", 190), ("start", 230)):
        uptime.operation(kind, hour * HOUR)
    found = uptime.whole("2026-11")
    assert (found.covered_s, found.outages) == (100 * 3_600, 2)
    assert found.share == pytest.approx(0.8)


def test_questions_beyond_a_quota_are_reported_by_limit() -> None:
    stats = Stats()
    stats.counts[LogCell("2026-11", "vn", "turned-away", "rate-limit")] = 40
    stats.counts[LogCell("2026-11", "vn", "too-many", "")] = 7
    tally = Tally()
    add_log(tally, stats)
    found = tables(tally, exact=False)
    assert [(row.value, row.cells[0].value) for row in found["turned-away", THEIRS].rows] == [("rate-limit", 40)]
    (row,) = [row for row in found["question", ""].rows if row.value == "too-many"]
    assert [cell.value for cell in row.cells] == [5, 0]


def test_an_error_that_was_told_is_counted_with_the_time_until_it_was_settled() -> None:
    made = []
    for hours in (10, None):
        body = Ask(About.ERROR, "the birth date is wrong", hit=samples.PLACE)
        first = opened(Notice(HEAD, body))
        answer = [] if hours is None else [(False, said(first, hours * HOUR, Reply(ReplyCode.RELEASED)))]
        made.append(seen_by(False, [(True, first), *answer]))
    tally = counted(made)
    assert {row.value: row.cells[1].value for row in tables(tally)["error", ""].rows} == {"settled": 1, "waiting": 1}
    assert [list(times) for times in tally.times.values()] == [[36_000]]
    assert ("ask", THEIRS) not in tables(tally), "an error is no request with a class"
