"""Orders to erase and to hold, handed to whoever has the logs open: a running node, or the command itself.

::

    orders/<id>.json      an order; it stays until it is carried out, also over a crash
    orders/<id>.result    what became of it, for the command that waits

A command writes its order first. Where no node runs it opens the logs and carries out what waits; where one runs, the
node does so within a second, since it alone may write to its logs and must forget the keys that it holds in memory.
An order names entries, never persons.
"""

from __future__ import annotations

import fcntl
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from certs.durable import PRIVATE, make_folder, replace
from gateway.errors import LiaisonError, Malformed, StorageBroken
from gateway.signing import strict_json

_MAX = 64 * 1024 * 1024
_FIELDS = {"id", "kind", "by", "reason", "reference", "ground", "detail"}


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done. `kind` says what (to erase: `age`, `entries`, `seek` or `hold`); `detail` is JSON and
    depends on it."""

    kind: str
    by: str = ""
    reason: str = ""
    reference: str = ""
    ground: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: secrets.token_hex(8))


class Orders:
    """The orders of one home."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def give(self, order: Order) -> None:
        """Write an order, durably."""
        make_folder(self.folder)
        value = {name: getattr(order, name) for name in sorted(_FIELDS)}
        replace(self.place(order), strict_json.dumps(value), PRIVATE)

    def place(self, order: Order) -> Path:
        """The file of an order that waits."""
        return self.folder / f"{order.id}.json"

    def waiting(self) -> list[Path]:
        """Files of the orders that were not carried out, the oldest first; costs one look at a folder. What another
        process carries out or takes back meanwhile does not wait any more."""
        try:
            files = [path for path in self.folder.iterdir() if path.suffix == ".json" and path.name[0] != "."]
        except FileNotFoundError:
            return []
        given: list[tuple[int, str, Path]] = []
        for path in files:
            with suppress(FileNotFoundError):
                given.append((path.stat().st_mtime_ns, path.name, path))
        return [path for _, _, path in sorted(given)]

    def result(self, order: Order) -> dict[str, Any] | None:
        """What became of an order, once; None while it waits."""
        path = self.folder / f"{order.id}.result"
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        path.unlink(missing_ok=True)
        value = strict_json.loads(data, _MAX)
        assert isinstance(value, dict)
        return value

    def withdraw(self, order: Order) -> None:
        """Take an order back, and its result: nobody waits for it any more."""
        for suffix in (".json", ".result"):
            (self.folder / f"{order.id}{suffix}").unlink(missing_ok=True)

    def run(self, carry_out: Callable[[Order], Mapping[str, Any]]) -> int:
        """Carry out what waits, one after the other; the number of orders.

        What is refused is answered with the error; `StorageBroken` goes on to the caller, and the order stays.
        """
        count = 0
        for path in self.waiting():
            try:
                result = dict(carry_out(_read(path)))
            except StorageBroken:
                raise
            except LiaisonError as error:
                names = ("message", "code", "where", "remedy")
                result = {"error": {name: getattr(error, name) for name in names} | {"type": type(error).__name__}}
            replace(path.with_suffix(".result"), strict_json.dumps(result), PRIVATE)
            path.unlink()
            count += 1
        return count


@contextmanager
def our_turn(folder: Path) -> Iterator[bool]:
    """Whether it is our turn: of several processes of one home only one takes what waits."""
    make_folder(folder)
    with (folder / "lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def _read(path: Path) -> Order:
    value = strict_json.loads(path.read_bytes(), _MAX)
    if not isinstance(value, dict) or set(value) != _FIELDS or not isinstance(value["detail"], dict):
        raise Malformed("this is not an order", code="bad-order", where=str(path))
    if not all(isinstance(value[name], str) for name in _FIELDS - {"detail"}) or value["id"] != path.stem:
        raise Malformed("this is not an order", code="bad-order", where=str(path))
    return Order(**value)
