"""Each kind of question is described whole: in every table that is looked up by a kind, or by a search key of one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import get_args

from liaison.exchange.v1 import notices_pb2
from liaison.exchange.v1 import statements_pb2 as pb

from adapters.check.hostile import queries_with
from adapters.index.lookup import BY_NAME
from adapters.index.rows import KIND_OF
from adapters.mapping.mapping import SEARCH_KEYS
from gateway.agency.bodies.requests import QueryBody
from gateway.cli.commands.officer.ask import COMMANDS
from gateway.console.gate.understood import Kind
from gateway.console.pages.watches.board import _KINDS
from gateway.desk.watches.values import _READERS
from gateway.language.terms import QUERIES as WORDS
from gateway.language.terms import SUBJECTS, TITLES
from gateway.matching.confirm import _JUDGES
from gateway.matching.identifiers import NUMBER_FIELDS, NUMBERED, numbers_in
from gateway.model.desk.watches import Goods
from gateway.model.query import BY_NUMBER, FOUND_BY, OF_AGENCIES, QUERIES, QueryKind
from gateway.records.identifiers.query_forms import QUESTIONS
from gateway.records.types import RECORD_TYPES
from gateway.trust.documents.statement_versions import PARTS
from policy.bundle.agreements import _ABOUT
from tests.support.tables import table

KINDS = set(QueryKind)
WATCHED = {kind for kind, each in QUERIES.items() if each.watched}
MESSAGES = {
    each.name: each.message_type
    for each in pb.Request.DESCRIPTOR.oneofs_by_name["query"].fields
    if each.message_type is not None
}
FIRST = {"person", "document", "national_id", "vehicle", "container", "case_reference"}
"""The kinds of the first version of the request: every member knows them."""


def _bodies() -> Collection[str]:
    union, *_ = get_args(QueryBody)
    return [body.model_fields["kind"].annotation.__args__[0] for body in get_args(union)]


@table(
    ("rows", "kinds"),
    [
        (QUERIES, KINDS),
        (QUESTIONS, KINDS),
        (WORDS, KINDS),
        (SUBJECTS, KINDS),
        (TITLES, KINDS),
        (_ABOUT, KINDS),
        ([*_JUDGES, *BY_NUMBER], KINDS),
        (MESSAGES, KINDS),
        (_bodies(), KINDS),
        ([command.name.replace("-", "_") for command in COMMANDS if command.name], KINDS),
        ([*BY_NAME, *BY_NUMBER], OF_AGENCIES),
        ([query.kind for query in queries_with("AB123")], OF_AGENCIES),
        (set(Kind) - {Kind.ZONE}, KINDS - {QueryKind.CASE}),
        (set(_READERS) - {Goods.kind}, WATCHED),
        (set(_KINDS) - {Goods.kind}, WATCHED),
    ],
    ids=[
        "classes", "descriptions", "words", "subjects", "titles", "first types", "judges", "messages", "REST bodies",
        "commands", "look-ups", "hostile texts", "readings of the gate", "kept watches", "form of a watch",
    ],
)  # fmt: skip
def test_each_kind_stands_in_each_table(rows: Collection[str] | Mapping[str, object], kinds: Collection[str]) -> None:
    assert sorted(rows) == sorted(kinds)


def test_each_message_has_the_fields_of_its_class_and_no_message_is_without_one() -> None:
    messages = {name for name in pb.DESCRIPTOR.message_types_by_name if name.endswith("Query")}
    assert {message.name for message in MESSAGES.values()} == messages
    for kind, each in QUERIES.items():
        assert list(MESSAGES[kind].fields_by_name) == list(each.__struct_fields__), kind


def test_a_watch_has_a_field_for_each_kind_that_is_watched() -> None:
    fields = {field.name for field in notices_pb2.WatchNotice.DESCRIPTOR.oneofs_by_name["query"].fields}
    assert fields >= WATCHED


def test_each_search_key_of_a_kind_is_one_of_mappings_and_each_number_has_a_kind_of_key() -> None:
    assert set(FOUND_BY) | {"birth"} == set(SEARCH_KEYS)
    assert set(KIND_OF) == set(NUMBERED)
    assert len(set(KIND_OF.values())) == len(KIND_OF)
    asked = {key for kind in BY_NUMBER for key in QUERIES[kind].found_by}
    assert asked <= set(NUMBERED)
    assert all(RECORD_TYPES.get(name) for fields in NUMBER_FIELDS.values() for name in fields)


def test_a_kind_that_came_later_has_a_part_that_a_descriptor_lists() -> None:
    later = {kind: each.part for kind, each in QUERIES.items() if each.part}
    assert set(later) == KINDS - FIRST
    assert set(later.values()) <= set(PARTS)
    assert len(set(later.values())) == len(later)


def test_each_value_has_its_words_and_each_command_its_title() -> None:
    for kind, described in QUESTIONS.items():
        assert list(described.forms) == list(QUERIES[kind].__struct_fields__)
        assert described.example
        assert described.ground
        assert all(form.told and form.help for form in described.forms.values())
        assert kind not in OF_AGENCIES or any(form.option for form in described.forms.values())


def test_a_question_of_one_text_asks_for_it() -> None:
    for kind, each in QUERIES.items():
        query = each.of("081 234 5678")
        assert kind not in BY_NUMBER or [number.key.lstrip("0") for number in numbers_in(query)] == ["812345678"]
        assert kind in BY_NUMBER or query.named is not None or not query.of_agencies
