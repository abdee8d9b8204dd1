"""Approve policy: sign it, and bring it to a node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from certs.keyfiles import KeyPlace
from gateway.clock import SystemClock
from gateway.config import argument, load_settings
from gateway.config.schema import PACKAGED_POLICY
from gateway.errors import Misconfigured
from gateway.model.names import MemberId, member_id
from gateway.ops.homes.documents import POLICY, read_document
from gateway.ops.policy.keeper import PolicyChange, PolicyKeeper, engine_of, install, policy_files
from gateway.ops.policy.policies import problems_of
from gateway.ops.policy.proposal import document_cases, require_cases_hold
from gateway.signing.dsse import add_signature
from gateway.signing.keys import load_signing_key
from gateway.trust.documents.policy_approval import APPROVALS, ApprovedPolicy, parse_policy, seal_policy
from policy.review.cases import case_files

_BASE = PACKAGED_POLICY / "base"


def sign_policy(
    place: Path, key_file: KeyPlace, out: Path, member: MemberId | None, version: int | None
) -> ApprovedPolicy:
    """Sign a national folder as a document with its cases, or add a signature to a document.

    The policy must load first, and its cases must hold. Raises `Misconfigured`, `Contradicted`.
    """
    key = load_signing_key(key_file)
    if place.is_dir():
        if member is None or version is None:
            raise Misconfigured("a folder is signed as a version of a member's policy", remedy="give --version")
        _check_folder(place, member)
        cases = {f"national/{name}": file.data for name, file in case_files(place).items()}
        data = seal_policy(member, version, policy_files(_BASE, place) | cases, [key])
        listed = f"liaison policy test {argument(place)} --member {member}"
    else:
        data = add_signature(parse_policy(read_document(place, POLICY))[1], key)
        listed = _review(place)
    policy, _ = parse_policy(data)
    require_cases_hold(document_cases(policy), listed)
    out.write_bytes(data)
    return policy


def bring(home: Path, file: Path) -> ApprovedPolicy:
    """Bring a signed policy to a home; its node judges it. One that the node could not take anyway is refused here."""
    settings = load_settings(home)
    data = read_document(file, POLICY)
    policy, _ = parse_policy(data)
    own = member_id(settings.node.member)
    if policy.member != own:
        raise Misconfigured(
            "this is the policy of `{member}`, not of `{own}`", where=str(file), member=policy.member, own=own
        )
    if len(policy.signers) < APPROVALS:
        raise Misconfigured(
            "{count} of the {approvals} needed approvers signed",
            code="below-threshold",
            where=str(file),
            remedy="another approver: liaison policy sign {file} --key …",
            count=len(policy.signers),
            approvals=APPROVALS,
            file=argument(file),
        )
    engine_of(policy, settings)
    require_cases_hold(document_cases(policy), _review(file))
    install(home, data)
    return policy


def in_force(home: Path) -> dict[str, Any]:
    """Return the policy that a home holds: version (0: a folder without approval), hash and approvers.

    `waiting` describes a policy that was brought and that no node has taken: version, hash, approvers, and why a node
    would refuse it.
    """
    return describe_policy(PolicyKeeper(load_settings(home), SystemClock(), production=False))


def describe_policy(keeper: PolicyKeeper) -> dict[str, Any]:
    """Return the policy that a keeper holds, as `in_force` does."""
    return {
        "member": keeper.member,
        "version": keeper.version,
        "hash": keeper.engine.hash.hex(),
        "approvers": list(keeper.approvers),
        "agreements": sorted(agreement.id for agreement in keeper.engine.agreements),
        "waiting": _waiting(keeper.waiting()),
    }


def _waiting(change: PolicyChange | None) -> dict[str, Any] | None:
    if change is None:
        return None
    return {
        "version": change.version,
        "hash": change.policy_hash,
        "approvers": list(change.approvers),
        "refused": change.refused,
    }


def _check_folder(folder: Path, member: MemberId) -> None:
    """Raise `Misconfigured` for a folder with a mistake, also in its cases and bad twins, which would not be signed."""
    if found := problems_of(folder, member):
        raise Misconfigured(
            "{problem}{more}",
            code="bad-policy",
            where=found[0].where,
            remedy="liaison policy check {folder} --member {member}",
            problem=found[0].message,
            more=f" (and {len(found) - 1} more)" if len(found) > 1 else "",
            folder=argument(folder),
            member=member,
        )


def _review(file: Path) -> str:
    return f"liaison policy review {argument(file)} --home …"
