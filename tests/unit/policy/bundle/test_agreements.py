"""Which agreement a question cites by itself."""

from __future__ import annotations

from collections.abc import Collection
from itertools import permutations

import pytest
from msgspec import structs

from gateway.matching.explain import RULES
from gateway.model.hit import UNRELEASED
from gateway.model.names import member_id
from policy.attributes import QuestionAttributes
from policy.bundle.agreements import Agreement, Agreements
from policy.cache import ALWAYS, Window
from policy.explain import CODES

TH, VN = member_id("th"), member_id("vn")
QUESTION = QuestionAttributes(
    counterpart=VN, role="officer", agency="police", office="th.blo.a", query="person", purpose="INVESTIGATION",
    offence="NARC", agreement="", has_case=True, has_ticket=False,
)  # fmt: skip


def made(name: str, *agencies: str, **changes: object) -> Agreement:
    values: dict[str, object] = {
        "title": "a trial",
        "parties": frozenset({"th", "vn"}),
        "agencies": frozenset({"th.police", *agencies}),
        "record_types": frozenset({"Person"}),
        "queries": frozenset({"person"}),
        "purposes": frozenset({"INVESTIGATION"}),
        "offences": frozenset({"NARC"}),
        "validity": ALWAYS,
        "articles": {},
    }
    return Agreement(name, **{**values, **changes})  # type: ignore[arg-type]


def chosen(*agreements: Agreement, owners: Collection[str] = ("police", "immigration")) -> str:
    """Return the choice, which is the same in whichever order the agreements stand."""
    found = {Agreements(TH, each).choose(QUESTION, owners, 1) for each in permutations(agreements)}
    assert len(found) == 1
    return found.pop()


def test_one_that_names_the_owner_goes_before_the_first_by_its_id() -> None:
    assert chosen(made("a", "vn.customs"), made("b", "vn.police")) == "b"
    assert chosen(made("a", "vn.police"), made("b", "vn.police", "vn.immigration")) == "b"


@pytest.mark.parametrize(
    "changes",
    [
        {"offences": frozenset({"WILD"})},
        {"queries": frozenset({"vehicle"})},
        {"agencies": frozenset({"th.customs", "vn.police", "vn.immigration"})},
    ],
)
def test_one_that_does_not_cover_the_question_comes_last_whoever_it_names(changes: dict[str, object]) -> None:
    assert chosen(made("a", "vn.police", "vn.immigration", **changes), made("b")) == "b"


def test_one_that_names_an_owner_and_the_type_that_is_asked_for_goes_before_one_that_names_more_owners() -> None:
    types = frozenset({"Vehicle", "Seizure", "Vessel"})
    assert chosen(made("a", "vn.police", "vn.immigration", record_types=types), made("b", "vn.police")) == "b"
    assert chosen(made("a"), made("b", "vn.police", record_types=types)) == "b"


def test_where_owners_count_the_same_record_types_and_then_the_id_decide() -> None:
    more = frozenset({"Person", "Vehicle"})
    assert chosen(made("a", "vn.police"), made("b", "vn.police", record_types=more)) == "b"
    assert chosen(made("b", "vn.police"), made("a", "vn.police")) == "a"


def test_none_is_cited_of_others_of_another_purpose_or_out_of_force() -> None:
    assert chosen(made("a", parties=frozenset({"kh", "vn"}))) == ""
    assert chosen(made("a", purposes=frozenset({"PREVENTION"}))) == ""
    assert chosen(made("a", validity=Window(5, 6))) == ""
    assert Agreements(TH, [made("a")]).choose(structs.replace(QUESTION, counterpart=TH), (), 1) == ""


def test_every_code_of_policy_has_a_sentence_for_a_record_that_does_not_come() -> None:
    assert {f"{UNRELEASED}{code}" for code in CODES} <= RULES.keys()
