"""Take the steps of a scene as its persons: commands, and waiting for what comes of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from gateway.demo.command import run
from gateway.demo.federation import Federation
from gateway.demo.story import SceneOf, Story
from gateway.views.lines import Line

_WAIT_S = 30.0
_PAUSE_S = 0.3

Found = dict[str, Any]


class NotThere(Exception):
    """A step of a scene did not come; the scene ends there."""


def ends_early(scene: SceneOf) -> SceneOf:
    """Return the scene; it ends early if its input never arrived."""

    def play(federation: Federation, story: Story) -> None:
        try:
            scene(federation, story)
        except NotThere as missing:
            story.expect(story.scenes[-1], str(missing), False)

    return play


def act(
    federation: Federation, story: Story, person: str, lines: Callable[[Found], Iterable[Line]], *command: str
) -> Found:
    """Run a command as a person, once; print what it prints, and return its JSON."""
    return story.act(lines, *_placed(federation, person, command))


def as_person(federation: Federation, person: str, *command: str) -> Found:
    """Run a command as a person without telling of it; return its JSON."""
    output = run(*_placed(federation, person, command)).output
    return output if isinstance(output, dict) else {}


def _placed(federation: Federation, person: str, command: tuple[str, ...]) -> tuple[str | Path, ...]:
    """Return a command line with the home and the name of a person before its options."""
    words = next((at for at, part in enumerate(command) if part.startswith("--")), len(command))
    return *command[:words], "--home", federation.home(person.partition(".")[0]), "--as", person, *command[words:]


def until(federation: Federation, condition: Callable[[], Any]) -> Any:
    """Return what the condition returns once it is true; what it returned last, after half a minute."""
    latest = federation.clock.monotonic() + _WAIT_S
    while not (found := condition()) and federation.clock.monotonic() < latest:
        time.sleep(_PAUSE_S)
    return found


def waits(federation: Federation, person: str, kind: str, of: Found) -> Found:
    """Return the newest work of a kind that waits for a person, in a thread where one is named. Raises `NotThere`."""

    def newest() -> Found:
        works = as_person(federation, person, "desk", "list", "--kind", kind).get("work", [])
        return next((each for each in reversed(works) if each["thread"] == of.get("thread", each["thread"])), {})

    if not (found := until(federation, newest)):
        raise NotThere(f"work of {person}: {kind}")
    return dict(found)
