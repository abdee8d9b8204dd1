"""A bounded memory that many share: what is new always finds room, and an owner that floods it loses its own items."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from itertools import islice, zip_longest
from typing import Any, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_NONE: Any = object()


class Recent(Mapping[K, V]):
    """At most `most` items, each with the owner that brought it, such as a member. Thread-safe.

    Beyond `most` the owner with the most items loses the one that it used least recently. So the items of an owner stay
    as long as it has no more of them than the others, whatever the others bring. `held` is the memory itself, to be
    read only: a look into it costs no more than a look into a dictionary, and does not count as use.
    """

    def __init__(self, most: int) -> None:
        self.held: dict[K, V] = {}
        self._most = most
        self._orders: dict[str, OrderedDict[K, None]] = {}
        self._lock = threading.Lock()

    def put(self, owner: str, key: K, value: V) -> None:
        """Keep an item, in place of the one under the same key if there is one."""
        with self._lock:
            is_known = key in self.held
            self.held[key] = value
            order = self._orders.setdefault(owner, OrderedDict())
            if not is_known:
                order[key] = None
                if len(self.held) > self._most:
                    self._forget_one()
            elif key in order:
                order.move_to_end(key)

    def use(self, owner: str, key: K) -> V | None:
        """Return the value of an item, which counts as used by `owner`; None where there is none."""
        value = self.held.get(key)
        if value is not None:
            with self._lock:
                if (order := self._orders.get(owner)) is not None and key in order:
                    order.move_to_end(key)
        return value

    def drop(self, owner: str, key: K) -> None:
        """Forget an item of its owner, if it is there."""
        with self._lock:
            if (order := self._orders.get(owner)) is not None and key in order:
                self._forget(owner, key)

    def latest(self, most: int) -> list[K]:
        """Return up to `most` keys, those that each owner used last; of an owner, the latest is at the end."""
        with self._lock:
            turns = zip_longest(*(reversed(order) for order in self._orders.values()), fillvalue=_NONE)
            return list(islice((key for turn in turns for key in turn if key is not _NONE), most))[::-1]

    def copy(self) -> Recent[K, V]:
        """Return a memory of its own with the same items."""
        made: Recent[K, V] = Recent(self._most)
        with self._lock:
            made.held = dict(self.held)
            made._orders = {owner: order.copy() for owner, order in self._orders.items()}
        return made

    def __getitem__(self, key: K) -> V:
        return self.held[key]

    def __len__(self) -> int:
        return len(self.held)

    def __iter__(self) -> Iterator[K]:
        return iter(self.held)

    def _forget_one(self) -> None:
        owner = max(self._orders, key=lambda each: len(self._orders[each]))
        self._forget(owner, next(iter(self._orders[owner])))

    def _forget(self, owner: str, key: K) -> None:
        del self.held[key]
        del self._orders[owner][key]
        if not self._orders[owner]:
            del self._orders[owner]
