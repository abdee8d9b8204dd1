"""Describe opened exchanges in words: who asked what and why, what was given, and what of it is proved."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.audit.reading.opened import Opened
from gateway.audit.verify.content import Content, Given, Part
from gateway.audit.verify.findings import State
from gateway.clock import rfc3339_s
from gateway.language.catalogue import tell
from gateway.language.countries import with_country
from gateway.language.dates import moment
from gateway.language.languages import Language
from gateway.language.sentences import refusal, refusal_text
from gateway.language.terms import MARKING_PARTS, OFFENCES, PURPOSES, QUERIES, RECORD_TYPES, WORDS_OF
from gateway.matching.explain import explain
from gateway.model.exchange import Answer, Outcome
from gateway.ops.audit.contents import OpenedEntries
from gateway.records.types import RECORD_TYPES as RECORD_KINDS
from gateway.records.verify import VerifiedRecord
from gateway.views.desk.notices import notice_pairs
from gateway.views.search.lines import QUALITY, SIGNED, value_text
from gateway.views.sheet_words import CERTAINTY, KINDS, LABELS, OUTCOMES, PARTS, RELIABILITY
from gateway.views.words.reason_words import reason

Pairs = Sequence[tuple[str, str]]

_ERASED = "entry {index}: its content is erased (key {key}); that the entry was made is still proved"
_LOST = "entry {index}: its key ({key}) is lost, so its content cannot be read; that the entry was made is still proved"
_COUNTRIES = frozenset({"nationality", "nationalities", "issuer", "country", "flag", "origin"})
_WHO = ("officer", "on_behalf_of", "role", "office", "agency", "client")
_WHY = ("purpose", "offence", "case", "ticket", "agreement")
_TOLD = frozenset({*_WHO, *_WHY, "requester", "query", "question", "outcome", "refusal", "missing", "decision"})
_TOLD_TOO = _TOLD | {"sources", "withheld", "hits", "notice", "thread", "says", "urgency"}
_BULKY = frozenset(
    {"their_entry", "their_hashes", "their_checkpoint", "token_salt", "withheld_salt", "statement", "act"}
)
"""Evidence that only a program reads; `--json` has it."""


@dataclass(frozen=True, slots=True)
class RecordSheet:
    """A hit of an answer: its title, whether its record is proved (None: none was given), its fields, its marking."""

    title: str
    status: str
    state: State | None
    fields: Pairs
    marking: Pairs
    about: Pairs


@dataclass(frozen=True, slots=True)
class Sheet:
    """One exchange in words. `closed` tells what is erased, sealed or missing; `rest` is what else the entries say."""

    title: str
    entries: Sequence[str]
    closed: Sequence[str]
    who: Pairs
    asked: Pairs
    given: Pairs
    records: Sequence[RecordSheet]
    proofs: Sequence[tuple[State, str]]
    rest: Pairs


def sheets_of(found: OpenedEntries, language: Language) -> list[Sheet]:
    """Return a sheet for each opened exchange."""
    return [_Words(content, found.member, language).sheet() for content in found.contents]


@dataclass(frozen=True, slots=True)
class _Words:
    content: Content
    member: str
    language: Language

    def sheet(self) -> Sheet:
        content = self.content
        return Sheet(
            title=self._title(),
            entries=[self._entry(opened) for opened in content.entries],
            closed=list(self._closed()),
            who=list(self._who()),
            asked=list(self._asked()),
            given=list(self._given()),
            records=[self._record(given) for given in content.given],
            proofs=list(self._proofs()),
            rest=list(self._rest()),
        )

    def _title(self) -> str:
        entry = self.content.first.entry
        if not entry.exchange_id:
            kind = self._said(KINDS, entry.kind)
            return tell(
                self.language, "entry {index} of {log}: {kind}", index=entry.index, log=self.content.log, kind=kind
            )
        other = with_country(entry.peer, self.language)
        return tell(self.language, "exchange {id} with {member}", id=entry.exchange_id, member=other)

    def _entry(self, opened: Opened) -> str:
        entry, kind = opened.entry, self._said(KINDS, opened.entry.kind)
        place = tell(
            self.language, "entry {index} of {log}: {kind}", index=entry.index, log=self.content.log, kind=kind
        )
        return f"{moment(rfc3339_s(entry.time_us), self.language)}  {place}"

    def _closed(self) -> Iterator[str]:
        for opened in self.content.entries:
            index = opened.entry.index
            if opened.lost or opened.closed.startswith("erased"):
                key = opened.closed.partition(": ")[2]
                yield tell(self.language, _LOST if opened.lost else _ERASED, index=index, key=key)
            elif opened.private is None:
                yield tell(self.language, "entry {index}: its content is closed: {why}", index=index, why=opened.closed)
        if self.content.sealed:
            yield tell(self.language, "the answer is sealed: the appointment leaves signed answers out")

    def _who(self) -> Iterator[tuple[str, str]]:
        content = self.content
        private, request = content.private, content.notice.head if content.notice else content.request
        facts = {name: str(private.get(name) or "") for name in (*_WHO, *_WHY)}
        if request is not None:
            asker = request.requester
            facts |= {"role": asker.role, "office": asker.office, "agency": asker.agency}
            facts |= {"purpose": request.purpose.value, "offence": request.offence.value}
            facts |= {"case": request.case, "ticket": request.ticket, "agreement": request.agreement}
            if not facts["officer"]:
                yield self._label("pseudonym"), asker.pseudonym
        for name, value in facts.items():
            if value:
                words = {"purpose": PURPOSES, "offence": OFFENCES}.get(name, {})
                yield self._label(name), self._coded(words, value)

    def _asked(self) -> Iterator[tuple[str, str]]:
        if self.content.notice is not None:
            yield from notice_pairs(self.content.notice, self.language)
        query = self.content.query
        if query is None:
            return
        yield self._label("query"), self._said(QUERIES, query.kind)
        for name, value in query.as_value().items():
            for each in value if isinstance(value, list) else [value]:
                if each:
                    yield self._label(name), self._value(name, each)

    def _given(self) -> Iterator[tuple[str, str]]:
        private, answer = self.content.private, self.content.receipt or self.content.answer
        outcome = answer.outcome.value if isinstance(answer, Answer) else self._outcome()
        if outcome:
            yield self._label("outcome"), self._said(OUTCOMES, outcome)
        if answer and answer.refusal:
            told = answer.refusal
            text = refusal_text(told.code, told.reason, told.text, self.language) or told.code
            yield self._label("refusal"), text if told.code in text else f"{text} ({told.code})"
        elif answer is None and (code := str(private.get("code") or "")):
            # The words that are made for auditors are in English alone.
            text = reason(code) if self.language is Language.EN else refusal(code, "", self.language)
            yield self._label("refusal"), f"{text} ({code})" if text else code
        if missing := self._missing():
            yield self._label("missing"), ", ".join(missing)
        decision = private.get("decision")
        if isinstance(decision, dict) and decision.get("policies"):
            yield self._label("policies"), ", ".join(map(str, decision["policies"]))
        if sources := [self._source(source) for source in _dicts(private.get("sources"))]:
            yield self._label("sources"), "; ".join(sources)
        if rules := [item.rule for item in self.content.withheld]:
            yield self._label("withheld"), ", ".join(f"{rule} {rules.count(rule)}" for rule in dict.fromkeys(rules))

    def _outcome(self) -> str:
        """Return the outcome of an exchange whose answer is not there, as far as its entries tell."""
        kinds = {opened.entry.kind for opened in self.content.entries}
        noted = {"silent": Outcome.SILENT, "too-many": Outcome.TOO_MANY, "refused": Outcome.REFUSED}
        return str(self.content.private.get("outcome") or next((noted[kind] for kind in noted if kind in kinds), ""))

    def _missing(self) -> list[str]:
        answer = self.content.answer
        missing = answer.missing if answer else self.content.private.get("missing")
        return [str(kind) for kind in missing] if isinstance(missing, list | tuple) else []

    def _source(self, source: Mapping[str, Any]) -> str:
        hits = source.get("hits")
        count = len(hits) if isinstance(hits, list) else hits or 0
        told = tell(self.language, "1 hit") if count == 1 else tell(self.language, "{count} hits", count=count)
        return f"{source.get('id', '')}: {told}"

    # ------------------------------------------------------------ records

    def _record(self, given: Given) -> RecordSheet:
        hit, record = given.hit, given.record
        why = "; ".join(explain(hit.rules, self.language))
        title = f"{self._coded(RECORD_TYPES, hit.record_type)}: {self._said(QUALITY, hit.quality)}"
        return RecordSheet(
            title=f"{title} ({why})" if why else title,
            status=self._status(given),
            state=State.PROVED if record else State.CONTRADICTED if given.problem else None,
            fields=[(name, self._value(name, value)) for name, value in _ordered(record)],
            marking=list(self._marking(record.marking)) if record else [],
            about=[(self._label("reference"), hit.reference), *(self._about(record) if record else ())],
        )

    def _status(self, given: Given) -> str:
        record = given.record
        if given.problem:
            return tell(self.language, "the record does not verify, so it is not shown: {why}", why=given.problem)
        if record is None:
            return given.hit.action or tell(self.language, "the record needs a follow-up")
        facts = {"count": len(record.fields), "total": RECORD_KINDS[record.type].total(record.fields)}
        signed = tell(self.language, SIGNED["own" if record.own_key else "held-by-node"])
        return tell(
            self.language,
            "{count} of {total} fields released by {owner}, {signed}, verified",
            owner=record.owner,
            signed=signed,
            **facts,
        )

    def _marking(self, marking: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for name, value in marking.items():
            if value in ("", [], None):
                continue
            label = tell(self.language, MARKING_PARTS[name]) if name in MARKING_PARTS else name
            yield label, self._marked(name, value)

    def _marked(self, name: str, value: Any) -> str:
        if name == "not_after":
            return moment(value, self.language)
        if name == "evaluation":
            return f"{self._said(RELIABILITY, value[:1])}; {self._said(CERTAINTY, value[1:])} ({value})"
        return tell(self.language, "yes") if value is True else self._value(name, value)

    def _about(self, record: VerifiedRecord) -> Iterator[tuple[str, str]]:
        yield self._label("jti"), record.jti
        for name, seconds in (("issued", record.iat), ("expires", record.exp)):
            yield self._label(name), moment(rfc3339_s(seconds * 1_000_000), self.language)
        kept_back = [name for name in RECORD_KINDS[record.type].fields if name not in record.fields]
        if kept_back:
            yield self._label("undisclosed"), ", ".join(kept_back)

    # ------------------------------------------------------------ proofs, the rest

    def _proofs(self) -> Iterator[tuple[State, str]]:
        """Yield each result once, with the entries that it is of."""
        found: dict[tuple[State, Part, str], list[int]] = {}
        for proof in self.content.proofs:
            found.setdefault((proof.state, proof.part, proof.why), []).append(proof.entry)
        for (state, part, why), entries in found.items():
            index = ", ".join(map(str, dict.fromkeys(entries)))
            said = tell(self.language, "{claim} (entry {index})", claim=tell(self.language, PARTS[part]), index=index)
            yield state, f"{said}: {why}" if why else said

    def _rest(self) -> Iterator[tuple[str, str]]:
        for name, value in self.content.private.items():
            if name not in _TOLD_TOO and name not in _BULKY and value not in ("", None, [], {}):
                yield name.replace("_", " "), _plain(name, without_assertions(name, value), self.language)

    # ------------------------------------------------------------ words

    def _label(self, name: str) -> str:
        return tell(self.language, LABELS[name]) if name in LABELS else name.replace("_", " ")

    def _said(self, words: Mapping[str, str], code: str) -> str:
        return tell(self.language, words[code]) if code in words else code

    def _coded(self, words: Mapping[str, str], code: str) -> str:
        """Return the words of a code, with the code behind them: an auditor compares it with documents."""
        return f"{tell(self.language, words[code])} ({code})" if code in words else code

    def _value(self, name: str, value: Any) -> str:
        if isinstance(value, list):
            return ", ".join(self._value(name, part) for part in value)
        if isinstance(value, dict):
            codes = {key: part for key, part in value.items() if key in _COUNTRIES and isinstance(part, str)}
            words = {key: with_country(part, self.language) for key, part in codes.items()}
            return value_text(value | words, self.language, name)
        if name in _COUNTRIES:
            return with_country(str(value), self.language)
        return self._coded(WORDS_OF[name], str(value)) if name in WORDS_OF else value_text(value, self.language, name)


def _ordered(record: VerifiedRecord | None) -> list[tuple[str, Any]]:
    """Return the disclosed fields in the order of their type."""
    if record is None:
        return []
    return [(name, record.fields[name]) for name in RECORD_KINDS[record.type].fields if name in record.fields]


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def without_assertions(name: str, value: Any) -> Any:
    """Return the humans who decided without what their passkeys signed, which only a program reads."""
    if name != "humans" or not isinstance(value, list):
        return value
    people = [item for item in value if isinstance(item, Mapping)]
    return [{part: said for part, said in person.items() if part != "assertion"} for person in people]


def _plain(name: str, value: Any, language: Language) -> str:
    if (name.endswith("_us") or name == "last_seen") and isinstance(value, int):
        return moment(rfc3339_s(value), language) if value else "-"
    if isinstance(value, list) and all(isinstance(part, str | int) for part in value):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
