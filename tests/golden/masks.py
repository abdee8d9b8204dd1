"""Put names in the place of what is random in a text: ids, hashes, salts, signatures."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_SHORT_ID = re.compile(r"\(([0-9a-f]{8})\)")
_BASE64 = r"(?=[\w+/-]*[A-Z])(?=[\w+/-]*[a-z])(?=[\w+/-]*[\d+_])[\w+/-]{22,}"
_RANDOM = (
    (re.compile(rf"(?<![\w+/-]){_BASE64}(?:\.{_BASE64})*={{0,2}}(?:~[\w-]*)*(?![\w+/-])", re.ASCII), "<random>"),
    (re.compile(r"(?<![\w+/-])(?:[\w+/-]{43}=|[\w+/-]{22}==)(?![\w=])", re.ASCII), "<random>"),
    (re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])"), "<hash>"),
    (re.compile(r"(?<![0-9a-f])[0-9a-f]{24}(?![0-9a-f])"), "<pseudonym>"),
    (re.compile(r"(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])"), "<short random>"),
)
_RUN = 4
"""The lines in a row that are told once."""


@dataclass
class Masks:
    """Gives each id a number in the order in which it is met, so that a text tells which two are the same."""

    ids: dict[str, str] = field(default_factory=dict)

    def mask(self, text: str) -> str:
        """Return a text with its ids numbered and its hashes and other random parts taken out."""
        text = _ID.sub(lambda found: self._number(found[0]), _unmarked(text))
        return _SHORT_ID.sub(lambda found: f"({self._beginning(found[1])})", text)

    def lines(self, texts: Iterable[str]) -> list[str]:
        """Return lines in an order that no random part has a say in, masked; a line that comes again is counted."""
        told = Counter(self.mask(text) for text in sorted(texts, key=_blank))
        return [f"{line}{f' ×{count}' if count > 1 else ''}" for line, count in told.items()]

    def _number(self, name: str) -> str:
        return self.ids.setdefault(name, f"<id {len(self.ids) + 1}>")

    def _beginning(self, short: str) -> str:
        return next((f"{number} cut" for name, number in self.ids.items() if name.startswith(short)), "<short>")


def _unmarked(text: str) -> str:
    for rule, instead in _RANDOM:
        text = rule.sub(instead, text)
    return text


def _blank(text: str) -> str:
    return _ID.sub("*", _unmarked(text))


def without_repeats(lines: Sequence[str]) -> str:
    """Return a text in which lines that stand together once more are told by their number and hash."""
    seen: dict[tuple[str, ...], int] = {}
    told: list[str] = []
    place = 0
    while place < len(lines):
        length, first = 0, seen.get(tuple(lines[place : place + _RUN]))
        if first is not None and place + _RUN <= len(lines):
            while (
                place + length < len(lines)
                and first + length < place
                and lines[first + length] == lines[place + length]
            ):
                length += 1
        if length >= _RUN:
            repeated = lines[place : place + length]
            told.append(f"… {length} lines as above, {_short_hash(repeated)}: {repeated[0][:40]}")
        else:
            length = 1
            told.append(lines[place])
        for start in range(max(place - _RUN + 1, 0), place + length - _RUN + 1):
            seen.setdefault(tuple(lines[start : start + _RUN]), start)
        place += length
    return "".join(f"{line}\n" for line in told)


def _short_hash(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8]
