"""Judge a policy document before it is approved: its cases, and what it changes against the policy in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.audit.export.policies import policy_contents, policy_hash
from gateway.clock import SystemClock
from gateway.config import Home, load_settings
from gateway.errors import Contradicted, Malformed, Misconfigured, Misused
from gateway.model.names import MemberId
from gateway.ops.homes.documents import POLICY, read_document
from gateway.ops.homes.persons import person_names
from gateway.ops.policy.fetch import kept_policy
from gateway.ops.policy.folders import require_own
from gateway.ops.policy.keeper import PolicyKeeper
from gateway.trust.documents.policy_approval import ApprovedPolicy, parse_policy
from policy.bundle.bundle import layer_of, load_bundle
from policy.engine.engine import PolicyEngine
from policy.review.cases import CaseResult, cases_of, run_case
from policy.review.diff import Difference, Edition, compare_editions


@dataclass(frozen=True, slots=True)
class Proposal:
    """A policy document beside the policy that it would take the place of, which `against` names in words.

    `policy_hash` names its files, as entries do; `cases` are the results of the cases that it carries. `signers` are
    the names that the home has for those who signed, or else their keys; the node judges the signatures.
    """

    policy: ApprovedPolicy
    signers: tuple[str, ...]
    policy_hash: str
    against: str
    difference: Difference
    cases: Sequence[CaseResult]

    @property
    def holds(self) -> bool:
        """True if no case comes out otherwise than it says."""
        return not any(result.problems for result in self.cases)


def judge_proposal(file: Path, home: Path | None, against: Path | None) -> Proposal:
    """Return the document in `file` beside the policy in `against` (a folder or a document), or in force in `home`."""
    data = read_document(file, POLICY)
    policy, _ = parse_policy(data)
    words, before = _other(against, policy.member) if against is not None else _in_force(home or Path(), policy.member)
    found = compare_editions(before, _edition(policy.files), policy.member, SystemClock().now_us())
    names = person_names(Home(load_settings(home).home)) if home is not None else {}
    signers = tuple(names.get(key_id, key_id[:16]) for key_id in policy.signers)
    return Proposal(policy, signers, policy_hash(data), words, found, document_cases(policy))


def document_cases(policy: ApprovedPolicy) -> list[CaseResult]:
    """Run the cases that a policy document carries. Raises `Malformed`, `Misconfigured` when it does not load."""
    edition = _edition(policy.files)
    if not edition.national:
        raise Malformed("there is no national policy in it", code="bad-policy-document")
    engine = PolicyEngine(load_bundle(edition.base, edition.national, policy.member), policy.member)
    return [run_case(engine, case) for case in cases_of(edition.national)]


def cases_in(policy: ApprovedPolicy) -> int:
    """Return the number of cases that a policy document carries."""
    return len(cases_of(layer_of(policy.files, "national")))


def require_cases_hold(results: Sequence[CaseResult], remedy: str) -> None:
    """Raise `Contradicted` when a case comes out otherwise than it says; `remedy` lists all of them."""
    failed = [result for result in results if result.problems]
    if failed:
        raise Contradicted(
            "{failed} of {count} cases of this policy do not hold; the first is `{case}`: {problem}",
            code="cases-fail",
            remedy="{advice}",
            failed=len(failed),
            count=len(results),
            case=failed[0].name,
            problem=failed[0].problems[0],
            advice=remedy,
        )


def _edition(files: Mapping[str, bytes]) -> Edition:
    return Edition(layer_of(files, "base"), layer_of(files, "national"))


def _in_force(home: Path, member: MemberId) -> tuple[str, Edition]:
    settings = load_settings(home)
    keeper = PolicyKeeper(settings, SystemClock(), production=False)
    if keeper.member != member:
        raise Misconfigured(
            "this is the policy of `{member}`, and the home is that of `{own}`",
            where=str(home),
            remedy="name the home of `{member}`, or --against",
            member=member,
            own=keeper.member,
        )
    if not keeper.version:
        folder = settings.national_policy
        return f"the folder {folder}, which nobody approved", Edition.of_folder(folder, settings.base_policy)
    _, data = kept_policy(Home(settings.home).policies, keeper.engine.hash.hex())
    return f"version {keeper.version}, which is in force", _edition(policy_contents(data))


def _other(place: Path, member: MemberId) -> tuple[str, Edition]:
    if place.is_dir():
        require_own(place, member)
        return f"the folder {place}", Edition.of_folder(place)
    policy, _ = parse_policy(read_document(place, POLICY))
    if policy.member != member:
        raise Misused(f"`{place}` is the policy of `{policy.member}`, not of `{member}`: name one of `{member}`")
    return f"version {policy.version}", _edition(policy.files)
