"""The table of released fields for each counterpart, agency, purpose and record type.

The table is made by asking the policy itself, for an ordinary record that names the recipient's country, and for
one about a victim that names the recipient's agency; with a case number, and with a ticket of a control only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from html import escape

from msgspec import structs

from gateway.language.countries import country, with_country
from gateway.language.languages import Language
from gateway.language.terms import PURPOSES
from gateway.language.terms import RECORD_TYPES as WORDS_OF_TYPES
from gateway.model.marking import Marking, SubjectCategory
from gateway.model.names import MemberId
from gateway.model.purpose import Purpose
from gateway.model.query import QueryKind
from gateway.records.types import RECORD_TYPES
from policy.attributes import QuestionAttributes, RecordAttributes
from policy.bundle.agreements import Agreement
from policy.engine.engine import PolicyEngine
from policy.review.kinds import Kinds

_KINDS = {"ordinary": SubjectCategory.TRAVELLER, "victim": SubjectCategory.VICTIM}


@dataclass(frozen=True, slots=True)
class Row:
    """The fields of one record type that one agency of a counterpart gets for one purpose.

    `subject` is `ordinary` or `victim`. A field is in `with_case` when it leaves for a question with a case number,
    in `with_ticket` when the ticket of a control is enough, in `with_human` when a human must let it out in answer to
    a follow-up.
    """

    counterpart: MemberId
    agency: str
    purpose: str
    record_type: str
    subject: str
    with_case: frozenset[str]
    with_ticket: frozenset[str]
    with_human: frozenset[str] = frozenset()

    def as_json(self) -> dict[str, object]:
        """Return the row with sorted lists of fields."""
        fields = {name: sorted(getattr(self, name)) for name in ("with_case", "with_ticket", "with_human")}
        return asdict(self) | fields


def matrix(engine: PolicyEngine, now_us: int) -> list[Row]:
    """Return all rows with at least one field that may leave, at a time, under the agreements in force."""
    return [row for row in _rows(engine, now_us) if row.with_case or row.with_ticket or row.with_human]


def _rows(engine: PolicyEngine, now_us: int) -> Iterator[Row]:
    kinds = Kinds(engine)
    for agreement in engine.agreements:
        if now_us not in agreement.validity or engine.member not in agreement.parties:
            continue
        for agency in sorted(agreement.agencies):
            counterpart, _, name = agency.partition(".")
            if counterpart == engine.member:
                continue
            for purpose in Purpose:
                yield from _for_purpose(engine, kinds, agreement, MemberId(counterpart), name, purpose, now_us)


def _for_purpose(
    engine: PolicyEngine,
    kinds: Kinds,
    agreement: Agreement,
    counterpart: MemberId,
    agency: str,
    purpose: Purpose,
    now_us: int,
) -> Iterator[Row]:
    with_case = QuestionAttributes(
        counterpart=counterpart,
        role="officer",
        agency=agency,
        office=f"{counterpart}.office",
        query="",
        purpose=purpose.value,
        offence=min(agreement.offences),
        agreement=agreement.id,
        has_case=True,
        has_ticket=False,
    )
    with_ticket = structs.replace(with_case, has_case=False, has_ticket=True)
    questions = [_served(engine, kinds, agreement, asked, now_us) for asked in (with_case, with_ticket)]
    if not any(questions):
        return
    owners = [name for name in sorted(agreement.agencies) if name.startswith(f"{engine.member}.")]
    for record_type in RECORD_TYPES:
        for subject, category in _KINDS.items():
            if subject == "victim" and record_type != "Person":
                continue
            named = f"{counterpart}.{agency}" if subject == "victim" else counterpart
            record = partial(RecordAttributes, marking=Marking(releasable_to=frozenset({named})), category=category)
            found = [
                [_released(engine, [record(each, record_type, owner) for each in served], now_us) for owner in owners]
                for served in questions
            ]
            by_case, by_ticket = (frozenset[str]().union(*(fields for fields, _ in each)) for each in found)
            by_human = frozenset[str]().union(*(fields for each in found for _, fields in each))
            yield Row(
                counterpart,
                agency,
                purpose.value,
                record_type,
                subject,
                by_case,
                by_ticket,
                by_human - by_case - by_ticket,
            )


def _served(
    engine: PolicyEngine, kinds: Kinds, agreement: Agreement, asked: QuestionAttributes, now_us: int
) -> list[QuestionAttributes]:
    """Return the question with each query for which it is served; one of those that no rule on records tells apart."""
    questions = {query.value: structs.replace(asked, query=query.value) for query in QueryKind}
    served = [query for query, question in questions.items() if engine.may_answer(question, now_us).allow]
    return [questions[alike[0]] for alike in kinds.alike(["query"], served, lambda query: query in agreement.queries)]


def _released(
    engine: PolicyEngine, records: list[RecordAttributes], now_us: int
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the fields that leave for the first question that gets any, and those that a human may let out."""
    by_human = frozenset[str]()
    for record in records:
        release = engine.release(record, now_us)
        by_human |= release.with_human
        if release.fields:
            return release.fields, by_human
    return frozenset(), by_human


@dataclass(frozen=True, slots=True)
class Most:
    """The most fields of one record type that one agency of a counterpart gets, for whatever purpose, of `total`.

    `with_ticket` of them leave for the ticket of a control, `with_case` for a case number or a ticket.
    """

    place: str
    record_type: str
    with_case: int
    with_ticket: int
    total: int

    @property
    def said(self) -> str:
        """Return the counts in few words."""
        if self.with_case == self.with_ticket:
            return f"{self.with_ticket} of {self.total}"
        with_ticket = f", {self.with_ticket} with a ticket" if self.with_ticket else ""
        return f"{self.with_case} of {self.total} with a case{with_ticket}"


def overview(rows: list[Row]) -> list[Most]:
    """Return for each counterpart's agency and record type how much of it leaves at most; victims stand with others."""
    found: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    for row in rows:
        if not row.with_case and not row.with_ticket:
            continue
        with_case, with_ticket = found.setdefault((f"{row.counterpart}.{row.agency}", row.record_type), (set(), set()))
        with_case |= row.with_case | row.with_ticket
        with_ticket |= row.with_ticket
    return [
        Most(place, kind, len(with_case), len(with_ticket), len(RECORD_TYPES[kind].fields))
        for (place, kind), (with_case, with_ticket) in sorted(found.items())
    ]


_STYLE = (
    "body{font-family:sans-serif;margin:2em;color:#222}table{border-collapse:collapse;margin:1em 0 2em}"
    "th,td{border:1px solid #bbb;padding:.25em .6em;text-align:left;vertical-align:top}"
    "th{background:#eee}td.human{background:#d9e8f6}td.all{background:#dff0d8}td.case{background:#fcf3d0}td.no{color:#777}"
)


def as_html(rows: list[Row], member: MemberId, policy_hash: str, made: str) -> str:
    """Return the table as one HTML page without scripts, a section for each counterpart's agency."""
    whose = escape(with_country(member, Language.EN))
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>What leaves {whose}</title>',
        f"<style>{_STYLE}</style><h1>What leaves {whose}, and to whom</h1>",
        f"<p>Policy <code>{escape(policy_hash)}</code>, {escape(made)}. Green: a ticket of a control is enough. "
        "Yellow: a case number is needed. Blue: a human must let it out, in answer to a follow-up. What is "
        "not in a table does not leave.</p>",
        f"<h2>Overview: how many fields leave at most</h2>{_overview(rows)}",
    ]
    for place in sorted({(row.counterpart, row.agency) for row in rows}):
        chosen = [row for row in rows if (row.counterpart, row.agency) == place]
        name = ".".join(place)
        parts.append(f'<h2 id="{escape(name)}">{escape(_place(name))}</h2>{_table(chosen)}')
    return "\n".join([*parts, "</html>", ""])


def _place(name: str) -> str:
    """Return a counterpart's agency in words: `Viet Nam: police (vn.police)`."""
    member, _, agency = name.partition(".")
    return f"{country(member, Language.EN) or member}: {agency} ({name})"


def _overview(rows: list[Row]) -> str:
    """Return a table with a line for each counterpart's agency, and a column for each record type that leaves."""
    most = {(item.place, item.record_type): item for item in overview(rows)}
    kinds = [kind for kind in RECORD_TYPES if any(item.record_type == kind for item in most.values())]
    lines = ["<table><tr><th>who</th>" + "".join(f"<th>{escape(_kind(kind))}</th>" for kind in kinds) + "</tr>"]
    for place in sorted({place for place, _ in most}):
        cells = "".join(_most(most.get((place, kind))) for kind in kinds)
        lines.append(f'<tr><td><a href="#{escape(place)}">{escape(_place(place))}</a></td>{cells}</tr>')
    return "\n".join([*lines, "</table>"])


def _most(item: Most | None) -> str:
    if item is None:
        return '<td class="no">-</td>'
    return f'<td class="{"all" if item.with_ticket == item.with_case else "case"}">{escape(item.said)}</td>'


def _kind(record_type: str) -> str:
    return f"{WORDS_OF_TYPES[record_type]} ({record_type})"


def _table(rows: list[Row]) -> str:
    purposes = [purpose.value for purpose in Purpose if any(row.purpose == purpose for row in rows)]
    cells = {(row.record_type, row.subject, row.purpose): row for row in rows}
    lines = [
        "<table><tr><th>record</th><th>field</th>"
        + "".join(f"<th>{escape(_purpose(p))}</th>" for p in purposes)
        + "</tr>"
    ]
    for kind, subject in dict.fromkeys((row.record_type, row.subject) for row in rows):
        mine = [row for row in rows if (row.record_type, row.subject) == (kind, subject)]
        fields = [
            name
            for name in RECORD_TYPES[kind].fields
            if any(name in row.with_case | row.with_ticket | row.with_human for row in mine)
        ]
        title = _kind(kind) if subject == "ordinary" else f"{_kind(kind)}, {subject}"
        for at, name in enumerate(fields):
            head = f'<td rowspan="{len(fields)}">{escape(title)}</td>' if at == 0 else ""
            found = "".join(_cell(cells.get((kind, subject, purpose)), name) for purpose in purposes)
            lines.append(f"<tr>{head}<td>{escape(name)}</td>{found}</tr>")
    return "\n".join([*lines, "</table>"])


def _purpose(code: str) -> str:
    return f"{PURPOSES[code]} ({code})"


def _cell(row: Row | None, field: str) -> str:
    if row is not None and field in row.with_ticket:
        return '<td class="all">yes</td>'
    if row is not None and field in row.with_case:
        return '<td class="case">case</td>'
    if row is not None and field in row.with_human:
        return '<td class="human">human</td>'
    return '<td class="no">no</td>'
