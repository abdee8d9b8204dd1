"""PKCS#11 URIs (RFC 7512): the names of keys in a security module.

Taken are the attributes that name one object of one token, and where module and PIN are. A URI never holds a PIN.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from gateway.errors import Malformed

SCHEME = "pkcs11:"
MAX_URI = 1_024

_TEXTS = ("token", "serial", "manufacturer", "model", "object")
_PATH = frozenset({*_TEXTS, "id", "type"})
_QUERY = frozenset({"module-path", "pin-source"})
_VALUE = re.compile(r"(?:[A-Za-z0-9_.~:\[\]@!$'()*+,=&-]|%[0-9A-Fa-f]{2})*+", re.ASCII)
_QUERY_VALUE = re.compile(r"(?:[A-Za-z0-9_.~:\[\]@!$'()*+,=/?-]|%[0-9A-Fa-f]{2})*+", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeyUri:
    """One key in a token. `text` is the URI as it was given; empty attributes stand for any value."""

    text: str
    token: str = ""
    serial: str = ""
    manufacturer: str = ""
    model: str = ""
    object: str = ""
    id: bytes = b""
    module_path: str = ""
    pin_source: str = ""

    def __str__(self) -> str:
        return self.text


def is_uri(text: str) -> bool:
    """Tell whether a text is meant as a PKCS#11 URI; schemes are written in any case (RFC 3986, 3.1)."""
    return text[: len(SCHEME)].lower() == SCHEME


def parse_uri(text: str) -> KeyUri:
    """Return the key that a PKCS#11 URI names, or raise `Malformed`:

    1. at most 1,024 characters, each attribute known, once, and in the characters of RFC 7512, 2.3;
    2. `token` or `serial` names the token, and `object` or `id` the key; `type` is `private` where it is given;
    3. no `pin-value`: who reads the settings would have the PIN.
    """
    if len(text) > MAX_URI:
        raise _bad("it has more than 1,024 characters")
    if not is_uri(text):
        raise _bad("it does not begin with `pkcs11:`")
    path, mark, query = text[len(SCHEME) :].partition("?")
    raw = dict(_attributes(path, ";", _PATH, _VALUE))
    raw |= dict(_attributes(query, "&", _QUERY, _QUERY_VALUE)) if mark else {}
    if raw.pop("type", "private") != "private":
        raise _bad("`type` is not `private`")
    found = {name.replace("-", "_"): _decoded(name, value) for name, value in raw.items() if name != "id"}
    uri = KeyUri(text, id=unquote_to_bytes(raw.get("id", "")), **found)
    if not (uri.token or uri.serial) or not (uri.object or uri.id):
        raise _bad("it names no token (`token`, `serial`) or no key (`object`, `id`)")
    return uri


def _attributes(part: str, separator: str, known: frozenset[str], form: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for item in part.split(separator):
        name, equals, value = item.partition("=")
        if name == "pin-value":
            raise _bad("it holds a PIN, which stands in a file of its own: `pin-source=file:/…`")
        if not equals or name not in known:
            raise _bad(f"`{name[:64]}` is no attribute that is taken here")
        if name in seen:
            raise _bad(f"`{name}` occurs twice")
        if not form.fullmatch(value):
            raise _bad(f"`{name}` has a character that must be written as %XX")
        seen.add(name)
        yield name, value


def _decoded(name: str, value: str) -> str:
    try:
        text = unquote_to_bytes(value).decode()
    except UnicodeDecodeError as error:
        raise _bad(f"`{name}` is not UTF-8") from error
    if "\0" in text:
        raise _bad(f"`{name}` has a character that must not be there")
    return text


def _bad(why: str) -> Malformed:
    return Malformed(
        "this is no PKCS#11 URI of a key: {why}",
        code="bad-key-uri",
        remedy="such as pkcs11:token=liaison;object=statement",
        why=why,
    )
