"""Forms of what people hand in: each field has its sentence, and no two of a form one name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import msgspec

import gateway.model.handed
from gateway.model.faces.fields import Several, fields_of, item_of
from tests.support.tables import table


def _forms() -> Iterator[type[msgspec.Struct]]:
    for module in pkgutil.iter_modules(gateway.model.handed.__path__, "gateway.model.handed."):
        for each in vars(importlib.import_module(module.name)).values():
            if isinstance(each, type) and issubclass(each, msgspec.Struct) and each.__module__ == module.name:
                yield each


FORMS = {form.__name__: form for form in _forms()}


def _is_form(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


PARTS = {
    item_of(one.kind)[0]
    for form in FORMS.values()
    for one in fields_of(form).values()
    if isinstance(one.said, Several) and _is_form(item_of(one.kind)[0])
}
"""Forms of which others hold several: their names say what they are."""


def test_there_are_forms() -> None:
    assert len(FORMS) > 15
    assert PARTS


@table("name", FORMS)
def test_each_field_of_a_form_has_one_sentence_for_all_faces(name: str) -> None:
    form = FORMS[name]
    for one in fields_of(form).values():
        text = one.said.help
        assert text or form in PARTS, one.name
        assert not text or (text[0].isupper() and text.endswith(".")), text
        assert not one.said.hint or one.said.label, "what stands below a field needs a label above it"


@table("name", FORMS)
def test_no_two_fields_of_a_form_have_one_name(name: str) -> None:
    assert len(fields_of(FORMS[name])) == len(msgspec.structs.fields(FORMS[name]))
