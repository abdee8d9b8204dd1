"""Put together the forms of a thread, as values that one macro draws; what was sent is shown again with its faults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from gateway.console.frame.forms import Form, field_of, is_long, label_of
from gateway.console.frame.shapes import Button, Field, Hidden, Link, Option, Tag
from gateway.console.frame.shapes import Text as Words
from gateway.language.catalogue import Sentences, tell
from gateway.language.languages import Language
from gateway.model.desk.notices import MAX_WORDS
from gateway.model.desk.threads import ThreadKey


def thread_path(key: ThreadKey) -> str:
    """Return the path of the page of a thread."""
    return f"/threads/{key.peer}/{key.thread_id}"


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form, and how it is drawn."""

    draw: Literal["field", "area", "choose", "radio", "boxes"]
    field: Field
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class ActForm:
    """A form by which a person acts. `folded`: it is shown when its title is pressed."""

    id: str
    title: str
    action: str
    parts: tuple[Part, ...]
    buttons: tuple[Button, ...]
    folded: bool = True
    open: bool = False
    hidden: tuple[Hidden, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkView:
    """Work on a thread: what is to be done, and its forms; `why_not` says why not by this person.

    `ways` lead to a page where it is done.
    """

    id: str
    title: str
    tags: tuple[Tag, ...]
    why_not: str
    ways: tuple[Link, ...]
    forms: tuple[ActForm, ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """Keeps what was sent and refused: values by field, and what is wrong with each. Empty for a page as asked for."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, form: Form, faults: Mapping[str, str]) -> Sent:
        """Return a form that was sent, with its faults."""
        return cls(form.fields, faults)


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the fields of forms in a language, over what was sent before."""

    language: Language
    sent: Sent

    def value(self, name: str, default: str = "") -> str:
        """Return what was sent for a field, or its default."""
        return "".join(self.sent.values.get(name, (default,)))

    def fault(self, name: str) -> str:
        """Return what is wrong with a field."""
        return self.sent.faults.get(name, "")

    def has_fault(self, parts: Iterable[Part]) -> bool:
        """Tell whether one of these fields was refused."""
        return any(part.field.fault for part in parts)

    def area(
        self, name: str, label: str, default: str = "", *, hint: str = "", most: int = MAX_WORDS, language: str = ""
    ) -> Part:
        """Return a field of several lines."""
        value = self.value(name, default)
        return Part("area", Field(name, label, value, hint, self.fault(name), language=language, most=most))

    def line(self, name: str, label: str, default: str = "", *, hint: str = "", most: int = 64, mode: str = "") -> Part:
        """Return a field of one line."""
        width: Literal["width-10", ""] = "width-10" if mode else ""
        value = self.value(name, default)
        return Part("field", Field(name, label, value, hint, self.fault(name), width, most=most, mode=mode))

    def of(self, form: type[msgspec.Struct], name: str, default: str = "", *, place: str = "", **more: Any) -> Part:
        """Return a text of a form of the model, as `field_of` draws it."""
        place = place or name
        value, fault = self.value(place, default), self.fault(place)
        made = field_of(form, name, self.language, value, fault, place=place, **more)
        return Part("area" if is_long(form, name) else "field", made)

    def one_of(
        self,
        form: type[msgspec.Struct],
        name: str,
        options: Mapping[str, Words | str],
        default: str = "",
        *,
        place: str = "",
        draw: Literal["choose", "radio"] = "choose",
        hint: str = "",
    ) -> Part:
        """Return the choice of one of several values for a field of a form, under its label."""
        return self.choice(place or name, label_of(form, name, self.language), options, default, draw=draw, hint=hint)

    def choice(
        self,
        name: str,
        label: str,
        options: Mapping[str, Words | str],
        default: str = "",
        *,
        draw: Literal["choose", "radio"] = "choose",
        hint: str = "",
    ) -> Part:
        """Return one of several values, whose texts are in the reader's language already."""
        chosen = self.value(name, default)
        made = tuple(Option(code, text, chosen=code == chosen) for code, text in options.items())
        return Part(draw, Field(name, label, hint=hint, fault=self.fault(name)), made)

    def told(self, words: Sentences) -> dict[str, str]:
        """Return a table of sentences in the reader's language."""
        return {code: tell(self.language, text) for code, text in words.items()}


def headline(text: str) -> str:
    """Return a text with a capital at its beginning, where its script has capitals."""
    return f"{text[:1].upper()}{text[1:]}"
