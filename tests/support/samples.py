"""The demo's databases with their key indexes: made once in a test process, and copied into each world."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path

from adapters.load import Place, open_source
from gateway.clock import SystemClock
from gateway.config import Home
from gateway.demo.sample import SAMPLES, SampleSource
from gateway.model.query import ContainerQuery, DocumentQuery, NationalIdQuery, PersonQuery, Query, VehicleQuery
from gateway.model.values import NameForm
from gateway.storage.index.index_seal import load_index_secret
from tests.support.federation import process_folder

ONE_EACH: tuple[SampleSource, ...] = tuple(
    sample
    for sample in SAMPLES
    if sample.id in ("th.police.records", "vn.immigration.border", "kh.customs.declarations")
)
"""One source of each member: a test that watches, stops or delays a source knows which one it is."""


def sample_database(sample: SampleSource, folder: Path) -> Path:
    """A copy in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy2(sample.build(process_folder() / "sources"), folder))


def give_indexes(home: Path, member: str) -> None:
    """The indexes of the member's databases, and the secret that seals them, as after a first start of its node."""
    shutil.copytree(_indexed(member).path, home, symlinks=True, dirs_exist_ok=True)


@cache
def _indexed(member: str) -> Home:
    """Return a home that holds only the indexes of the member's databases."""
    home = Home(process_folder() / member)
    keystore = home.path / "keystore"
    home.path.mkdir(mode=0o700)
    keystore.mkdir(mode=0o700)
    secret = load_index_secret(keystore)
    for sample in ONE_EACH:
        if sample.member == member:
            url = f"sqlite:///{sample.build(process_folder() / 'sources')}"
            open_source(Place(sample.mapping_file, url, home.index, SystemClock(), index_secret=secret)).close()
    return home


_SOMETHING: dict[str, tuple[str, Callable[[str], Query]]] = {
    "th.police.records": ("SELECT lek_prachachon FROM bukkhon WHERE sathana = '1'", NationalIdQuery),
    "th.customs.declarations": ("SELECT CNTR_NO FROM TB_DECL WHERE CNTR_NO IS NOT NULL", ContainerQuery),
    "th.immigration.travellers": ("SELECT vehicle_plate FROM crossing WHERE vehicle_plate IS NOT NULL", VehicleQuery),
    "vn.police.subjects": ("SELECT BIEN_SO FROM XE", VehicleQuery),
    "vn.customs.declarations": ("SELECT soContainer FROM VuBatGiu WHERE soContainer IS NOT NULL", ContainerQuery),
    "vn.immigration.border": ("SELECT BienSo FROM QuaLai WHERE BienSo IS NOT NULL", VehicleQuery),
    "kh.police.persons": (
        "SELECT name_khmer FROM persons WHERE deleted = 'f'",
        lambda name: PersonQuery((NameForm(name),)),
    ),
    "kh.customs.declarations": ("SELECT nid FROM party WHERE dt_to = 99991231", NationalIdQuery),
    "kh.immigration.voyageurs": ("SELECT numero FROM document", DocumentQuery),
}


def something_in(sample: SampleSource, database: Path) -> Query:
    """Return a query that finds a record which the database of a sample holds beside what the scenes ask for."""
    statement, query = _SOMETHING[sample.id]
    with closing(sqlite3.connect(database)) as opened:
        return query(opened.execute(statement).fetchone()[0])
