"""Two simulated nodes in a time that stands still between the steps of a script, and the people at their consoles."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import httpx2
import pytest

from gateway.clock import SystemClock
from tests.support.console_nodes import console_of
from tests.support.desk_rows import START_US
from tests.support.matters import send, with_consoles
from tests.support.second_step import step_world
from tests.support.simulator import Simulation, simulated

ENDS = ("th", "vn")
_MOST_TURNS = 400
_QUIET_TURNS = 2
"""Rounds of both nodes in which nothing was written, after which nothing more comes of a step."""


def ticking(start_us: int) -> Callable[[], int]:
    """Return a clock in nanoseconds that goes on by a microsecond when it is read, so that a step takes no second."""
    ticks = itertools.count()
    return lambda: start_us * 1_000 + next(ticks) * 1_000


@dataclass
class Ground:
    """The running nodes, and a browser for each person who has signed in."""

    world: Simulation
    stack: AsyncExitStack
    browsers: dict[str, httpx2.AsyncClient] = field(default_factory=dict)
    forms: itertools.count[int] = field(default_factory=itertools.count)

    async def browser(self, person: str) -> httpx2.AsyncClient:
        """Return the browser of a person, who signs in at first."""
        if person not in self.browsers:
            console = console_of(self.world.nodes[person[:2]])
            transport = httpx2.ASGITransport(app=console._app)
            origin = console._login.origin()
            client = httpx2.AsyncClient(base_url=origin, transport=transport, timeout=60)
            self.browsers[person] = await self.stack.enter_async_context(client)
            answer = await send(client, "/login/trial", {"person": person, "next": "/desk"})
            assert answer.status_code == 303, answer.text
        return self.browsers[person]

    async def see(self, person: str, path: str) -> httpx2.Response:
        """Return a page as a person sees it."""
        browser = await self.browser(person)
        return await browser.get(path, headers={"sec-fetch-site": "none", "sec-fetch-mode": "navigate"})

    async def press(self, person: str, path: str, to: str, fields: Mapping[str, str | list[str]]) -> httpx2.Response:
        """Fill in the form of a page that goes `to` a path with this ending, and send it."""
        page = await self.see(person, path)
        assert page.status_code == 200, page.text
        found = [form for form in Forms.of(page.text) if form.action.endswith(to)]
        assert found, f"no form of {path} goes to …{to}"
        unknown = fields.keys() - found[0].names - {"step"}  # that is a button of the page between two forms
        assert not unknown, f"the form …{to} of {path} has no field {sorted(unknown)}: {sorted(found[0].names)}"
        sent = found[0].fields | dict(fields)
        browser = await self.browser(person)
        headers = {"sec-fetch-site": "same-origin", "origin": str(browser.base_url).rstrip("/")}
        sent["form"] = f"{next(self.forms):A>22}"
        return await browser.post(found[0].action, data=sent, headers=headers)

    def pass_on(self, by: timedelta) -> None:
        """Move the time of both nodes on; everybody signs in again."""
        self.world.ahead.move(by)
        self.browsers.clear()


async def settle(world: Simulation, *, refused: bool = False) -> None:
    """Make rounds until what was done has had all of its effects at both ends: nothing more is written.

    What was refused sets no clock, so no round of clocks is made for it.
    """
    quiet, last, all_made = 0, _written(world), refused
    for _ in range(_MOST_TURNS):
        await world.turn()
        now = _written(world)
        waits = any(node.desk.parts.store.waiting() for node in world.nodes.values())
        quiet = 0 if waits or now != last else quiet + 1
        last = now
        if quiet >= _QUIET_TURNS and all_made:
            return
        if quiet >= _QUIET_TURNS:
            await make_desk_rounds(world)  # those too that are not due: no clock falls into the next step
            quiet, all_made = 0, True
    raise AssertionError("what was done does not end")


async def make_desk_rounds(world: Simulation) -> None:
    """Make the rounds of all desks, due or not."""
    for node in world.nodes.values():
        desk = {each.name for each in node.desk.rounds}
        for name, line in node.rounds.lines.items():
            if desk & {each.name for each in line}:
                await node.rounds.make(name)


def _written(world: Simulation) -> list[int]:
    resources = [node.resources for node in world.nodes.values()]
    states = [one.store.state(log.store_name) for one in resources for log in (one.operations_log, one.exchange_log)]
    return [state.size if state else 0 for state in states]


_CHOSEN = ("radio", "checkbox", "file", "submit")
"""The kinds of inputs that a form sends only where a person has chosen them."""


@dataclass
class Filled:
    """A form of a page with what is in its fields."""

    action: str
    names: set[str] = field(default_factory=set)
    fields: dict[str, str | list[str]] = field(default_factory=dict)


class Forms(HTMLParser):
    """Reads the forms of a page as a browser does: fields with their values, choices that are made."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Filled] = []
        self._select = ""
        self._area = ""

    @classmethod
    def of(cls, text: str) -> list[Filled]:
        """Return the forms of a page's content."""
        reader = cls()
        reader.feed(content(text))
        return reader.found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take up a form, or a field of it."""
        said = {name: value or "" for name, value in attrs}
        name = said.get("name", "")
        if name and self.found:
            self.found[-1].names.add(name)
        if tag == "form":
            self.found.append(Filled(said.get("action", "")))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and self.found:
            if "selected" in said or self._select not in self.found[-1].fields:
                self.found[-1].fields[self._select] = said.get("value", "")
        elif tag == "textarea" and self.found:
            self._area = name
            self.found[-1].fields[name] = ""
        elif tag == "input" and name and self.found and ("checked" in said or said.get("type") not in _CHOSEN):
            self.found[-1].fields[name] = said.get("value", "on")

    def handle_data(self, data: str) -> None:
        """Take up the text of a field."""
        if self._area:
            self.found[-1].fields[self._area] = f"{self.found[-1].fields[self._area]}{data}"

    def handle_endtag(self, tag: str) -> None:
        """End a field."""
        if tag == "textarea":
            self._area = ""
        elif tag == "select":
            self._select = ""


_TITLE = re.compile(r"<title>.*?</title>", re.DOTALL)
_MAIN = re.compile(r"<main.*</main>", re.DOTALL)


def content(text: str) -> str:
    """Return the title and the content of a page, without the frame that all pages have."""
    return "\n".join(found[0] for rule in (_TITLE, _MAIN) if (found := rule.search(text)))


@asynccontextmanager
async def ground(folder: Path, start_us: int = START_US) -> AsyncIterator[Ground]:
    """Found a federation in a time of its own, and run its nodes."""
    clock = ticking(start_us)
    async with AsyncExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SystemClock.__init__, "__defaults__", (clock, clock))
            made = with_consoles(step_world(folder))
            for end in ENDS:
                with (made.home(end) / "node.toml").open("a", encoding="utf-8") as settings:
                    settings.write("[oversight]\nreview_percent = 0\n")  # chance picks what is reviewed
        world = await stack.enter_async_context(simulated(made, ENDS, clocks=(clock, clock)))
        yield Ground(world, stack)
