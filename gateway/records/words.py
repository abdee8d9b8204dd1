"""Closed lists of words in records (domain, sections 2.1 and 2.2). An unknown word is refused, never guessed.

`words.tsv` holds the lists. In a model each stands as a text that must be one of its words.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from importlib import resources
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import GetPydanticSchema


def _read() -> dict[str, type[StrEnum]]:
    """Return the lists as enumerations by name, each with its meaning as its docstring."""
    text = resources.files("gateway.records").joinpath("words.tsv").read_text(encoding="utf-8")
    lists: dict[str, type[StrEnum]] = {}
    make: Any = StrEnum  # a type checker knows only literal words
    for name, meaning, words in (line.split("\t") for line in text.splitlines() if not line.startswith("#")):
        lists[name] = make(name, {word: word for word in words.split()})
        lists[name].__doc__ = meaning
    return lists


WORDS: Mapping[str, type[StrEnum]] = MappingProxyType(_read())
"""The lists by name."""


def _listed(name: str) -> Any:
    """Return the form of a text that is a word of the list `name`."""
    return GetPydanticSchema(lambda _text, handler: handler(WORDS[name]))


RecordStatus = Annotated[str, _listed("RecordStatus")]
Certainty = Annotated[str, _listed("Certainty")]
LinkType = Annotated[str, _listed("LinkType")]
DocumentStatus = Annotated[str, _listed("DocumentStatus")]
MrzCheck = Annotated[str, _listed("MrzCheck")]
ChipRead = Annotated[str, _listed("ChipRead")]
CraftStatus = Annotated[str, _listed("CraftStatus")]
Risk = Annotated[str, _listed("Risk")]
Detection = Annotated[str, _listed("Detection")]
Direction = Annotated[str, _listed("Direction")]
TravelMode = Annotated[str, _listed("TravelMode")]
CrossingDecision = Annotated[str, _listed("CrossingDecision")]
StayKind = Annotated[str, _listed("StayKind")]
AlertClass = Annotated[str, _listed("AlertClass")]
DoNot = Annotated[str, _listed("DoNot")]
SubstanceForm = Annotated[str, _listed("SubstanceForm")]
IncbTable = Annotated[str, _listed("IncbTable")]
CitesAppendix = Annotated[str, _listed("CitesAppendix")]
CitesSource = Annotated[str, _listed("CitesSource")]
CitesPurpose = Annotated[str, _listed("CitesPurpose")]
MedicineDefect = Annotated[str, _listed("MedicineDefect")]
PermitType = Annotated[str, _listed("PermitType")]
CaseStatus = Annotated[str, _listed("CaseStatus")]
