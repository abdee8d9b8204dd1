"""Commands that are killed, fail or lose power at a write, a sync, or a file that comes and goes (threats.md, H1, H2).

Whatever happens at such a call, the same command given again does all of its work, and what it leaves is whole: keys,
charter, descriptors, switches, exports, logs. The tests take `LIAISON_FAULTS` calls of each command for each of a few
faults (0: every call and every fault, as `make faults` does).
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from errno import EIO
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.support.cli import Liaison, found_federation
from tests.support.faulty_disk import ERRORS, Disk, Fault, build_disk
from tests.support.nodes import free_port
from tests.support.torture import listens
from tests.support.zygote import Child, Zygote

POINTS = int(os.environ.get("LIAISON_FAULTS", "1"))
SEED = int(os.environ.get("LIAISON_SEED", "20261124"))
_FAULTS = tuple(fault for fault in Fault if fault)
_SAMPLE = 3
"""Faults of each command where not all are tried."""

Given = tuple[str | Path, ...]


@dataclass(frozen=True)
class Workshop:
    """Homes of two members that trust each other, of which `th` has served once; copied for each fault."""

    liaison: Liaison
    folder: Path

    def ok(self, *arguments: str | Path) -> str:
        """Run a command that must succeed; what it printed."""
        ran = self.liaison(*arguments)
        assert ran.code == 0, f"{arguments}: {ran.out}{ran.err}"
        return ran.out


# ---------------------------------------------------------------- the commands, and what must be true afterwards


def init(at: Path) -> Given:
    return "init", "--member", "la", "--home", at / "la", "--authority", at / "la-authority", "--agency", "police"


def init_is_whole(shop: Workshop) -> None:
    assert '"home": []' in shop.ok(*init(shop.folder), "--json")
    keys = [*shop.folder.glob("la/keys/*.key"), *shop.folder.glob("la-authority/*.key")]
    certificates = [*shop.folder.glob("la/keys/*.pem"), *shop.folder.glob("la*/ca.pem")]
    assert len(keys) > 8
    assert len(certificates) > 4
    for key in keys:
        load_pem_private_key(key.read_bytes(), None)
    for certificate in certificates:
        x509.load_pem_x509_certificates(certificate.read_bytes())


def sign(at: Path) -> Given:
    return "trust", "sign", at / "next.json", "--authority", at / "vn-authority"


def sign_is_whole(shop: Workshop) -> None:
    shop.ok("trust", "sign", shop.folder / "next.json", "--authority", shop.folder / "th-authority")
    for member in ("th", "vn"):
        shop.ok("trust", "accept", shop.folder / "next.json", "--home", shop.folder / member)


def publish(at: Path) -> Given:
    return "trust", "publish", "--home", at / "th", "--authority", at / "th-authority", "--out", at / "published.jsonl"


def publish_is_whole(shop: Workshop) -> None:
    shop.ok("trust", "accept", shop.folder / "published.jsonl", "--home", shop.folder / "vn")
    shop.ok("trust", "show", "--home", shop.folder / "th", "--json")


def accept(at: Path) -> Given:
    return "trust", "accept", at / "renewed.jsonl", "--home", at / "vn"


def accept_is_whole(shop: Workshop) -> None:
    shop.ok("trust", "show", "--home", shop.folder / "vn", "--json")


def suspend(at: Path) -> Given:
    return "suspend", "--home", at / "th", "--peer", "vn", "--reason", "trial"


def suspend_is_whole(shop: Workshop) -> None:
    shop.ok("resume", "--home", shop.folder / "th", "--peer", "vn", "--reason", "trial over")
    assert (
        "not switched off" in shop.liaison("resume", "--home", shop.folder / "th", "--peer", "vn", "--reason", "x").out
    )


def export(at: Path) -> Given:
    return "audit", "export", "--home", at / "th", "--out", at / "export"


def export_is_whole(shop: Workshop) -> None:
    shop.ok("audit", "verify", "--export", shop.folder / "export", "--charter", shop.folder / "charter.json")


def serve(at: Path) -> Given:
    return "serve", "--home", at / "vn"


def serve_is_whole(shop: Workshop) -> None:
    shop.ok("audit", "verify", "--home", shop.folder / "vn")


_WHOLE: dict[Callable[[Path], Given], Callable[[Workshop], None]] = {
    init: init_is_whole,
    sign: sign_is_whole,
    publish: publish_is_whole,
    accept: accept_is_whole,
    suspend: suspend_is_whole,
    export: export_is_whole,
    serve: serve_is_whole,
}


# ---------------------------------------------------------------- how they are run


class Press:
    """Runs commands in processes of their own, with a faulty disk below the folder."""

    def __init__(self, zygote: Zygote, folder: Path) -> None:
        self._zygote = zygote
        self._disk = Disk(folder / "disk")
        self._output = folder / "output.txt"
        self.template = folder / "template"
        self.work = folder / "work"

    def fresh(self) -> None:
        """The homes as they were."""
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self.template, self.work)

    async def run(self, arguments: Given, fault: Fault = Fault.NONE, number: int = 0, error: int = EIO) -> int:
        """Its exit code. A node is asked to stop once it serves."""
        self._output.unlink(missing_ok=True)
        self._disk.arm(fault, number, error, seed=number)
        texts = [str(argument) for argument in arguments]
        child = await self._zygote.fork(
            "tests.support.zygote:command", *texts, output=self._output, disk=(self._disk.file, self.work)
        )
        if arguments[0] == "serve":
            await self._stop(child, arguments[2])
        code = await child.ended(60)
        self._disk.disarm()
        return code

    async def _stop(self, child: Child, home: str | Path) -> None:
        ports = re.findall(r'127\.0\.0\.1:(\d+)"', (Path(home) / "node.toml").read_text(encoding="utf-8"))
        async with asyncio.timeout(60):
            while child.alive and not all(listens(int(port)) for port in ports):
                await asyncio.sleep(0.01)
        child.signal(signal.SIGTERM)

    @property
    def calls(self) -> list[str]:
        """What the last command did to the disk."""
        return [self._disk.name(number + 1) for number in range(self._disk.seen)]

    @property
    def fired(self) -> bool:
        """Whether the fault happened."""
        return self._disk.fired

    @property
    def said(self) -> str:
        """What the last command printed."""
        return self._output.read_text(encoding="utf-8")


def make_template(liaison: Liaison, folder: Path) -> None:
    """Members `th` and `vn`, a second charter to be signed, a renewed status to be accepted."""
    folder.mkdir()
    found_federation(liaison, folder, ("th", "vn"))
    for home in (folder / "th", folder / "vn"):
        file = home / "node.toml"
        text = re.sub(r"127\.0\.0\.1:61\d\d\d", lambda _: f"127.0.0.1:{free_port()}", file.read_text(encoding="utf-8"))
        file.write_text(text, encoding="utf-8")
    shop = Workshop(liaison, folder)
    shop.ok("trust", "publish", "--home", folder / "th", "--out", folder / "renewed.jsonl")
    cards = [folder / "th-authority", folder / "vn-authority"]
    before = ("--previous", folder / "charter.json", "--threshold", "2", "--out", folder / "next.json")
    shop.ok("trust", "draft", *before, *cards)


@asynccontextmanager
async def press(liaison: Liaison, folder: Path) -> AsyncIterator[Press]:
    async with Zygote(preload=build_disk(folder)) as zygote:
        made = Press(zygote, folder)
        make_template(liaison, made.template)
        made.work = made.template
        assert await made.run(("serve", "--home", made.template / "th")) == 0, made.said
        made.work = folder / "work"
        yield made


def chosen(count: int, dice: random.Random) -> list[tuple[Fault, int]]:
    """Faults, each with the number of the call, from 1."""
    if not POINTS:
        return [(fault, number) for fault in _FAULTS for number in range(1, count + 1)]
    return [(fault, dice.randint(1, count)) for fault in dice.sample(_FAULTS, _SAMPLE) for _ in range(POINTS)]


def plans() -> list[list[Callable[[Path], Given]]]:
    """The commands of each test: all in one for a sample, one in each when every call is tried."""
    return [list(_WHOLE)] if POINTS else [[command] for command in _WHOLE]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("commands", plans(), ids=lambda commands: "-".join(each.__name__ for each in commands))
async def test_a_command_that_is_cut_off_anywhere_does_all_of_its_work_when_it_is_given_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], commands: list[Callable[[Path], Given]]
) -> None:
    liaison = Liaison(capsys)
    async with press(liaison, tmp_path) as machine:
        for command in commands:
            await tried(machine, Workshop(liaison, machine.work), command)


async def tried(machine: Press, shop: Workshop, command: Callable[[Path], Given]) -> None:
    """One command with its faults."""
    dice, arguments = random.Random(f"{SEED} {command.__name__}"), command(machine.work)
    machine.fresh()
    assert await machine.run(arguments) == 0, machine.said
    calls = machine.calls
    assert calls, "nothing was seen of it"
    _WHOLE[command](shop)
    for fault, number in chosen(len(calls), dice):
        story = f"{command.__name__}: {fault.name} at call {number} of {len(calls)}, {calls[number - 1]}"
        machine.fresh()
        code = await machine.run(arguments, fault, number, dice.choice(ERRORS))
        if machine.fired:
            assert code in (0, 1, 70, -signal.SIGKILL), f"{story}: ended with {code}: {machine.said}"
            assert (code == -signal.SIGKILL) == fault.deadly, f"{story}: ended with {code}"
            assert "Traceback" not in machine.said, f"{story}: {machine.said}"
        assert await machine.run(arguments) == 0, f"{story}; again: {machine.said}"
        try:
            _WHOLE[command](shop)
        except Exception as error:
            error.add_note(story)
            raise
