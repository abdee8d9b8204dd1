"""Group the values of an attribute as far as no rule of a policy tells them apart: one of each kind is asked for."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

from policy.engine.engine import PolicyEngine
from policy.engine.memory import Literals, reads, touches

_DECIDING = frozenset({"answer", "learn", "release"})


class Kinds:
    """Knows what the rules read that decide on the question of a counterpart and on the records that answer it."""

    def __init__(self, engine: PolicyEngine) -> None:
        bundle = engine.bundle
        every = (*bundle.base.by_name.values(), *bundle.national.by_name.values())
        self._reads = [item for one in every if one.actions & _DECIDING for item in reads(one.body).items()]

    def named(self, path: str) -> frozenset[object]:
        """Return the values that rules compare with exactly this attribute."""
        return frozenset[object]().union(*(literals or () for read, literals in self._reads if read == path))

    def alike(
        self, paths: Iterable[str], values: Iterable[str], kind: Callable[[str], Hashable] = lambda _: None
    ) -> list[list[str]]:
        """Return the values, in their order, in groups of which neither a rule nor `kind` tells two apart.

        `paths` are the attributes that hold the value in requests.
        """
        read: list[tuple[bool, Literals | None]] = [
            (name == path, literals) for path in paths for name, literals in self._reads if touches(name, path)
        ]
        counts = not all(plain and literals is not None for plain, literals in read)  # every value may matter
        told = frozenset[object]().union(*(literals or () for _, literals in read))
        found: dict[Hashable, list[str]] = {}
        for value in values:
            found.setdefault((kind(value), value if counts or value in told else None), []).append(value)
        return list(found.values())
