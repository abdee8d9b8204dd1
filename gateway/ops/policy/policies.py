"""Check, explain and tabulate the policy in a folder, and count the quotas of a home."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gateway.clock import SystemClock, rfc3339_s
from gateway.config import load_settings
from gateway.errors import LiaisonError, Misconfigured, Misused
from gateway.model.names import MemberId
from gateway.ops.policy.folders import member_of
from gateway.ops.policy.keeper import PolicyKeeper
from gateway.ports.quotas import QuotaPlace, QuotaUse
from gateway.storage.database.migrate import require_current
from gateway.storage.database.open import open_storage
from gateway.storage.documents.quotas import SqlQuotas
from policy.bundle.bundle import check_bundle, read_files, strangers
from policy.engine.engine import BASE, PolicyEngine
from policy.review.cases import read_case, run_twins
from policy.review.matrix import Row, as_html, matrix, overview
from policy.review.reasons import Explanation, explain_decision

_SPAN = re.compile(r"(\d{1,4})([dhw])")
_HOURS = {"h": 1, "d": 24, "w": 168}


def problems_of(folder: Path, member: MemberId) -> list[LiaisonError]:
    """List all mistakes in a national folder: in policies, agreements, cases, and bad twins that load."""
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
            Misconfigured(
                "the bad twin `{twin}`: {problems}",
                code="bad-policy",
                where=str(folder),
                twin=twin.name,
                problems=twin.problems[0],
            )
            for twin in run_twins(folder, member)
            if twin.problems
        )
    return found


def explain_case(path: Path, member: str | None) -> Explanation:
    """Explain why a case comes out as it does, under the folder that it lies in."""
    folder = path.resolve().parent.parent
    if not any(folder.glob("*.cedar")):
        raise Misconfigured(
            "no policy lies beside this case", where=str(folder), remedy="a case lies in `cases/` of a national folder"
        )
    case = read_case(path)
    engine = PolicyEngine.load(folder, member_of(folder, member))
    return explain_decision(engine, case.action, case.attributes, case.now_us)


def since_us(span: str) -> int:
    """Return the time `30d`, `12h` or `2w` before now, in microseconds since 1970. Raises `Misused`."""
    found = _SPAN.fullmatch(span)
    if not found:
        raise Misused(f"--since `{span[:20]!a}` is no span of time (30d, 12h or 2w)")
    return SystemClock().now_us() - int(found[1]) * _HOURS[found[2]] * 3_600_000_000


@dataclass(frozen=True, slots=True)
class Matrix:
    """The rows of who gets what under a policy, and when it was asked."""

    member: MemberId
    policy_hash: str
    rows: list[Row]
    made: str

    def value(self) -> dict[str, Any]:
        """Return the matrix as JSON."""
        most = [asdict(item) for item in overview(self.rows)]
        rows = [row.as_json() for row in self.rows]
        return {"member": self.member, "policy": self.policy_hash, "overview": most, "rows": rows}

    def page(self) -> str:
        """Return the matrix as a page."""
        return as_html(self.rows, self.member, self.policy_hash, self.made)


def matrix_of(folder: Path, member: str | None) -> Matrix:
    """Ask the policy in `folder` for the matrix of now."""
    whose = member_of(folder, member)
    engine = PolicyEngine.load(folder, whose)
    now_us = SystemClock().now_us()
    return Matrix(whose, engine.hash.hex(), matrix(engine, now_us), rfc3339_s(now_us))


def quotas_of(home: Path) -> list[dict[str, Any]]:
    """Return today's counts beside their limits, the most used first; `left` is None without a limit."""
    settings = load_settings(home)
    keeper = PolicyKeeper(settings, SystemClock(), production=False)
    with closing(open_storage(settings, read_only=True)) as database:
        require_current(database)
        return quota_rows(keeper.engine, SqlQuotas(database).used(SystemClock().now_us()))


def quota_rows(engine: PolicyEngine, uses: Iterable[QuotaUse]) -> list[dict[str, Any]]:
    """Return what was counted today beside the limits of a policy, as `quotas_of` does."""
    quotas, counts = engine.bundle.quotas, {use.place: use.used for use in uses}
    places = {*counts, *(QuotaPlace(*place) for place in quotas.limits)}
    rows = [(place, counts.get(place, 0), quotas.limit(*place)) for place in places]
    rows.sort(key=lambda row: (-(row[1] / row[2]) if row[2] else 0, row[0]))
    return [
        {**place._asdict(), "used": used, "limit": limit, "left": None if limit is None else max(0, limit - used)}
        for place, used, limit in rows
    ]
