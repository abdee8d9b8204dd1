"""What Cedar accepted in the requests of one action: which values need not be checked by it again.

Cedar checks a request attribute by attribute against the schema, so types and words that each stood in an accepted
request make up a request that it accepts, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from policy.engine.request import LISTED, Context

LIMIT = 4096
"""Words of one attribute that are kept; then it begins anew. Closed lists are shorter; ids of members are on none."""


class Accepted:
    """Types of values, and words of closed lists. `sample` is a context as the action has them."""

    def __init__(self, sample: Context) -> None:
        self._paths = tuple(sample)
        self._keys = frozenset(sample)
        self._types: set[tuple[type, ...]] = set()
        sets = [path for path, value in sample.items() if isinstance(value, frozenset)]
        self._members: dict[str, set[Any]] = {path: set() for path in sets}
        self._words: dict[str, set[Any]] = {path: set() for path in sample if path in LISTED and path not in sets}
        self._texts = [path for path, value in sample.items() if path not in LISTED and isinstance(value, str)]

    def holds(self, context: Context) -> bool:
        """Whether Cedar would accept these values; False where that is not known."""
        if context.keys() != self._keys or self._types_of(context) not in self._types:
            return False
        if any(context[path] not in known for path, known in self._words.items()):
            return False
        return all(context[path] <= known for path, known in self._members.items()) and all(
            _is_text(context[path]) for path in self._texts
        )

    def keep(self, context: Context) -> None:
        """Keep what Cedar accepted."""
        self._types.add(self._types_of(context))
        for path, known in self._words.items():
            if len(known) >= LIMIT:
                known.clear()
            known.add(context[path])
        for path, known in self._members.items():
            known.update(context[path])

    def gaps(self, domains: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
        """Values with words that were not accepted yet, for whoever asks Cedar before taking the next one."""
        for path, known in self._words.items():
            yield from ({path: word} for word in domains[path] if word not in known)
        for path, known in self._members.items():
            yield from ({path: frozenset({word})} for word in domains[path] if word not in known)

    def _types_of(self, context: Context) -> tuple[type, ...]:
        return tuple([type(context[path]) for path in self._paths])


def _is_text(text: str) -> bool:
    """Whether a text can be handed to Cedar at all: half a character cannot."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)
