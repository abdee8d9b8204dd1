"""Texts and keys that an adapter must treat as values, for `adapters.check.conformance`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from msgspec.structs import replace

from gateway.errors import Malformed
from gateway.model.query import OF_AGENCIES, QUERIES, Query

HOSTILE = (
    "'; DROP TABLE persons; --",
    '" OR 1=1 --',
    "1; SELECT 1",
    "%",
    "_",
    "a%",
    "A\\",
    "[A-Z]*",
    "/* */",
    "ʼ OR ʼ1ʼ=ʼ1",
    "＇ OR 1=1",
    "A" * 40,
    "\\' OR 1=1 #",
    "$(id)",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "<!ENTITY x SYSTEM 'file:///etc/passwd'>",
    "=HYPERLINK(0)",
    "../../etc/passwd",
    "%s%n%(a)s{0}",
    "a\nb: c",
    "\u202eA\u202c",
    "A" + "\u0301" * 40,
    "`*[]|@&",
)
"""Texts with a meaning in a database or a pattern language, but none in a search (CASE-K1)."""

STRANGE_KEYS = ("", "0", "-1", "99999999999999999999999", "1 OR 1=1", "'", "\x00", "ก")
"""Keys that sources do not give to records."""


def queries_with(text: str) -> Iterator[Query]:
    """Yield a query of each kind with `text` in every free-text field, if the model accepts it."""
    for kind in filter(OF_AGENCIES.__contains__, QUERIES):
        try:
            query = QUERIES[kind].of(text)
        except Malformed:
            continue
        for name in query.__struct_fields__:
            if isinstance(getattr(query, name), str):
                with suppress(Malformed):
                    query = replace(query, **{name: text})
        yield query
