"""Bodies that are made of forms: what is handed in becomes the form, or is refused with its place."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
import pytest
from pydantic import BaseModel

from gateway.agency.api import application
from gateway.agency.bodies.closed import Closed
from gateway.agency.bodies.handed import Handed
from gateway.agency.desk.asks import CONFIRM, MARK
from gateway.agency.desk.bodies import DECIDE, PASS_ON, REASON, SIGN
from gateway.audit.acts.humans import MAX_REASON as MOST_PROVED
from gateway.errors import Malformed
from gateway.model.faces.fields import (
    Among,
    Code,
    Exchange,
    Id,
    Matching,
    Member,
    Moment,
    Pairs,
    Reference,
    Said,
    Several,
    Whole,
    Within,
)
from gateway.model.faces.fields import Text as Words
from gateway.model.handed.basis import MAX_REASON, Attachments
from gateway.model.names import MemberId
from tests.support.tables import table


class Colour(StrEnum):
    """Colours, of which one is not to be chosen."""

    RED = "RED"
    BLUE = "BLUE"


class TrialPlace(msgspec.Struct, frozen=True):
    """A place in a member."""

    member: Annotated[MemberId, Member()]
    offices: Annotated[tuple[Annotated[str, Id()], ...], Several(2)] = ()


class Trial(msgspec.Struct, frozen=True):
    """A form with a field of each kind."""

    places: Annotated[tuple[TrialPlace, ...], Several(2, least=1, help="Where.")]
    why: Annotated[str, Words(10, help="Why.")]
    due_us: Annotated[int, Moment(help="When.")]
    code: Annotated[str, Code(Colour)] = ""
    shade: Annotated[Colour, Among((Colour.RED,))] = Colour.RED
    case: Annotated[str, Reference()] = ""
    notice: Annotated[str, Exchange(name="of")] = "0" * 32
    year: Annotated[str, Matching("^[0-9]{4}$")] = "2026"
    count: Annotated[int, Whole(1, 9)] = 1
    later_us: Annotated[int, Moment()] = 0
    sure: Annotated[bool, Said(help="Whether it is sure.")] = False
    attachments: Attachments = ()


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """A form with another one within it, and with texts by name."""

    peer: Annotated[MemberId, Member(name="from")]
    trial: Annotated[Trial, Within(help="What is tried.")]
    values: Annotated[tuple[tuple[str, str], ...], Pairs(2, 5)] = ()
    some: Annotated[tuple[Annotated[str, Id()], ...] | None, Several(2)] = None


TRIAL = Handed(Trial, "TrialOfFormsBody", example={"why": "x"})
GIVEN: dict[str, Any] = {"places": [{"member": "la"}], "why": "a word", "due": "2026-11-24T09:30:00Z"}


def test_what_is_handed_in_becomes_the_form_with_its_units_and_names() -> None:
    more = {"of": "1" * 32, "code": "BLUE", "count": 7.0, "places": [{"member": "la", "offices": ["la.blo.1"]}]}
    form, files = TRIAL.read_with_files(GIVEN | more | {"attachments": ["2" * 32]}, "bad")
    assert form == Trial(
        (TrialPlace(MemberId("la"), ("la.blo.1",)),), "a word", 1_795_512_600_000_000, "BLUE", notice="1" * 32, count=7
    )
    assert form.shade is Colour.RED
    assert files == ["2" * 32]


@table(
    ("change", "where", "code"),
    [
        ({"why": ""}, "why", "bad"),
        ({"why": "x" * 11}, "why", "bad"),
        ({"why": "a\nb"}, "why", "bad-text"),
        ({"due": "2026-11-24T09:30:00"}, "due", "bad"),
        ({"due_us": 1}, "due_us", "bad"),
        ({"code": "GREEN"}, "code", "bad"),
        ({"shade": "BLUE"}, "shade", "bad"),
        ({"case": "?"}, "case", "bad-reference"),
        ({"of": "5f0c"}, "exchange_id", "bad-exchange-id"),
        ({"notice": "1" * 32}, "notice", "bad"),
        ({"year": "26"}, "year", "bad"),
        ({"count": 10}, "count", "bad"),
        ({"places": []}, "places", "bad"),
        ({"places": [{"member": "la", "offices": ["?"]}]}, "places.offices", "bad-identifier"),
        ({"places": [{"member": "LA"}]}, "", "bad-member"),
        ({"attachments": ["1"] * 17}, "attachments", "bad"),
    ],
)
def test_what_is_no_such_form_is_refused_with_its_place(change: dict[str, Any], where: str, code: str) -> None:
    with pytest.raises(Malformed) as refused:
        TRIAL.read(GIVEN | change, "bad")
    assert (refused.value.where, refused.value.code) == (where, code)


def test_the_fields_of_a_form_within_another_stand_beside_its_own() -> None:
    held = Handed(Holder, "HolderOfTrialOfFormsBody", beside={"about": Literal["trial"]})
    given = GIVEN | {"from": "la", "about": "trial", "attachments": ["2" * 32]}
    form, files = held.read_with_files(given | {"values": {"b": "2", "a": "1"}, "some": ["x"]}, "bad")
    assert (form.peer, form.trial.why, form.values, form.some) == ("la", "a word", (("a", "1"), ("b", "2")), ("x",))
    assert files == ["2" * 32]
    assert held.read_with_files(given, "bad")[0].some is None
    changes: list[dict[str, Any]] = [{"about": "x"}, {"values": {"a": "longer"}}, {"from": "LA"}, {"trial": {}}]
    for wrong in changes:
        with pytest.raises(Malformed):
            held.read_with_files(given | wrong, "bad")


def test_a_field_that_the_path_says_is_no_member_of_the_body() -> None:
    short = Handed(Trial, "ShortTrialOfFormsBody", path=("why",))
    del (given := dict(GIVEN))["why"]
    assert short.read(given, "bad", why="of the path").why == "of the path"
    with pytest.raises(Malformed):
        short.read(GIVEN, "bad", why="of the path")


def test_a_form_holds_files_only_once_they_are_brought() -> None:
    form, _ = TRIAL.read_with_files(GIVEN | {"attachments": ["2" * 32]}, "bad")
    assert form.attachments == ()


def test_the_document_says_of_a_member_what_the_form_says() -> None:
    schema = TRIAL.model.model_json_schema()
    assert (
        schema["properties"]["why"] | {"description": "Why.", "maxLength": 10, "minLength": 1}
        == (schema["properties"]["why"])
    )
    assert schema["examples"] == [{"why": "x"}]
    assert schema["required"] == ["places", "why", "due"]


@table("body", [PASS_ON, CONFIRM, MARK, REASON])
def test_the_document_names_the_limit_of_a_reason_that_the_desk_has(body: Handed[Any]) -> None:
    assert body.model.model_json_schema()["properties"]["reason"]["maxLength"] == MAX_REASON


@table("body", [DECIDE, SIGN])
def test_the_reason_of_a_proved_decision_is_as_long_as_the_log_keeps_it(body: Handed[Any]) -> None:
    assert body.model.model_json_schema()["properties"]["reason"]["maxLength"] == MOST_PROVED


def _bodies(base: type[BaseModel]) -> set[type[BaseModel]]:
    return {one for each in base.__subclasses__() for one in (each, *_bodies(each))}


def test_the_example_of_each_body_is_one_that_is_taken() -> None:
    application()
    bodies = [each for each in _bodies(Closed) if not each.__name__.endswith("TrialOfFormsBody")]
    examples = [(each, example) for each in bodies for example in _examples(each)]
    assert len(examples) > 15
    for body, example in examples:
        body.model_validate(example)


def _examples(body: type[BaseModel]) -> list[Any]:
    extra = body.model_config.get("json_schema_extra")
    found = extra.get("examples", []) if isinstance(extra, dict) else []
    return found if isinstance(found, list) else []
