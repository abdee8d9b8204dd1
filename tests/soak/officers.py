"""Honest officers of `th`, who search at `vn` and `kh` over the REST API and know what the right answers are."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2

from certs.names import tls_name
from gateway.agency.officer_tokens.issuer import Profile, TrialIssuer
from gateway.cli.client import client_certificate
from gateway.clock import SystemClock
from gateway.config.home import Home
from gateway.demo.sources import planted
from gateway.model.names import MemberId
from tests.soak.ground import HOSTILE, Ground
from tests.support.http2 import tls_client

_OFFICE, _AGENCY = "th.blo.aranyaprathet", "police"
_TOKEN_S = 120.0
_PATIENCE_S = 30.0
_BUDGET_S = 3.0
"""The time of a question: what was begun longer before a counterpart left has its answer, or none."""


@dataclass(frozen=True, slots=True)
class Question:
    """A query with the outcome that is right at each counterpart."""

    query: dict[str, Any]
    right: dict[str, str]


def questions() -> Iterator[Question]:
    """Yield questions for ever: documents that are known and that are not, persons who are known and who are not."""
    known, driver, nobody = planted.STOLEN_PASSPORT, planted.DRIVER, planted.NOBODY
    for number in itertools.count():
        absent = {"kind": "document", "number": f"H{number:07d}", "issuer": "VNM"}
        yield Question(absent, {"vn": "no_hit", "kh": "no_hit"})
        present = {"kind": "document", "number": known.number, "issuer": known.issuer}
        yield Question(present, {"vn": "hit", "kh": "no_hit"})
        yield Question(_person(driver), {"vn": "no_hit", "kh": "hit"})
        yield Question(_person(nobody), {"vn": "no_hit", "kh": "no_hit"})


def lures() -> Iterator[Question]:
    """Yield questions for ever to the hostile member, which has nothing true to say."""
    for number in itertools.count():
        yield Question({"kind": "document", "number": f"L{number:07d}", "issuer": "LAO"}, {HOSTILE: "silent"})


def _person(who: planted.Person) -> dict[str, Any]:
    return {
        "kind": "person",
        "names": [{"text": who.thai, "script": "Thai"}],
        "birth": {"value": str(who.birth.year)},
    }


@dataclass(slots=True)
class Tally:
    """What officers were shown: seconds of each search, and lines that were not as they should be.

    `wrong` lines say what is not so. `unserved` ones say too little: silence, refusals, parts that are missing.
    `silent` and `cut_short` count by counterpart: the silences, and the questions whose time passed while it was away.
    """

    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    unserved: list[str] = field(default_factory=list)
    silent: dict[str, int] = field(default_factory=dict)
    cut_short: dict[str, int] = field(default_factory=dict)

    @property
    def p99_s(self) -> float:
        """The 99th percentile of the seconds of a search."""
        return sorted(self.seconds)[len(self.seconds) * 99 // 100] if self.seconds else 0.0

    def count(self, line: dict[str, Any], question: Question, away: Away, begun: float) -> None:
        """Count the line of one counterpart in the answer to a question that was begun then."""
        member, outcome = line["member"], line["outcome"]
        is_unheard = outcome in ("silent", "not_accepted")
        if is_unheard:
            self.silent[member] = self.silent.get(member, 0) + 1
        is_short = is_unheard or outcome in ("refused", "not_searched") or bool(line.get("missing"))
        if outcome == "not_searched" and away.took_time_of(member, begun):
            self.cut_short[member] = self.cut_short.get(member, 0) + 1
            return
        if (is_unheard and away.may_be_silent(member)) or (outcome == question.right[member] and not is_short):
            return
        told = {name: line[name] for name in ("outcome", "missing", "refusal") if line.get(name)}
        found = f"{member} for a {question.query['kind']}: {told}, not {question.right[member]}"
        (self.unserved if is_short else self.wrong).append(found)


class Away:
    """Which counterparts are away, and since when each of them listens again, by the monotonic clock."""

    def __init__(self, always: Collection[str] = ()) -> None:
        self._silent = set(always)
        self._left: dict[str, float] = {}
        self._back: dict[str, float] = {}

    def leaves(self, member: str) -> None:
        """Note that a counterpart is being stopped."""
        self._silent.add(member)
        self._left[member], self._back[member] = time.monotonic(), math.inf

    def listens(self, member: str) -> None:
        """Note that it listens again."""
        self._back[member] = time.monotonic()

    def found(self, member: str) -> None:
        """Note that the others have had the time to find it again."""
        self._silent.discard(member)

    def may_be_silent(self, member: str) -> bool:
        """Tell whether a counterpart is away, or was a moment ago."""
        return member in self._silent

    def took_time_of(self, member: str, begun: float) -> bool:
        """Tell whether a question that was begun then waited for a counterpart that was away.

        It is sent again when the counterpart is back, with what is left of its time. What was begun since it listens
        has all of its time.
        """
        left, back = self._left.get(member, math.inf), self._back.get(member, -math.inf)
        return left - _BUDGET_S <= begun < back


class Officers:
    """Several officers with tokens of their own, each with a search every second or so."""

    def __init__(self, ground: Ground, count: int, away: Away, asking: Iterator[Question]) -> None:
        self.tally = Tally()
        self._away = away
        self._home = Home(ground.seats["th"].home)
        self._issuer = TrialIssuer.load(self._home.key("token-issuer"), "th", SystemClock())
        self._url = f"https://127.0.0.1:{ground.seats['th'].agency}"
        self._questions = asking
        self._people = [Profile(f"th.o.{7000 + place}", "officer", _OFFICE, _AGENCY, ("INVESTIGATION",))
                        for place in range(count)]  # fmt: skip

    async def work(self) -> None:
        """Search until cancelled."""
        context = tls_client(self._home.ca, self._home.certificate("client-cli"), "http/1.1")
        async with (
            httpx2.AsyncClient(base_url=self._url, verify=context, trust_env=False, timeout=_PATIENCE_S) as client,
            asyncio.TaskGroup() as group,
        ):
            for person in self._people:
                group.create_task(self._shift(client, person))

    async def _shift(self, client: httpx2.AsyncClient, person: Profile) -> None:
        made, token = 0.0, ""
        while True:
            if not token or time.monotonic() - made > _TOKEN_S:
                made, token = time.monotonic(), self._issuer.issue(person, client_certificate(self._home))
            await self._search(client, token, next(self._questions))
            await asyncio.sleep(0.5)

    async def _search(self, client: httpx2.AsyncClient, token: str, question: Question) -> None:
        body = {"query": question.query, "to": list(question.right), "purpose": "INVESTIGATION", "offence": "NARC",
                "case": "TH-2026-0417"}  # fmt: skip
        begun = time.monotonic()
        try:
            found = await client.post("/v1/searches", json=body, headers={"authorization": f"Bearer {token}"},
                                      extensions={"sni_hostname": tls_name(MemberId("th"), "node1")})  # fmt: skip
        except httpx2.HTTPError as error:
            self.tally.unserved.append(f"no answer of the node: {type(error).__name__}")
            return
        self.tally.seconds.append(time.monotonic() - begun)
        if found.status_code != 200:
            self.tally.unserved.append(f"{found.status_code} {found.text[:200]}")
            return
        for line in found.json()["lines"]:
            if line["member"] in question.right:  # our own agencies have a line, too
                self.tally.count(line, question, self._away, begun)
