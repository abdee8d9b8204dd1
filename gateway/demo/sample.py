"""Three small agency databases with invented content, each in its own national style, the same in every run.

They are made when the demo starts, not shipped. Their mappings are the TOML files in `mappings/`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gateway.demo import sample_kh, sample_th, sample_vn


@dataclass(frozen=True, slots=True)
class SampleSource:
    """One of the databases: its source id, the member that owns it, its file, its mapping, how it is filled."""

    id: str
    member: str
    agency: str
    database: str
    mapping: str
    fill: Callable[[sqlite3.Connection], None]

    @property
    def mapping_file(self) -> Path:
        """The mapping that belongs to this database."""
        return Path(__file__).parent / "mappings" / self.mapping

    def build(self, folder: Path) -> Path:
        """Write the database into `folder` unless it is there; the path of its file."""
        target = folder / self.database
        if target.exists():
            return target
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        with closing(sqlite3.connect(unfinished)) as database:
            self.fill(database)
            database.commit()
        unfinished.rename(target)
        return target


SAMPLES = (
    SampleSource("th.police.records", "th", "police", "th_police.sqlite", "th_police.toml", sample_th.fill),
    SampleSource(
        "vn.immigration.border", "vn", "immigration", "vn_immigration.sqlite", "vn_immigration.toml", sample_vn.fill
    ),
    SampleSource("kh.customs.declarations", "kh", "customs", "kh_customs.sqlite", "kh_customs.toml", sample_kh.fill),
)
