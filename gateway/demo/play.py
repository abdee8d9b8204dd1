"""Plays the demo: founds the federation, starts its nodes, tells the scenes, and cleans up."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gateway.clock import SystemClock
from gateway.config import argument
from gateway.demo import planted
from gateway.demo.federation import MEMBERS, OFFICER, Federation, open_federation
from gateway.demo.scenes import SCENES
from gateway.demo.story import Story

WELL = "Everything happened as it should"
NOT_WELL = "Something went otherwise than it should: see NOT AS EXPECTED above"


def run(*, once: bool, home: Path | None, as_json: bool) -> int:
    """Play the demo; 0 when every scene went as expected, else 1.

    With `home` the federation stays there and is taken up again by a later run; without, it lives in a temporary
    folder. On a terminal it stays up until Ctrl-C unless `once` or `as_json`.
    """
    clock = SystemClock()
    began = clock.monotonic()
    with _folder(home) as folder, _ends_on_sigterm():
        story = Story(folder, quiet=as_json)
        story.say("Three countries, each with a node of its own, on this machine. All people are invented.")
        story.say(f"Founding the federation in {folder}{' (kept)' if home else ''} ...")
        federation = open_federation(folder, clock)
        try:
            federation.start(*MEMBERS)
            story.say(f"The nodes of {', '.join(MEMBERS)} are up after {clock.monotonic() - began:.0f} s.")
            for scene in SCENES:
                scene(federation, story)
            _finish(story, folder, clock.monotonic() - began, as_json=as_json)
            if sys.stdout.isatty() and not once and not as_json:
                _stay_up(federation, story)
        finally:
            federation.stop(*federation.processes)
    return 0 if story.went_well else 1


def _finish(story: Story, folder: Path, seconds: float, *, as_json: bool) -> None:
    story.say(f"\nThat took {seconds:.0f} seconds.\n{WELL if story.went_well else NOT_WELL}")
    if as_json:
        sys.stdout.write(story.result(folder) + "\n")


def _stay_up(federation: Federation, story: Story) -> None:
    command = argument(Path(shutil.which("liaison") or Path(sys.executable).with_name("liaison")))
    home, kh, vn = (argument(federation.home(member)) for member in ("th", "kh", "vn"))
    key = argument(federation.administrator("vn"))
    car = (planted.STOLEN_CAR_PLATE, planted.STOLEN_CAR_PROVINCE)
    story.say("\nThe nodes stay up. In another terminal, try:\n")
    for line in (
        f"{command} doctor --home {home} --to vn",
        f"{command} ask container --home {home} --as {OFFICER} --to kh --number {planted.SEIZED_CONTAINER} "
        "--purpose INVESTIGATION --offence TIMBER --case TH-2026-0418",
        f'{command} ask vehicle --home {kh} --as kh.o.1042 --to th --plate "{car[0]}" '
        f'--province "{car[1]}" --purpose BORDER_CHECK --offence OTHER --ticket KH-PP-77',
        f"{command} suspend --home {vn} --all --reason trial",
        f"{command} resume --home {vn} --all --reason trial --key {key}",
        f"{command} audit show --home {home}",
    ):
        story.say(f"  {line}")
    story.say("\nCtrl-C ends the demo.")
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()


@contextlib.contextmanager
def _folder(home: Path | None) -> Iterator[Path]:
    if home is not None:
        yield home.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="liaison-demo-") as folder:
        yield Path(folder)


@contextlib.contextmanager
def _ends_on_sigterm() -> Iterator[None]:
    """Turns SIGTERM into an orderly end, so that no node outlives the demo."""

    def end(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
