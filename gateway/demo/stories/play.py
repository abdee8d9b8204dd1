"""Play the demo: found the federation, start its nodes, tell the scenes, and clean up."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gateway.clock import SystemClock
from gateway.config import Home, argument, host_port, load_settings
from gateway.demo.federation import MEMBERS, OFFICER, Federation, open_federation, using
from gateway.demo.sources import planted
from gateway.demo.stories.desk import DUTY_VN, leave_follow_up
from gateway.demo.stories.scenes import SCENES
from gateway.demo.story import Story
from gateway.language.countries import country
from gateway.language.languages import Language

WELL = "Everything happened as it should"
_TRIAL_LOGINS = (
    (OFFICER, "officer", f"scan or type {planted.STOLEN_PASSPORT.number} at the gate"),
    (DUTY_VN, "duty officer in Viet Nam", "a follow-up waits for a decision"),
    ("th.a.1", "auditor", "what was asked and answered, by mandate"),
    ("th.adm.1", "administrator", "health, sources, keys; no content of records"),
)
"""Officers for trials, what they are, and what to try as each."""

NOT_WELL = "Something went otherwise than it should: see NOT AS EXPECTED above. The scenes after it were not played"


def run(*, once: bool, home: Path | None, as_json: bool) -> int:
    """Play the demo and return 0 when every scene went as expected, else 1.

    With `home` the federation stays there and is taken up again by a later run; without, it lives in a temporary
    folder. On a terminal it stays up until Ctrl-C unless `once` or `as_json`.
    """
    with _folder(home) as folder, played(folder, quiet=as_json, kept=bool(home)) as (federation, story):
        if as_json:
            story.write_json()
        elif sys.stdout.isatty() and not once:
            _stay_up(federation, story)
    return 0 if story.went_well else 1


@contextlib.contextmanager
def played(folder: Path, *, quiet: bool, kept: bool) -> Iterator[tuple[Federation, Story]]:
    """Play the scenes, up to one that goes otherwise than it should; yield the federation and its story.

    The nodes are stopped when the block ends.
    """
    clock = SystemClock()
    began = clock.monotonic()
    with _ends_in_order(), using(folder):
        story = Story(folder, quiet=quiet)
        story.say("Three countries, each with a node of its own, on this machine. All people are invented.")
        story.say(f"Founding the federation in {folder}{' (kept)' if kept else ''} ...")
        federation = open_federation(folder, clock)
        try:
            federation.start(*MEMBERS)
            story.say(f"The nodes of {', '.join(MEMBERS)} are up after {clock.monotonic() - began:.0f} s.")
            for scene in SCENES:
                scene(federation, story)
                if not story.went_well:  # the scenes after it build on it, and would wait for what does not come
                    break
            seconds = clock.monotonic() - began
            story.say(f"\nThat took {seconds:.0f} seconds.\n{WELL if story.went_well else NOT_WELL}")
            yield federation, story
        finally:
            federation.stop(*federation.processes)


def say_what_to_try(federation: Federation, story: Story) -> None:
    """Print commands that work while the nodes run."""
    command = argument(Path(shutil.which("liaison") or Path(sys.executable).with_name("liaison")))
    home, kh, vn = (argument(federation.home(member)) for member in ("th", "kh", "vn"))
    key = argument(federation.administrator("vn"))
    car = (planted.STOLEN_CAR_PLATE, planted.STOLEN_CAR_PROVINCE)
    story.say("\nThe nodes stay up. Commands to try:\n")
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


def consoles(federation: Federation) -> dict[str, str]:
    """Return the address of each member's console; passkeys need a name in it, and no number."""
    listens = {member: load_settings(federation.home(member), {}).listen.console for member in MEMBERS}
    return {member: f"https://localhost:{host_port(listen)[1]}" for member, listen in listens.items() if listen}


def say_consoles(federation: Federation, story: Story) -> None:
    """Print the addresses of the consoles, the CA that a browser has to trust, and whom one can be for a trial."""
    if not consoles(federation):  # of a federation that an earlier version founded
        return
    story.say("\nConsoles, for a browser (trial: one signs in without proving anything, from any device):\n")
    for member, address in consoles(federation).items():
        ca = argument(Home(federation.home(member)).ca)
        story.say(f"  {address}  {country(member, Language.EN)}; its CA: {ca}")
    story.say("")
    for name, role, what in _TRIAL_LOGINS:
        story.say(f"  {name:<9}  {role}: {what}")


def _stay_up(federation: Federation, story: Story) -> None:
    if story.went_well:
        leave_follow_up(federation, story)
    say_what_to_try(federation, story)
    say_consoles(federation, story)
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
def _ends_in_order() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into an orderly end, so that no node outlives an interrupted demo."""

    def end(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    # Under nohup SIGHUP is ignored, and stays so.
    heard = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
