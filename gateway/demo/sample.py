"""Build nine small agency databases with invented content, each in its own national style, the same in every run.

They are made when the demo starts, not shipped. Their mappings are the TOML files in `mappings/`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gateway.demo.sources import (
    kh_customs,
    kh_immigration,
    kh_police,
    th_customs,
    th_immigration,
    th_police,
    vn_customs,
    vn_immigration,
    vn_police,
)


@dataclass(frozen=True, slots=True)
class SampleSource:
    """One of the databases: its source id, which begins with member and agency, and the function that fills it."""

    id: str
    fill: Callable[[sqlite3.Connection], None]

    @property
    def member(self) -> str:
        """Return the member that owns the database."""
        return self.id.split(".")[0]

    @property
    def agency(self) -> str:
        """Return the agency that owns the database."""
        return self.id.split(".")[1]

    @property
    def mapping_file(self) -> Path:
        """Return the mapping that belongs to this database."""
        return Path(__file__).parent / "mappings" / f"{self.member}_{self.agency}.toml"

    def build(self, folder: Path) -> Path:
        """Write the database into `folder` unless it is there, and return the path of its file."""
        target = folder / f"{self.member}_{self.agency}.sqlite"
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
    SampleSource("th.police.records", th_police.fill),
    SampleSource("th.customs.declarations", th_customs.fill),
    SampleSource("th.immigration.travellers", th_immigration.fill),
    SampleSource("vn.police.subjects", vn_police.fill),
    SampleSource("vn.customs.declarations", vn_customs.fill),
    SampleSource("vn.immigration.border", vn_immigration.fill),
    SampleSource("kh.police.persons", kh_police.fill),
    SampleSource("kh.customs.declarations", kh_customs.fill),
    SampleSource("kh.immigration.voyageurs", kh_immigration.fill),
)
"""The police, the customs and the immigration department of each member."""
