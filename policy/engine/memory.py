"""What Cedar said before, policy by policy, so that a new decision asks only for what is new in it.

A policy's outcome depends on those attributes of the context, and of the principal, that it reads
(`policy.bundle.reads`). Of an attribute that it only compares with values of its own it cannot tell the others apart,
so they count as one. Policies that read the same attributes form a slice (`policy.engine.slices`), and what Cedar
said of a slice for some values holds for every request that has these values. A request whose slices are all known
needs no evaluation; for any other one Cedar is asked in full, and all slices are kept. Policies that say nothing of
the resource form slices of an action, the others those of one place (an action on a resource).

A request may only be answered from memory if Cedar would accept it (`policy.engine.accepted`). Only accepted requests
are kept. `tests/unit/policy/engine/test_memory.py` holds all this to Cedar's own answers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice, product
from math import prod
from typing import Any

from policy.bundle.reads import PRINCIPAL
from policy.engine.accepted import Accepted
from policy.engine.request import Context
from policy.engine.slices import Domains, Slice

LIMIT = 4096
"""Values of one slice that are kept; then it begins anew. Some attributes are what a counterpart says of itself."""


class Memory:
    """The memory of one place. Slices and `accepted` may be shared with other places of its action."""

    def __init__(self, slices: Sequence[Slice], accepted: Accepted) -> None:
        self._slices = slices
        self._accepted = accepted

    def recall(self, principal: str, context: Context) -> list[str] | None:
        """The policies that match, by name and in order, or None where Cedar has to be asked."""
        if not self._accepted.holds(context):
            return None
        values = {**context, PRINCIPAL: principal}
        found: list[str] = []
        for one in self._slices:
            names = one.known.get(one.classes(values))
            if names is None:
                return None
            found += names
        return sorted(found)

    def keep(self, principal: str, context: Context, matching: Collection[str]) -> None:
        """Keep that, of a request which Cedar accepted, the policies `matching` and no others match."""
        values = {**context, PRINCIPAL: principal}
        for one in self._slices:
            if len(one.known) >= LIMIT:
                one.known = {}
            one.known[one.classes(values)] = tuple(one.names.intersection(matching))
        self._accepted.keep(context)

    def gaps(self, domains: Domains, most: int) -> Iterator[dict[str, Any]]:
        """Values that are not known yet, by path: for whoever asks Cedar before taking the next one.

        As far as `domains` tell what values there are, each way in which a slice can come out is among them, but of
        one slice at most `most` are tried.
        """
        tried = [(one, one.choices(domains)) for one in self._slices]
        for one, choices in sorted(tried, key=lambda pair: -prod(map(len, pair[1]))):
            for values in islice(product(*choices), most):
                gap = dict(zip(one.reads, values, strict=True))
                if one.classes(gap) not in one.known:
                    yield gap
        yield from self._accepted.gaps(domains)
