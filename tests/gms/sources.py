"""Small invented databases of police, customs and immigration, alike in all six countries."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gateway.demo.sources.dice import Dice
from gateway.model.forms.numbers import container_check_digit
from tests.gms.offices import MEMBERS
from tests.support.nodes import SourcePlan

AGENCIES = ("police", "customs", "immigration")
ALPHA3 = {"th": "THA", "la": "LAO", "vn": "VNM", "kh": "KHM", "mm": "MMR", "cn": "CHN"}
_ROWS = 200
_GIVEN = ("SOMCHAI", "BOUNMY", "DARA", "LAN", "AUNG", "MEI", "KHAM", "SOPHEA", "NAING", "WEI", "PHET", "HOA")
_FAMILY = ("SRISUK", "VONGSA", "TRAN", "CHEA", "HTUT", "LIU", "PHOMMA", "SENG", "PHAM", "KYAW", "ZHANG", "BUNYA")

_HEAD = """\
[source]
id = "{member}.{agency}.small"
agency = "{agency}"
kind = "{agency} records"
[marking]
level = "OFFICIAL"
use = ["{use}"]
releasable_to = {everybody}
onward = "ASK"
evaluation = "B2"
"""
_RECORDS = {
    "police": """\
[[record]]
type = "Person"
table = "person"
key = "id"
left_out = ["national_ids", "documents", "addresses", "warnings", "status"]
category = "SUSPECT"
[record.fields]
names = [{{ column = "name", convert = ["name"], script = "Latn" }}]
birth = {{ column = "born", convert = ["date"], formats = ["yyyy-mm-dd"] }}
sex = {{ column = "sex" }}
nationalities = [{{ column = "country" }}]
[record.search]
names = {{ field = "names" }}
birth = {{ field = "birth" }}
""",
    "customs": """\
[[record]]
type = "Consignment"
table = "declaration"
key = "id"
left_out = ["office", "consignor", "consignee", "declarant", "lines", "transport", "route", "risk", "permits"]
category = "OWNER"
[record.fields]
declaration = {{ column = "number" }}
containers = [{{ column = "container", convert = ["compact"] }}]
[record.search]
containers = {{ field = "containers" }}
""",
    "immigration": """\
[[record]]
type = "TravelDocument"
table = "paper"
key = "id"
left_out = ["holder_name", "birth", "issued", "expires", "last_crossing"]
category = "OWNER"
[record.fields]
doc_code = {{ value = "P" }}
issuer = {{ column = "country" }}
number = {{ column = "number", convert = ["compact"] }}
status = {{ column = "status" }}
[record.search]
documents = [{{ item = {{ number = {{ field = "number" }}, issuer = {{ field = "issuer" }} }} }}]
""",
}
_TABLES = {
    "police": "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, born TEXT, sex TEXT, country TEXT)",
    "customs": "CREATE TABLE declaration (id INTEGER PRIMARY KEY, number TEXT, container TEXT)",
    "immigration": "CREATE TABLE paper (id INTEGER PRIMARY KEY, number TEXT, country TEXT, status TEXT)",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What one country knows and officers abroad ask for: a lost passport, a person, a container."""

    passport: str
    name: str
    born: str
    container: str


def known(member: str) -> Known:
    """Return what a country knows; no other country has it."""
    place = MEMBERS.index(member)
    return Known(
        f"{member.upper()}70000{place}0", f"{_FAMILY[place]} {_GIVEN[-place - 1]}", f"197{place}-03-1{place}",
        container(f"GMSU70000{place}"),
    )  # fmt: skip


def container(start: str) -> str:
    """Return the number of a container with its check digit."""
    return f"{start}{container_check_digit(start)}"


def make_sources(folder: Path, member: str) -> list[SourcePlan]:
    """Write the three databases and mappings of a country."""
    plans = []
    for agency in AGENCIES:
        mapping, database = folder / f"{member}-{agency}.toml", folder / f"{member}-{agency}.sqlite"
        head = _HEAD.format(member=member, agency=agency, use="U0" if agency == "immigration" else "U2",
                            everybody=list(MEMBERS)).replace("'", '"')  # fmt: skip
        mapping.write_text(head + _RECORDS[agency].format(), encoding="utf-8")
        _fill(database, member, agency)
        plans.append(SourcePlan(f"{member}.{agency}.small", agency, mapping, f"sqlite:///{database}"))
    return plans


def _fill(file: Path, member: str, agency: str) -> None:
    dice, found, country = Dice(f"gms.{member}.{agency}"), known(member), ALPHA3[member]
    rows: dict[str, list[tuple[object, ...]]] = {
        "police": [(found.name, found.born, "M", country), *(
            (f"{dice.pick(_FAMILY)} {dice.pick(_GIVEN)}", f"{dice.day(1950, 2004):%Y-%m-%d}", dice.pick("MF"), country)
            for _ in range(_ROWS))],
        "customs": [(f"{member}-D-0", found.container), *(
            (f"{member}-D-{number}", container(f"GMSU{dice.digits(6)}")) for number in range(1, _ROWS))],
        "immigration": [(found.passport, country, "LOST"), *(
            (f"{member.upper()}{dice.digits(7)}", country, dice.pick(("VALID", "LOST"))) for _ in range(_ROWS))],
    }  # fmt: skip
    values = rows[agency]
    with closing(sqlite3.connect(file)) as database:
        database.execute(_TABLES[agency])
        marks = ", ".join("?" * len(values[0]))
        table = _TABLES[agency].split()[2]
        database.executemany(
            f"INSERT INTO {table} VALUES (?, {marks})",
            [(number, *value) for number, value in enumerate(values, 1)],
        )
        database.commit()
