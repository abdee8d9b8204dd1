"""A policy bundle: the base policy that all members share, and one member's national folder.

All files are read once, checked against the schema, and hashed. What does not check does not load.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cedarpy

from gateway.errors import LiaisonError, Misconfigured
from gateway.model.names import MemberId
from gateway.model.query import QueryKind
from gateway.records.types import RECORD_TYPES
from policy.agreements import Agreement, Agreements, read_agreement
from policy.explain import CODES
from policy.retention import Retention, read_retention
from policy.statement import Policy, read_policy, statements

SCHEMA = "schema.cedarschema"
RETENTION = "retention.toml"
_QUERIES = tuple(kind.value for kind in QueryKind)
_ACTIONS: Mapping[str, Iterable[str]] = {
    "ask": _QUERIES,
    "send": _QUERIES,
    "answer": _QUERIES,
    "learn": tuple(RECORD_TYPES),
    "release": tuple(RECORD_TYPES),
}
"""Each action with the resources it can be asked for."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The policies of one layer that can match one action on one resource, parsed.

    Those with `@withhold` stand apart: they keep back fields, where any other forbid keeps back the record.
    """

    deciding: cedarpy.PolicySet
    withholding: cedarpy.PolicySet | None


@dataclass(frozen=True, slots=True)
class Layer:
    """`base` or `national`: its policies by id, and their parsed form by action and resource."""

    name: str
    policies: Mapping[str, Policy]
    rules: Mapping[tuple[str, str], RuleSet]

    def named(self, policy_id: str) -> str:
        """The name of a policy in decisions: `national/th-vehicle`."""
        return f"{self.name}/{policy_id}"


@dataclass(frozen=True, slots=True)
class Bundle:
    """All that decides. `hash` is SHA-256 over the files (`hash_files`)."""

    schema: cedarpy.Schema
    base: Layer
    national: Layer
    agreements: Agreements
    retention: Retention
    hash: bytes


def load_bundle(base: Path, national: Path, member: MemberId) -> Bundle:
    """Read both folders. Raises `Misconfigured` with the first problem's file, line and term, and their number."""
    files = {**_files("base", base), **_files("national", national)}
    schema = _schema(base / SCHEMA)
    problems: list[LiaisonError] = []
    agreements = [item for path in _paths(national, "agreements/*.toml") if (item := _agreement(path, problems))]
    layers = [_layer(name, folder, schema, problems) for name, folder in (("base", base), ("national", national))]
    _check_members(layers, agreements, member, problems)
    if not problems:
        retention = read_retention(base / RETENTION, national / RETENTION)
        return Bundle(schema, layers[0], layers[1], Agreements(member, agreements), retention, hash_files(files))
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    raise Misconfigured(f"{first.message}{more}", code="bad-policy", where=first.where, remedy=first.remedy) from first


def hash_files(files: Mapping[str, bytes]) -> bytes:
    """SHA-256 over names and contents, each with its length before it, in the order of the names."""
    digest = hashlib.sha256(b"liaison policy bundle 1\n")
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.digest()


def _files(layer: str, folder: Path) -> dict[str, bytes]:
    """The files that decide; cases and examples are no part of the policy."""
    if not folder.is_dir():
        raise Misconfigured("there is no such policy folder", code="bad-policy", where=str(folder))
    patterns = (SCHEMA, "*.cedar", "agreements/*.toml", RETENTION)
    paths = [path for pattern in patterns for path in _paths(folder, pattern)]
    return {f"{layer}/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in paths}


def _paths(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if path.is_file())


def _schema(path: Path) -> cedarpy.Schema:
    try:
        return cedarpy.Schema.from_str(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Misconfigured(f"the schema cannot be used: {error}", code="bad-policy", where=str(path)) from error


def _agreement(path: Path, problems: list[LiaisonError]) -> Agreement | None:
    try:
        return read_agreement(path, f"agreements/{path.name}")
    except LiaisonError as error:
        problems.append(error)
        return None


def _layer(name: str, folder: Path, schema: cedarpy.Schema, problems: list[LiaisonError]) -> Layer:
    policies: dict[str, Policy] = {}
    for path in _paths(folder, "*.cedar"):
        for policy in _read(path, f"{folder.name}/{path.name}", schema, problems):
            if policy.id in policies:
                message = f"the id `{policy.id}` is already that of {policies[policy.id].where}"
                problems.append(Misconfigured(message, code="bad-policy", where=policy.where))
            policies[policy.id] = policy
    rules = {
        (action, resource): _rule_set(name, [p for p in policies.values() if p.concerns(action, resource)])
        for action, resources in _ACTIONS.items()
        for resource in resources
    }
    return Layer(name, policies, rules)


def _read(path: Path, file: str, schema: cedarpy.Schema, problems: list[LiaisonError]) -> list[Policy]:
    found: list[Policy] = []
    try:
        for statement in statements(file, path.read_text(encoding="utf-8")):
            try:
                found.append(read_policy(statement, schema, CODES))
            except Misconfigured as error:
                problems.append(error)
    except Misconfigured as error:
        problems.append(error)
    except UnicodeDecodeError as error:
        problems.append(Misconfigured("the file is not UTF-8", code="bad-policy", where=f"{file}:{error.start}"))
    return found


def _rule_set(layer: str, policies: list[Policy]) -> RuleSet:
    withholding = [policy for policy in policies if policy.withhold]
    deciding = [policy for policy in policies if not policy.withhold]
    return RuleSet(_policy_set(layer, deciding), _policy_set(layer, withholding) if withholding else None)


def _policy_set(layer: str, policies: list[Policy]) -> cedarpy.PolicySet:
    """A set whose policies bear their names in decisions, so that reasons are names and not positions."""
    bodies = {f"{layer}/{policy.id}": policy.body for policy in policies}
    return cedarpy.PolicySet.from_json_str(
        json.dumps({"templates": {}, "staticPolicies": bodies, "templateLinks": []})
    )


def _check_members(
    layers: list[Layer], agreements: list[Agreement], own: MemberId, problems: list[LiaisonError]
) -> None:
    """A member that no agreement names is a misspelling: nothing could be exchanged with it anyway."""
    known = {own}.union(*(agreement.parties for agreement in agreements))
    for layer in layers:
        for policy in layer.policies.values():
            for unknown in sorted(policy.members - known):
                message = f"`{unknown}` is no party of any agreement of `{own}`"
                problems.append(Misconfigured(message, code="bad-policy", where=policy.where))
