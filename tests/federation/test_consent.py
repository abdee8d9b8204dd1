"""Onward use and the owner's consent between two real nodes, with the commands that people give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.audit.reading.opened import HomeLogs
from gateway.audit.reading.show import Filter
from gateway.audit.statistics.statistics import collect
from gateway.cli.client import NodeClient
from gateway.cli.officers import trial_token
from gateway.clock import SystemClock
from gateway.config import load_settings
from gateway.demo.federation import OFFICER, Federation, open_federation
from gateway.demo.sources import planted
from gateway.errors import Reason, Refused
from gateway.ops.audit.entry_list import find_entries
from gateway.ops.homes.open_home import open_home, shown_value
from tests.support.cli import Liaison, Ran
from tests.support.waiting import wait_until

OWNER, ASKER = "kh", "th"
DESK = ("--as", "kh.o.1042", "--reason", "the same case is open here")


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    founded = open_federation(tmp_path_factory.mktemp("consent") / "fed", SystemClock())
    try:
        founded.start(ASKER, OWNER)
        yield founded
    finally:
        founded.stop(*founded.processes)


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@dataclass(frozen=True, slots=True)
class Desk:
    """One search by the officer, with its hit, and the commands of both sides."""

    liaison: Liaison
    federation: Federation
    search: str
    line: dict[str, Any]

    def use(self, to: str = "th.customs", *more: str, officer: str = OFFICER, hit: int = 0) -> Ran:
        """`liaison onward`."""
        place = ("--to", to) if to else ()
        what = ("--search", self.search, "--exchange", self.line["exchange_id"], "--hit", str(hit), *place, *more)
        purpose = () if "--purpose" in more else ("--purpose", "INVESTIGATION")
        who = ("--home", self.federation.home(ASKER), "--as", officer)
        return self.liaison("onward", *who, *what, *purpose, "--reason", "the container is in their yard", "--json")

    def owner(self, command: str, *more: str) -> Ran:
        """`liaison consent`, at the owner's."""
        return self.liaison("consent", command, "--home", self.federation.home(OWNER), *more, "--json")

    def until(self, wanted: Callable[[Ran], bool], *use: str) -> Ran:
        """Give the command until its answer is the one that is waited for."""
        found: list[Ran] = []

        def is_wanted() -> bool:
            found.append(self.use(*use))
            return wanted(found[-1])

        wait_until(is_wanted, "the answer that is waited for")
        return found[-1]

    def entries(self, member: str, kind: str) -> list[dict[str, Any]]:
        """Entries of a kind about this exchange, oldest first."""
        with open_home(self.federation.home(member)) as evidence:
            shown = [shown_value(*item) for item in find_entries(evidence, "operations", Filter(kind=kind), 500, None)]
        return [item for item in reversed(shown) if item["exchange_id"] == self.line["exchange_id"]]

    def notices(self, member: str, kind: str, consent: str) -> list[dict[str, Any]]:
        """Entries of a kind about the notices of this request's thread, oldest first."""
        with open_home(self.federation.home(member)) as evidence:
            shown = [shown_value(*item) for item in find_entries(evidence, "exchange", Filter(kind=kind), 500, None)]
        return [item for item in reversed(shown) if item["private"].get("thread") == consent]


@pytest.fixture
def desk(liaison: Liaison, federation: Federation) -> Desk:
    query = ("container", "--number", planted.SEIZED_CONTAINER)
    why = ("--purpose", "INVESTIGATION", "--offence", "TIMBER", "--case", "TH-2026-0418")
    home = federation.home(ASKER)
    search = liaison("ask", *query, "--home", home, "--as", OFFICER, "--to", OWNER, *why, "--json").value
    line = next(line for line in search["lines"] if line["member"] == OWNER)
    assert line["hits"][0]["record"]["marking"]["onward"] == "ASK", "the sample's marking"
    return Desk(liaison, federation, search["id"], line)


def requests(desk: Desk) -> list[dict[str, Any]]:
    """All requests that the owner's node has taken."""
    found: list[dict[str, Any]] = desk.owner("list").value["requests"]
    return found


def consent_of(ran: Ran) -> str:
    assert ran.code == 1, ran
    assert ran.value["decision"] == "consent"
    return str(ran.value["consent"]["id"])


def error_of(ran: Ran) -> str:
    assert ran.code == 1, ran
    return str(ran.value["error"]["code"])


def test_what_the_marking_allows_is_allowed_at_once_and_the_owner_is_not_asked(desk: Desk) -> None:
    ran = desk.use("", "--use", "action")
    assert (ran.code, ran.value["decision"], ran.value["consent"]) == (0, "allowed", None)
    (entry,) = desk.entries(ASKER, "onward-allowed")
    assert (entry["private"]["officer"], entry["private"]["use"]) == (OFFICER, "action")
    asked = [item for item in requests(desk) if item["exchange_id"] == desk.line["exchange_id"]]
    assert asked == []


def test_the_owner_is_asked_a_human_grants_and_exactly_that_is_allowed(desk: Desk) -> None:
    consent = consent_of(desk.until(lambda ran: ran.value["consent"]["state"] == "taken"))
    asked = desk.entries(ASKER, "consent-asked")[0]
    (requested,) = desk.notices(OWNER, "answered", consent)
    assert asked["request_hash"] == requested["request_hash"]
    assert (requested["private"]["notice"], requested["private"]["says"]) == ("ask", "consent")

    shown = desk.owner("show", "--id", consent).value
    assert shown["asked"] == {
        "to": "th", "to_agency": "customs", "to_office": "", "purpose": "INVESTIGATION", "use": "pass-on",
    }  # fmt: skip
    assert shown["record"]["fields"] == desk.line["hits"][0]["record"]["fields"]
    assert shown["justification"] == "the container is in their yard"
    assert OFFICER not in str(shown), "the owner learns a pseudonym"
    granted = desk.owner("grant", "--id", consent, *DESK, "--hours", "2")
    assert (granted.code, granted.value["state"]) == (0, "granted")

    allowed = desk.until(lambda ran: ran.code == 0)
    assert allowed.value["consent"]["id"] == consent
    assert allowed.value["until"] == granted.value["decision"]["until"]
    (decided,) = desk.notices(OWNER, "asked", consent)
    assert (decided["private"]["says"], decided["private"]["officer"]) == ("RELEASED", "kh.o.1042")
    (human,) = decided["private"]["humans"]
    assert (human["by"], human["reason"], human["proof"]) == ("kh.o.1042", DESK[-1], "token")
    (taken,) = desk.notices(ASKER, "received", consent)
    assert (taken["private"]["outcome"], taken["private"]["says"]) == ("taken", "consent")
    (told,) = desk.notices(ASKER, "answered", consent)
    assert (told["private"]["notice"], told["private"]["says"]) == ("reply", "RELEASED")
    assert "kh.o.1042" not in str(told), "the person and the reason stay at home"
    assert DESK[-1] not in str(told)

    others = [
        desk.use("th.customs", "--to-office", "th.blo.mae-sot"),
        desk.use("th.immigration"),
        desk.use("vn.customs"),
        desk.use("th.customs", "--use", "evidence"),
        desk.use("th.customs", "--purpose", "THREAT_TO_LIFE"),
        desk.use(hit=1),
    ]
    assert len({consent_of(ran) for ran in others} | {consent}) == len(others) + 1
    assert error_of(desk.use("vn.customs", "--to-office", "vn.blo.nowhere")) == "unknown-office", "CASE-N205"


def test_a_refusal_of_the_owner_stands_and_cannot_be_turned_into_a_grant(desk: Desk) -> None:
    consent = consent_of(desk.until(lambda ran: ran.value["consent"]["state"] == "taken"))
    assert desk.owner("refuse", "--id", consent, "--as", "kh.o.1042", "--reason", "source at risk").code == 0
    refused = desk.until(lambda ran: "error" in ran.value)
    assert error_of(refused) == "consent-refused"
    assert "source at risk" not in refused.out
    assert error_of(desk.owner("grant", "--id", consent, *DESK)) == "already-decided"
    assert desk.entries(ASKER, "onward-refused")[-1]["private"]["code"] == "consent-refused"


def test_asking_again_sends_the_same_request_and_the_owner_keeps_one(desk: Desk) -> None:
    consents = {consent_of(desk.use("vn.customs")) for _ in range(3)}
    assert len(consents) == 1
    wait_until(lambda: desk.notices(OWNER, "answered", *consents), "the request has not come")
    assert len(desk.notices(OWNER, "answered", *consents)) == 1
    assert [item["private"]["again"] for item in desk.entries(ASKER, "consent-asked")] == [False, True, True]


def test_another_officer_has_no_say_over_this_search(desk: Desk) -> None:
    who = ("--role", "officer", "--office", "th.blo.aranyaprathet", "--agency", "police")
    assert error_of(desk.use("th.customs", *who, officer="th.o.9999")) == "not-found"
    (entry,) = desk.entries(ASKER, "onward-refused")
    assert entry["private"]["officer"] == "th.o.9999"


def test_a_line_is_named_by_its_country_as_well(desk: Desk, federation: Federation) -> None:
    what = ("--search", desk.search, "--from", OWNER, "--purpose", "INVESTIGATION", "--use", "action", "--reason", "x")
    home = ("--home", federation.home(ASKER), "--as", OFFICER)
    assert desk.liaison("onward", *home, *what).code == 0
    assert desk.liaison("onward", *home, *what, "--from", "vn").code == 2
    assert desk.liaison("onward", *home, *what, "--exchange", desk.line["exchange_id"]).code == 2


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"to": None}, "to"),
        ({"to": {"member": "th", "agency": "Customs"}}, "to.agency"),
        ({"to": {"member": "th", "agent": "customs"}}, "to.agent"),
        ({"use": "sell"}, "use"),
        ({"purpose": "VISA"}, "purpose"),
        ({"hit": -1}, "hit"),
        ({"hit": "0"}, "hit"),
        ({"exchange_id": "x"}, "exchange_id"),
        ({"reason": "\u001b[2J"}, "reason"),
        ({"more": 1}, "more"),
    ],
)
def test_a_body_of_another_form_is_refused_and_named(
    desk: Desk, federation: Federation, change: dict[str, Any], where: str
) -> None:
    settings = load_settings(federation.home(ASKER))
    token = trial_token(settings, OFFICER, role="", office="", agency="", purpose="INVESTIGATION")
    body = {
        "exchange_id": desk.line["exchange_id"], "hit": 0, "to": {"member": "th", "agency": "customs"},
        "purpose": "INVESTIGATION", "use": "pass-on", "reason": "theirs",
    }  # fmt: skip
    with NodeClient(settings) as node, pytest.raises(Refused) as refused:
        node.onward(desk.search, body | change, token)
    assert (refused.value.reason, refused.value.where) == (Reason.INVALID_ARGUMENT, where)


@pytest.mark.parametrize("hit", [7, 999])
def test_a_hit_that_is_not_there_is_refused(desk: Desk, hit: int) -> None:
    assert error_of(desk.use(hit=hit)) == "no-such-hit"


def test_a_purpose_that_no_agreement_covers_is_refused_at_home(desk: Desk) -> None:
    assert error_of(desk.use("", "--purpose", "TRAINING", "--use", "action")) == "purpose-not-covered"
    assert [item for item in requests(desk) if item["exchange_id"] == desk.line["exchange_id"]] == []


def test_what_waits_for_an_owner_who_is_down_arrives_once_and_decisions_made_meanwhile_are_told(desk: Desk) -> None:
    decided = consent_of(desk.use("th.immigration"))
    desk.federation.stop(OWNER)
    try:
        assert desk.owner("grant", "--id", decided, *DESK).value["told"] is False
        waiting = desk.use()
        consent = consent_of(waiting)
        assert waiting.value["consent"]["state"] == "waiting"
        desk.federation.stop(ASKER)  # what waits survives this as well
    finally:
        desk.federation.start(OWNER, ASKER)
    taken = desk.until(lambda ran: ran.value["consent"]["state"] == "taken")
    assert consent_of(taken) == consent
    assert all(len(desk.notices(OWNER, "answered", each)) == 1 for each in (decided, consent))
    assert desk.until(lambda ran: ran.code == 0, "th.immigration").value["consent"]["id"] == decided


def _is_held(desk: Desk, office: str) -> bool:
    """Ask for a use at this office; tell whether the owner's node does not take it for now."""
    asked = desk.use("th.customs", "--to-office", office).value["consent"]
    return (asked["state"], asked["problem"]) == ("waiting", "suspended")


def test_a_suspended_owner_is_asked_once_exchange_goes_on_and_people_in_danger_come_through(desk: Desk) -> None:
    home = desk.federation.home(OWNER)
    only = ("--home", home, "--peer", ASKER, "--reason", "under review")
    desk.liaison("suspend", *only, "--humanitarian-approved-by", "minister of the interior")
    try:
        # The switch bites within a second; until then a question is taken, and the next one is tried.
        office = next(each for each in map("o{}".format, range(100)) if _is_held(desk, each))
        urgent = desk.until(
            lambda ran: ran.value["consent"]["state"] == "taken", "th.customs", "--purpose", "THREAT_TO_LIFE"
        )
        assert urgent.value["consent"]["problem"] == ""
        assert desk.use("th.customs", "--to-office", office).value["consent"]["state"] == "waiting"
    finally:
        desk.liaison("resume", *only, "--key", desk.federation.administrator(OWNER))
    desk.until(lambda ran: ran.value["consent"]["state"] == "taken", "th.customs", "--to-office", office)


def test_decisions_need_an_officer_a_reason_and_a_time_within_the_record_s(desk: Desk) -> None:
    consent = consent_of(desk.until(lambda ran: ran.value["consent"]["state"] == "taken"))
    assert desk.owner("grant", "--id", consent, "--as", "kh.o.1042", "--reason", " ").code == 1
    assert desk.owner("grant", "--id", consent, "--reason", "x").code == 2
    assert desk.owner("grant", "--id", consent, "--as", "kh.o.7", "--reason", "x").code == 1
    assert desk.owner("grant", "--id", consent, *DESK, "--hours", "49").code == 1
    assert error_of(desk.owner("show", "--id", "0" * 32)) == "not-found"
    listed = desk.owner("list").value["requests"]
    assert next(item for item in listed if item["id"] == consent)["state"] == "open"


def test_consents_are_counted_at_both_sides(desk: Desk) -> None:
    refused = consent_of(desk.until(lambda ran: ran.value["consent"]["state"] == "taken", "th.forestry"))
    assert desk.owner("refuse", "--id", refused, *DESK).code == 0
    assert error_of(desk.until(lambda ran: "error" in ran.value, "th.forestry")) == "consent-refused"
    told = {member: _counted(desk, member) for member in (OWNER, ASKER)}
    assert told[OWNER]["consent-decided"] == told[OWNER]["consent-time"]
    assert told[OWNER]["consent-requested"] >= told[OWNER]["consent-decided"] > 0
    assert told[ASKER]["consent-received"] >= 2
    assert told[ASKER]["consent-asked"] >= 2


def _counted(desk: Desk, member: str) -> Counter[str]:
    """Each measure of a home, over all values."""
    found: Counter[str] = Counter()
    with open_home(desk.federation.home(member)) as evidence:
        for cell, count in collect(HomeLogs(evidence.store, evidence.keys)).counts.items():
            found[cell.measure] += count
    return found


def test_both_logs_verify_after_all_of_it(desk: Desk) -> None:
    for member in (ASKER, OWNER):
        assert desk.liaison("audit", "verify", "--home", desk.federation.home(member)).code == 0
