"""How the demo speaks: what happens in plain words, the commands that do it, and what they print."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.demo.command import TIMEOUT_S, Ran, environment, program, run


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation, in words, and whether it was met."""

    text: str
    met: bool


@dataclass(slots=True)
class Scene:
    """One step of the demo with what was expected in it. `details` goes into the JSON."""

    number: int
    title: str
    checks: list[Check] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def went_well(self) -> bool:
        """Whether there were expectations, and all were met."""
        return bool(self.checks) and all(check.met for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """The scene for `--json`."""
        checks = [{"expected": check.text, "met": check.met} for check in self.checks]
        return {"step": self.number, "title": self.title, "ok": self.went_well, "checks": checks} | self.details


class Story:
    """Tells the scenes as they happen; says nothing but the final JSON when `quiet`."""

    def __init__(self, folder: Path, *, quiet: bool) -> None:
        self._folder = folder
        self._quiet = quiet
        self.scenes: list[Scene] = []

    def scene(self, title: str, *lines: str) -> Scene:
        """Begin the next scene."""
        scene = Scene(len(self.scenes) + 1, title)
        self.scenes.append(scene)
        self.say(f"\n{scene.number}. {title}")
        for line in lines:
            self.say(f"   {line}")
        return scene

    def say(self, text: str) -> None:
        """One line."""
        if not self._quiet:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    def expect(self, scene: Scene, text: str, met: object) -> None:
        """Note an expectation of a scene, and say whether it was met."""
        scene.checks.append(Check(text, bool(met)))
        self.say(f"   {'ok ' if met else 'NOT AS EXPECTED:'} {text}")

    def command(self, *arguments: str | Path) -> Ran:
        """Run a command of `liaison` with its JSON; show the command and the words that it prints."""
        self.say(f"   $ liaison {' '.join(self._shown(str(part)) for part in arguments)}")
        return run(*arguments) if self._quiet else self._told(arguments)

    def _told(self, arguments: tuple[str | Path, ...]) -> Ran:
        """The command twice: for its JSON, and for its words (a search is not repeated, its key is the same)."""
        ran = run(*arguments)
        done = subprocess.run(
            program(*arguments),
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=TIMEOUT_S,
            check=False,
        )
        for line in done.stdout.rstrip().splitlines():
            self.say(f"     {line}")
        return ran

    def _shown(self, text: str) -> str:
        text = text.replace(f"{self._folder}/", "")
        return f'"{text}"' if " " in text else text

    def result(self, folder: Path) -> str:
        """All scenes as one JSON document."""
        scenes = [scene.as_json() for scene in self.scenes]
        return json.dumps({"ok": self.went_well, "home": str(folder), "steps": scenes}, ensure_ascii=False, indent=2)

    @property
    def went_well(self) -> bool:
        """Whether every scene went as expected."""
        return bool(self.scenes) and all(scene.went_well for scene in self.scenes)


SceneOf = Callable[[Any, Story], None]
"""A scene: a function of the federation and the story."""
