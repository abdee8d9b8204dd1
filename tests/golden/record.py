"""Write down what comes of each step of a script: pages, and at both ends entries, rows and notices."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import msgspec
import sqlalchemy as sa
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from liaison.exchange.v1 import envelope_pb2

from gateway.app.run.node import Node
from gateway.model.desk.work import DeliveryState
from gateway.ports.desk import NoticeRow, WorkFilter
from gateway.statements.notices.notice import NOTICE_KINDS
from gateway.storage.database.desk_tables import desk_report, desk_report_key
from tests.golden.masks import Masks
from tests.golden.world import ENDS, Ground, content, settle
from tests.support.exchange import Logged, entries

_LOGS = ("operations", "exchange")


def _many_options(found: re.Match[str]) -> str:
    """Return the options of a long list by their number and hash, with the one that is chosen."""
    options = re.findall(r"<option[^>]*>[^<]*</option>", found[0])
    chosen = [each for each in options if " selected" in each]
    short = hashlib.sha256("".join(options).replace(" selected", "").encode()).hexdigest()[:8]
    return "\n".join((f"<{len(options)} options, {short}>", *chosen))


def _map(found: re.Match[str]) -> str:
    """Return a map by its hash, with what it says of its places."""
    short = hashlib.sha256(found[0].encode()).hexdigest()[:8]
    return "\n".join((f"<map {short}>", *re.findall(r"<title>.*?</title>", found[0])))


_MICROS = re.compile(r"(?<=:\d\d)\.\d+(?=Z)")
_RANDOM_PARTS = (
    (re.compile(r'name="form" value="[^"]*"'), 'name="form" value="…"'),
    (re.compile(r'(name="once" value=")[^"]*"'), r'\1…"'),
    (re.compile(r"/assets/[0-9a-f]+/"), "/assets/…/"),
    (_MICROS, ""),
    (re.compile(r"(?<=exchange/1 )\d+"), "…"),
    (re.compile(r'<span class="mark([\w -]*)" aria-hidden="true"></span>'), r"<mark\1>"),
    (re.compile(r'(<path[^>]* d=")[^"]{40,}"'), r'\1…"'),
    (re.compile(r'<svg class="map".*?</svg>', re.DOTALL), _map),
    (re.compile(r"(?:\s*<option[^>]*>[^<]*</option>){13,}"), _many_options),
)
_RANDOM_KEYS = frozenset({"reference", "token_hash", "request", "session", "jti", "x5c", "_sd"}) | {
    f"their_{part}" for part in ("checkpoint", "entry", "hashes", "index")
}
"""The parts of entries, rows and records that are random, or that tell how long a log is."""

_ID_BYTES = 16

_USUAL = {"client": "console", "proof": "token", "agency": "police", "token": "<hash>"}
"""Names what most entries say; it is counted instead of being told."""

_FIRST_US, _LAST_US = 10**15, 4 * 10**15
"""Numbers between them are times, of which a whole second is told."""

_EMPTY: tuple[object, ...] = ("", b"", None, [], {}, ())


@dataclass
class Story:
    """The life of one subject as it is told: `pages` and `facts` are the lines of its two golden files."""

    ground: Ground
    masks: Masks = field(default_factory=Masks)
    pages: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    _entries: dict[tuple[str, str], int] = field(default_factory=dict)
    _rows: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    _notices: set[str] = field(default_factory=set)

    async def begin(self) -> None:
        """Begin after what other subjects have left."""
        await settle(self.ground.world)
        for _ in self._news():
            pass
        self.masks = Masks()

    async def page(self, what: str, person: str, path: str) -> str:
        """Tell how a page looks to a person; return it."""
        answer = await self.ground.see(person, path)
        self._tell_page(what, person, path, answer)
        return answer.text

    async def press(self, what: str, person: str, path: str, to: str, /, **fields: str | list[str]) -> str:
        """Fill in a form of a page, send it, and tell what comes of it; return the path of the page that follows.

        A form that is answered with a page, as one with a fault is, is told among the pages.
        """
        answer = await self.ground.press(person, path, to, fields)
        if answer.status_code != 303:
            self._tell_page(what, person, path, answer)
        refused = answer.status_code != 303
        await self.step(f"{what}: {person} at {path} {to}, {answer.status_code}", refused=refused)
        return str(answer.headers.get("location", ""))

    async def step(self, what: str, *, refused: bool = False) -> None:
        """Wait until a step has had its effects, and tell what was written since the last one."""
        await settle(self.ground.world, refused=refused)
        self.facts += [f"== {self.masks.mask(what)}", *self._news(), ""]

    async def later(self, what: str, **by: float) -> None:
        """Let time pass, and tell what the clocks did."""
        self.ground.pass_on(timedelta(**by))
        await self.step(what)

    def _tell_page(self, what: str, person: str, path: str, answer: httpx2.Response) -> None:
        shown = content(answer.text) if answer.text.lstrip().startswith("<") else answer.text
        lines = (line.strip() for line in _without_random(shown).splitlines())
        head = f"== {what}: {person} at {path}, {answer.status_code} {answer.headers.get('location', '')}".rstrip()
        self.pages += [self.masks.mask(head), *(self.masks.mask(line) for line in lines if line), ""]

    # ------------------------------------------------------------ what was written

    def _nodes(self) -> Mapping[str, Node]:
        return {end: self.ground.world.nodes[end] for end in ENDS}

    def _news(self) -> Iterator[str]:
        for end, node in self._nodes().items():
            told = [
                *(line for log in _LOGS for line in self._new_entries(end, node, log)),
                *self._changed_rows(end, node),
                *self._new_notices(node),
            ]
            if told:
                yield f"-- {end}"
                yield from told

    def _new_entries(self, end: str, node: Node, log: str) -> Iterator[str]:
        since = self._entries.get((end, log), 0)
        found = entries(node, log, since)
        self._entries[end, log] = since + len(found)
        yield from self.masks.lines(told_entry(each) for each in found if _is_of_an_act(each))

    def _changed_rows(self, end: str, node: Node) -> Iterator[str]:
        before, now = self._rows.get(end, {}), dict(rows_of(node))
        self._rows[end] = now
        told = [f"row {key} {_text(fields)}" for key, fields in now.items() if key not in before]
        both = {key: changes(before[key], fields) for key, fields in now.items() if key in before}
        told += [f"row {key} {_text(changed)}" for key, changed in both.items() if changed]
        yield from self.masks.lines([*told, *(f"gone {key}" for key in before if key not in now)])

    def _new_notices(self, node: Node) -> Iterator[str]:
        store = node.desk.parts.store
        for thread in store.threads():
            for row in store.notices(thread.key):
                if row.is_ours(thread) and row.notice_id not in self._notices and row.envelope:
                    self._notices.add(row.notice_id)
                    yield from self.masks.mask(told_notice(row)).splitlines()


def rows_of(node: Node) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the rows of the desk: kind and key, and the fields that say something."""
    store = node.desk.parts.store
    for thread in store.threads():
        yield _row("thread", thread.key.peer, thread.key.thread_id, thread, "key")
        for row in store.notices(thread.key):
            yield _row(
                "notice",
                row.key.peer,
                row.notice_id,
                row,
                "notice_id",
                "envelope",
                "time_us",
                "index",
                "key",
                "payload_hash",
            )
    for work in store.works(WorkFilter(open_only=False)):
        yield _row("work", "", work.id, work, "id", "key")
    for each in store.deliveries(tuple(DeliveryState)):
        yield _row("delivery", each.key.peer, each.notice_id, each, "notice_id", "key")
    for holding in store.holdings():
        yield _row("holding", holding.direction, holding.jti, holding, "jti", "direction")
    keys = sa.select(desk_report_key.c.peer, desk_report_key.c.thread_id, sa.func.count().label("keys"))
    with node.resources.database.snapshot("golden") as connection:
        for kind, rows in (("report", sa.select(desk_report)), ("report-keys", keys.group_by("peer", "thread_id"))):
            for one in connection.execute(rows).mappings():
                yield _row(kind, one["peer"], one["thread_id"], one, "peer", "thread_id")


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return what has changed in a row, to the smallest part of it; None is what is not there any more."""
    found: dict[str, Any] = {}
    for name in {**before, **now}:
        first, then = before.get(name), now.get(name)
        if isinstance(first, Mapping) and isinstance(then, Mapping):
            if changed := changes(first, then):
                found[name] = changed
        elif first != then:
            found[name] = then
    return found


def _row(kind: str, place: str, name: str, row: Any, *without: str) -> tuple[str, dict[str, Any]]:
    fields = dict(row) if isinstance(row, Mapping) else msgspec.structs.asdict(row)
    if "placed" in fields:
        fields |= msgspec.structs.asdict(fields.pop("placed"))
    said = {
        name: _plain(value)
        for name, value in fields.items()
        if name not in without and value not in _EMPTY and value not in (0, False)
    }
    return f"{kind} {place}{'/' if place else ''}{name}", said


def _without_random(text: str) -> str:
    """Return a page without the parts that are random and no ids: forms' own ids, drawn codes, hashes of assets."""
    for rule, instead in _RANDOM_PARTS:
        text = rule.sub(instead, text)
    return text


def _is_of_an_act(each: Logged) -> bool:
    """Tell whether an entry is about an act or a notice, and not what a node writes by itself."""
    return each.entry.kind == "desk-act" or bool(each.entry.exchange_id)


def told_entry(each: Logged) -> str:
    """Return an entry as a line: its kind, what it is about, which statements it has, and its private part."""
    entry = each.entry
    parts = [
        entry.kind,
        *(f"{name} {value}" for name, value in (("peer", entry.peer), ("of", entry.exchange_id)) if value),
    ]
    statements = [name for name, there in (("request", each.request), ("answer", each.answer)) if there]
    private = {name: value for name, value in each.private.items() if value not in _EMPTY}
    private |= {"token": "<hash>"} if private.get("token") else {}
    usual = {name for name, value in _USUAL.items() if private.get(name) == value}
    said = {name: value for name, value in private.items() if name not in usual}
    return " ".join(("entry", *parts, *(f"with {name}" for name in statements), f"usual {len(usual)}", _text(said)))


def _text(value: Any) -> str:
    return json.dumps(_plain(value), ensure_ascii=False, sort_keys=True)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: bytes that are JSON opened, others by their length."""
    if isinstance(value, bytes):
        try:
            return _plain(msgspec.json.decode(value))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return "<bytes>"
    if isinstance(value, Mapping):
        return {str(name): _of_key(str(name), each) for name, each in value.items() if each not in _EMPTY}
    if isinstance(value, str):
        return "<record>" if value.count("~") > 1 and value.count(".") == 2 else _MICROS.sub("", value)
    if isinstance(value, list | tuple | set | frozenset):
        plain = [_plain(each) for each in value]
        return sorted(plain, key=str) if isinstance(value, set | frozenset) else plain
    if isinstance(value, msgspec.Struct):
        return _plain(msgspec.structs.asdict(value))
    if isinstance(value, int) and _FIRST_US < value < _LAST_US:
        return f"{datetime.fromtimestamp(value // 1_000_000, UTC):%Y-%m-%d %H:%M:%S}"
    return value if isinstance(value, int | float | bool) or value is None else str(value)


def _of_key(name: str, value: Any) -> Any:
    if name in _RANDOM_KEYS and value:
        return "<random>"
    plain = _plain(value)
    return sorted(plain) if name == "purposes" and isinstance(plain, list) else plain


def told_notice(row: NoticeRow) -> str:
    """Return the wire form of a notice of ours: its envelope, and each field of its payload."""
    envelope = envelope_pb2.Envelope.FromString(row.envelope)
    message = NOTICE_KINDS[row.placed.type].message.FromString(envelope.payload)
    canonical = message.SerializeToString(deterministic=True) == envelope.payload
    signed = f"{len(envelope.signatures)} signature, {'canonical' if canonical else 'not canonical'}"
    fields = {name: value for name, value in _fields(message).items() if name != "padding"}
    head = f"notice to {row.key.peer} {envelope.payload_type}, {len(envelope.payload)} bytes ({signed})"
    return f"{head}\n{json.dumps(_plain(fields), ensure_ascii=False, indent=1, sort_keys=True)}"


def _fields(message: Message) -> dict[str, Any]:
    """Return the fields of a message that are there, with their names."""
    return {
        field.name: [_value(field, each) for each in value] if field.is_repeated else _value(field, value)
        for field, value in message.ListFields()
    }


def _value(field: FieldDescriptor, value: Any) -> Any:
    if isinstance(value, Timestamp):
        return value.ToMicroseconds()
    if isinstance(value, Message):
        return _fields(value)
    if isinstance(value, bytes):
        return value.hex() if len(value) == _ID_BYTES else f"<{len(value)} bytes>"
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    return _record(value) if isinstance(value, str) and value.count("~") > 1 else value


def _record(text: str) -> Any:
    """Return a signed record with its claims and disclosures opened, without salts, digests and signature."""
    jwt, *disclosures = text.split("~")
    try:
        head, body, _ = jwt.split(".")
        claims = msgspec.json.decode(_decoded(body))
        opened = [msgspec.json.decode(_decoded(each))[1:] for each in disclosures if each]
        return _plain(
            {"head": msgspec.json.decode(_decoded(head)), "claims": claims, "disclosed": sorted(opened, key=str)}
        )
    except (ValueError, msgspec.DecodeError):
        return text


def _decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))
