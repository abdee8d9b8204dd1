"""Describe policies, as JSON and in lines: cases, explanations, differences, rehearsals, quotas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from gateway.errors import LiaisonError
from gateway.language.countries import country
from gateway.language.languages import Language
from gateway.language.terms import PURPOSES, RECORD_TYPES
from gateway.ops.homes.open_home import Written
from gateway.ops.policy.proposal import Proposal
from gateway.views.lines import Line
from policy.bundle.limits import BROUGHT, KEPT
from policy.review.cases import CaseResult
from policy.review.diff import Difference
from policy.review.matrix import Row, overview
from policy.review.reasons import Explanation, change_sentences
from policy.review.rehearse import Rehearsal


def problem_value(error: LiaisonError) -> dict[str, str]:
    """Return a mistake in a policy folder as JSON."""
    return {"where": error.where, "message": error.message, "remedy": error.remedy, "code": error.code}


def problem_lines(found: Iterable[LiaisonError]) -> Iterator[Line]:
    """Yield the mistakes in a policy folder."""
    for error in found:
        yield f"{error.where}: {error.message}", "bad"
        if error.remedy:
            yield f"  remedy: {error.remedy}"


def case_value(member: str, result: CaseResult) -> dict[str, Any]:
    """Return the result of a case as JSON."""
    return {"member": member} | asdict(result) | {"holds": not result.problems}


def case_lines(results: Sequence[tuple[str, CaseResult]], failed: int) -> Iterator[Line]:
    """Yield the cases that came out otherwise than they should, and the count."""
    for member, result in results:
        if result.problems:
            yield f"{member} {result.name}", "bad"
            for problem in result.problems:
                yield f"  {problem}"
    yield f"{len(results) - failed} of {len(results)} cases hold", "bad" if failed or not results else "good"


def explained_value(
    found: Iterable[tuple[str, Explanation]], policy_hash: str = "", entry: Written | None = None
) -> dict[str, Any]:
    """Return explanations as JSON; those of an exchange with the policy that decided and the entry of this use."""
    explanations = [{"what": what} | asdict(one) | {"sentences": change_sentences(one.instead)} for what, one in found]
    of_exchange = {"policy_hash": policy_hash} | _entry_value(entry) if entry else {}
    return {"explanations": explanations} | of_exchange


def explained_lines(
    found: Iterable[tuple[str, Explanation]], policy_hash: str = "", entry: Written | None = None
) -> Iterator[Line]:
    """Yield why decisions came out as they did."""
    if entry is not None:
        yield _entry_line(entry)
        yield f"decided by policy {policy_hash}"
    for what, one in found:
        yield what, "title"
        yield from _explanation_lines(one)


def _entry_value(entry: Written) -> dict[str, Any]:
    return {"entry": {"log": entry.log, "index": entry.index}}


def _entry_line(entry: Written) -> Line:
    return f"this use is entry {entry.index} of {entry.log}", "title"


def _explanation_lines(explanation: Explanation) -> Iterator[Line]:
    """Yield the lines of one explanation."""
    yield explanation.outcome, "good" if explanation.allow else "bad"
    for rule in explanation.rules:
        yield f"  {rule.name} {rule.effect}" + (f"   ({rule.where})" if rule.where else ""), ""
        for line in rule.text.splitlines():
            yield f"      {line}", "dim"
    if explanation.fields:
        yield f"  leaves: {', '.join(explanation.fields)}", ""
    for name, rule_name in explanation.withheld:
        if name in explanation.with_human:
            takes = "two persons" if name in explanation.two else "a human"
            yield f"  waits:  {name}, for {takes}, by {rule_name}", ""
    for name, rule_name in explanation.withheld:
        if name not in explanation.with_human:
            yield f"  stays:  {name}, by {rule_name}", ""
    sentences = change_sentences(explanation.instead)
    if sentences:
        yield "  It would be the other way round", ""
        for sentence in sentences:
            yield f"    {sentence}", ""
    elif not explanation.allow:
        yield "  No single change would turn it around.", ""


def rehearsal_value(entry: Written, result: Rehearsal) -> dict[str, Any]:
    """Return a rehearsal as JSON, with the place of its entry."""
    fields = ("counterpart", "record_type", "field")
    return {
        "exchanges": result.exchanges,
        "decisions": result.decisions,
        "changes": result.changes,
        "newly_released": _counted(result.released, fields),
        "newly_withheld": _counted(result.withheld, fields),
        "newly_with_human": _counted(result.with_human, fields),
        "no_longer_with_human": _counted(result.without_human, fields),
        "newly_served": _counted(result.served, ("counterpart", "purpose")),
        "newly_refused": _counted(result.refused, ("counterpart", "purpose")),
        "newly_shown": _counted(result.shown, ("counterpart", "record_type")),
        "newly_hidden": _counted(result.hidden, ("counterpart", "record_type")),
    } | _entry_value(entry)


def _counted(counter: Any, names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [dict(zip(names, key, strict=True)) | {"times": times} for key, times in sorted(counter.items()) if times]


def rehearsal_lines(entry: Written, result: Rehearsal) -> Iterator[Line]:
    """Yield the result of a rehearsal; what would newly leave comes first."""
    yield _entry_line(entry)
    yield f"{result.exchanges} questions, {result.decisions} decisions made again", "title"
    for words, counter, style in (
        ("newly released", result.released, "warn"),
        ("newly with a human", result.with_human, "warn"),
        ("newly served", result.served, "warn"),
        ("newly shown as a hit", result.shown, "warn"),
        ("newly withheld", result.withheld, ""),
        ("not even with a human any more", result.without_human, ""),
        ("newly refused", result.refused, ""),
        ("newly hidden", result.hidden, ""),
    ):
        for key, times in sorted(counter.items()):
            if times:
                yield f"  {words}: {' '.join(str(part) for part in key)}   {times} times", style
    if not result.changes:
        yield "  nothing would have come out otherwise", "good"


def difference_lines(found: Difference) -> Iterator[Line]:
    """Yield what one policy changes against another: what newly leaves stands out."""
    yield from found.words
    for rule in found.rules:
        yield rule.name, "title"
        for line in rule.lines:
            yield f"    {line}", "warn" if line[:1] in "+-" else "dim"
    for released in found.released:
        yield released.words, "warn" if released.leaves else ""
    for change in found.cases:
        yield f"case {change.name} ({change.title}): {change.part} {change.before} -> {change.after}", "warn"
    if not (found.words or found.rules or found.released or found.cases):
        yield "nothing differs", "good"


def proposal_value(found: Proposal) -> dict[str, Any]:
    """Return a policy that waits for approval as JSON."""
    policy = found.policy
    return {
        "member": policy.member,
        "version": policy.version,
        "signers": list(policy.signers),
        "hash": policy.hash.hex(),
        "policy": found.policy_hash,
        "against": found.against,
        "difference": asdict(found.difference),
        "cases": [case_value(policy.member, result) for result in found.cases],
        "holds": found.holds,
    }


def proposal_lines(found: Proposal) -> Iterator[Line]:
    """Yield what a policy that waits for approval changes, how its cases come out, and what is signed."""
    policy = found.policy
    yield f"policy {policy.version} of `{policy.member}`, signed by {', '.join(found.signers)}", "title"
    yield f"against {found.against}", "title"
    yield from difference_lines(found.difference)
    if found.cases:
        yield from case_lines(
            [(policy.member, one) for one in found.cases], sum(bool(one.problems) for one in found.cases)
        )
    else:
        yield "it carries no case, so nothing was tried", "warn"
    yield f"  SHA-256 to compare by voice: {policy.hash.hex()}"
    yield f"  SHA-256 of its files: {found.policy_hash}"


def matrix_lines(rows: Sequence[Row], page: str) -> Iterator[Line]:
    """Yield an overview, then who gets what in full; `page` is the file that was written, or empty."""
    place = ""
    for item in overview(list(rows)):
        if item.place != place:
            place = item.place
            yield f"{country(place.partition('.')[0], Language.EN) or place}: {place}", "title"
        yield f"  {RECORD_TYPES.get(item.record_type, item.record_type)} ({item.record_type}): {item.said}"
    for row in rows:
        subject = "" if row.subject == "ordinary" else f" ({row.subject})"
        purpose = f"{PURPOSES[row.purpose]} ({row.purpose})"
        yield f"{row.counterpart}.{row.agency}  {purpose}  {row.record_type}{subject}", "title"
        if row.with_ticket:
            yield f"  with a ticket: {', '.join(sorted(row.with_ticket))}"
        if row.with_case - row.with_ticket:
            yield f"  with a case:   {', '.join(sorted(row.with_case - row.with_ticket))}"
        if row.with_human:
            yield f"  with a human:  {', '.join(sorted(row.with_human))}"
    yield f"written to {page}" if page else f"{len(rows)} rows; --html FILE writes a page", "good"


def quota_lines(found: Iterable[dict[str, Any]]) -> Iterator[Line]:
    """Yield how much of today's quotas is used."""
    row = None
    for row in found:
        unit = " KiB" if row["direction"] in (KEPT, BROUGHT) else ""
        place = f"{row['direction']:<3} {row['peer']} {row['purpose']}{unit}".rstrip()
        if row["limit"] is None:
            yield f"{place}: {row['used']}, no limit"
        else:
            yield f"{place}: {row['used']} of {row['limit']}", "warn" if row["used"] * 5 >= row["limit"] * 4 else ""
    if row is None:
        yield "nothing is limited, and nothing was counted today"
