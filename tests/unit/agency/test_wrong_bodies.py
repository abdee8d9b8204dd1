"""A wrong body of any call is refused in sentences of ours, with the place of the member, and without its value."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

import gateway.agency
from gateway.agency.bodies.closed import Closed
from gateway.agency.bodies.requests import SEARCH
from gateway.agency.bodies.wrong_bodies import SAID, read_body
from gateway.errors import Malformed
from gateway.language.languages import Language
from gateway.language.sentences import sentence
from tests.support.tables import table

WRONG: tuple[Any, ...] = (
    None, [], [None], {}, {"x": 1}, "", " ", "@", "marked" * 2_000, "2026-11-24T09:30:00", -1, 10**30, 1.5, True,
)  # fmt: skip
"""Values of which each is wrong for most members."""


def _bodies() -> Iterator[type[BaseModel]]:
    """Yield the bodies that calls take, written or made of forms: they refuse a member that they do not name."""
    for module in pkgutil.walk_packages(gateway.agency.__path__, "gateway.agency."):
        importlib.import_module(module.name)
    yield from (each for each in _below(Closed) if not each.__name__.startswith("_"))


def _below(base: type[BaseModel]) -> set[type[BaseModel]]:
    return {one for each in base.__subclasses__() for one in (each, *_below(each))}


BODIES = {f"{each.__module__}.{each.__qualname__}": each for each in _bodies()}


def _wrong(kind: type[BaseModel]) -> Iterator[Any]:
    yield from WRONG
    yield {"no such member": "marked"}
    for field in kind.model_fields:
        for value in WRONG:
            yield {field: value}
            yield {field: [value]}
            yield {field: {"kind": value, "about": value}}
        for tag in ("person", "vessel", "report", "hit", "question"):
            yield {field: {"kind": tag, "names": 1, "about": tag}}


@table("name", BODIES)
def test_each_mistake_in_a_body_has_a_sentence_of_ours_and_shows_nothing_that_was_sent(name: str) -> None:
    known = {text for kind, text in SAID.items() if kind != "other"}
    refusals = [_refused(BODIES[name], value) for value in _wrong(BODIES[name])]
    assert any(refusals)
    for refused in filter(None, refusals):
        assert refused.template in known, refused
        told = sentence(refused, Language.EN)
        assert not re.search(r"[{}]|marked|pydantic|[Ii]nput|https?:", told), told
        assert refused.where


def _refused(kind: type[BaseModel], value: Any) -> Malformed | None:
    with contextlib.suppress(Malformed):
        read_body(kind, value, "bad-request")
        return None
    with pytest.raises(Malformed) as refused:
        read_body(kind, value, "bad-request")
    return refused.value if refused.value.code == "bad-request" else None


def test_there_are_bodies_to_be_tried() -> None:
    assert len(BODIES) > 30


@table(
    ("change", "where", "said"),
    [
        ({"purpose": "border_check"}, "purpose", "one of these is expected: BORDER_CHECK, INVESTIGATION, "),
        ({"query": {"kind": "Document"}}, "query", "the member `kind` is one of these: person, document, "),
        ({"query": {}}, "query", "the member `kind` says which kind it is, and is missing"),
        ({"query": {"kind": "document", "number": 7}}, "query.number", "a text is expected"),
        ({"query": {"kind": "person", "names": [{"text": "a"}, {}]}}, "query.names.1.text", "this member is missing"),
        ({"to": []}, "to", "1 or more of them are expected"),
        ({"to": ["vn"] * 33}, "to", "32 of them at most are expected"),
        ({"Case": "1"}, "Case", "unknown member"),
    ],
)
def test_the_first_wrong_member_is_named_by_its_place_in_what_was_sent(
    change: dict[str, Any], where: str, said: str
) -> None:
    body = {"query": {"kind": "document", "number": "C1"}, "to": ["vn"], "purpose": "INVESTIGATION", "offence": "NARC"}
    with pytest.raises(Malformed) as refused:
        read_body(SEARCH.model, body | change, "bad-search")
    assert (refused.value.where, refused.value.code) == (where, "bad-search")
    assert sentence(refused.value, Language.EN).startswith(said)
