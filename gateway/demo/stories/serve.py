"""Play the scenes and leave the nodes running to work with; a later command ends them."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway.config import argument, load_settings
from gateway.demo.federation import MEMBERS, Federation, using
from gateway.demo.running import Ended, end_node
from gateway.demo.stories.desk import leave_follow_up
from gateway.demo.stories.play import consoles, played, say_consoles, say_what_to_try

READY = "ready"


def serve(home: Path, *, as_json: bool) -> int:
    """Play the demo, leave its nodes running, print `ready` last, and return 0.

    When a scene went otherwise than it should, the nodes are stopped and 1 is returned.
    """
    folder = home.absolute()
    with played(folder, quiet=as_json, kept=True) as (federation, story):
        ready = story.went_well and leave_follow_up(federation, story)
        if as_json:
            story.write_json(ready=ready, **(_places(federation) if ready else {}))
        elif ready:
            say_what_to_try(federation, story)
            say_consoles(federation, story)
            story.say(f"\nliaison demo --stop --home {argument(folder)} ends them.\n{READY}")
        if ready:
            federation.let_run()
    return 0 if ready else 1


def stop(home: Path, *, as_json: bool) -> int:
    """End the nodes that `serve` left running, print them, and return 0, also when none runs.

    Raises `Misconfigured` when another process uses one of the homes; the nodes of the others are ended all the same.
    """
    folder = home.absolute()
    ended = _end_all(folder) if folder.is_dir() else {}
    if as_json:
        stopped = {member: asdict(one) for member, one in ended.items()}
        _say(json.dumps({"home": str(folder), "stopped": stopped}, indent=2))
    elif not ended:
        _say(f"no node of a demo runs in {folder}")
    else:
        _say("\n".join(_line(member, one) for member, one in ended.items()))
    return 0


def _end_all(folder: Path) -> dict[str, Ended]:
    homes = {member: folder / member for member in MEMBERS}
    with using(folder), ThreadPoolExecutor(max_workers=len(MEMBERS)) as pool:
        ending = {member: pool.submit(end_node, home) for member, home in homes.items()}
    found = {member: one.result() for member, one in ending.items()}
    return {member: one for member, one in found.items() if one is not None}


def _line(member: str, ended: Ended) -> str:
    how = "killed, since it did not end when it was asked" if ended.killed else "stopped"
    return f"{member}  {how} (process {ended.pid})"


def _places(federation: Federation) -> dict[str, Any]:
    """Return the places and processes that a program needs to work with the nodes."""
    return {"charter": str(federation.charter), "nodes": {member: _node(federation, member) for member in MEMBERS}}


def _node(federation: Federation, member: str) -> dict[str, Any]:
    settings = load_settings(federation.home(member), {})
    process = federation.processes[member]
    return {
        "home": str(settings.home),
        "authority": str(federation.authority(member)),
        "exchange": settings.listen.exchange,
        "agency": settings.listen.agency,
        "console": consoles(federation).get(member, ""),
        "pid": process.process.pid,
        "log": str(process.log),
        "officers": [asdict(officer) for officer in settings.trial_officers],
    }


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
