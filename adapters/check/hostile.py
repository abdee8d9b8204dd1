"""Texts and keys that an adapter must treat as values, for `adapters.check.conformance`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gateway.errors import Malformed
from gateway.model.query import (
    CaseQuery,
    ContainerQuery,
    DocumentQuery,
    NationalIdQuery,
    PersonQuery,
    Query,
    VehicleQuery,
    VesselQuery,
)
from gateway.model.values import NameForm

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
    makers: tuple[Callable[[], Query], ...] = (
        lambda: PersonQuery((NameForm(text),), nationality=text, father=text),
        lambda: DocumentQuery(text, text),
        lambda: NationalIdQuery(text, text),
        lambda: VehicleQuery(text, text, text),
        lambda: ContainerQuery(text),
        lambda: CaseQuery(text),
        lambda: VesselQuery(text, call_sign=text, local_reg=text),
    )
    for make in makers:
        try:
            yield make()
        except Malformed:
            continue
