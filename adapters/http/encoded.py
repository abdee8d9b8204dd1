"""Answers in another character set than UTF-8: read as the mapping says, or refused with the sets they may be of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.draft.character_sets import is_utf8, likely_encodings
from adapters.values.charsets import decoder
from gateway.errors import Malformed, Unavailable

_UTF8 = "utf-8"
_MEMBER = re.compile(rb'"([^"\\]{1,80})"\s*:\s*(?:\[\s*)?"((?:[^"\\]|\\.)*)"', re.DOTALL)
_WORD = re.compile(r"\w+")
_ENOUGH = 2_000
"""Texts of an answer that are looked at."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """The character set of a source's answers, and the columns of its mapping, of which an error may name one."""

    name: str = _UTF8
    columns: Sequence[str] = ()

    def as_utf8(self, body: bytes, where: str, table: str) -> bytes:
        """Return a body as UTF-8. Raises `Unavailable` for bytes that are of neither character set."""
        if is_utf8(body):
            return body
        decode = decoder(self.name)
        assert decode is not None, "the mapping's encoding is checked when it is read"
        try:
            return decode(body).encode()
        except (UnicodeError, Malformed):
            raise self._unread(body, where, table) from None

    def _unread(self, body: bytes, where: str, table: str) -> Unavailable:
        odd: dict[str, list[bytes]] = {}
        for number, (name, text) in enumerate(_MEMBER.findall(body)):
            if number < _ENOUGH and not is_utf8(text):
                odd.setdefault(name.decode("ascii", "replace"), []).append(text)
        likely = likely_encodings([text for texts in odd.values() for text in texts])
        known = {word for column in self.columns for word in _WORD.findall(column)}
        columns = ", ".join(f"`{name}`" for name in odd if name in known)
        remedy = f'`encoding = "{likely[0]}"` under [source]; most likely {", ".join(likely)}' if likely else ""
        return Unavailable(
            "the table `{table}` answers with bytes that are not {encoding}{columns}",
            code="source-other-encoding",
            where=where,
            remedy="{advice}",
            table=table,
            encoding=self.name,
            columns=f", in {columns}" if columns else "",
            advice=remedy or "an interface answers in UTF-8 (RFC 8259, 8.1)",
        )
