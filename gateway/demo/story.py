"""Tell the demo: what happens in plain words, the commands that do it, and the text that they print."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.demo.command import Ran, run, words
from gateway.views.lines import Line

KEY = "--idempotency-key"
"""The option of `ask` that keeps a question from being asked twice; not shown, since people need not give it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation, in words, and whether it was met."""

    text: str
    met: bool


@dataclass(slots=True)
class Scene:
    """One step of the demo with its expectations. `details` goes into the JSON."""

    number: int
    title: str
    checks: list[Check] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def went_well(self) -> bool:
        """Return whether there were expectations, and all were met."""
        return bool(self.checks) and all(check.met for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """Return the scene for `--json`."""
        checks = [{"expected": check.text, "met": check.met} for check in self.checks]
        return {"step": self.number, "title": self.title, "ok": self.went_well, "checks": checks} | self.details


class Story:
    """Tells the scenes as they happen; prints only the final JSON when `quiet`."""

    def __init__(self, folder: Path, *, quiet: bool) -> None:
        self._folder = folder
        self._quiet = quiet
        self.scenes: list[Scene] = []
        self.alike: list[int] = []
        """Entries of answers that must not differ visibly; the scene about logs compares their sizes."""

    def scene(self, title: str, *lines: str) -> Scene:
        """Begin the next scene."""
        scene = Scene(len(self.scenes) + 1, title)
        self.scenes.append(scene)
        self.say(f"\n{scene.number}. {title}")
        for line in lines:
            self.say(f"   {line}")
        return scene

    def say(self, text: str) -> None:
        """Print one line, unless quiet."""
        if not self._quiet:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    def expect(self, scene: Scene, text: str, met: object) -> None:
        """Note an expectation of a scene, and print whether it was met."""
        scene.checks.append(Check(text, bool(met)))
        self.say(f"   {'ok ' if met else 'NOT AS EXPECTED:'} {text}")

    def search(self, *arguments: str | Path) -> Ran:
        """Run `liaison ask` and return its JSON; its words come from a second call with the same idempotency key."""
        self._announce(arguments)
        ran = run(*arguments)
        if not self._quiet:
            self._repeat(str(words(*arguments).output).splitlines())
        return ran

    def command(self, *arguments: str | Path, only: str = "") -> Ran:
        """Run another command; print its last line, or those that hold `only`. `output` is JSON when quiet."""
        self._announce(arguments)
        ran = run(*arguments) if self._quiet else words(*arguments)
        if not self._quiet:
            lines = str(ran.output).splitlines()
            self._repeat(([line for line in lines if only in line] if only else []) or lines[-1:])
        return ran

    def act(self, lines: Callable[[dict[str, Any]], Iterable[Line]], *arguments: str | Path) -> dict[str, Any]:
        """Run a command that is not to be repeated; print its JSON as it prints it itself, and return it."""
        self._announce(arguments)
        ran = run(*arguments)
        found = ran.output if isinstance(ran.output, dict) and "error" not in ran.output else None
        told = ran.said.splitlines() if found is None else [_plain(line) for line in lines(found)]
        self._repeat(told)
        return found or {}

    def _announce(self, arguments: tuple[str | Path, ...]) -> None:
        shown = [self._shown(str(part)) for part in arguments]
        if KEY in shown:
            del shown[shown.index(KEY) : shown.index(KEY) + 2]
        self.say(f"   $ liaison {' '.join(shown)}")

    def _repeat(self, lines: list[str]) -> None:
        for line in lines:
            self.say(f"     {line}")

    def _shown(self, text: str) -> str:
        text = text.replace(f"{self._folder}/", "")
        return f'"{text}"' if " " in text else text

    def write_json(self, **more: Any) -> None:
        """Write all scenes as one JSON document, with the values of `more`."""
        scenes = [scene.as_json() for scene in self.scenes]
        result = {"ok": self.went_well, "home": str(self._folder), "steps": scenes} | more
        sys.stdout.write(json.dumps(result, ensure_ascii=False, indent=2) + "\n")
        sys.stdout.flush()

    @property
    def went_well(self) -> bool:
        """Return whether every scene went as expected."""
        return bool(self.scenes) and all(scene.went_well for scene in self.scenes)


def _plain(line: Line) -> str:
    return line if isinstance(line, str) else line[0]


SceneOf = Callable[[Any, Story], None]
"""A scene: a function of the federation and the story."""
