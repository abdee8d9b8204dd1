"""Persons of a home that tests found: their keys lie beside it."""

from __future__ import annotations

from pathlib import Path

from gateway.ops.homes.persons import admit_person
from gateway.ops.key_pairs import make_key_pair
from gateway.trust.documents.descriptor import KeyUse

PERSONS = {"adm": KeyUse.ADMINISTRATOR, "data1": KeyUse.DATA_OFFICER, "data2": KeyUse.DATA_OFFICER}
"""Who can sign at each home that `make_federation` founds."""


def person_key(home: Path, name: str) -> Path:
    """The key of a person of a home."""
    return home.parent / "persons" / f"{home.name}-{name}.key"


def admit_persons(home: Path) -> None:
    """Make the keys of all persons, and bring their public keys into the home; a descriptor has to list them yet."""
    for name, use in PERSONS.items():
        made = make_key_pair(home.parent / "persons", f"{home.name}-{name}")
        admit_person(home, Path(made["public"]), use)


def two_keys(home: Path) -> tuple[str, ...]:
    """The options with which two data officers of a home sign."""
    return ("--key", str(person_key(home, "data1")), "--key", str(person_key(home, "data2")))


def administrator(home: Path) -> tuple[str, ...]:
    """The option with which the administrator of a home signs."""
    return ("--key", str(person_key(home, "adm")))


def answering(home: Path) -> tuple[str, ...]:
    """The options with which an administrator and another person sign what both answer for."""
    return (*administrator(home), "--key", str(person_key(home, "data1")))


def signed(home: Path) -> tuple[str, ...]:
    """The options with which two data officers say why, and sign."""
    return ("--reason", "asked in error", *two_keys(home))
