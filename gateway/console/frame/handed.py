"""Say of the fields of forms (`gateway.model.handed`) what pages show: the label, the sentence below it, the limit."""

from __future__ import annotations

import msgspec

from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.model.faces.fields import Written, fields_of


def label_of(form: type[msgspec.Struct], name: str, language: Language) -> str:
    """Return the label of a field."""
    return tell(language, fields_of(form)[name].said.label)


def hint_of(form: type[msgspec.Struct], name: str, language: Language) -> str:
    """Return the sentence that stands below a field; empty where its label says enough."""
    said = fields_of(form)[name].said
    return tell(language, said.help) if said.hint else ""


def most_of(form: type[msgspec.Struct], name: str) -> int:
    """Return the most characters of a field that is written as a text."""
    said = fields_of(form)[name].said
    assert isinstance(said, Written)
    return said.most
