"""Cases of a national folder: questions with the policy's expected answers; and bad twins that must not load.

`cases/*.toml` hold one case each. `bad/<name>/` holds a file that takes the place of the folder's own one of the
same path; its first line says where loading must fail and at which term: `// fails at line 7: purpos`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from gateway.clock import to_us
from gateway.config.toml import TomlTable
from gateway.errors import Malformed, Misconfigured
from gateway.model.decision import Decision
from gateway.model.marking import Marking, SubjectCategory, code
from gateway.model.names import MemberId, member_id
from policy.attributes import NOTHING_SAID, AskAttributes, DeskAttributes, QuestionAttributes, RecordAttributes
from policy.bundle.bundle import File, Files, load_bundle, read_files
from policy.engine.engine import BASE, PolicyEngine

CASES = "cases/*.toml"

_TWIN = re.compile(r"\s*(?://|#) fails at line (\d+): (.+)")
_QUESTION = frozenset(
    {"counterpart", "role", "agency", "office", "query", "purpose", "offence", "agreement", "case", "ticket"}
)
_OFFICER = (_QUESTION - {"counterpart", "agreement"}) | {"token"}
_NOTICE = _QUESTION - {"query"} | {"ours", "type", "says", "urgency", "to_office", "to_life", "hit"}
_RECORD = frozenset({"type", "owner", "category", "marking"})
_MARKING_DEFAULTS = Marking().as_json()
_MARKING = frozenset({*_MARKING_DEFAULTS, "purposes", "offences", "keep_hours", "delete_after_use"})
_EXPECTED = frozenset(
    {"allow", "code", "policies", "fields", "hide", "marking", "human", "with_human", "two", "by_human"}
)


Attributes = AskAttributes | QuestionAttributes | RecordAttributes | DeskAttributes


@dataclass(frozen=True, slots=True)
class Case:
    """One case: an action with its attributes at a time, and the expected results (only named ones are compared)."""

    name: str
    title: str
    action: str
    now_us: int
    attributes: Attributes
    expected: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The result of a case; it holds when there are no `problems`.

    `policies` are those that decided, and those that let a human decide on fields.
    """

    name: str
    problems: tuple[str, ...]
    policies: tuple[str, ...] = ()


def run_cases(national: Path, member: MemberId, base: Path | None = None) -> list[CaseResult]:
    """Run all cases of a national folder. Raises `Misconfigured` when a case or the policy cannot be read."""
    engine = PolicyEngine.load(national, member, base)
    return [run_case(engine, case) for case in cases_of(case_files(national))]


def case_files(national: Path) -> dict[str, File]:
    """Return the files of a national folder's cases, by their path inside it."""
    return {path.relative_to(national).as_posix(): File(path, path.read_bytes()) for path in national.glob(CASES)}


def cases_of(files: Files) -> list[Case]:
    """Return the cases among the files of a national folder or document. Raises like `read_case`."""
    return [_case(files[name]) for name in sorted(files) if PurePosixPath(name).match(CASES)]


def run_case(engine: PolicyEngine, case: Case) -> CaseResult:
    """Decide one case and compare the result."""
    got = decide_case(engine, case)
    problems = [
        f"{key}: expected {_shown(value)}, got {_shown(got.get(key))}"
        for key, value in case.expected.items()
        if got.get(key) != value
    ]
    return CaseResult(case.name, tuple(problems), tuple({*got["policies"], *got.get("by_human", ())}))


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
    """Return the case in `path`. Raises `Misconfigured` naming file, line and term."""
    return _case(File(path, path.read_bytes()))


def _case(file: File) -> Case:
    document = file.table()
    document.only("title", "action", "at", "officer", "question", "record", "notice", "expect")
    action = document.text("action")
    if action not in _ACTIONS:
        document.fail(f"unknown action `{action}`", "action", remedy=f"one of {', '.join(_ACTIONS)}")
    at = document.get("at", datetime)
    if at.tzinfo is None:
        document.fail("`at` has no time zone", "at", remedy="end it with `Z`")
    try:
        attributes = _ACTIONS[action](document)
    except Malformed as error:
        raise Misconfigured(error.message, code="bad-policy", where=document.file, remedy=error.remedy) from error
    return Case(file.path.stem, document.text("title"), action, to_us(at), attributes, _expected(document))


def _failure(folder: Path, texts: list[str]) -> tuple[int, str]:
    found = [match for text in texts if (match := _TWIN.match(text))]
    if len(found) != 1:
        raise Misconfigured("a bad twin does not say where it fails", code="bad-policy", where=str(folder))
    return int(found[0].group(1)), found[0].group(2).strip()


def decide_case(engine: PolicyEngine, case: Case) -> dict[str, Any]:
    """Return the results of a case, by the names under which `[expect]` compares them."""
    a, now_us = case.attributes, case.now_us
    if isinstance(a, RecordAttributes) and case.action == "learn":
        return _decided(engine.may_learn(a, now_us))
    if isinstance(a, RecordAttributes):
        release = engine.release(a, now_us)
        got = _decided(release.decision)
        got |= {"fields": sorted(release.fields), "hide": release.hide or engine.hides(a, now_us)}
        waiting = release.with_human - release.fields
        got["by_human"] = sorted({release.withheld[name] for name in waiting})
        got |= {"human": release.human.value, "with_human": sorted(release.with_human), "two": sorted(release.two)}
        if case.expected.get("marking") is not None:
            got["marking"] = engine.release_marking(a.marking, a.record_type, a.question.purpose, now_us).as_json()
        return got
    if isinstance(a, AskAttributes):
        return _decided(engine.may_ask(a, now_us))
    if isinstance(a, DeskAttributes):
        return _decided(engine.may_desk(a, now_us))
    decide = engine.may_send if case.action == "send" else engine.may_answer
    return _decided(decide(a, now_us))


def _decided(decision: Decision) -> dict[str, Any]:
    return {"allow": decision.allow, "code": decision.code, "policies": sorted(decision.policies)}


def _shown(value: object) -> str:
    return ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)


def _expected(document: TomlTable) -> dict[str, Any]:
    document.table("expect").only(*_EXPECTED)
    expected = document.get("expect", dict)
    if not {"allow", "policies"} <= expected.keys():
        document.fail("a case says whether it is allowed, and by which policies", "expect")
    return {key: sorted(value) if isinstance(value, list) else value for key, value in expected.items()}


def _officer(document: TomlTable) -> AskAttributes:
    table = _needed(document, "officer", _OFFICER)
    return AskAttributes(
        **_texts(table, "role", "agency", "office", "query", "purpose", "offence"),
        has_case=table.data.get("case") is True,
        has_ticket=table.data.get("ticket") is True,
        purpose_in_token=table.data.get("token", True) is True,
    )


def _question(document: TomlTable) -> QuestionAttributes:
    table = _needed(document, "question", _QUESTION)
    return QuestionAttributes(
        counterpart=member_id(table.text("counterpart")),
        **_texts(table, "role", "agency", "office", "query", "purpose", "offence", "agreement"),
        has_case=table.data.get("case") is True,
        has_ticket=table.data.get("ticket") is True,
    )


def _notice(document: TomlTable) -> DeskAttributes:
    table = _needed(document, "notice", _NOTICE)
    return DeskAttributes(
        counterpart=member_id(table.text("counterpart")),
        **_texts(table, "type", "urgency", "role", "agency", "office", "purpose", "offence", "agreement"),
        says=table.text("says", NOTHING_SAID),
        to_office=table.text("to_office", ""),
        ours=table.data.get("ours") is True,
        to_life=table.data.get("to_life") is True,
        has_case=table.data.get("case") is True,
        has_ticket=table.data.get("ticket") is True,
        has_hit=table.data.get("hit") is True,
    )


def _record(document: TomlTable) -> RecordAttributes:
    table = _needed(document, "record", _RECORD)
    return RecordAttributes(
        question=_question(document),
        record_type=table.text("type"),
        owner=table.text("owner"),
        marking=_marking(_needed(table, "marking", _MARKING)),
        category=code(SubjectCategory, table.text("category"), document.file),
    )


def _needed(document: TomlTable, key: str, keys: frozenset[str]) -> TomlTable:
    """Return a required table, with no other keys than these."""
    document.get(key, dict)
    table = document.table(key)
    table.only(*keys)
    return table


def _marking(table: TomlTable) -> Marking:
    try:
        return Marking.from_json({**_MARKING_DEFAULTS, **table.data})
    except Misconfigured as error:
        table.fail(error.message, remedy=error.remedy, code=error.code)


def _texts(table: TomlTable, *keys: str) -> dict[str, Any]:
    return {key: table.text(key) for key in keys}


_ACTIONS: Mapping[str, Callable[[TomlTable], Attributes]] = MappingProxyType(
    {
        "ask": _officer,
        "send": _question,
        "answer": _question,
        "release": _record,
        "learn": _record,
        "desk": _notice,
    }
)
