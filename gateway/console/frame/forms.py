"""Read the forms of pages, and draw the fields of `gateway.model.handed`: labels, sentences and limits are theirs.

Only forms that our own pages sent are read, of bounded size, in one reading.

There is no token in a form: a browser says from where it sends (`Sec-Fetch-Site`, `Origin`), and the cookie of a
session is `SameSite=Strict`. Each form has a random id, by which a second press of its button changes nothing.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gateway.console.frame.shapes import Field
from gateway.errors import Forbidden, Malformed, TimedOut, TooLarge
from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.model.desk.notices import MAX_WORDS
from gateway.model.faces.fields import Matching, Text, Written, fields_of
from gateway.model.values import text_value

MAX_FORM = 64 * 1024
"""The most bytes in a form, where its page does not say otherwise."""

FORM_ID = "form"
"""The name of the field with the form's random id."""

MAX_FIELDS = 1000
"""The most fields in a form."""

_BODY_S = 10.0
_TYPE = "application/x-www-form-urlencoded"
_ID = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Form:
    """A form that was sent: its random id, which is an idempotency key, and the values of its fields."""

    id: str
    fields: Mapping[str, tuple[str, ...]]

    def one(self, name: str) -> str:
        """Return the value of a field, an empty text where there is none. Raises `Malformed` for several."""
        values = self.fields.get(name, ())
        if len(values) > 1:
            raise _bad()
        return values[0] if values else ""

    def all(self, name: str) -> tuple[str, ...]:
        """Return the values of a field that may be ticked several times."""
        return self.fields.get(name, ())

    @property
    def language(self) -> Language:
        """Return the language that was chosen. Raises `Malformed` for one that the console does not have."""
        try:
            return Language(self.one("language"))
        except ValueError:
            raise _bad() from None


def new_form_id() -> str:
    """Return the random id of a form that is about to be shown."""
    return secrets.token_urlsafe(16)


def check_sender(request: Request, origin: str) -> None:
    """Raise `Forbidden` unless a page of our own `origin` sends this request. Nothing of its body is read.

    A browser that says nothing of where it sends from is refused, too.
    """
    site, sender = request.headers.getlist("sec-fetch-site"), request.headers.getlist("origin")
    is_ours = (not site or site == ["same-origin"]) and (not sender or sender == [origin]) and bool(site or sender)
    if not is_ours:
        raise Forbidden(
            "this did not come from a page of the console",
            code="foreign-form",
            where="origin",
            remedy="open the page in the console, and send it from there",
        )


async def read_form(request: Request, origin: str, most: int = MAX_FORM) -> Form:
    """Return the form that a page of ours sent. Raises `Forbidden`, `Malformed`, `TooLarge`, `TimedOut`."""
    check_sender(request, origin)
    return await sent_form(request, most)


async def sent_form(request: Request, most: int = MAX_FORM) -> Form:
    """Return the form of a request whose sender is known. Raises `Malformed`, `TooLarge`, `TimedOut`."""
    if request.headers.getlist("content-type") not in ([_TYPE], [f"{_TYPE};charset=UTF-8"]):
        raise _bad()
    fields: dict[str, tuple[str, ...]] = {}
    for name, value in _pairs(await _body(request, most)):
        fields[name] = (*fields.get(name, ()), value)
    form = Form("".join(fields.get(FORM_ID, ())), fields)
    if not _ID.fullmatch(form.id):
        raise _bad()
    return form


def see_other(path: str) -> Response:
    """Return the answer to a form that was taken: the browser gets the page at `path` now (303)."""
    return Response(None, 303, {"location": path, "cache-control": "no-store"})


async def _body(request: Request, most: int) -> bytes:
    too_large = TooLarge("a form has at most {limit} bytes", code="body-too-large", where="form", limit=most)
    length = request.headers.get("content-length", "0")
    # Twelve digits are more than any limit; `int` refuses a text of thousands, and would answer with a fault.
    if not length.isascii() or not length.isdigit() or len(length) > 12 or int(length) > most:
        raise too_large
    data = bytearray()
    try:
        async with asyncio.timeout(_BODY_S):
            async for part in request.stream():
                data += part
                if len(data) > most:
                    raise too_large
    except (TimeoutError, ClientDisconnect):
        raise TimedOut("the form did not come in time", code="slow-body", where="form") from None
    return bytes(data)


def _pairs(data: bytes) -> list[tuple[str, str]]:
    if not data:
        return []
    try:
        pairs = parse_qsl(
            # A browser percent-encodes the rest. `UnicodeDecodeError` is a `ValueError`.
            data.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as error:
        raise _bad() from error
    if any("\0" in text for pair in pairs for text in pair):
        raise _bad()
    return pairs


def _bad() -> Malformed:
    return Malformed("the form cannot be read", code="bad-request", where="form", remedy="open the page again")


# ------------------------------------------------------------ fields of `gateway.model.handed`


def label_of(form: type[msgspec.Struct], name: str, language: Language) -> str:
    """Return the label of a field."""
    label = fields_of(form)[name].said.label
    assert label, name
    return tell(language, label)


def field_of(
    form: type[msgspec.Struct],
    name: str,
    reader: Language,
    value: str = "",
    fault: str = "",
    *,
    place: str = "",
    label: str = "",
    hint: str = "",
    **more: Any,
) -> Field:
    """Return a text of a form as a page shows it: its label, the sentence below it and its limit.

    `place` is its name on the page, and `label` and `hint` what it says there, where they are others.
    """
    said = fields_of(form)[name].said
    assert isinstance(said, Written | Matching)
    label, hint = label or label_of(form, name, reader), hint or (tell(reader, said.help) if said.hint else "")
    return Field(place or name, label, value, hint, fault, most=said.most or 0, **more)


def is_long(form: type[msgspec.Struct], name: str) -> bool:
    """Tell whether a text of a form is written on several lines."""
    said = fields_of(form)[name].said
    return isinstance(said, Text) and said.long


def written(form: Form, name: str, most: int = MAX_WORDS, *, needed: bool = True) -> str:
    """Return the text of a field as one line, as notices have it. Raises `Malformed`, which names the field."""
    text = " ".join(form.one(name).split())
    if not text and needed:
        raise Malformed("write something here", code="text-missing", where=name)
    return text_value(text, name, most) if text else ""


def text_of(sent: Form, form: type[msgspec.Struct], name: str, place: str = "") -> str:
    """Return what was written into a text of a form, whose name on the page is `place`. Raises as `written` does."""
    one = fields_of(form)[name]
    assert isinstance(one.said, Written)
    return written(sent, place or name, one.said.most, needed=one.is_needed)
