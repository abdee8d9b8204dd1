"""Describe the second step in lines: drafts, choices, decisions and opened answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.language.catalogue import tell
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.language.terms import RECORD_TYPES, named
from gateway.views.desk.words import notice_words, state_words
from gateway.views.lines import Line, Next, exact
from gateway.views.search.lines import value_text


def drafted_lines(found: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield what a draft waits for, and the command that approves it."""
    yield (
        tell(
            language,
            "written, and not sent: another person approves it until {time}",
            time=moment(found["due"], language),
        ),
        "warn",
    )
    yield Next(f"  liaison desk approve {found['work']}")
    yield "  " + tell(language, "thread {thread} with {peer}", thread=found["thread"], peer=found["peer"]), "dim"


def stands_lines(thread: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield how a thread stands after an act."""
    yield f"{thread['id']}  {thread['peer']}  {state_words(thread['state'], language)}", "good"
    for office in thread.get("closed_offices", ()):
        yield "  " + tell(language, "{office} has closed: it gets nothing", office=office), "warn"


@exact
def choice_lines(found: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield our record field by field, with those that were wanted and those that take two persons."""
    yield f"{named(found['type'], RECORD_TYPES, language)}  {found['thread']}  {found['peer']}", "title"
    if not found["record"]:
        yield "  " + tell(language, "policy lets a human release nothing of it: {code}", code=found["code"]), "bad"
    for name, value in found["record"].items():
        marks = [tell(language, "wanted")] if name in found["wanted"] else []
        marks += [tell(language, "two persons")] if name in found["two"] else []
        about = f"  ({', '.join(marks)})" if marks else ""
        box = "x" if name in found["default"] else " "
        yield f"  [{box}] {name}: {value_text(value, language, field=name)}{about}"


def decided_lines(found: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield what came of a decision, and what it waits for."""
    answer = notice_words("reply", found["answer"], language)
    if found["state"] == "sent":
        yield tell(language, "on its way: {answer}", answer=answer), "good"
    elif found["state"] == "passkey":
        yield tell(language, "not sent: your passkey signs it in the console"), "warn"
    else:
        yield tell(language, "not sent: a second person decides as well"), "warn"
        yield Next(f"  liaison desk sign {found['work']}")
    if found["fields"]:
        yield "  " + ", ".join(found["fields"])


@exact
def package_lines(found: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield an opened answer with its records."""
    late = f"  {tell(language, 'LATE: after its time')}" if found["late"] else ""
    yield f"{found['peer']}  {notice_words('reply', found['answer'], language)}{late}", "title"
    for text in filter(None, (found["reason"], found["text"])):
        yield f"  {text}"
    for record in found["records"]:
        yield f"  {record['owner']}"
        for name, value in record["fields"].items():
            yield f"    {name}: {value_text(value, language, field=name)}"
        handling = (
            f"{part} {value_text(value, language, field=part)}" for part, value in record["marking"].items() if value
        )
        yield f"    {', '.join(handling)}", "dim"
