"""Define the parts that pages are put together from, as values: the macros of `templates/parts` draw each of them.

Every text is in the reader's language already, and every address was made by the page. Nothing here decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Tone: TypeAlias = Literal["danger", "warn", "done", "info", "quiet"]
"""Names what a colour and a mark say: danger first, a warning, done, worth knowing, and nothing known (silence)."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text in a language of its own, such as a name from abroad: `language` is a tag of BCP 47, empty if unknown."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A link. `current` marks the page that is shown, `count` is work that waits there, `pressing` marks it urgent.

    With `more` there is more than was counted.
    """

    href: str
    text: str
    current: bool = False
    count: int = 0
    pressing: bool = False
    more: bool = False


@dataclass(frozen=True, slots=True)
class Button:
    """A button of a form: the value that it sends, and whether it is the first action or one that cannot be undone."""

    text: str
    name: str = ""
    value: str = ""
    kind: Literal["", "first", "danger", "plain"] = ""
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Tag:
    """A state in a word, with a mark whose form tells it apart without colour."""

    text: str
    tone: Tone = "info"


@dataclass(frozen=True, slots=True)
class Banner:
    """A message across the page; `links` say what can be done about it."""

    title: str
    lines: tuple[Text | str, ...] = ()
    tone: Tone = "info"
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a summary list: a name, one or more values, a remark, and what can be done."""

    name: Text | str
    values: tuple[Text | str, ...]
    note: str = ""
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Clock:
    """A time that is counted down to: `due` in RFC 3339 for the script, `text` as it stands without one."""

    due: str
    text: str
    tone: Literal["", "warn", "danger"] = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """Proves a step, folded: a title, and lines that are shown as they are."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a timeline: who did what and when. `at` is RFC 3339, `time` the same in words."""

    title: str
    at: str
    time: str
    by: Text | str = ""
    lines: tuple[Text | str, ...] = ()
    ours: bool = False
    tags: tuple[Tag, ...] = ()
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A work that waits: a link over the whole line, its clock, and its states; the tone marks what presses."""

    link: Link
    about: tuple[Text | str, ...] = ()
    clock: Clock | None = None
    tags: tuple[Tag, ...] = ()
    tone: Tone | Literal[""] = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A counterpart's line at the gate: its name, a state, what it said, its clock, and where to go on."""

    name: Text | str
    tag: Tag
    said: tuple[Text | str, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """A field of a table; with `href` its text is a link, with `tone` a tag."""

    text: Text | str
    href: str = ""
    tone: Tone | Literal[""] = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose rows become cards on a narrow screen; columns of numbers are named by their place."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell | Text | str, ...], ...]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a way that has an order, such as file, approve, decide, release."""

    text: str
    state: Literal["done", "now", "to come"] = "to come"


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a list. What policy does not allow is shown with the reason (`hint`), and cannot be chosen."""

    value: str
    text: Text | str
    hint: str = ""
    chosen: bool = False
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form. `fault` says what was wrong with what was sent, and what is wanted instead."""

    name: str
    label: str
    value: str = ""
    hint: str = ""
    fault: str = ""
    width: Literal["", "width-5", "width-10", "width-20", "question"] = ""
    kind: Literal["text", "search", "password", "date", "number", "tel"] = "text"
    required: bool = False
    autocomplete: str = "off"
    mode: str = ""
    language: str = ""
    most: int = 0


@dataclass(frozen=True, slots=True)
class Hidden:
    """A value that a form carries unseen, such as its random id."""

    name: str
    value: str
