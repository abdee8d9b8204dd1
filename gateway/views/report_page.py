"""Make one HTML page of a verifier's report: static, self-contained, made to be printed and signed.

The page never shows unverified text as verified: the export's claims about itself stand under a heading of their own
until the manifest's signature is proved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.audit.verify.findings import MEANING, Check, Report, State
from gateway.language.countries import with_country
from gateway.language.dates import with_zones
from gateway.language.languages import Language
from gateway.views.render import render
from gateway.views.words.printable import whole_seconds

_VERDICTS = {
    0: (State.PROVED, "Everything that was checked is proved."),
    1: (State.CONTRADICTED, "The evidence contradicts itself: what it says cannot be relied on."),
    3: (State.NOT_PROVABLE, "Nothing is contradicted, and not everything is provable."),
}
_ABOUT = {
    "member": "Member",
    "created": "Export made",
    "range": "Time that it is of",
    "auditor": "Auditor",
    "appointed_by": "Appointed by",
    "scope": "Scope of the appointment",
}
_TIMES = ("created", "range")
_OF_APPOINTMENT = ("auditor", "appointed_by", "scope")

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ReportView:
    """The content of the page. `unproved` is None where nothing is unproved; a finding is check, state, place, text."""

    title: str
    state: State
    verdict: str
    first_bad: tuple[str, int] | None
    checked: Pairs
    unproved: Pairs | None
    findings: Sequence[tuple[int, State, str, str]]
    unchecked: Sequence[str]
    notes: Sequence[str]


def report_page(report: Report, made: str, charter: str) -> str:
    """Return the page. `made` is the time of the check, `charter` the fingerprint of the trusted charter."""
    state, verdict = _VERDICTS[report.exit_code]
    told = {finding.check for finding in report.findings}
    checked = [("Checked", with_zones(made)), ("Under the charter", charter or "none that verifies")]
    checked += [(f"Entries of {log}", f"{size:,}") for log, size in sorted(report.sizes.items())]
    about = report.about | {name: with_zones(report.about[name]) for name in _TIMES if name in report.about}
    claims = {name: (title, about[name]) for name, title in _ABOUT.items() if name in about}
    proved = claims if report.is_proved(Check.MANIFEST) else [name for name in _OF_APPOINTMENT if name in claims]
    view = ReportView(
        title=f"Audit of {with_country(report.about.get('member', 'a home'), Language.EN)}",
        state=state,
        verdict=verdict,
        first_bad=report.first_bad,
        checked=[*checked, *(claims[name] for name in proved)],
        unproved=None if proved is claims else [claims[name] for name in claims if name not in proved],
        findings=_findings(report),
        unchecked=[f"{int(check)} ({MEANING[check]})" for check in Check if check not in told],
        notes=[_told(note) for note in report.notes],
    )
    return render("report.html", view)


def _findings(report: Report) -> list[tuple[int, State, str, str]]:
    """Return what is not proved one by one, then what is proved, once for each check."""
    found = [
        (
            int(each.check),
            each.state,
            each.log + ("" if each.index is None else f", entry {each.index}"),
            _told(each.text),
        )
        for each in report.unproved()
    ]
    untold = [(check, log, state, n) for check, log, state, n in report.untold_groups() if state is not State.PROVED]
    found += [(int(check), state, log, f"and {n:,} more of the same kind") for check, log, state, n in untold]
    return found + [(int(check), State.PROVED, ", ".join(logs), _told(text)) for check, text, logs in report.proved()]


def _told(text: str) -> str:
    """Return a sentence of the verifier with its times as the lines of a command tell them."""
    return with_zones(whole_seconds(text))
