"""Single policies: finding them in a file, and reading what their annotations say.

Each policy is checked by itself, so that an error names the file, the line and the term.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cedarpy

from gateway.errors import Malformed, Misconfigured
from gateway.model.names import identifier
from gateway.records.types import RECORD_TYPES
from policy.reads import Reads, reads
from policy.toml_file import line_of

RELEASE = "release"
RESERVED_IDS = frozenset({"default", "error"})
"""Names in decisions that are no policies: nothing permitted it; evaluation failed."""

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
"""What the recipient must obey always travels with a record; no policy can drop it (threats.md, F6)."""

_ANNOTATIONS = frozenset({"id", "title", "code", "fields", "withhold", "show"})
_TERM = re.compile(r"`([^`]+)`")
_TOKEN = re.compile(r'//[^\n]*|"(?:\\.|[^"\\])*"|;', re.DOTALL)
_MEMBER = re.compile(r"[a-z]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Statement:
    """The text of one policy, and where it begins."""

    file: str
    line: int
    text: str

    def wrong(self, message: str, term: str = "", remedy: str = "") -> Misconfigured:
        """An error at the line of `term` inside this policy."""
        line = self.line + (line_of(self.text, term) - 1 if term else 0)
        return Misconfigured(message, code="bad-policy", where=f"{self.file}:{line}", remedy=remedy)


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy. `fields` and `withhold` are names of fields of its record type; `all_fields` is `@fields("*")`.

    `resource` is empty where the policy names none, and so stands for all; `body` is the policy in Cedar's JSON
    form, `text` as it is written; `members` are the members that it speaks of, `reads` the attributes that its
    conditions ask for (`policy.reads`).
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
    body: dict[str, Any]
    reads: Reads
    text: str

    def concerns(self, action: str, resource: str) -> bool:
        """Whether the policy can match this action on this resource."""
        return action in self.actions and self.resource in ("", resource)


def statements(file: str, text: str) -> Iterator[Statement]:
    """The policies in `text`, which end with a semicolon outside comments and strings."""
    start = 0
    for token in _TOKEN.finditer(text):
        if token.group() == ";":
            yield _statement(file, text, start, token.end())
            start = token.end()
    if re.sub(r"//[^\n]*", "", text[start:]).strip():
        raise _statement(file, text, start, len(text)).wrong("the policy has no end", remedy="end it with `;`")


def _statement(file: str, text: str, start: int, end: int) -> Statement:
    blank = re.compile(r"(?:\s|//[^\n]*)*").match(text, start)
    begin = blank.end() if blank else start
    return Statement(file, text.count("\n", 0, begin) + 1, text[begin:end])


def read_policy(statement: Statement, schema: cedarpy.Schema, codes: frozenset[str]) -> Policy:
    """The policy of `statement`, valid against `schema`. Raises `Misconfigured` with file, line and term."""
    result = cedarpy.validate_policies(statement.text, schema)
    if not result.validation_passed:
        raise _invalid(statement, [error.error for error in result.errors])
    parsed = json.loads(cedarpy.policies_to_json_str(statement.text))
    if parsed["templates"] or len(parsed["staticPolicies"]) != 1:
        raise statement.wrong("templates are not supported", "?principal", "name the member itself")
    (body,) = parsed["staticPolicies"].values()
    return _policy(statement, body, codes)


def _invalid(statement: Statement, errors: list[str]) -> Misconfigured:
    message = re.sub(r"for policy `policy0`[,:] ", "", errors[0] if errors else "the policy is not valid")
    message = message.removeprefix("Policy parse error: ")
    found = _TERM.search(message)
    term = found.group(1) if found else ""
    if term not in statement.text and "::" in term:
        term = term.partition("::")[2]
    return statement.wrong(message, term if term in statement.text else "", "use the words of the schema")


def _policy(statement: Statement, body: dict[str, Any], codes: frozenset[str]) -> Policy:
    annotations: dict[str, str] = {key: value or "" for key, value in body.get("annotations", {}).items()}
    permit = body["effect"] == "permit"
    actions = _actions(body["action"])
    resource = body["resource"].get("entity", {}).get("id", "")
    _check_annotations(statement, annotations, permit, actions, codes)
    fields = _fields(statement, annotations.get("fields", ""), resource, everything=True)
    withhold = _fields(statement, annotations.get("withhold", ""), resource, everything=False)
    return Policy(
        id=annotations["id"],
        where=f"{statement.file}:{statement.line}",
        permit=permit,
        actions=actions,
        resource=resource,
        fields=fields - {"*"},
        all_fields="*" in fields,
        withhold=withhold,
        code=annotations.get("code", ""),
        show_count="show" in annotations,
        members=_members(statement, body),
        body=body,
        reads=reads(body),
        text=statement.text,
    )


def _actions(scope: dict[str, Any]) -> frozenset[str]:
    named = [scope["entity"]] if "entity" in scope else scope.get("entities", [])
    return frozenset(entity["id"] for entity in named)


def _check_annotations(
    statement: Statement, annotations: dict[str, str], permit: bool, actions: frozenset[str], codes: frozenset[str]
) -> None:
    for key in annotations:
        if key not in _ANNOTATIONS:
            raise statement.wrong(
                f"unknown annotation `@{key}`", f"@{key}", f"one of {', '.join(sorted(_ANNOTATIONS))}"
            )
    name = annotations.get("id", "")
    if not name or name in RESERVED_IDS or _bad_id(name):
        raise statement.wrong(f"a policy needs an id of its own, not `{name[:40]}`", remedy='such as @id("th-vehicle")')
    if annotations.get("show", "count") != "count":
        raise statement.wrong("only a count can be shown", "@show", 'write @show("count")')
    if "code" in annotations and (permit or annotations["code"] not in codes):
        raise statement.wrong(
            f"`{annotations['code'][:40]}` is no code of a refusal",
            "@code",
            f"on a forbid, one of {', '.join(sorted(codes))}",
        )
    if not actions:
        raise statement.wrong("a policy names its action", "action", 'such as `action == Action::"release"`')
    releases = actions == {RELEASE}
    if ("fields" in annotations) != (permit and RELEASE in actions) or ("fields" in annotations and not releases):
        raise statement.wrong("`@fields` belongs on each permit of `release`, and nowhere else", "@fields")
    if "withhold" in annotations and (permit or not releases):
        raise statement.wrong("`@withhold` belongs on a forbid of `release`", "@withhold")
    if "show" in annotations and not (permit and releases):
        raise statement.wrong("`@show` belongs on a permit of `release`", "@show")


def _bad_id(name: str) -> bool:
    try:
        identifier(name, "id")
    except Malformed:
        return True
    return False


def _fields(statement: Statement, text: str, resource: str, *, everything: bool) -> frozenset[str]:
    names = frozenset(name.strip() for name in text.split(",")) if text else frozenset()
    for name in sorted(names):
        if name == "*" and everything and len(names) == 1:
            continue
        if name in HANDLING_DATA:
            raise statement.wrong(f"`{name}` is handling data: it travels with every record", name, "leave it out")
        if resource not in RECORD_TYPES:
            raise statement.wrong(
                f"the field `{name}` has no record type", name, "name it: `resource == RecordType::…`"
            )
        if name not in RECORD_TYPES[resource].fields:
            known = ", ".join(RECORD_TYPES[resource].fields)
            raise statement.wrong(f"`{name}` is no field of {resource}", name, f"one of {known}")
    return names


def _members(statement: Statement, body: Any) -> frozenset[str]:
    """All members that a policy names, in its scope or in a condition."""
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
    for member in found:
        if not _MEMBER.fullmatch(member):
            raise statement.wrong(f"`{member[:40]}` is no member's id", member, "two small letters, such as `th`")
    return frozenset(found)
