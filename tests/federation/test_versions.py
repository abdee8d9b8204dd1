"""Nodes one version apart talk: searches, notices, receipts and documents, in both directions (decision 0104).

Thailand runs a next version, with one field more in a request and one migration more; Viet Nam the newest release,
built from its commit (`docs/releases.toml`). `make versions` goes on until both run the next one and say so, and until
Viet Nam is back.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.entries.entry import parse_entry
from gateway.config import load_settings
from gateway.demo.sources import planted
from gateway.statements.envelope import contents
from gateway.storage.database.open import open_storage
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore
from tests.support.program_trees import NOTE, Program, Serving, next_version, reference, wait_until

pytestmark = pytest.mark.small_form

WHOLE = bool(os.environ.get("LIAISON_SLOW"))
_FOUND = (
    "import sys; from pathlib import Path; from gateway.clock import SystemClock; "
    "from gateway.demo.federation import open_federation; open_federation(Path(sys.argv[1]), SystemClock())"
)
_FIRST, _SECOND = (f"application/vnd.liaison.request.v{each}+protobuf" for each in (1, 2))


@dataclass
class Pair:
    """Thailand and Viet Nam, each with its program."""

    folder: Path
    programs: dict[str, Program]
    running: dict[str, Serving] = field(default_factory=dict)

    def home(self, member: str) -> Path:
        return self.folder / member

    def run(self, member: str, *command: str | Path, person: str = "", code: int = 0) -> Any:
        """Run a command with the program of a member."""
        words = next(at for at, part in enumerate([*command, "--"]) if str(part).startswith("--"))
        place: list[str | Path] = ["--home", self.home(member), *(["--as", f"{member}.{person}"] if person else [])]
        return self.programs[member].run(*command[:words], *place, *command[words:], code=code)

    def start(self, *members: str) -> None:
        with ThreadPoolExecutor() as pool:
            started = pool.map(lambda member: self.programs[member].serve(self.home(member)), members)
            self.running |= dict(zip(members, started, strict=True))

    def stop(self, *members: str) -> None:
        for member in members:
            self.running.pop(member).stop()

    def change(self, member: str, program: Program) -> None:
        """Upgrade a member's node."""
        self.stop(member)
        self.programs[member] = program
        self.run(member, "upgrade", "--run")
        self.start(member)

    def publish(self, member: str) -> None:
        """Let a member say what its program reads, and wait until the other has it, without being told."""
        other = "vn" if member == "th" else "th"
        held = self.home(other) / "trust" / "descriptors" / f"{member}.jsonl"
        before = held.read_bytes()
        self.run(member, "trust", "publish", "--authority", self.folder / f"{member}-authority")
        wait_until(lambda: held.read_bytes() != before, f"{other} has the new descriptor of {member}")

    def exchange(self, *, notices: bool = True) -> None:
        """Ask, and send a notice, in both directions."""
        with ThreadPoolExecutor() as pool:
            for done in [pool.submit(self._exchange, *pair, notices) for pair in (("th", "vn"), ("vn", "th"))]:
                done.result()

    def _exchange(self, member: str, to: str, notices: bool) -> None:
        passport, case = planted.STOLEN_PASSPORT, f"C-{secrets.token_hex(4)}"
        why = ("--purpose", "INVESTIGATION", "--offence", "DOCFRAUD", "--case", case)
        number = ("--number", passport.number, "--issuer", passport.issuer)
        found = self.run(member, "ask", "document", "--to", to, *number, *why, person="o.1042")
        line = next(line for line in found["lines"] if line["member"] == to)
        assert line["outcome"] in ("hit", "no_hit"), line
        if not notices:
            return
        what = ("--topic", "document", "--facts", "a passport at the gate", "--urgency", "URGENT")
        drafted = self.run(member, "request", "--to", to, *what, *why, person="o.1042")
        self.run(member, "desk", "approve", drafted["work"], person="s.3")

        def has_come() -> bool:
            works = self.run(to, "desk", "list", "--kind", "decide", person="d.7")["work"]
            return any(each["thread"] == drafted["thread"] for each in works)

        wait_until(has_come, f"the notice of {member} is work at {to}")

    def requests(self, member: str) -> list[tuple[str, str, bool]]:
        """The requests in a member's exchange log: kind of entry, payload type, and whether it has the note."""
        settings = load_settings(self.home(member))
        keys = KeyStore(settings.keystore)
        found = []
        with closing(open_storage(settings, read_only=True)) as database:
            store = SqlLogStore(database)
            state = store.state("exchange/1")
            assert state
            for stored in store.entries("exchange/1", 0, state.size):
                assert stored.content
                _, request, _ = keys.open_content("exchange/1", stored.index, stored.content)
                if request and ".request." in contents(request)[0]:
                    payload_type, payload = contents(request)
                    found.append((parse_entry(stored.body).kind, payload_type, NOTE.encode() in payload))
        return found

    def check(self) -> None:
        """Stop the nodes; their logs verify with their own programs, and both have receipts."""
        self.stop(*self.running)
        for member in self.programs:
            assert self.run(member, "audit", "verify")["verdict"] == "proved"
            shown = self.run(member, "audit", "show", "--log", "operations", "--limit", "1000")["entries"]
            kinds = Counter(entry["kind"] for entry in shown)
            assert min(kinds["acknowledged"], kinds["receipt"]) > 0, kinds


@contextmanager
def pair_of(folder: Path, old: Program) -> Iterator[Pair]:
    """A federation that the old program founded, whose nodes both run it."""
    old.python(_FOUND, folder / "fed")
    pair = Pair(folder / "fed", {"th": old, "vn": old})
    try:
        pair.start("th", "vn")
        yield pair
    finally:
        for serving in pair.running.values():
            serving.end()


@pytest.mark.timeout(600)
def test_nodes_one_version_apart_exchange_everything_in_both_directions(tmp_path: Path) -> None:
    old, new = reference(tmp_path), next_version(tmp_path)
    print(f"the reference is {old.name}")
    with pair_of(tmp_path, old) as pair:
        pair.change("th", new)
        pair.exchange(notices=WHOLE)
        assert set(pair.requests("th")) == {("asked", _FIRST, False), ("answered", _FIRST, False)}
        pair.publish("th")  # only from now on Viet Nam is told that Thailand reads the second version
        pair.exchange()
        assert (
            set(pair.requests("th"))
            == set(pair.requests("vn"))
            == {("asked", _FIRST, False), ("answered", _FIRST, False)}
        )
        if WHOLE:
            whole_way(pair, old, new)
        pair.check()


def whole_way(pair: Pair, old: Program, new: Program) -> None:
    """Upgrade Viet Nam, too: both write the second version once both say that they read it. Then Viet Nam goes back."""
    schema = pair.run("vn", "upgrade", "--check")["to"]
    pair.change("vn", new)
    pair.publish("vn")
    before = len(pair.requests("th"))
    pair.exchange()
    assert set(pair.requests("th")[before:]) == {("asked", _SECOND, True), ("answered", _SECOND, True)}
    pair.programs["vn"] = old
    pair.publish("vn")  # before it stops: nothing is lost that Thailand writes meanwhile
    pair.stop("vn")
    new.run("upgrade", "--back", schema, "--home", pair.home("vn"))
    pair.start("vn")
    before = len(pair.requests("th"))
    pair.exchange()
    assert set(pair.requests("th")[before:]) == {("asked", _FIRST, False), ("answered", _FIRST, False)}
