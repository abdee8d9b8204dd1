"""Read forms and topics: fields, types, lists of codes, and labels in the seven languages."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TypeVar

import msgspec

import policy
from gateway.config.toml import TomlTable, parse_toml
from gateway.errors import Malformed
from gateway.language.languages import Language
from gateway.model.desk.notices import Urgency
from gateway.model.desk.work import Role

T = TypeVar("T")

Labels = Mapping[str, str]
"""A label by language."""

_ROOT = Path(policy.__file__).parent
_CODE = "bad-form"
_MOST = 2_000


class FieldType(StrEnum):
    """The kind of values in a field of a form."""

    TEXT = "text"
    DATE = "date"
    COUNTRY = "country"
    NUMBER = "number"
    CODE = "code"


class FormField(msgspec.Struct, frozen=True):
    """One field of a form. `most` are the characters of a text; `codes` are those of a list, with their labels."""

    code: str
    type: FieldType
    required: bool
    label: Labels
    most: int = _MOST
    codes: Mapping[str, Labels] = {}


class Form(msgspec.Struct, frozen=True):
    """A form: who approves it at the asker's, and its clock."""

    id: str
    version: int
    clock: Urgency
    approver: Role
    title: Labels
    fields: tuple[FormField, ...]


class Template(msgspec.Struct, frozen=True):
    """The form of entries in an operation; an entry has those of its fields that its author knows."""

    id: str
    version: int
    title: Labels
    fields: tuple[FormField, ...]


class Topic(msgspec.Struct, frozen=True):
    """A topic of questions. `agency` is the one whose duty officer decides, empty for the national desk."""

    id: str
    agency: str
    label: Labels


@cache
def forms() -> Mapping[str, Form]:
    """Return all forms by id. Raises `Misconfigured` with file and line."""
    found = (read_form(f"policy/forms/{file.name}", file.read_bytes()) for file in sorted(_ROOT.glob("forms/*.toml")))
    return {form.id: form for form in found}


@cache
def templates() -> Mapping[str, Template]:
    """Return all templates of operations by id. Raises `Misconfigured` with file and line."""
    files = sorted(_ROOT.glob("operations/*.toml"))
    found = (read_template(f"policy/operations/{file.name}", file.read_bytes()) for file in files)
    return {template.id: template for template in found}


@cache
def topics() -> Mapping[str, Topic]:
    """Return all topics by id. Raises `Misconfigured` with file and line."""
    file = _ROOT / "topics.toml"
    document = parse_toml("policy/topics.toml", file.read_bytes(), _CODE)
    document.only("topic")
    table = document.table("topic")
    return {name: _topic(name, table.table(name)) for name in table.data}


def form_named(name: str) -> Form:
    """Return a form. Raises `Malformed` for an unknown one."""
    return _named(forms(), name, "form")


def template_named(name: str) -> Template:
    """Return a template of operations. Raises `Malformed` for an unknown one."""
    return _named(templates(), name, "template")


def topic_named(name: str) -> Topic:
    """Return a topic. Raises `Malformed` for an unknown one."""
    return _named(topics(), name, "topic")


def read_form(file: str, content: bytes) -> Form:
    """Return the form in a document. Raises `Misconfigured` with file and line for everything that is not as it must
    be: an unknown key, a missing label, a field that comes twice."""
    document = parse_toml(file, content, _CODE)
    document.only("id", "version", "clock", "approver", "title", "field")
    clock = _one_of(document, "clock", [each.value for each in Urgency])
    approver = _one_of(document, "approver", [Role.CENTRAL_AUTHORITY.value])
    version = document.get("version", int)
    title, fields = _labels(document, "title"), _fields(document)
    return Form(document.text("id"), version, Urgency(clock), Role(approver), title, fields)


def read_template(file: str, content: bytes) -> Template:
    """Return the template in a document. Raises `Misconfigured` as `read_form` does."""
    document = parse_toml(file, content, _CODE)
    document.only("id", "version", "title", "field")
    version = document.get("version", int)
    return Template(document.text("id"), version, _labels(document, "title"), _fields(document))


def _fields(document: TomlTable) -> tuple[FormField, ...]:
    fields = tuple(map(_field, document.tables("field")))
    if not fields or len({field.code for field in fields}) != len(fields):
        document.fail("a form has fields, each of which comes once", "field")
    return fields


def _field(table: TomlTable) -> FormField:
    table.only("code", "type", "required", "most", "label", "codes")
    kind = FieldType(_one_of(table, "type", [each.value for each in FieldType]))
    codes = table.table("codes")
    if bool(codes.data) != (kind is FieldType.CODE):
        table.fail("a field of the type `code` has a list of codes, and no other has", "type")
    most = table.get("most", int, _MOST)
    if not 1 <= most <= _MOST:
        table.fail(f"`most` is 1 to {_MOST} characters", "most")
    return FormField(
        table.text("code"),
        kind,
        table.get("required", bool),
        _labels(table, "label"),
        most,
        {code: _labels(codes, code) for code in codes.data},
    )


def _topic(name: str, table: TomlTable) -> Topic:
    table.only("agency", "label")
    return Topic(name, table.text("agency"), _labels(table, "label"))


def _labels(table: TomlTable, key: str) -> Labels:
    """Return a label, which is in all seven languages."""
    labels = table.table(key)
    labels.only(*Language)
    return {language.value: labels.text(language.value) for language in Language}


def _one_of(table: TomlTable, key: str, known: list[str]) -> str:
    text = table.text(key)
    if text not in known:
        table.fail(f"`{key}` is one of {', '.join(known)}", key)
    return text


def _named(found: Mapping[str, T], name: str, what: str) -> T:
    if name not in found:
        raise Malformed(
            "there is no {what} `{name}`",
            code=f"unknown-{what}",
            where=what,
            remedy="one of: {known}",
            what=what,
            name=name[:40],
            known=", ".join(found),
        )
    return found[name]
