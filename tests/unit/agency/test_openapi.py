"""The OpenAPI document: the committed file is that of the program, and it says how to be let in and what goes wrong."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from gateway.agency.api import application, create_api
from gateway.agency.bodies.patterns import BIRTH, THIS_YEAR, years_to
from gateway.agency.officer_tokens.revocations import MAX_LIST
from gateway.records.identifiers.query_forms import FIRST_YEAR
from tests.support.docs import OPENAPI, documented_parts
from tests.support.tables import table

FIRST_WRITTEN = 2026
DOCUMENT: dict[str, Any] = json.loads(OPENAPI.read_text(encoding="utf-8"))
OPERATIONS = [(path, name, each) for path, found in DOCUMENT["paths"].items() for name, each in found.items()]


@pytest.mark.long
def test_a_node_that_starts_does_not_make_the_document() -> None:
    application.cache_clear()
    create_api(documented_parts())
    assert application().openapi_schema is None, "it is made for the first one who asks"


def test_it_says_where_the_node_is_and_how_to_be_let_in() -> None:
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert (schemes["system"]["type"], schemes["officer"]["scheme"]) == ("mutualTLS", "bearer")
    assert "liaison.internal" in DOCUMENT["servers"][0]["url"]
    for path, _, operation in OPERATIONS:
        needed = set(operation["security"][0])
        of_systems = path.startswith(("/v1/health", "/v1/members", "/v1/revocations"))
        assert needed == ({"system"} if of_systems else {"system", "officer"})


def _served(router: Any) -> Iterator[tuple[str, str]]:
    """Yield path and method of each route of a router, and of those that it includes."""
    for route in router.effective_candidates():
        if hasattr(route, "effective_candidates"):
            yield from _served(route)
        else:
            yield from ((route.path, method.lower()) for method in route.methods)


@pytest.mark.long
def test_it_has_every_route_that_a_node_serves() -> None:
    routers = [each for each in application().routes if hasattr(each, "effective_candidates")]
    served = {each for router in routers for each in _served(router)}
    assert len(served) >= 39
    assert served == {(path, method) for path, method, _ in OPERATIONS}


def test_no_two_bodies_have_one_name_in_the_document() -> None:
    application()
    names = Counter(each.__name__ for each in _models(BaseModel) if each.__module__.startswith("gateway.agency"))
    assert len(names) > 100
    assert {name for name, count in names.items() if count > 1 and not name.startswith("_")} == set()


def _models(base: type[BaseModel]) -> set[type[BaseModel]]:
    """The models below one, each once."""
    return {one for each in base.__subclasses__() for one in (each, *_models(each))}


def test_the_list_of_revocations_is_told_with_its_bound_and_its_refusals() -> None:
    operation = DOCUMENT["paths"]["/v1/revocations"]["put"]
    assert operation["requestBody"]["content"]["application/jwt"]["schema"]["maxLength"] == MAX_LIST
    assert {"204", "400", "409", "413"} <= set(operation["responses"])
    assert "422" not in operation["responses"]


def test_every_error_is_a_problem_with_an_example() -> None:
    for path, _, operation in OPERATIONS:
        for status, response in operation["responses"].items():
            if status >= "400" and not ("/health" in path and status == "503"):
                assert response["content"]["application/problem+json"]["example"]["status"] == int(status)
        assert {"401", "403", "405", "429", "431", "500", "503"} <= set(operation["responses"])


def test_each_body_has_an_example() -> None:
    for name in ("SearchBody", "OnwardBody"):
        assert DOCUMENT["components"]["schemas"][name]["examples"]


@table(
    ("text", "is_day"),
    [("1984", True), ("1984-02", True), ("1984-02-29", True), ("1983-02-29", False), ("1984-04-31", False),
     ("2026-12-31", True), ("2027", False), ("1849", False), ("2000-02-29", True), ("1900-02-29", False)],
)  # fmt: skip
def test_the_pattern_of_a_birth_is_the_calendar(text: str, is_day: bool) -> None:
    pattern = BIRTH["pattern"].replace(THIS_YEAR, years_to(2026))
    assert bool(re.search(pattern, text)) is is_day
    assert FIRST_YEAR == 1850
