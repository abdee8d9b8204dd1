"""A policy bundle: the base policy that all members share, and one member's national folder.

All files are read once, checked against the schema, and hashed. A bundle with a fault does not load.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import TypeVar

import cedarpy

from gateway.config.toml import TomlTable, parse_toml
from gateway.errors import Misconfigured
from gateway.model.desk.notices import NoticeType
from gateway.model.names import MemberId
from gateway.model.query import QueryKind
from gateway.records.types import RECORD_TYPES
from policy.bundle.agreements import Agreement, Agreements, read_agreement
from policy.bundle.desk import DESK, DeskRules, check_clocks, read_desk
from policy.bundle.hours import HOURS, Hours, read_hours
from policy.bundle.law import LAW, Law, check_counterparts, read_law
from policy.bundle.limits import QUOTAS, THRESHOLDS, Quotas, ThresholdSets, read_quotas, read_thresholds
from policy.bundle.retention import Retention, read_retention
from policy.bundle.rules import Policy, read_policy, rules
from policy.explain import CODES

_D = TypeVar("_D")

SCHEMA = "schema.cedarschema"
RETENTION = "retention.toml"
_SINGLE = (SCHEMA, RETENTION, LAW, HOURS, QUOTAS, THRESHOLDS, DESK)
AGREEMENTS = "agreements/*.toml"
_QUERIES = tuple(kind.value for kind in QueryKind)
_ACTIONS: Mapping[str, Iterable[str]] = {
    "ask": _QUERIES,
    "send": _QUERIES,
    "answer": _QUERIES,
    "learn": tuple(RECORD_TYPES),
    "release": tuple(RECORD_TYPES),
    "desk": tuple(kind.value for kind in NoticeType),
}
"""Each action with the resources for which it can be asked."""


@dataclass(frozen=True, slots=True)
class Layer:
    """`base` or `national`: its policies by name, such as `national/th-vehicle`."""

    name: str
    by_name: Mapping[str, Policy]

    def named(self, policy_id: str) -> str:
        """Return the name of a policy, as decisions give it."""
        return f"{self.name}/{policy_id}"


@dataclass(frozen=True, slots=True)
class Matcher:
    """The policies that can match an action on a resource: parsed, and their names."""

    policies: cedarpy.PolicySet
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything that decides. `hash` is SHA-256 over the files (`hash_files`).

    `matchers` are the policies of both layers that can match an action on a resource. `roles` are those that the
    schema lists. `files` have the folder of their layer before their names.
    """

    schema: cedarpy.Schema
    matchers: Mapping[tuple[str, str], Matcher]
    base: Layer
    national: Layer
    agreements: Agreements
    retention: Retention
    law: Law
    hours: Hours | None
    quotas: Quotas
    thresholds: ThresholdSets
    desk: DeskRules
    hash: bytes
    roles: tuple[str, ...]
    files: Files


Files = Mapping[str, "File"]
"""The files of one folder by their path inside it; the bytes that are read are those that are hashed."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a bundle: its path and its bytes."""

    path: Path
    data: bytes

    @property
    def text(self) -> str:
        """The bytes as text. Raises `Misconfigured` when they are not UTF-8."""
        try:
            return self.data.decode()
        except UnicodeDecodeError as error:
            raise Misconfigured("the file is not UTF-8", code="bad-policy", where=str(self.path)) from error

    def table(self) -> TomlTable:
        """Return the root table of a TOML document. Raises `Misconfigured` with file and line."""
        return parse_toml(str(self.path), self.data, "bad-policy")


def strangers(folder: Path) -> list[Misconfigured]:
    """Return errors for files that look like policy files and are not: a misspelt `quotas.toml` drops all quotas."""
    return [
        Misconfigured(
            "`{path}` is no file of a policy",
            code="bad-policy",
            where=str(path),
            remedy="one of {single}, or `*.cedar`",
            path=path.name,
            single=", ".join(sorted(_SINGLE)),
        )
        for path in sorted(folder.glob("*.toml"))
        if path.name not in _SINGLE
    ]


def read_files(folder: Path) -> dict[str, File]:
    """Return the files of `folder` that decide; cases and bad twins are not part of the policy."""
    if not folder.is_dir():
        raise Misconfigured("there is no such policy folder", code="bad-policy", where=str(folder))
    paths = [path for pattern in (*_SINGLE, "*.cedar", AGREEMENTS) for path in folder.glob(pattern)]
    return {path.relative_to(folder).as_posix(): File(path, path.read_bytes()) for path in paths if path.is_file()}


def layer_of(contents: Mapping[str, bytes], layer: str) -> Files:
    """Return the files of one layer, `base` or `national`, of a policy document or a bundle."""
    prefix = f"{layer}/"
    return {
        name.removeprefix(prefix): File(Path(name), data) for name, data in contents.items() if name.startswith(prefix)
    }


def load_bundle(base: Files, national: Files, member: MemberId) -> Bundle:
    """Return the bundle of these files. Raises `Misconfigured` with the first problem's file, line and term."""
    return _loaded(frozenset(base.items()), frozenset(national.items()), member)


@lru_cache(maxsize=8)
def _loaded(base: frozenset[tuple[str, File]], national: frozenset[tuple[str, File]], member: MemberId) -> Bundle:
    """Load a bundle once for each process: it never changes, and its files with their bytes say all of it."""
    bundle, problems = check_bundle(dict(base), dict(national), member)
    if bundle is None:
        raise _together(problems)
    return bundle


def check_bundle(base: Files, national: Files, member: MemberId) -> tuple[Bundle | None, list[Misconfigured]]:
    """Return the bundle of these files, or None and all problems, each with file, line and term."""
    problems: list[Misconfigured] = []
    try:
        schema = _schema(base)
    except Misconfigured as error:
        return None, [error]
    found = (_one(national, name, read_agreement, problems) for name in _named(national, AGREEMENTS))
    agreements = [agreement for agreement in found if agreement]
    whole = not problems
    layers = _layer("base", base, schema, problems), _layer("national", national, schema, problems)
    times = (files[RETENTION].table() for files in (base, national) if RETENTION in files)
    retention = _tried(lambda: read_retention(times), problems)
    law = _law(national, agreements, member, problems)
    hours = _one(national, HOURS, read_hours, problems)
    quotas = _one(national, QUOTAS, read_quotas, problems)
    thresholds = _tried(lambda: read_thresholds(*_both(THRESHOLDS, base, national)), problems)
    desk = _tried(lambda: read_desk(*_both(DESK, base, national)), problems)
    if whole and desk is not None:
        for name in _named(national, AGREEMENTS):
            _tried(partial(check_clocks, national[name].table(), desk), problems)
    if whole:
        _check_members(layers, agreements, member, problems)
    if problems or retention is None or law is None or thresholds is None or desk is None:
        return None, problems
    files = {f"base/{name}": file for name, file in base.items()}
    files |= {f"national/{name}": file for name, file in national.items()}
    bundle = Bundle(
        schema=schema,
        matchers=matchers(layers),
        base=layers[0],
        national=layers[1],
        agreements=Agreements(member, agreements),
        retention=retention,
        law=law,
        hours=hours,
        quotas=quotas or Quotas(),
        thresholds=thresholds,
        desk=desk,
        hash=hash_files(files),
        roles=listed_values(base[SCHEMA].text, "Role"),
        files=files,
    )
    return bundle, []


def listed_values(schema: str, entity: str) -> tuple[str, ...]:
    """Return the values of a closed list of the schema, in its order."""
    found = re.search(rf"entity {entity} enum \[(.*?)\];", schema, re.DOTALL)
    return tuple(re.findall(r'"([^"]+)"', found.group(1))) if found else ()


def hash_files(files: Files) -> bytes:
    """Return SHA-256 over names and contents, each with its length before it, in the order of the names."""
    digest = hashlib.sha256(b"liaison policy bundle 1\n")
    for name in sorted(files):
        for part in (name.encode(), files[name].data):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.digest()


def _together(problems: list[Misconfigured]) -> Misconfigured:
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return Misconfigured(
        "{detail}{more}",
        code="bad-policy",
        where=first.where,
        remedy="{advice}",
        detail=first.message,
        more=more,
        advice=first.remedy,
    )


def _schema(base: Files) -> cedarpy.Schema:
    if SCHEMA not in base:
        raise Misconfigured("the base policy has no `{schema}`", code="bad-policy", where="base", schema=SCHEMA)
    try:
        return _parsed_schema(base[SCHEMA].text)
    except ValueError as error:
        where = str(base[SCHEMA].path)
        raise Misconfigured(
            "the schema cannot be used: {error}", code="bad-policy", where=where, error=error
        ) from error


@lru_cache(maxsize=8)
def _parsed_schema(text: str) -> cedarpy.Schema:
    """Return one object for one text: the checks of policies by it then hold for the next bundle with this schema."""
    return cedarpy.Schema.from_str(text)


def _named(files: Files, pattern: str) -> list[str]:
    return sorted(name for name in files if PurePosixPath(name).match(pattern))


def _law(files: Files, agreements: list[Agreement], member: MemberId, problems: list[Misconfigured]) -> Law | None:
    counterparts = frozenset[str]().union(*(one.parties for one in agreements if member in one.parties)) - {member}
    if LAW not in files and counterparts:
        where = str(files[_named(files, AGREEMENTS)[0]].path)
        problem = f"there are agreements and no `{LAW}`"
        remedy = f"write `{LAW}`: what the law of each counterpart says of each offence"
        problems.append(Misconfigured(problem, code="bad-policy", where=where, remedy=remedy))
        return None
    if LAW not in files:
        return Law({}, frozenset())
    law = _one(files, LAW, read_law, problems)
    problems += check_counterparts(files[LAW].table(), law, counterparts) if law else ()
    return law


def _both(name: str, base: Files, national: Files) -> list[TomlTable | None]:
    """Return an optional document of the base policy and of the national folder."""
    return [files[name].table() if name in files else None for files in (base, national)]


def _one(files: Files, name: str, read: Callable[[TomlTable], _D], problems: list[Misconfigured]) -> _D | None:
    """Return the content of one optional document, or None."""
    return _tried(lambda: read(files[name].table()), problems) if name in files else None


def _tried(read: Callable[[], _D], problems: list[Misconfigured]) -> _D | None:
    """Return what is read, or None and its fault in `problems`."""
    try:
        return read()
    except Misconfigured as error:
        problems.append(error)
        return None


def _layer(name: str, files: Files, schema: cedarpy.Schema, problems: list[Misconfigured]) -> Layer:
    policies: dict[str, Policy] = {}
    for file in _named(files, "*.cedar"):
        for policy in _read(files[file], schema, problems):
            if policy.id in policies:
                message = f"the id `{policy.id}` is already that of {policies[policy.id].where}"
                problems.append(Misconfigured(message, code="bad-policy", where=policy.where))
            policies[policy.id] = policy
    return Layer(name, {f"{name}/{policy_id}": policy for policy_id, policy in policies.items()})


def _read(file: File, schema: cedarpy.Schema, problems: list[Misconfigured]) -> list[Policy]:
    found: list[Policy] = []
    try:
        for rule in rules(str(file.path), file.text):
            policy = read_policy(rule, schema, CODES, problems)
            if policy is not None:
                found.append(policy)
    except Misconfigured as error:
        problems.append(error)
    return found


def matchers(layers: Iterable[Layer]) -> dict[tuple[str, str], Matcher]:
    """Return, for each action and resource, the policies of all layers that can match it."""
    named = {name: policy for layer in layers for name, policy in layer.by_name.items()}
    return {
        (action, resource): matcher({n: p for n, p in named.items() if p.concerns(action, resource)})
        for action, resources in _ACTIONS.items()
        for resource in resources
    }


def matcher(policies: Mapping[str, Policy]) -> Matcher:
    """Return `policies` parsed as permits, so that Cedar's reasons are all that match, by name."""
    bodies = {name: {**policy.body, "effect": "permit"} for name, policy in policies.items()}
    text = json.dumps({"templates": {}, "staticPolicies": bodies, "templateLinks": []})
    return Matcher(_parsed(text), tuple(policies))


@lru_cache(maxsize=256)
def _parsed(text: str) -> cedarpy.PolicySet:
    """Parse a set of policies; cached, since most sets are the same in the next version of a policy, or a mutant."""
    return cedarpy.PolicySet.from_json_str(text)


def _check_members(
    layers: Iterable[Layer], agreements: list[Agreement], own: MemberId, problems: list[Misconfigured]
) -> None:
    """Note a problem for each member that no agreement names: it is a misspelling, as nothing is exchanged with it."""
    known = {own}.union(*(agreement.parties for agreement in agreements))
    for layer in layers:
        for policy in layer.by_name.values():
            for unknown in sorted(policy.members - known):
                message = f"`{unknown}` is no party of any agreement of `{own}`"
                problems.append(Misconfigured(message, code="bad-policy", where=policy.where))
