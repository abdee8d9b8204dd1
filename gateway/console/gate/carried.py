"""Part a token "not this person" from the question at the gate. A scanner types both as a keyboard does."""

from __future__ import annotations

import re
from contextlib import suppress

from gateway.desk.misuse.statement import PREFIX, document_digest
from gateway.errors import Malformed
from gateway.model.query import Query

_TOKEN = re.compile(rf"(?<!\S){re.escape(PREFIX)}\S*", re.ASCII | re.IGNORECASE)
"""A word that begins as a token does. A keyboard with its capitals locked spoils it, and it is still no question."""


def parted(text: str) -> tuple[str, str]:
    """Return the token in a text and the question beside it; each is empty where there is none.

    Raises `Malformed` for two different tokens.
    """
    tokens = set(_TOKEN.findall(text))
    if len(tokens) > 1:
        raise Malformed(
            "two tokens were scanned for one question", code="two-tokens", where="asked", remedy="scan one token again"
        )
    return "".join(tokens), _TOKEN.sub(" ", text).strip()


def shown_document(queries: tuple[Query, ...]) -> tuple[str, str]:
    """Return number and country of the document that a question names; both empty where it does not name one whole."""
    for shown in (query.shown for query in queries):
        with suppress(Malformed):
            if shown is not None and document_digest("", *shown):
                return shown
    return "", ""
