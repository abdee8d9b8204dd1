"""A verifier's report as one HTML page: static and whole in itself, made to be printed and signed.

Everything that comes from an export is escaped, control characters included. What was not verified is never shown as
if it were: what the export says of itself stands under that heading until the manifest's signature is proved.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from gateway.audit.verify.findings import MEANING, Check, Finding, Report, State
from gateway.views.printable import printable

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.45 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 56rem; margin: 2rem auto;
  padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: 0 0 .6rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .4rem; border-bottom: 1px solid #bbb; padding-bottom: .2rem; }
p.verdict { border: 2px solid; padding: .5rem .8rem; font-weight: 600; }
.proved { color: #0b5d1e; } .contradicted { color: #9b1c1c; } .gap { color: #7a4b00; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { border-bottom: 1px solid #ddd; padding: .3rem .45rem; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td.state { white-space: nowrap; font-weight: 600; }
thead th { background: #f2f2f2; }
table.signature td { height: 2.6rem; width: 50%; }
@page { size: A4; margin: 16mm; }
@media print {
  body { margin: 0; max-width: none; padding: 0; font-size: 10.5pt; }
  tr { break-inside: avoid; }
  h2 { break-after: avoid; }
  thead { display: table-header-group; }
  thead th { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""

_CLASSES = {State.PROVED: "proved", State.CONTRADICTED: "contradicted", State.NOT_PROVABLE: "gap"}
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
_OF_APPOINTMENT = ("auditor", "appointed_by", "scope")


def report_page(report: Report, made: str, charter: str) -> str:
    """The page. `made` is when the check was made, `charter` the fingerprint of the charter that was trusted."""
    member = report.about.get("member", "a home")
    title = f"Audit of {member.upper()}"
    state, verdict = _VERDICTS[report.exit_code]
    parts = [
        f"<h1>{_text(title)}</h1>",
        f'<p class="verdict {_CLASSES[state]}">{_text(state.value.capitalize())}. {_text(verdict)}</p>',
        *_first_bad(report),
        *_about(report, made, charter),
        *_checks(report),
        *_notes(report),
        _SIGNATURE,
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def _text(value: object) -> str:
    return escape(printable(str(value)).replace("\n", " "))


def _first_bad(report: Report) -> Iterable[str]:
    if first := report.first_bad:
        yield f"<p>The first bad entry is <strong>entry {first[1]} of {_text(first[0])}</strong>.</p>"


def _about(report: Report, made: str, charter: str) -> Iterable[str]:
    yield "<h2>What was checked</h2>"
    rows = [("Checked", made), ("Under the charter", charter or "none that verifies")]
    rows += [(f"Entries of {log}", f"{size:,}") for log, size in sorted(report.sizes.items())]
    signed = report.is_proved(Check.MANIFEST)
    said = [(title, report.about[name]) for name, title in _ABOUT.items() if name in report.about]
    if signed:
        yield _rows([*rows, *said])
        return
    proved = [
        (title, report.about[name])
        for name, title in _ABOUT.items()
        if name in _OF_APPOINTMENT and name in report.about
    ]
    yield _rows([*rows, *proved])
    yield "<h2>What the export says of itself, not proved</h2>"
    yield _rows([item for item in said if item not in proved])


def _rows(rows: Iterable[tuple[str, str]]) -> str:
    body = "".join(f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in rows)
    return f"<table><tbody>{body}</tbody></table>"


def _checks(report: Report) -> Iterable[str]:
    yield "<h2>Findings</h2>"
    heads = '<th class="number">Check</th><th>Finding</th><th>Where</th><th>What</th>'
    yield f"<table><thead><tr>{heads}</tr></thead><tbody>"
    for finding in report.findings:
        yield _finding(finding)
    for check, log, state, count in report.untold_groups():
        yield _row(int(check), state, log, f"and {count:,} more of the same kind")
    yield "</tbody></table>"
    told = {finding.check for finding in report.findings}
    missing = [f"{int(check)} ({MEANING[check]})" for check in Check if check not in told]
    if missing:
        yield f"<p>There was nothing to check for: {_text('; '.join(missing))}.</p>"


def _finding(finding: Finding) -> str:
    where = finding.log + (f", entry {finding.index}" if finding.index is not None else "")
    return _row(int(finding.check), finding.state, where, finding.text)


def _row(number: int, state: State, where: str, text: str) -> str:
    return (
        f'<tr><td class="number">{number}</td><td class="state {_CLASSES[state]}">{_text(state.value)}</td>'
        f"<td>{_text(where)}</td><td>{_text(text)}</td></tr>"
    )


def _notes(report: Report) -> Iterable[str]:
    if report.notes:
        yield "<h2>What was not there to check, by right</h2>"
        yield "<ul>" + "".join(f"<li>{_text(note)}</li>" for note in report.notes) + "</ul>"


_SIGNATURE = (
    '<h2>Signature</h2><table class="signature"><tbody><tr><td>Name, office</td><td>Place, date, signature</td></tr>'
    "</tbody></table>"
)
