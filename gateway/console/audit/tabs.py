"""The places of the auditors' pages, and the mandate as each of them shows it."""

from __future__ import annotations

from gateway.clock import rfc3339_s
from gateway.console.frame.clocks import length
from gateway.console.frame.records import as_written
from gateway.console.frame.shapes import Link, Row
from gateway.console.visits.visit import Visit
from gateway.language.catalogue import Sentences, tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.ops.mandate.held import Held
from gateway.trust.documents.appointment import EVERY, Scope

PATH = "/audit"
TABS: Sentences = {
    PATH: "Mandate",
    f"{PATH}/ask": "Questions",
    f"{PATH}/check": "Verify",
    f"{PATH}/statistics": "Statistics",
    f"{PATH}/exports": "Exports",
}

_FAR_US = 253_000_000_000_000_000
"""A time so far away that a scope names no end by it."""


def tabs(current: str, language: Language) -> tuple[Link, ...]:
    """Return the places of the auditors' pages."""
    return tuple(Link(path, tell(language, text), path == current) for path, text in TABS.items())


def mandate_rows(held: Held, visit: Visit) -> tuple[Row, ...]:
    """Return what a mandate covers, until when, and how its auditor signs."""
    item, language = held.appointment, visit.language
    until = moment(rfc3339_s(item.stop_us), language)
    return (
        Row(tell(language, "Auditor"), as_written(item.auditor)),
        Row(tell(language, "Appointed by"), as_written(item.appointed_by)),
        Row(tell(language, "In force until"), (until,), length(item.stop_us - visit.now_us, language)),
        Row(tell(language, "Entries of the time"), (span(item.scope, language),)),
        Row(tell(language, "With these countries"), (_names(item.scope.counterparts, language),)),
        Row(tell(language, "Where these agencies took part"), (_names(item.scope.agencies, language),)),
        Row(tell(language, "Records in signed answers"), (_shown(item.scope, language),)),
        Row(tell(language, "You sign"), (_signs(held, language),)),
    )


def span(scope: Scope, language: Language) -> str:
    """Return the time that a scope covers."""
    since, until = (moment(rfc3339_s(us), language) for us in (scope.since_us, scope.until_us))
    if scope.until_us >= _FAR_US:
        return tell(language, "from {since} on", since=since) if scope.since_us else tell(language, "all")
    if not scope.since_us:
        return tell(language, "until {time}", time=until)
    return tell(language, "from {since} until {until}", since=since, until=until)


def _names(names: tuple[str, ...], language: Language) -> str:
    if EVERY in names:
        return tell(language, "all")
    return ", ".join(with_country(name, language) if len(name) == 2 else name for name in names)


def _shown(scope: Scope, language: Language) -> str:
    return tell(language, "shown") if scope.content else tell(language, "not shown")


def _signs(held: Held, language: Language) -> str:
    if held.passkey is not None:
        return tell(language, "with your passkey, on this page")
    return tell(language, "with your key file, on your own machine")
