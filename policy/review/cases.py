"""Cases of a national folder: what is asked, and what policy must say to it; and bad twins that must not load.

`cases/*.toml` hold one case each. `bad/<name>/` holds a file that takes the place of the folder's own one of the
same path; its first line says where loading must fail and at which term: `// fails at line 7: purpos`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gateway.clock import to_us
from gateway.errors import Malformed, Misconfigured
from gateway.model.decision import Decision
from gateway.model.marking import Marking, SubjectCategory, code
from gateway.model.names import MemberId, member_id
from policy.attributes import AskAttributes, QuestionAttributes, RecordAttributes
from policy.bundle.bundle import load_bundle, read_files
from policy.bundle.toml_file import TomlFile
from policy.engine.engine import BASE, PolicyEngine

_TWIN = re.compile(r"\s*(?://|#) fails at line (\d+): (.+)")
_QUESTION = frozenset(
    {"counterpart", "role", "agency", "office", "query", "purpose", "offence", "agreement", "case", "ticket"}
)
_OFFICER = (_QUESTION - {"counterpart", "agreement"}) | {"token"}
_RECORD = frozenset({"type", "owner", "category", "marking"})
_MARKING_DEFAULTS = Marking().as_json()
_MARKING = frozenset({*_MARKING_DEFAULTS, "purposes", "offences", "keep_hours", "delete_after_use"})
_EXPECTED = frozenset({"allow", "code", "policies", "fields", "hide", "marking"})


@dataclass(frozen=True, slots=True)
class Case:
    """One case: an action with its attributes at a time, and what must come of it (only what is named counts)."""

    name: str
    title: str
    action: str
    now_us: int
    attributes: AskAttributes | QuestionAttributes | RecordAttributes
    expected: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What became of a case; it holds when there are no `problems`. `policies` are those that decided."""

    name: str
    problems: tuple[str, ...]
    policies: tuple[str, ...] = ()


def run_cases(national: Path, member: MemberId, base: Path | None = None) -> list[CaseResult]:
    """Run all cases of a national folder. Raises `Misconfigured` when a case or the policy cannot be read."""
    engine = PolicyEngine.load(national, member, base)
    return [run_case(engine, read_case(path)) for path in sorted(national.glob("cases/*.toml"))]


def run_case(engine: PolicyEngine, case: Case) -> CaseResult:
    """Decide one case and compare."""
    got = decide_case(engine, case)
    problems = [
        f"{key}: expected {_shown(value)}, got {_shown(got.get(key))}"
        for key, value in case.expected.items()
        if got.get(key) != value
    ]
    return CaseResult(case.name, tuple(problems), tuple(got["policies"]))


def run_twins(national: Path, member: MemberId, base: Path | None = None) -> list[CaseResult]:
    """Try to load each bad twin of a national folder."""
    good, base_files = read_files(national), read_files(base or BASE)
    results = []
    for folder in sorted(path for path in national.glob("bad/*") if path.is_dir()):
        twin = read_files(folder)
        line, term = _failure(folder, [file.text for file in twin.values()])
        try:
            load_bundle(base_files, {**good, **twin}, member)
        except Misconfigured as error:
            named = error.where.endswith(f":{line}") and term in error.message
            results.append(CaseResult(folder.name, () if named else (f"expected line {line}: {term}, got {error}",)))
        else:
            results.append(CaseResult(folder.name, ("it loads",)))
    return results


def read_case(path: Path) -> Case:
    """The case in `path`. Raises `Misconfigured` naming file, line and term."""
    document = TomlFile(path)
    document.known_keys({"title", "action", "at", "officer", "question", "record", "expect"})
    action = document.value("action", str)
    if action not in _ACTIONS:
        raise document.wrong(f"unknown action `{action}`", action, f"one of {', '.join(_ACTIONS)}")
    at = document.value("at", datetime)
    if at.tzinfo is None:
        raise document.wrong("`at` has no time zone", "at", "end it with `Z`")
    try:
        attributes = _ACTIONS[action](document)
    except Malformed as error:
        raise Misconfigured(error.message, code="bad-policy", where=document.name, remedy=error.remedy) from error
    return Case(path.stem, document.value("title", str), action, to_us(at), attributes, _expected(document))


def _failure(folder: Path, texts: list[str]) -> tuple[int, str]:
    found = [match for text in texts if (match := _TWIN.match(text))]
    if len(found) != 1:
        raise Misconfigured("a bad twin does not say where it fails", code="bad-policy", where=str(folder))
    return int(found[0].group(1)), found[0].group(2).strip()


def decide_case(engine: PolicyEngine, case: Case) -> dict[str, Any]:
    """What comes of a case, by the names under which `[expect]` compares it."""
    a, now_us = case.attributes, case.now_us
    if isinstance(a, RecordAttributes) and case.action == "learn":
        return _decided(engine.may_learn(a, now_us))
    if isinstance(a, RecordAttributes):
        release = engine.release(a, now_us)
        got = _decided(release.decision)
        got |= {"fields": sorted(release.fields), "hide": release.hide or engine.hides(a, now_us)}
        if case.expected.get("marking") is not None:
            got["marking"] = engine.release_marking(a.marking, a.record_type, a.question.purpose, now_us).as_json()
        return got
    if isinstance(a, AskAttributes):
        return _decided(engine.may_ask(a, now_us))
    decide = engine.may_send if case.action == "send" else engine.may_answer
    return _decided(decide(a, now_us))


def _decided(decision: Decision) -> dict[str, Any]:
    return {"allow": decision.allow, "code": decision.code, "policies": sorted(decision.policies)}


def _shown(value: object) -> str:
    return ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)


def _expected(document: TomlFile) -> dict[str, Any]:
    expected = dict(document.value("expect", dict))
    document.known_keys(_EXPECTED, expected)
    if not {"allow", "policies"} <= expected.keys():
        raise document.wrong("a case says whether it is allowed, and by which policies", "expect")
    return {key: sorted(value) if isinstance(value, list) else value for key, value in expected.items()}


def _officer(document: TomlFile) -> AskAttributes:
    table = document.value("officer", dict)
    document.known_keys(_OFFICER, table)
    return AskAttributes(
        **_texts(document, table, "role", "agency", "office", "query", "purpose", "offence"),
        has_case=table.get("case") is True,
        has_ticket=table.get("ticket") is True,
        purpose_in_token=table.get("token", True) is True,
    )


def _question(document: TomlFile) -> QuestionAttributes:
    table = document.value("question", dict)
    document.known_keys(_QUESTION, table)
    return QuestionAttributes(
        counterpart=member_id(document.value("counterpart", str, table)),
        **_texts(document, table, "role", "agency", "office", "query", "purpose", "offence", "agreement"),
        has_case=table.get("case") is True,
        has_ticket=table.get("ticket") is True,
    )


def _record(document: TomlFile) -> RecordAttributes:
    table = document.value("record", dict)
    document.known_keys(_RECORD, table)
    return RecordAttributes(
        question=_question(document),
        record_type=document.value("type", str, table),
        owner=document.value("owner", str, table),
        marking=_marking(document, document.value("marking", dict, table)),
        category=code(SubjectCategory, document.value("category", str, table), document.name),
    )


def _marking(document: TomlFile, table: Mapping[str, Any]) -> Marking:
    document.known_keys(_MARKING, table)
    try:
        return Marking.from_json({**_MARKING_DEFAULTS, **table})
    except Misconfigured as error:
        raise Misconfigured(error.message, code=error.code, where=document.name, remedy=error.remedy) from error


def _texts(document: TomlFile, table: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: document.value(key, str, table) for key in keys}


_ACTIONS: Mapping[str, Callable[[TomlFile], AskAttributes | QuestionAttributes | RecordAttributes]] = MappingProxyType(
    {"ask": _officer, "send": _question, "answer": _question, "release": _record, "learn": _record}
)
