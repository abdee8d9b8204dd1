"""Do what a row says through one of the faces, and tell what comes of it at both ends."""

from __future__ import annotations

import asyncio
import html
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.audit.acts.desk_acts import DESK_ACTS
from gateway.cli.client import NodeClient
from gateway.cli.officers import trial_token
from gateway.clock import SystemClock, from_us
from gateway.config import Settings, load_settings
from gateway.errors import LiaisonError
from gateway.model.desk.notices import NoticeType
from gateway.model.desk.work import WorkKind
from gateway.ports.desk import DeskStore, Thread, WorkFilter
from tests.golden.masks import Masks
from tests.golden.record import told_entry, told_notice
from tests.golden.world import ENDS, Ground, make_desk_rounds
from tests.support.cli import Liaison
from tests.support.exchange import Logged, entries
from tests.support.matters import send

OWNER = "th"
"""The member whose matters the table is about."""

ISSUER = "vn"
"""The member that issues tokens, since it owns the records that are hit."""

FACES = ("rest", "command", "form")
LOOKS = frozenset(name for name, needs in DESK_ACTS.items() if needs.why == DESK_ACTS["look"].why)
"""The acts that show something to one person: a face shows what it likes before and after an act."""

SHOWN = "(how it stands is shown)"
"""What a form says that is sent once more when it is done: it leads to the page, where one reads how it stands."""

_NOTICE = re.compile(r'^entry asked .*"notice": "(\w+)"(?:.*"says": "(\w+)")?')
_ACT = re.compile(r'^entry desk-act [^{]*{"act": "([^"]*)"')
_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)?|(?<![\w.])1[6-9]\d{8}(?![\w.])")
_OF_A_FACE = (
    re.compile(r"usual \d+ "),
    re.compile(r'"client": "[^"]*", '),
    re.compile(r'"their_(?:checkpoint|entry|hashes|index)": (?:"<random>"|\d+), '),
)
"""Finds what entries say of the face, and of how long logs are."""

_CODE = re.compile(r'<p class="soft">([a-z-]+)</p>')
_FAULT = re.compile(r'<section class="errors".*?<ul>(.*?)</ul>', re.DOTALL)
_ID = re.compile(r"[0-9a-f]{32}")
_LOGS = ("operations", "exchange")
_MOST_TURNS = 60
_ALL_ROUNDS_EACH = 4
_STEP = timedelta(seconds=2)
"""The time from one act to the next: clocks and rows tell times by the second."""

_SLACK = timedelta(minutes=15)
"""The time that a life may take until what it says of hours is told as another hour."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form of the console: the page on which it stands, where it is sent, and what is filled in.

    It is sent nowhere where the page itself is the act: a person opens something of the other member by it.
    """

    page: str
    to: str = ""
    fields: Mapping[str, str | list[str]] = field(default_factory=dict)
    status: int = 303


@dataclass(frozen=True, slots=True)
class Row:
    """An act as a person does it through each face, and the codes with which it is refused.

    `acts` are those of the entries that come of it, and `tells` the notices, each with the code that it has.

    `refused` names persons who may not do it, each with the code of the refusal; `absent` is that code where nothing
    has the id, `again` the one when it is done already. After ` / ` stands what the form says, where that is not the
    same: it names the matter, and a call and a command the work.

    `{approve}` is the id of the newest open work of this kind where the person is, `{alert}` that of the newest matter
    of this kind at home, `{operation}` that of the newest operation, `{there}` that of the newest thread with the other
    member, `{notice}` that of a hit of the newest watch, `{issued}` that of the newest `{token}`. `{in7d}` is the time
    in seven days, `{day7}` its day.
    """

    name: str
    who: str
    acts: str
    tells: str
    rest: str
    command: str
    form: Form
    body: Any = None
    refused: Mapping[str, str] = field(default_factory=dict)
    absent: str = ""
    again: str = ""

    def filled(self, fill: Callable[[Any], Any]) -> Row:
        """Return the row with something done to all that its faces send."""
        form = replace(self.form, page=fill(self.form.page), to=fill(self.form.to), fields=fill(self.form.fields))
        return replace(self, rest=fill(self.rest), command=fill(self.command), form=form, body=fill(self.body))


class _Names(dict[str, str]):
    """Finds what a name stands for when it is used."""

    def __init__(self, ground: Ground, member: str, known: Mapping[str, str]) -> None:
        super().__init__(known)
        stores = {name: node.desk.parts.store for name, node in ground.world.nodes.items()}
        self._member, self._here, self._owner = member, stores[member], stores[OWNER]
        self._issuer = stores[ISSUER]

    def __missing__(self, name: str) -> str:
        if (ahead := re.fullmatch(r"in(\d+)d", name)) is not None:
            return f"{_now() + timedelta(days=int(ahead[1])):%Y-%m-%dT%H:%M:%SZ}"
        if (day := re.fullmatch(r"day(\d+)", name)) is not None:
            return f"{_now() + timedelta(days=int(day[1])):%Y-%m-%d}"
        if name in set(WorkKind):
            works = self._here.works(WorkFilter(kinds=(WorkKind(name),)))
            assert works, f"no work {name} at {self._member}"
            return max(works, key=lambda work: work.due_us).id
        if name == "operation":
            return self._newest(self._owner, lambda each: each.key.peer == OWNER and each.kind == "room").group_id
        if name == "there":
            return self._newest(self._here, lambda each: each.key.peer != self._member).key.thread_id
        if name in ("issued", "token"):
            thread = self._newest(self._issuer, lambda each: each.key.peer == ISSUER and each.kind == "service")
            return str(msgspec.json.decode(thread.draft)["token"]) if name == "token" else thread.key.thread_id
        if name == "notice":
            key = self._newest(self._here, lambda each: each.key.peer != self._member and each.kind == "watch").key
            return next(row.notice_id for row in self._here.notices(key) if row.placed.type is NoticeType.REPLY)
        return self._newest(self._owner, lambda each: each.key.peer == OWNER and each.kind == name).key.thread_id

    @staticmethod
    def _newest(store: DeskStore, fits: Callable[[Thread], bool]) -> Thread:
        return max(filter(fits, store.threads()), key=lambda thread: thread.opened_us)

    def fill(self, value: Any) -> Any:
        """Return a value with all names in its texts replaced."""
        return _in_texts(value, lambda text: text.format_map(self))


@dataclass
class Faces:
    """The people of two nodes, who act through the REST API, by commands and by forms."""

    ground: Ground
    cli: Liaison
    patch: pytest.MonkeyPatch
    _clients: dict[Path, tuple[Settings, NodeClient]] = field(default_factory=dict)
    _logged: dict[tuple[str, str], int] = field(default_factory=dict)

    async def life(self, face: str, rows: Sequence[Row], known: Mapping[str, str]) -> tuple[list[list[str]], list[str]]:
        """Do all acts of a life through one face; return the lines of what comes of each. `known` are more names.

        In the life by the first face each act is broken before through all of them, and the faults come second.
        """
        told, wrong = [], []
        if known:
            await self._make_rounds()  # what came before has had its effects
        for number, row in enumerate(rows):
            filled, is_new = row.filled(_Names(self.ground, row.who[:2], known).fill), row not in rows[:number]
            self._news()
            if face == FACES[0] and is_new:
                wrong += await self._broken(filled, filled.refused, filled.absent)
            self.ground.world.ahead.move(_STEP)
            await getattr(self, f"_by_{face}")(filled)
            told.append(await self._effects(row))
            if face == FACES[0] and is_new and row.again:
                wrong += await self._refused(filled, row.again, "again")
        await self._make_rounds()
        told.append(self._news())
        return told, wrong

    async def shown(self, who: str, rest: str, command: str) -> tuple[Any, Any]:
        """Return what a call answers, and what a command prints."""
        row = Row("shown", who, "", "", rest, command, Form("")).filled(_Names(self.ground, who[:2], {}).fill)
        return await self._by_rest(row), await self._by_command(row)

    # ------------------------------------------------------------ the faces

    async def _by_rest(self, row: Row) -> Any:
        method, _, path = row.rest.partition(" ")
        home = self._home(row.who)
        if home not in self._clients:
            settings = load_settings(home)
            self._clients[home] = settings, self.ground.stack.enter_context(NodeClient(settings))
        settings, client = self._clients[home]
        token = trial_token(settings, row.who, role="", office="", agency="", purpose="")
        return await asyncio.to_thread(client.desk, method, path, token, row.body, query={})

    async def _by_command(self, row: Row) -> Any:
        ran = await self._ran(row)
        assert ran.code == 0, f"{row.name}: {ran.err}"
        return ran.value

    async def _ran(self, row: Row) -> Any:
        where = ("--home", self._home(row.who), "--as", row.who, "--json")
        return await asyncio.to_thread(self.cli, *shlex.split(row.command), *where)

    async def _by_form(self, row: Row) -> None:
        form = row.form
        if not form.to:
            answer = await self.ground.see(row.who, form.page)
        else:
            answer = await self.ground.press(row.who, form.page, form.to, form.fields)
        assert answer.status_code == (form.status if form.to else 200), f"{row.name}: {answer.text}"

    def _home(self, who: str) -> Path:
        self.patch.setenv("LIAISON_LISTEN_AGENCY", self.ground.world.nodes[who[:2]].addresses["agency"])
        self.patch.setenv("LIAISON_NODE_NAME", "node1")
        return self.ground.world.home(who[:2])

    # ------------------------------------------------------------ what is refused

    async def _broken(self, row: Row, refused: Mapping[str, str], absent: str) -> list[str]:
        wrong = []
        for who, code in refused.items():
            wrong += await self._refused(replace(row, who=who), code, f"by {who}")
        if absent:
            nothing = row.filled(lambda value: _in_texts(value, lambda text: _ID.sub("0" * 32, text)))
            wrong += await self._refused(nothing, absent, "where there is nothing")
        return wrong

    async def _refused(self, row: Row, code: str, when: str) -> list[str]:
        """Return what is wrong with the refusals of a row: their codes, and that nothing comes of them."""
        wrong, what = [], f"{row.name}, {when}"
        sentence, said = "", {}
        try:
            await self._by_rest(row)
            said["rest"] = "done"
        except LiaisonError as error:
            sentence, said["rest"] = error.message, error.code
        ran = await self._ran(row)
        said["command"] = ran.value["error"]["code"] if ran.code else "done"
        said["form"] = await self._form_says(row, sentence, said["rest"])
        wanted, _, of_form = code.partition(" / ")
        if said != {"rest": wanted, "command": wanted, "form": of_form or wanted}:
            wrong.append(f"{what}: {said} and not {code}")
        return [*wrong, *(f"{what}: {line}" for line in self._news())]

    async def _form_says(self, row: Row, sentence: str, code: str) -> str:
        """Return the code with which a form is refused: that of the page, or the one whose sentence is on it."""
        if row.form.to:
            browser = await self.ground.browser(row.who)
            number = f"{next(self.ground.forms):A>22}"
            answer = await send(browser, row.form.to, row.form.fields, form=number)
        else:
            answer = await self.ground.see(row.who, row.form.page)
        if answer.status_code < 400:
            return SHOWN if answer.status_code == 303 and row.form.status == 303 else "done"
        if found := _CODE.search(answer.text):
            return found[1]
        (fault,) = _FAULT.findall(answer.text)
        said = html.unescape(re.sub(r"<[^>]*>", "", fault)).strip()
        return code if sentence and said.startswith(sentence) else said

    # ------------------------------------------------------------ what comes of it

    async def _effects(self, row: Row) -> list[str]:
        """Make rounds until all that a row tells is told, and return the lines of what was written."""
        lines, wanted = self._news(), sorted(row.tells.split())
        for turn in range(_MOST_TURNS if wanted else 0):
            told = sorted(notices_of(lines))
            if told == wanted and len(told) == sum(line.startswith("entry received ") for line in lines):
                break
            if turn % _ALL_ROUNDS_EACH == _ALL_ROUNDS_EACH - 1:
                await make_desk_rounds(self.ground.world)
            await self.ground.world.turn()
            lines += self._news()
        masked = Masks().lines(lines)
        return list(_alike(masked, _now()))

    async def _make_rounds(self) -> None:
        await make_desk_rounds(self.ground.world)
        await self.ground.world.turn()

    def _news(self) -> list[str]:
        """Return the lines of the entries that are new, but for looks, and of the notices that they tell of."""
        lines: list[str] = []
        for end in ENDS:
            new = list(self._new_entries(end))
            lines += map(told_entry, new)
            if told := {each.entry.exchange_id for each in new if each.entry.kind == "asked"}:
                store = self.ground.world.nodes[end].desk.parts.store
                rows = (row for thread in store.threads() for row in store.notices(thread.key))
                lines += (told_notice(row) for row in rows if row.notice_id in told)
        return lines

    def _new_entries(self, end: str) -> Iterator[Logged]:
        for log in _LOGS:
            since = self._logged.get((end, log), 0)
            found = entries(self.ground.world.nodes[end], log, since)
            self._logged[end, log] = since + len(found)
            yield from filter(self._is_of_an_act, found)

    @staticmethod
    def _is_of_an_act(each: Logged) -> bool:
        """Tell whether an entry is about an act that changes something, or about a notice between the two nodes."""
        if each.entry.kind == "desk-clock":  # what a clock does comes with a round, in any step
            return False
        if each.entry.kind == "desk-act":
            return each.private.get("act") not in LOOKS
        return bool(each.entry.exchange_id) and each.entry.peer in ENDS


def _in_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Return a value with all texts in it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {name: _in_texts(each, change) for name, each in value.items()}
    return [_in_texts(each, change) for each in value] if isinstance(value, list) else value


def _now() -> datetime:
    return from_us(SystemClock().now_us())


def acts_of(lines: list[str]) -> list[str]:
    """Return the acts of which lines tell entries."""
    return [act for line in lines for act in _ACT.findall(line)]


def notices_of(lines: list[str]) -> list[str]:
    """Return the notices that were told, of which lines tell entries."""
    return ["-".join(filter(None, found)) for line in lines for found in _NOTICE.findall(line)]


def _alike(lines: list[str], now: datetime) -> Iterator[str]:
    """Yield lines without what differs from face to face and from one hour to the next."""
    for line in lines:
        told = _TIME.sub(lambda found: _when(found[0], now), line)
        for rule in _OF_A_FACE:
            told = rule.sub("", told)
        yield told


def _when(text: str, now: datetime) -> str:
    """Return a time by the whole hours from now."""
    when = datetime.fromtimestamp(int(text), UTC) if text.isdecimal() else datetime.fromisoformat(text)
    return f"<{(when.replace(tzinfo=UTC) - now + _SLACK) // timedelta(hours=1):+}h>"
