"""Notices in flight between nodes that are killed: who writes them, and what must be true of them.

Each node has somebody at its desk who opens threads, answers, asks back, withdraws and tells outcomes at random, while
the file `acting` lies beside the homes. Now and then a file goes with a notice (`torture_files`). Whatever was written
durably is noted in a file of promises, one id a line. A killed process loses nothing of that file.
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import gateway.app.run.serve
from gateway.app.resources import open_resources
from gateway.app.run.node import Node
from gateway.config.schema import Settings
from gateway.desk.delivery.authoring import Post
from gateway.errors import LiaisonError
from gateway.model.desk.attachments import Attachment
from gateway.model.desk.notices import (
    About,
    Ask,
    Body,
    Change,
    ChangeCode,
    Note,
    OutcomeCode,
    OutcomeReport,
    Reply,
    ReplyCode,
    Urgency,
)
from gateway.model.desk.threads import ThreadState
from gateway.model.names import MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Requester
from gateway.ports.desk import Thread
from tests.support.exchange import CLOCK
from tests.support.logbook import LogBook
from tests.support.nodes import officer
from tests.support.torture_files import Files, brought, named

ACTING = "acting"
SERVE = "tests.support.torture_notices:serve"
_PEER = {"th": MemberId("vn"), "vn": MemberId("th")}
_LIVE = (ThreadState.OPEN, ThreadState.BACK, ThreadState.ANSWERED, ThreadState.REFUSED)
_PAUSE_S = 0.02
_SETTLES_S = 120.0
_HOUR_US = 3_600_000_000
_TYPES = {"ask", "reply", "change", "outcome", "note"}


# ---------------------------------------------------------------- in the nodes


def serve(home: str) -> int:
    """Run `liaison serve --home HOME` with somebody at its desk."""
    from gateway.cli.main import run

    vars(gateway.app.run.serve)["build_node"] = _staffed
    return run(["serve", "--home", home])


class _Staffed(Node):
    """A node with somebody at its desk."""

    async def start(self) -> None:
        await super().start()
        self._staff = asyncio.create_task(_act(self))

    async def stop(self) -> None:
        self._staff.cancel()
        await super().stop()


def _staffed(settings: Settings, production: bool, place: int = 0) -> Node:
    return _Staffed(open_resources(settings, production), production, place)


async def _act(node: Node) -> None:
    """Write notices while there is the file that says so; then say that nothing is written any more."""
    member, folder = node.resources.member, node.resources.settings.home.parent
    dice, desk, peer = random.Random(), node.desk.parts, _PEER[node.resources.member]
    promises = os.open(folder / f"{member}.promises", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    while (folder / ACTING).exists():
        with suppress(LiaisonError):  # another act was first, and the table has no place for this one any more
            threads = await asyncio.to_thread(desk.store.threads, states=_LIVE, limit=20)
            files = await brought(node)
            if files or not threads or dice.random() < 0.3:
                key = await desk.author.open(peer, _post(member, _ask(), files))
                os.write(promises, f"{key.thread_id}\n".encode())
                if files:
                    named(node)
            else:
                thread = dice.choice(threads)
                has_files = bool(await asyncio.to_thread(node.desk.files.opening._it.rows.of_thread, thread.key))
                body = _next(thread, dice, has_files=has_files)
                written = await desk.author.post(thread.key, _post(member, body))
                os.write(promises, f"{written.draft.exchange_id}\n".encode())
        await asyncio.sleep(dice.uniform(0, _PAUSE_S))
    (folder / f"{member}.idle").touch()


def _ask() -> Ask:
    return Ask(About.QUESTION, "Whose lorry was left at the bridge?", topic="vehicle")


def _next(thread: Thread, dice: random.Random, *, has_files: bool) -> Body:
    """Return something that this side may say in the state of a thread; what has files is never taken back."""
    if dice.random() < 0.2:
        return Note("en", "We are looking into it.")
    if not thread.opener:
        return Reply(dice.choice((ReplyCode.NOTHING_HELD, ReplyCode.REFUSED, ReplyCode.CLARIFY)))
    if thread.state is ThreadState.BACK and dice.random() < 0.7:
        return _ask()
    if thread.state in (ThreadState.OPEN, ThreadState.BACK):
        if has_files:
            return Note("en", "It is on the film.")
        return Change(ChangeCode.WITHDRAWN, of=thread.key.thread_id)
    return OutcomeReport(OutcomeCode.NO_ACTION)


def _post(member: str, body: Body, files: tuple[Attachment, ...] = ()) -> Post:
    now_us = CLOCK.now_us()
    return Post(
        body,
        Urgency.URGENT,
        Purpose.INVESTIGATION,
        Offence.NARC,
        Requester("officer", f"{member}.blo.one", "police", "0123456789abcdef"),
        case="TH-2026-0417",
        agreement="gms-border-2026",
        expires_us=now_us + _HOUR_US,
        by=officer(member),
        attachments=files,
    )


# ---------------------------------------------------------------- beside the nodes


class Notices:
    """The notices of two homes, as their databases and promises have them."""

    def __init__(self, homes: dict[str, Path]) -> None:
        self._homes = homes
        self._folder = next(iter(homes.values())).parent
        self.count = 0
        self.files: Files | None = None

    def begin(self) -> None:
        """Let the desks write."""
        (self._folder / ACTING).touch()
        self.files = Files(self._homes)

    def sent(self, member: str) -> set[str]:
        """Return the ids of a member's own notices: their exchanges may be open for as long as they like."""
        return {row[0] for row in self._rows(member, "SELECT notice_id FROM desk_delivery")}

    def check(self) -> None:
        """Check that each notice that was written durably is there."""
        for member in self._homes:
            file = self._folder / f"{member}.promises"
            promised = set(file.read_text().split()) if file.exists() else set()
            lost = promised - self.sent(member)
            assert not lost, f"`{member}` has lost notices: {sorted(lost)[:3]}"
        if self.files is not None:
            self.files.check()

    async def settle(self) -> None:
        """Let the desks write no more, and wait until everything is delivered."""
        (self._folder / ACTING).unlink()
        async with asyncio.timeout(_SETTLES_S):
            for member in self._homes:
                while not (self._folder / f"{member}.idle").exists() or self._waiting(member):
                    await asyncio.sleep(0.05)
            while self.files is not None and self.files.wait():
                await asyncio.sleep(0.05)

    def compare(self, logs: dict[str, LogBook]) -> None:
        """Check that both sides have the same threads, notices and evidence, each once."""
        self.check()
        one, other = self._homes
        for what in (self._threads, self._notices):
            here, there = what(one), what(other)
            assert here == there, f"only at one side: {sorted(set(here) ^ set(there), key=str)[:4]}"
        states = Counter(row[0] for row in self._rows(one, "SELECT state FROM desk_delivery"))
        assert set(states) == {"taken"}, states
        for author, taker in ((one, other), (other, one)):
            received = {each.exchange_id: each for each in logs[author].entries if each.kind == "received"}
            for notice_id in self.sent(author):
                ours, theirs = received[notice_id], logs[taker].answered[notice_id]
                assert notice_id in logs[author].asked
                assert (ours.request_hash, ours.answer_hash, ours.number) == (
                    theirs.request_hash,
                    theirs.answer_hash,
                    theirs.number,
                )
        types = Counter(row[2] for row in self._notices(one))
        assert set(types) == _TYPES, f"notices that did not flow: {types}"
        self.count = types.total()
        if self.files is not None:
            self.files.compare()

    def _waiting(self, member: str) -> bool:
        return bool(self._rows(member, "SELECT 1 FROM desk_delivery WHERE state = 'waiting' LIMIT 1"))

    def _threads(self, member: str) -> list[tuple[Any, ...]]:
        """Return the threads of a member in which notices went, with the opener's side first.

        A matter of its own, such as an alarm, has none.
        """
        found = self._rows(
            member,
            "SELECT thread_id, kind, state, opener, ours, theirs, our_last, their_last FROM desk_thread"
            " WHERE thread_id IN (SELECT thread_id FROM desk_notice)",
        )
        return sorted(
            (*row[:3], *((row[4], row[5], row[6], row[7]) if row[3] else (row[5], row[4], row[7], row[6])))
            for row in found
        )

    def _notices(self, member: str) -> list[tuple[Any, ...]]:
        columns = "thread_id, notice_id, type, code, side, seq, seen, issued_us, payload_hash"
        return sorted(self._rows(member, f"SELECT {columns} FROM desk_notice"))

    def _rows(self, member: str, statement: str) -> list[tuple[Any, ...]]:
        file = self._homes[member] / "node.sqlite"
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            return database.execute(statement).fetchall()
