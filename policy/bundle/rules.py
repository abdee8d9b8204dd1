"""Single policies: finding them in a file, and reading their annotations.

Each policy is checked by itself, so that an error names the file, the line and the term.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cedarpy

from gateway.errors import Malformed, Misconfigured
from gateway.model.decision import Human
from gateway.model.names import identifier
from gateway.records.types import RECORD_TYPES
from policy.explain import HUMAN_CODES

RELEASE = "release"
RESERVED_IDS = frozenset({"default", "error"})
"""Names in decisions that are not policies: nothing permitted it; evaluation failed."""

HANDLING_DATA = frozenset(
    {
        "marking",
        "release_marking",
        "handling",
        "level",
        "use",
        "caveats",
        "onward",
        "purposes",
        "not_after",
        "evaluation",
        "owner",
        "releasable_to",
        "withhold_from",
    }
)
"""The recipient's duties always travel with a record; no policy can drop them (CASE-F6)."""

_ANNOTATIONS = frozenset({"id", "title", "code", "fields", "withhold", "show", "human"})
_HUMANS = ", ".join(human.value for human in Human if human)
_TERM = re.compile(r"`([^`]+)`")
_TOKEN = re.compile(r'//[^\n]*|"(?:\\.|[^"\\])*+(?:"|\Z)|;', re.DOTALL)
_COMMENT = re.compile(r"^[ \t]*(?:#|//).*$", re.MULTILINE)
_BLANK = re.compile(r"(?:\s|//[^\n]*)*")
_MEMBER = re.compile(r"[a-z]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rule:
    """The text of one policy, and the place where it begins."""

    file: str
    line: int
    text: str

    def wrong(self, message: str, term: str = "", remedy: str = "") -> Misconfigured:
        """Return an error at the line of `term` inside this policy."""
        if not term:
            return Misconfigured(message, code="bad-policy", where=f"{self.file}:{self.line}", remedy=remedy)
        text = _COMMENT.sub("", self.text)
        whole = re.search(rf"(?<![\w-]){re.escape(term)}(?![\w-])", text)
        at = whole.start() if whole else text.find(term)
        line = self.line + text.count("\n", 0, max(at, 0))
        return Misconfigured(message, code="bad-policy", where=f"{self.file}:{line}", remedy=remedy)


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy. `fields` and `withhold` are names of fields of its record type; `all_fields` is `@fields("*")`.

    `resource` is empty if the policy names none, and so stands for all; `body` is the policy in Cedar's JSON form,
    `text` its source; `members` are the members that it names. `human` is who must decide before its fields leave.
    """

    id: str
    where: str
    permit: bool
    actions: frozenset[str]
    resource: str
    fields: frozenset[str]
    all_fields: bool
    withhold: frozenset[str]
    code: str
    show_count: bool
    members: frozenset[str]
    human: Human
    body: dict[str, Any]
    text: str

    def concerns(self, action: str, resource: str) -> bool:
        """Tell whether the policy can match this action on this resource."""
        return action in self.actions and self.resource in ("", resource)


def rules(file: str, text: str) -> Iterator[Rule]:
    """Yield the policies in `text`, which end with a semicolon outside comments and strings."""
    start, line = 0, 1
    for token in _TOKEN.finditer(text):
        if token.group() == ";":
            yield _rule(file, line, text[start : token.end()])
            line += text.count("\n", start, token.end())
            start = token.end()
    if re.sub(r"//[^\n]*", "", text[start:]).strip():
        raise _rule(file, line, text[start:]).wrong("the policy has no end", remedy="end it with `;`")


def _rule(file: str, line: int, text: str) -> Rule:
    """Return the rule in `text`, which begins at `line`, without the blanks and comments before it."""
    blank = _BLANK.match(text)
    begin = blank.end() if blank else 0
    return Rule(file, line + text.count("\n", 0, begin), text[begin:])


def read_policy(
    rule: Rule, schema: cedarpy.Schema, codes: frozenset[str], problems: list[Misconfigured]
) -> Policy | None:
    """Return the policy of `rule`, valid against `schema`; or None, and all its faults in `problems`."""
    passed, errors = _validated(rule.text, schema)
    found = [_invalid(rule, error) for error in errors]
    if not passed and not found:
        found.append(rule.wrong("the policy is not valid"))
    try:
        parsed = json.loads(_as_json(rule.text))
    except ValueError:
        problems += found
        return None
    if parsed["templates"] or len(parsed["staticPolicies"]) != 1:
        found.append(rule.wrong("templates are not supported", "?principal", "name the member itself"))
        problems += found
        return None
    (body,) = parsed["staticPolicies"].values()
    policy = _policy(rule, body, codes, found)
    problems += found
    return None if found else policy


# A new version of a policy, and each mutant of one, differs from the one before in few of its policies: Cedar need not
# read the others again.


@lru_cache(maxsize=1024)
def _validated(text: str, schema: cedarpy.Schema) -> tuple[bool, tuple[str, ...]]:
    result = cedarpy.validate_policies(text, schema)
    return result.validation_passed, tuple(error.error for error in result.errors)


@lru_cache(maxsize=1024)
def _as_json(text: str) -> str:
    return cedarpy.policies_to_json_str(text)


def _invalid(rule: Rule, error: str) -> Misconfigured:
    message = re.sub(r"for policy `policy0`[,:] ", "", error).removeprefix("Policy parse error: ")
    found = _TERM.search(message)
    term = found.group(1) if found else ""
    if term not in rule.text and "::" in term:
        term = term.partition("::")[2]
    return rule.wrong(message, term if term in rule.text else "", "use the words of the schema")


def _policy(rule: Rule, body: dict[str, Any], codes: frozenset[str], problems: list[Misconfigured]) -> Policy:
    annotations: dict[str, str] = {key: value or "" for key, value in body.get("annotations", {}).items()}
    permit = body["effect"] == "permit"
    actions = _actions(body["action"])
    resource = body["resource"].get("entity", {}).get("id", "")
    problems += _wrong_annotations(rule, annotations, permit, actions, codes)
    fields = _fields(annotations.get("fields", ""))
    withhold = _fields(annotations.get("withhold", ""))
    problems += _wrong_fields(rule, fields, resource, everything=True)
    problems += _wrong_fields(rule, withhold, resource, everything=False)
    members = _members(body)
    problems += _wrong_members(rule, members)
    return Policy(
        id=annotations.get("id", ""),
        where=f"{rule.file}:{rule.line}",
        permit=permit,
        actions=actions,
        resource=resource,
        fields=fields - {"*"},
        all_fields="*" in fields,
        withhold=withhold,
        code=annotations.get("code", ""),
        show_count="show" in annotations,
        members=members,
        human=_human(annotations.get("human", "")),
        body=body,
        text=rule.text,
    )


def _actions(scope: dict[str, Any]) -> frozenset[str]:
    named = [scope["entity"]] if "entity" in scope else scope.get("entities", [])
    return frozenset(entity["id"] for entity in named)


def _wrong_annotations(
    rule: Rule, annotations: dict[str, str], permit: bool, actions: frozenset[str], codes: frozenset[str]
) -> Iterator[Misconfigured]:
    for key in annotations:
        if key not in _ANNOTATIONS:
            yield rule.wrong(f"unknown annotation `@{key}`", f"@{key}", f"one of {', '.join(sorted(_ANNOTATIONS))}")
    name = annotations.get("id", "")
    if not name or name in RESERVED_IDS or _bad_id(name):
        yield rule.wrong(f"a policy needs an id of its own, not `{name[:40]}`", remedy='such as @id("th-vehicle")')
    if annotations.get("show", "count") != "count":
        yield rule.wrong("only a count can be shown", "@show", 'write @show("count")')
    yield from _wrong_human(rule, annotations, permit, actions)
    told = HUMAN_CODES if permit and "human" in annotations else frozenset[str]() if permit else codes
    if "code" in annotations and annotations["code"] not in told:
        yield rule.wrong(
            f"`{annotations['code'][:40]}` is no code of a refusal",
            "@code",
            f"on a forbid, one of {', '.join(sorted(codes))}; beside `@human`, {' or '.join(sorted(HUMAN_CODES))}",
        )
    if not actions:
        yield rule.wrong("a policy names its action", "action", 'such as `action == Action::"release"`')
        return
    releases = actions == {RELEASE}
    if ("fields" in annotations) != (permit and RELEASE in actions) or ("fields" in annotations and not releases):
        yield rule.wrong("`@fields` belongs on each permit of `release`, and nowhere else", "@fields")
    if "withhold" in annotations and (permit or not releases):
        yield rule.wrong("`@withhold` belongs on a forbid of `release`", "@withhold")
    if "show" in annotations and not (permit and releases):
        yield rule.wrong("`@show` belongs on a permit of `release`", "@show")


def _wrong_human(
    rule: Rule, annotations: dict[str, str], permit: bool, actions: frozenset[str]
) -> Iterator[Misconfigured]:
    if "human" not in annotations:
        return
    if not permit or actions != {RELEASE}:
        remedy = "let a permit say it: a forbid holds for humans, too"
        yield rule.wrong("`@human` belongs on a permit of `release`", "@human", remedy)
    if not _human(annotations["human"]):
        yield rule.wrong(f"`@human` is one of {_HUMANS}, not `{annotations['human'][:40]}`", "@human")


def _human(word: str) -> Human:
    """Return the human of an annotation; none for an unknown word, which `_wrong_human` refuses."""
    return Human(word) if word in list(Human) else Human.NONE


def _bad_id(name: str) -> bool:
    try:
        identifier(name, "id")
    except Malformed:
        return True
    return False


def _fields(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",")) if text else frozenset()


def _wrong_fields(rule: Rule, names: frozenset[str], resource: str, *, everything: bool) -> Iterator[Misconfigured]:
    for name in sorted(names):
        if name == "*" and everything and len(names) == 1:
            continue
        if name in HANDLING_DATA:
            yield rule.wrong(f"`{name}` is handling data: it travels with every record", name, "leave it out")
        elif resource not in RECORD_TYPES:
            yield rule.wrong(f"the field `{name}` has no record type", name, "name it: `resource == RecordType::…`")
        elif name not in RECORD_TYPES[resource].fields:
            known = ", ".join(RECORD_TYPES[resource].fields)
            yield rule.wrong(f"`{name}` is no field of {resource}", name, f"one of {known}")


def _members(body: Any) -> frozenset[str]:
    """Return all members that a policy names, in its scope or in a condition."""
    found: set[str] = set()
    waiting = [body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if node.get("type") == "Member" and isinstance(node.get("id"), str):
                found.add(node["id"])
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return frozenset(found)


def _wrong_members(rule: Rule, members: frozenset[str]) -> Iterator[Misconfigured]:
    for member in sorted(members):
        if not _MEMBER.fullmatch(member):
            yield rule.wrong(f"`{member[:40]}` is no member's id", member, "two small letters, such as `th`")
