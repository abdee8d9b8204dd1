"""What a scenario leaves at the nodes of a world, so that it can be compared with what it leaves in another world.

Ids, hashes, salts and times differ from world to world. A time becomes its distance from the beginning of the scenario;
each of the others gets a name that tells where it stands. Two worlds are equal when the same things stand in the same
relations, in whatever order they were written.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import urlsafe_b64decode
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, starmap, takewhile, zip_longest
from typing import Any

import msgspec
from msgspec.structs import asdict

from gateway.app.run.node import Node
from gateway.audit.entries.entry import decode_private, parse_entry
from gateway.desk.fold import OVER
from gateway.errors import Unknown
from gateway.model.desk.work import DeliveryState
from gateway.ports.desk import Delivery, WorkFilter
from gateway.statements.notices.notice import parse_notice
from gateway.statements.notices.receipt import parse_receipt
from tests.support.exchange import CLOCK
from tests.support.nodes import World

BY_THE_CLOCK = {
    "acknowledged": "one word for all answers that a second has brought",
    "receipt": "the other end of that",
    "witness-compared": "a witness that answers later than in three quarters of a second counts as missing",
    "alarm witness-pause": "the first round of a node came before the other one listened",
}
"""Kinds of entries that rounds write by the clock, so that their number is no matter of the scenario; and why."""

_PLACES = frozenset(
    {"their_index", "their_hashes", "their_checkpoint", "statement", "seq", "n", "index", "entry_index", "log_number"}
    | {"kept", "size", "tries"}
)
"""Fields that other matters move: where an entry stands in its log, how many others there are, how often it was tried.
"""

_SIGN = "[A-Za-z0-9_+/-]"
_SETS = frozenset({"purposes"})
_ID = re.compile(rf"([0-9a-f]{{16,64}}|(?<!{_SIGN}){_SIGN}{{43,}})")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|\+00:00)?")
_TEN_MINUTES_US = 600_000_000
_NEAR_US = 2_000 * 86_400_000_000
_ROUNDS = 3
_MOST_SHOWN = 8


@dataclass(slots=True)
class Beginning:
    """Where the logs and the desks of a world's nodes stood when a scenario began."""

    world: World
    now_us: int = field(init=False)
    _sizes: dict[tuple[str, str], int] = field(init=False)
    _rows: dict[str, set[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.now_us = CLOCK.now_us()
        self._sizes = {
            (member, log): _size(node, log) for member, node in self.world.nodes.items() for log in _logs(node)
        }
        self._rows = {member: set(map(_text, _rows(node))) for member, node in self.world.nodes.items()}

    def written(self) -> list[Any]:
        """Return what differs once a node has written anything: the sizes of the logs, and what is on its way."""
        nodes = self.world.nodes.values()
        return [([_size(node, log) for log in _logs(node)], _deliveries(node)) for node in nodes]

    def rests(self) -> bool:
        """Tell whether no thread waits for a round that ends it."""
        now_us = CLOCK.now_us()
        found = [thread for node in self.world.nodes.values() for thread in node.desk.parts.store.threads()]
        return not any(0 < one.closed_us <= now_us and one.state not in OVER for one in found)

    def entries(self) -> list[Any]:
        """Return what was written to the logs since, but for what the clock writes."""
        found = []
        for member, node in self.world.nodes.items():
            for log in _logs(node):
                for kind, shown in _entries(node, log, self._sizes.get((member, log), 0)):
                    if kind not in BY_THE_CLOCK and f"{kind} {_code(shown['private'])}" not in BY_THE_CLOCK:
                        found.append({"of": member, "log": log.partition("/")[0], "kind": kind, **shown})
        return found

    def rows(self) -> list[Any]:
        """Return the desks' rows that were written since."""
        return [
            {"of": member, **row}
            for member, node in self.world.nodes.items()
            for row in _rows(node)
            if _text(row) not in self._rows.get(member, set())
        ]

    def lines(self, what: Iterable[Any]) -> list[str]:
        """Return each thing as one line of text without times."""
        return [_dumped(_timeless(_plain(each), self.now_us)) for each in what]


def differences(one: list[str], other: list[str]) -> str:
    """Tell how the lines of two worlds differ, up to names and order; empty where they do not."""
    for rounds in (0, _ROUNDS):
        first, second = (Counter(_named(lines, rounds)) for lines in (one, other))
        if first != second:
            mine, theirs = (sorted((these - those).elements()) for these, those in ((first, second), (second, first)))
            pairs = islice(zip_longest(mine, theirs, fillvalue=""), _MOST_SHOWN)
            return "\n".join(f"- {one}\n+ {other}" for one, other in starmap(_from_the_first_difference, pairs))
    return ""


def _from_the_first_difference(one: str, other: str) -> tuple[str, str]:
    same = sum(1 for _ in takewhile(lambda signs: signs[0] == signs[1], zip(one, other, strict=False)))
    at = max(0, same - 200)
    return one[at : at + 600], other[at : at + 600]


def _code(private: Any) -> str:
    return private.get("code", "") if isinstance(private, dict) else ""


def _named(lines: list[str], rounds: int) -> list[str]:
    """Give each id and hash in lines a name that says where it stands, looked at from so many steps away."""
    split = [_ID.split(line) for line in lines]  # each second part is an id
    names = {each: "<>" for parts in split for each in parts[1::2]}
    for _ in range(rounds):
        stands: dict[str, list[str]] = defaultdict(list)
        for parts in split:
            line, places = _short(_renamed(parts, names)), defaultdict(list)
            for place, me in enumerate(parts[1::2]):
                places[me].append(place)
            for me, mine in places.items():
                stands[me].append(f"{line} {mine}")
        names = {each: f"<{_short(_dumped(sorted(at)))[:8]}>" for each, at in stands.items()}
    return [_renamed(parts, names) for parts in split]


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _renamed(parts: Sequence[str], names: Mapping[str, str]) -> str:
    return "".join(names[part] if place % 2 else part for place, part in enumerate(parts))


# ------------------------------------------------------------------ what there is


def _logs(node: Node) -> tuple[str, str]:
    return node.resources.exchange_log.store_name, node.resources.operations_log.store_name


def _size(node: Node, log: str) -> int:
    state = node.resources.store.state(log)
    return state.size if state is not None else 0


def _entries(node: Node, log: str, since: int) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for stored in node.resources.store.entries(log, since, _size(node, log)):
        entry = parse_entry(stored.body)
        shown: dict[str, Any] = {
            "peer": entry.peer,
            "exchange": entry.exchange_id,
            "asked": entry.request_hash,
            "answered": entry.answer_hash,
        }
        try:
            assert stored.content is not None
            private, request, answer = node.resources.keystore.open_content(log, stored.index, stored.content)
            shown |= {"private": decode_private(private), "has": (bool(request), bool(answer))}
        except Unknown as error:
            shown |= {"private": error.code}
        found.append((entry.kind, shown))
    return found


def _deliveries(node: Node) -> Sequence[Delivery]:
    return node.desk.parts.store.deliveries(tuple(DeliveryState))


def _rows(node: Node) -> list[dict[str, Any]]:
    """All rows of a node's desk, opened."""
    store = node.desk.parts.store
    threads = store.threads()
    notices = [row for thread in threads for row in store.notices(thread.key)]
    tables: dict[str, Iterable[msgspec.Struct]] = {
        "thread": threads,
        "notice": notices,
        "delivery": _deliveries(node),
        "work": store.works(WorkFilter(open_only=False)),
        "copy": store.holdings(),
    }
    return [{"table": table, **asdict(row)} for table, rows in tables.items() for row in rows]


# ------------------------------------------------------------------ as text


def _text(value: Any) -> str:
    return _dumped(_plain(value))


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; what is signed or sealed as what it says."""
    if isinstance(value, msgspec.Struct):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {str(name): _opened(name, each) for name, each in value.items() if name not in _PLACES}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    if isinstance(value, bytes):
        return _bytes(value)
    if isinstance(value, str):
        return _string(value)
    return value


def _opened(name: Any, value: Any) -> Any:
    if name in _SETS:
        return sorted(value)
    if name == "envelope" and value:
        return _plain(parse_notice(value))
    if name == "receipt" and value:
        return _plain(parse_receipt(value))
    return _plain(value)


def _bytes(value: bytes) -> Any:
    if len(value) in (12, 16, 32):
        return value.hex()
    return _plain(json.loads(value)) if value[:2] == b'{"' else bool(value)


def _string(value: str) -> Any:
    if value[:2] == '{"':
        return _plain(json.loads(value))
    if value[:3] == "eyJ":
        jwt, *disclosed = value.split("~")
        said = [_json(part) for part in disclosed if part]
        return _plain(_json(jwt.split(".")[1]) | {"disclosed": sorted((each[1:] for each in said), key=_dumped)})
    return value


def _json(part: str) -> Any:
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def _timeless(value: Any, now_us: int) -> Any:
    """Return a value whose times are distances from the beginning, in tens of minutes."""
    if isinstance(value, dict):
        return {name: _timeless(each, now_us) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_timeless(each, now_us) for each in value]
    if isinstance(value, str):
        return _TIME.sub("<time>", value)
    if isinstance(value, int) and not isinstance(value, bool):
        for scale in (1, 1_000_000):  # microseconds, and the seconds of records
            if abs(value * scale - now_us) < _NEAR_US:
                return f"now {(value * scale - now_us + _TEN_MINUTES_US // 2) // _TEN_MINUTES_US:+}"
    return value
