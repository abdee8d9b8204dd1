"""Searches at the gate: an officer of Thailand asks all five neighbours, and knows what the right answers are."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.gms.client import Desk, officer
from tests.gms.ground import Region
from tests.gms.offices import MEMBERS
from tests.gms.sources import ALPHA3, known

ASKER = "th"
ASKED = tuple(member for member in MEMBERS if member != ASKER)
REFUSED = {("vn", "container"): "query-not-covered"}
"""What national policies do not answer at all, with the code."""

_UNHEARD = ("silent", "not_accepted")


@dataclass(frozen=True, slots=True)
class Question:
    """A query, and the countries that have something."""

    query: dict[str, Any]
    hits: frozenset[str]


@dataclass(slots=True)
class Found:
    """The seconds of each search, and each line that was not as it should be."""

    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    silent: dict[str, int] = field(default_factory=dict)

    def percentile(self, share: float) -> float:
        """The seconds within which this share of the searches was over."""
        return sorted(self.seconds)[math.ceil(len(self.seconds) * share) - 1] if self.seconds else 0.0


def questions() -> Iterator[Question]:
    """Yield questions for ever: of each country something that only it has, and between them what no country has."""
    for number in itertools.count():
        member = ASKED[number % len(ASKED)]
        found, here = known(member), frozenset((member,))
        yield Question({"kind": "document", "number": found.passport, "issuer": ALPHA3[member]}, here)
        yield Question({"kind": "document", "number": f"X{number:07d}", "issuer": ALPHA3[member]}, frozenset())
        person = {"kind": "person", "names": [{"text": found.name, "script": "Latn"}], "birth": {"value": found.born}}
        yield Question(person, here)
        yield Question({"kind": "container", "number": found.container}, here)


async def search(region: Region, desk: Desk, count: int, officers: int, away: Collection[str] = ()) -> Found:
    """Let officers of several offices search `count` times in all; those in `away` must be silent, the others right."""
    found, asking = Found(), itertools.islice(questions(), count)

    async def work(place: int) -> None:
        offices = region.offices[ASKER]
        who = officer(ASKER, offices[place % len(offices)].id, 2000 + place)
        for question in asking:
            body = {"query": question.query, "to": list(ASKED), "purpose": "BORDER_CHECK", "offence": "OTHER",
                    "ticket": f"GATE-{place}"}  # fmt: skip
            begun = time.monotonic()
            answer = await desk.post(who, "/v1/searches", body)
            found.seconds.append(time.monotonic() - begun)
            _judge(found, question, answer, away)

    async with asyncio.TaskGroup() as group:
        for place in range(officers):
            group.create_task(work(place))
    return found


def _judge(found: Found, question: Question, answer: dict[str, Any], away: Collection[str]) -> None:
    lines = {line["member"]: line for line in answer["lines"]}
    for member in ASKED:
        line = lines.get(member, {"outcome": "none"})
        if line["outcome"] in _UNHEARD:
            found.silent[member] = found.silent.get(member, 0) + 1
        right = "silent" if member in away else _right(question, member)
        told = line["refusal"]["code"] if line["outcome"] == "refused" else line["outcome"]
        if told != right or line.get("missing"):
            found.wrong.append(f"{member} to a {question.query['kind']}: {told} {line.get('missing')}, not {right}")


def _right(question: Question, member: str) -> str:
    """Return the outcome that is right, or the code of the refusal."""
    found = "hit" if member in question.hits else "no_hit"
    return REFUSED.get((member, question.query["kind"]), found)
