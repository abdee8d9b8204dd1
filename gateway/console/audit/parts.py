"""The parts of the auditors' pages, handed in by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.console.frame.jobs import Jobs
from gateway.ops.mandate.acts import AuditorActs
from gateway.ops.mandate.placed import Places


@dataclass(frozen=True, slots=True)
class AuditParts:
    """The parts of the auditors' pages. `exports` is the folder of exports, `members` lists the other members."""

    folder: Path
    exports: Path
    acts: AuditorActs
    places: Places
    jobs: Jobs
    members: Callable[[], Sequence[str]]
