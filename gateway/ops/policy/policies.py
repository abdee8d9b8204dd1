"""What the policy commands do: find the folders, ask the policy, and put the result in words."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from gateway.clock import SystemClock, rfc3339
from gateway.config import load_settings
from gateway.errors import LiaisonError, Malformed, Misconfigured
from gateway.model.names import MemberId, member_id
from gateway.ops.policy.keeper import PolicyKeeper
from gateway.ports.quotas import QuotaPlace
from gateway.storage.database.migrate import require_current
from gateway.storage.database.open import open_storage
from gateway.storage.documents.quotas import SqlQuotas
from policy.bundle.bundle import check_bundle, read_files, strangers
from policy.engine.engine import BASE, PolicyEngine
from policy.review.cases import CaseResult, read_case, run_cases, run_twins
from policy.review.reasons import Explanation, change_sentences, explain_decision
from policy.review.rehearse import Rehearsal

_SPAN = re.compile(r"(\d{1,4})([dhw])")
_HOURS = {"h": 1, "d": 24, "w": 168}


def member_of(folder: Path, member: str | None) -> MemberId:
    """The member whose policy `folder` holds: as said, or by the folder's own name. Raises `UsageError`."""
    name = member or folder.resolve().name
    try:
        return member_id(name)
    except Malformed as error:
        raise click.UsageError(
            f"{folder}: `{name[:40]}` does not say whose policy this is: give --member, such as th"
        ) from error


def compared(old: Path, new: Path, member: str | None) -> MemberId:
    """The member whose policy both folders hold. Raises `UsageError` where they are of two members."""
    whose = member_of(new, member)
    if member is None and _is_member(name := old.resolve().name) and name != whose:
        told = f"`{old}` is by its name the policy of `{name}`, and `{new}` that of `{whose}`"
        raise click.UsageError(f"{told}: compare two folders of one member, or say with --member whose they are")
    for folder in (old, new):
        require_own(folder, whose)
    return whose


def require_own(folder: Path, member: MemberId, base: Path = BASE) -> None:
    """Raise `UsageError` for a folder that is no policy for `member`, and is one for another party."""
    files, national = read_files(base), read_files(folder)
    if not check_bundle(files, national, member)[1]:
        return
    for other in sorted(_parties(folder) - {member}):
        if _is_member(other) and not check_bundle(files, national, member_id(other))[1]:
            told = f"`{folder}` is the policy of `{other}`, not of `{member}`"
            raise click.UsageError(f"{told}: name a folder of `{member}`")


def _is_member(name: str) -> bool:
    try:
        return bool(member_id(name))
    except Malformed:
        return False


def _parties(folder: Path) -> set[str]:
    """All parties to the agreements of a folder, as far as they can be read."""
    found: set[str] = set()
    for path in folder.glob("agreements/*.toml"):
        try:
            parties = tomllib.loads(path.read_text(encoding="utf-8")).get("parties")
        except (OSError, ValueError):
            continue
        if isinstance(parties, list):
            found.update(party for party in parties if isinstance(party, str))
    return found


def national_folders(folder: Path, member: str | None) -> list[tuple[Path, MemberId]]:
    """`folder` itself, or each national folder below it: of `policy`, those of `policy/national`."""
    inside = folder / "national" if (folder / "national").is_dir() else folder
    if not any(inside.glob("*.cedar")):
        found = [path for path in sorted(inside.iterdir()) if path.is_dir() and any(path.glob("*.cedar"))]
        if found:
            return [(path, member_of(path, None)) for path in found]
    return [(inside, member_of(inside, member))]


def problems_of(folder: Path, member: MemberId) -> list[LiaisonError]:
    """Everything that is wrong with a national folder: policies, agreements, cases, and bad twins that load."""
    if not any(folder.glob("*.cedar")):
        remedy = "name a national folder, such as policy/national/th"
        return [Misconfigured("there is no policy here: no `*.cedar` file", where=str(folder), remedy=remedy)]
    _, problems = check_bundle(read_files(BASE), read_files(folder), member)
    found: list[LiaisonError] = [*strangers(folder), *problems]
    for path in sorted(folder.glob("cases/*.toml")):
        try:
            read_case(path)
        except LiaisonError as error:
            found.append(error)
    if not problems:
        found.extend(
            Misconfigured(f"the bad twin `{twin.name}`: {twin.problems[0]}", code="bad-policy", where=str(folder))
            for twin in run_twins(folder, member)
            if twin.problems
        )
    return found


def test_folder(folder: Path, member: MemberId) -> list[CaseResult]:
    """All cases of a national folder, decided."""
    return run_cases(folder, member)


def explain_case(path: Path, member: str | None) -> Explanation:
    """Why a case comes out as it does, under the folder that it lies in."""
    folder = path.resolve().parent.parent
    if not any(folder.glob("*.cedar")):
        raise Misconfigured(
            "no policy lies beside this case", where=str(folder), remedy="a case lies in `cases/` of a national folder"
        )
    case = read_case(path)
    engine = PolicyEngine.load(folder, member_of(folder, member))
    return explain_decision(engine, case.action, case.attributes, case.now_us)


def since_us(span: str) -> int:
    """`30d`, `12h` or `2w` before now, in microseconds since 1970. Raises `UsageError`."""
    found = _SPAN.fullmatch(span)
    if not found:
        raise click.UsageError(f"--since `{span[:20]!a}` is no span of time (30d, 12h or 2w)")
    return SystemClock().now_us() - int(found[1]) * _HOURS[found[2]] * 3_600_000_000


def quotas_of(home: Path) -> list[dict[str, Any]]:
    """Today's counts beside their limits, those that are nearly used up first; `left` is None without a limit."""
    settings = load_settings(home)
    keeper = PolicyKeeper(settings, SystemClock(), production=False)
    quotas = keeper.engine.bundle.quotas
    database = open_storage(settings, read_only=True)
    try:
        require_current(database)
        counts = {use.place: use.used for use in SqlQuotas(database).used(SystemClock().now_us())}
    finally:
        database.close()
    places = {*counts, *(QuotaPlace(*place) for place in quotas.limits)}
    rows = [(place, counts.get(place, 0), quotas.limit(*place)) for place in places]
    rows.sort(key=lambda row: (-(row[1] / row[2]) if row[2] else 0, row[0]))
    return [
        {**place._asdict(), "used": used, "limit": limit, "left": None if limit is None else max(0, limit - used)}
        for place, used, limit in rows
    ]


def explanation_value(explanation: Explanation) -> dict[str, Any]:
    """An explanation as JSON."""
    return asdict(explanation) | {"sentences": change_sentences(explanation.instead)}


def explanation_lines(explanation: Explanation) -> Iterator[tuple[str, str]]:
    """An explanation in lines, each with its style."""
    yield explanation.outcome, "good" if explanation.allow else "bad"
    for rule in explanation.rules:
        yield f"  {rule.name} {rule.effect}" + (f"   ({rule.where})" if rule.where else ""), ""
        for line in rule.text.splitlines():
            yield f"      {line}", "dim"
    if explanation.fields:
        yield f"  leaves: {', '.join(explanation.fields)}", ""
    for name, rule_name in explanation.withheld:
        yield f"  stays:  {name}, by {rule_name}", ""
    sentences = change_sentences(explanation.instead)
    if sentences:
        yield "  It would be the other way round", ""
        for sentence in sentences:
            yield f"    {sentence}", ""
    elif not explanation.allow:
        yield "  No single change would turn it around.", ""


def rehearsal_value(result: Rehearsal) -> dict[str, Any]:
    """A rehearsal as JSON."""
    fields = ("counterpart", "record_type", "field")
    return {
        "exchanges": result.exchanges,
        "decisions": result.decisions,
        "changes": result.changes,
        "newly_released": _counted(result.released, fields),
        "newly_withheld": _counted(result.withheld, fields),
        "newly_served": _counted(result.served, ("counterpart", "purpose")),
        "newly_refused": _counted(result.refused, ("counterpart", "purpose")),
        "newly_shown": _counted(result.shown, ("counterpart", "record_type")),
        "newly_hidden": _counted(result.hidden, ("counterpart", "record_type")),
    }


def _counted(counter: Any, names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [dict(zip(names, key, strict=True)) | {"times": times} for key, times in sorted(counter.items()) if times]


def rehearsal_lines(result: Rehearsal) -> Iterator[tuple[str, str]]:
    """A rehearsal in lines, each with its style: what would newly leave comes first."""
    yield f"{result.exchanges} questions, {result.decisions} decisions made again", "title"
    for words, counter, style in (
        ("newly released", result.released, "warn"),
        ("newly served", result.served, "warn"),
        ("newly shown as a hit", result.shown, "warn"),
        ("newly withheld", result.withheld, ""),
        ("newly refused", result.refused, ""),
        ("newly hidden", result.hidden, ""),
    ):
        for key, times in sorted(counter.items()):
            if times:
                yield f"  {words}: {' '.join(str(part) for part in key)}   {times} times", style
    if not result.changes:
        yield "  nothing would have come out otherwise", "good"


def now_words() -> tuple[int, str]:
    """Now, in microseconds and in words."""
    now_us = SystemClock().now_us()
    return now_us, rfc3339(now_us)
