"""Compare a new policy with an old one: in words, by its rules, by what leaves, and by the cases of both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any

from gateway.clock import from_us
from gateway.model.decision import Human
from gateway.model.names import MemberId
from gateway.model.purpose import Purpose
from policy.bundle.agreements import Agreement
from policy.bundle.bundle import Bundle, Files, load_bundle, read_files
from policy.bundle.hours import Hours
from policy.bundle.law import Law, Penalty
from policy.bundle.limits import Quotas, ThresholdSets
from policy.bundle.rules import Policy
from policy.cache import Window
from policy.engine.engine import BASE, PolicyEngine
from policy.review.cases import Case, case_files, cases_of, decide_case
from policy.review.desk_changes import clock_words, desk_words
from policy.review.matrix import matrix
from policy.review.released import ReleaseChange, release_changes

_AGREEMENT_PARTS = ("parties", "agencies", "record_types", "queries", "purposes", "offences")


@dataclass(frozen=True, slots=True)
class CaseChange:
    """A case with another result: the part that differs (`allow`, `fields`, `code`, `policies`), before and after."""

    name: str
    title: str
    part: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A policy whose text differs: its lines, with `+` and `-` before those that come and go."""

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """The changes of a policy against another one.

    `words` has one sentence for each change of a policy, agreement or time. `rules` are the policies with other text,
    `released` what newly leaves and leaves no more, `cases` the cases with another result.
    """

    words: tuple[str, ...]
    rules: tuple[RuleChange, ...]
    released: tuple[ReleaseChange, ...]
    cases: tuple[CaseChange, ...]


@dataclass(frozen=True, slots=True)
class Edition:
    """The files of one policy: those of the base policy, and those of the national folder with its cases."""

    base: Files
    national: Files

    @classmethod
    def of_folder(cls, national: Path, base: Path = BASE) -> Edition:
        """Return the edition in a national folder, over a base policy."""
        return cls(read_files(base), {**read_files(national), **case_files(national)})


def difference(old: Path, new: Path, member: MemberId, now_us: int) -> Difference:
    """Return the changes of the national folder `new` against `old`. Raises `Misconfigured` when one does not load."""
    return compare_editions(Edition.of_folder(old), Edition.of_folder(new), member, now_us)


def compare_editions(old: Edition, new: Edition, member: MemberId, now_us: int) -> Difference:
    """Return the changes of `new` against `old`; what leaves is asked for at `now_us`.

    A case of both is that of `new`. Raises `Misconfigured` when one does not load.
    """
    bundles = [load_bundle(edition.base, edition.national, member) for edition in (old, new)]
    before, after = (PolicyEngine(bundle, member) for bundle in bundles)
    cases = {case.name: case for edition in (old, new) for case in cases_of(edition.national)}
    if before.hash == after.hash:  # the same rules, to which only cases may have come
        return Difference((), (), (), ())
    return Difference(
        words=tuple(_words(*bundles)),
        rules=tuple(_rule_changes(*bundles)),
        released=tuple(release_changes(matrix(before, now_us), matrix(after, now_us))),
        cases=tuple(change for case in cases.values() for change in _case_changes(before, after, case)),
    )


def _rule_changes(old: Bundle, new: Bundle) -> Iterator[RuleChange]:
    before, after = ({**bundle.base.by_name, **bundle.national.by_name} for bundle in (old, new))
    for name in sorted(before.keys() | after.keys()):
        was, is_now = (found[name].text.splitlines() if name in found else [] for found in (before, after))
        if was != is_now:
            yield RuleChange(name, tuple(unified_diff(was, is_now, n=len(was), lineterm=""))[3:])


def _case_changes(old: PolicyEngine, new: PolicyEngine, case: Case) -> Iterator[CaseChange]:
    before, after = decide_case(old, case), decide_case(new, case)
    for part in before:
        if part != "policies" and before[part] != after.get(part):
            yield CaseChange(case.name, case.title, part, _shown(before[part]), _shown(after.get(part)))


def _words(old: Bundle, new: Bundle) -> Iterator[str]:
    yield from _policy_words(old.base.by_name, new.base.by_name)
    yield from _policy_words(old.national.by_name, new.national.by_name)
    before = {agreement.id: agreement for agreement in old.agreements}
    after = {agreement.id: agreement for agreement in new.agreements}
    for name in sorted(before.keys() - after.keys()):
        yield f"the agreement `{name}` is gone"
    for name in sorted(after.keys() - before.keys()):
        yield from _new_agreement_words(after[name])
    for name in sorted(before.keys() & after.keys()):
        yield from _agreement_words(before[name], after[name])
    for table in ("purpose", "record_type"):
        yield from _retention_words(getattr(old.retention, table), getattr(new.retention, table))
    yield from desk_words(old.desk, new.desk)
    yield from _threshold_words(old.thresholds, new.thresholds)
    yield from _law_words(old.law, new.law)
    if old.hours != new.hours:
        yield f"it is night {_night(new.hours)}; before, {_night(old.hours)}"
    yield from _quota_words(old.quotas, new.quotas)


def _policy_words(old: Mapping[str, Policy], new: Mapping[str, Policy]) -> Iterator[str]:
    for name in sorted(old.keys() - new.keys()):
        yield f"the policy `{name}` is gone: it {_does(old[name])}"
    for name in sorted(new.keys() - old.keys()):
        yield f"the policy `{name}` is new: it {_does(new[name])}"
    for name in sorted(old.keys() & new.keys()):
        before, after = old[name], new[name]
        if _does(before) != _does(after):
            yield f"the policy `{name}` {_does(after)}; before, it {_does(before)}"
        if before.code != after.code:
            yield f"the policy `{name}` refuses with {_code(after)} instead of {_code(before)}"
        if before.show_count != after.show_count:
            words = "now" if after.show_count else "no longer"
            yield f"the policy `{name}` {words} shows how many fields were kept back"
        if before.body.get("conditions") != after.body.get("conditions"):
            yield f"the policy `{name}` has other conditions"
        if any(before.body.get(part) != after.body.get(part) for part in ("principal", "action", "resource")):
            yield f"the policy `{name}` is for other members, actions or record types"


def _code(policy: Policy) -> str:
    return f"the code `{policy.code}`" if policy.code else "no code"


def _does(policy: Policy) -> str:
    if policy.withhold:
        return f"keeps back {_shown(sorted(policy.withhold))}"
    if not policy.permit:
        return "forbids"
    fields = "all fields" if policy.all_fields else _shown(sorted(policy.fields))
    human = {Human.NONE: "", Human.DUTY: " with a human", Human.TWO: " with two persons"}[policy.human]
    return f"permits {fields}{human}" if policy.fields or policy.all_fields else "permits"


def _agreement_words(old: Agreement, new: Agreement) -> Iterator[str]:
    for part in _AGREEMENT_PARTS:
        yield from _set_words(
            f"the agreement `{new.id}`", part.replace("_", " "), getattr(old, part), getattr(new, part)
        )
    yield from clock_words(f"the agreement `{new.id}`", old.clocks, new.clocks)
    if old.validity != new.validity:
        yield f"the agreement `{new.id}` is in force {_time(new.validity)}; before, {_time(old.validity)}"


def _new_agreement_words(agreement: Agreement) -> Iterator[str]:
    what = f"the agreement `{agreement.id}`"
    parties = _shown(sorted(agreement.parties))
    yield f"{what} is new, between {parties}, in force {_time(agreement.validity)}"
    for part in _AGREEMENT_PARTS[1:]:
        yield from _set_words(what, part.replace("_", " "), (), getattr(agreement, part))


def _time(validity: Window) -> str:
    first, last = from_us(validity.since_us), from_us(validity.until_us - 1)
    return f"from {first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _set_words(what: str, part: str, old: Iterable[str], new: Iterable[str]) -> Iterator[str]:
    if gone := sorted(set(old) - set(new)):
        yield f"{what} no longer covers {part}: {_shown(gone)}"
    if added := sorted(set(new) - set(old)):
        yield f"{what} now covers {part}: {_shown(added)}"


def _retention_words(old: Mapping[str, int], new: Mapping[str, int]) -> Iterator[str]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield f"what was released for `{name}` is kept {new.get(name, 0)} hours instead of {old.get(name, 0)}"


def _threshold_words(old: ThresholdSets, new: ThresholdSets) -> Iterator[str]:
    for purpose in Purpose:
        if old.of(purpose) is not new.of(purpose):
            yield f"names for `{purpose}` are held to `{new.of(purpose)}` thresholds instead of `{old.of(purpose)}`"


def _law_words(old: Law, new: Law) -> Iterator[str]:
    for member in sorted(old.penalties.keys() | new.penalties.keys()):
        before, after = old.penalties.get(member, {}), new.penalties.get(member, {})
        for offence in sorted(before.keys() | after.keys()):
            if before.get(offence) != after.get(offence):
                changed = f"{_penalty(after.get(offence))} instead of {_penalty(before.get(offence))}"
                yield f"the law of `{member}` says of {offence}: {changed}"
    yield from (
        f"`{member}` no longer assures that it seeks no death penalty" for member in sorted(old.assured - new.assured)
    )
    yield from (f"`{member}` assures that it seeks no death penalty" for member in sorted(new.assured - old.assured))


def _penalty(penalty: Penalty | None) -> str:
    if penalty is None:
        return "nothing"
    return f"{penalty.years} years{' or death' if penalty.death else ''}"


def _night(hours: Hours | None) -> str:
    if hours is None:
        return "never"
    since, until = (f"{minute // 60:02d}:{minute % 60:02d}" for minute in (hours.since, hours.until))
    return f"from {since} to {until} UTC"


def _quota_words(old: Quotas, new: Quotas) -> Iterator[str]:
    if old.default != new.default:
        yield f"what no quota names: {_limit(new.default)} instead of {_limit(old.default)}"
    was, now = dict(old.budget.lines()), dict(new.budget.lines())
    for name in sorted(was.keys() | now.keys()):
        if was.get(name) != now.get(name):
            yield f"`{name}`: {now.get(name, 'as the others')} instead of {was.get(name, 'as the others')}"
    for place in sorted(old.limits.keys() | new.limits.keys()):
        before, after = old.limit(*place), new.limit(*place)
        if before != after:
            direction, counterpart, purpose = place
            asked = f"from `{counterpart}`" if direction == "in" else f"to `{counterpart}`"
            yield f"questions {asked} for `{purpose}`: {_limit(after)} instead of {_limit(before)}"


def _limit(limit: int | None) -> str:
    return "no limit" if limit is None else f"{limit} a day"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "nothing"
    return {True: "yes", False: "no", None: "nothing"}.get(value, str(value)) if not isinstance(value, str) else value
