"""Describe work and threads in lines, as the node's REST API tells them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.views.desk.words import notice_words, state_words, why_not_words, work_words
from gateway.views.lines import Line, Next, exact

_MARKS: Sentences = {
    "LATE": "LATE: after its time",
    "phone": "it lapses before long: phone who approves it",
    "undelivered": "it was not taken there: phone them",
    "lapsed": "it has lapsed, and was not sent",
}

_TIMES = frozenset({"at", "erase_by", "expires", "held_until", "issued", "since", "until"})
"""Name the fields of a notice that are times; all others are somebody's words."""

_PHONED = frozenset({"phone", "undelivered"})

_STYLE = {"FLASH": "bad", "URGENT": "warn"}


def works_lines(works: Iterable[dict[str, Any]], language: Language = Language.EN) -> Iterator[Line]:
    """Yield a list of work, each with its command."""
    work = None
    for work in works:
        yield from work_lines(work, language)
    # Whether an iterator has anything is known only once it was read.
    if work is None:
        yield tell(language, "nothing waits for you"), "good"


def work_lines(work: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield one item of work: what is to be done, for whom, until when, and who does it."""
    style = "bad" if work["overdue"] else _STYLE.get(work["urgency"], "title")
    words = work_words(work["kind"], language, work.get("thread_kind", ""))
    yield f"{work['id']}  {work['urgency']}  {work['peer']}  {words}", style
    if work["done"]:
        facts = {"by": work["done"]["by"], "at": moment(work["done"]["at"], language), "how": work["done"]["result"]}
        yield "  " + tell(language, "done by {by} at {at}: {how}", **facts), "dim"
        return
    due = moment(work["due"], language)
    if work["paused"]:
        yield "  " + tell(language, "its clock stands since {time}", time=moment(work["paused"], language))
    elif work["overdue"]:
        yield "  " + tell(language, "overdue since {time}", time=due), "bad"
    else:
        yield "  " + tell(language, "until {time}", time=due)
    place = ", ".join(filter(None, (work["agency"], work["office"], work["role"])))
    yield f"  {place}" + (
        f"; {tell(language, 'taken by {person}', person=work['assigned'])}" if work["assigned"] else ""
    )
    if count := len(work["folded"]):
        yield "  " + tell(language, "and {count} more hits of this search", count=count)
    if mark := _MARKS.get(work["mark"]):
        yield "  " + tell(language, mark), "warn"
    if work["mark"] in _PHONED:
        yield Next(f"  liaison desk phone {work['id']}")
    if work["why_not"]:
        yield "  " + why_not_words(work["why_not"], language), "dim"


def threads_lines(threads: Iterable[dict[str, Any]], language: Language = Language.EN) -> Iterator[Line]:
    """Yield a list of threads."""
    thread = None
    for thread in threads:
        yield _thread_line(thread, language), _STYLE.get(thread["urgency"], "title")
    if thread is None:
        yield tell(language, "there are no threads for you"), "dim"


@exact
def thread_lines(thread: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield a thread with its notices in the order in which we wrote them."""
    yield _thread_line(thread, language), "title"
    if draft := thread["draft"]:
        yield tell(
            language, "a draft that is not approved yet; it lapses at {time}", time=moment(draft["lapses"], language)
        )
        yield from _content_lines(draft["content"], language)
    for notice in thread["notices"]:
        yield from _notice_lines(notice, language)


def card_lines(card: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield whom to phone: here for each item of work, and there."""
    for work in card["here"]:
        yield f"{work['work']}  {work_words(work['kind'], language)}", "title"
        if work["national"]:
            yield "  " + tell(language, "no one of the office is on duty: the national desk does it"), "warn"
        for one in work["persons"]:
            yield f"  {one['person']}  {one['office']}  {one['channel'] or tell(language, 'no number is listed')}"
        if not work["persons"]:
            yield "  " + tell(language, "no one is on duty"), "bad"
    yield tell(language, "there: {country}", country=with_country(card["peer"], language)), "title"
    for one in card["there"]:
        yield f"  {one['office']}  {one['reach']}"
    if not card["there"]:
        yield "  " + tell(language, "no number is listed"), "dim"


def _thread_line(thread: dict[str, Any], language: Language) -> str:
    state = state_words(thread["state"], language)
    return f"{thread['id']}  {thread['kind']}  {thread['peer']}  {thread['urgency']}  {state}"


def _notice_lines(notice: dict[str, Any], language: Language) -> Iterator[Line]:
    arrow = "→" if notice["ours"] else "←"
    late = f"  {tell(language, 'LATE: after its time')}" if notice["late"] else ""
    yield f"{arrow} {moment(notice['time'], language)}  {notice_words(notice['type'], notice['code'], language)}{late}"
    if notice["content"] is None:
        yield "  " + tell(language, "its content is erased"), "dim"
        return
    yield from _content_lines(notice["content"], language)
    if notice["records"]:
        yield "  " + tell(language, "records: {count}", count=notice["records"])
    if (delivery := notice["delivery"]) and delivery["state"] != "taken":
        problem = f" ({delivery['problem']})" if delivery["problem"] else ""
        yield f"  {delivery['state']}{problem}", "warn"


def _content_lines(content: dict[str, Any], language: Language) -> Iterator[Line]:
    for name, value in content.items():
        if value not in ("", None, [], 0, False) and name not in ("withheld_commitment", "record"):
            yield f"  {name}: {_text(name, value, language)}"


def _text(name: str, value: Any, language: Language) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{inner} {_text(inner, each, language)}" for inner, each in value.items() if each)
    if isinstance(value, list):
        return ", ".join(_text(name, each, language) for each in value)
    return moment(value, language) if name in _TIMES and isinstance(value, str) else str(value)


def paged_lines(lines: Iterable[Line], place: str, language: Language = Language.EN) -> Iterator[Line]:
    """Yield one page of a list, and how the next one is asked for; `place` is empty on the last one."""
    yield from lines
    if place:
        yield tell(language, "those after: {option}", option=f"--after {place}"), "dim"
