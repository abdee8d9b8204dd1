"""The register of offices (`offices.tsv`), with national desks, and who may address which (decision 0082)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from gateway.model.desk.offices import Addressable, Facing

MEMBERS = ("th", "la", "vn", "kh", "mm", "cn")


@dataclass(frozen=True, slots=True)
class Office:
    """One office, and the ids of those abroad that face it."""

    id: str
    member: str
    name: str
    faces: tuple[str, ...]


def national_desk(member: str) -> str:
    """Return the id of a member's national desk."""
    return f"{member}.national"


def register() -> dict[str, tuple[Office, ...]]:
    """Return the offices of each member. Each pair is on both sides."""
    found: dict[str, list[Office]] = defaultdict(list)
    for line in Path(__file__).with_name("offices.tsv").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        member, place, name, faces = line.split("\t")
        found[member].append(Office(_id(member, place), member, name, tuple(map(_faced, faces.split()))))
    offices = {each.id: each for each in chain.from_iterable(found.values())}
    for each in offices.values():
        assert all(each.id in offices[other].faces for other in each.faces), f"{each.id} faces one that does not"
    return {member: tuple(found[member]) for member in MEMBERS}


def addressable(member: str, offices: tuple[Office, ...]) -> Addressable:
    """Return the rule that the member's descriptor states."""
    return Addressable((national_desk(member),), tuple(Facing(each.id, each.faces) for each in offices))


def _id(member: str, place: str) -> str:
    return f"{member}.blo.{place}"


def _faced(text: str) -> str:
    return _id(*text.split("."))
