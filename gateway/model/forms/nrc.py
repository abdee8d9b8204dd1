"""Read the number of a registration card of Myanmar: `၁၂/လမတ(နိုင်)၁၂၃၄၅၆` is `12/LAMATA(N)123456`.

A number has a state or region (1 to 14), three letters of a township, the kind of citizenship, and six digits. In
Latin letters each Burmese letter is a syllable. People spell it in several ways, and some letters share one: `SA` is စ
or ဆ.
`nrc_townships.tsv` says which townships there are, so that two of them with the same syllables stay apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import NamedTuple

_SYLLABLES: tuple[tuple[str, str, str], ...] = (
    ("KA", "က", ""), ("KHA", "ခ", "HKA"), ("GA", "ဂဃ", "GHA"), ("NGA", "င", ""), ("SA", "စဆ", "HSA CHA CA"),
    ("ZA", "ဇဈ", "JA"), ("NYA", "ည", ""), ("TA", "တဋ", ""), ("HTA", "ထဌ", ""), ("DA", "ဒဓဍဎ", "DHA"),
    ("NA", "နဏ", ""), ("PA", "ပ", ""), ("HPA", "ဖ", "PHA FA"), ("BA", "ဗဘ", "BHA"), ("MA", "မ", ""),
    ("YA", "ယရ", "RA"), ("LA", "လဠ", ""), ("WA", "ဝ", ""), ("THA", "သ", ""), ("HA", "ဟ", ""),
    ("AH", "အ", "AA A"), ("OU", "ဥ", "AU OO U"), ("AE", "ဧ", "E"),
)  # fmt: skip
"""The usual syllable of each Burmese letter, and others that are written for it."""

_SYLLABLE_OF = MappingProxyType({letter: usual for usual, letters, _ in _SYLLABLES for letter in letters})
_USUAL = MappingProxyType({said: usual for usual, _, others in _SYLLABLES for said in (usual, *others.split())})
_ASPIRATED = MappingProxyType({"THA": "HTA"})
"""A syllable that is also written for another letter, where no township has it."""

_KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "N": ("NAING", "N", "နိုင်", "နိုင", "ႏိုင္", "နိုင္", "နုိင်", "န"),
        "E": ("EH", "E", "ဧည့်", "ဧည်", "ဧည့္", "ဧည္", "ဧ"),
        "P": ("PYU", "P", "ပြု", "ျပဳ", "ပြ", "ပ"),
        "T": ("THATHANA", "T", "သာသနာ", "သာ", "သ"),
        "Y": ("YAYI", "Y", "ယာယီ", "ယာ", "ယ"),
        "S": ("S", "စ"),
    }
)
"""Each kind of card, and how it is written: citizen, associate, naturalised, religious, temporary, and `စ`."""

_KIND_OF = MappingProxyType({written: kind for kind, ways in _KINDS.items() for written in ways})
_LOOKALIKES = str.maketrans({"0": "ဝ", "7": "ရ", "ဦ": "ဥ", "ဉ": "ဥ", "ႏ": "န"})
_FIGURES = str.maketrans({"ဝ": "0", "ရ": "7"})
_ANY_KIND = "|".join(sorted(map(re.escape, _KIND_OF), key=len, reverse=True))
_LATIN = "|".join(sorted(_USUAL, key=len, reverse=True))
_NUMBER = re.compile(
    rf"(?P<state>1[0-4]|0?[1-9])(?:(?P<letters>[က-အဥဦဧႏ07]{{3}})|(?P<one>{_LATIN})(?P<two>{_LATIN})(?P<three>{_LATIN}))"
    rf"(?P<kind>{_ANY_KIND})(?P<serial>[0-9ဝရ]{{5,6}})"
)


class Card(NamedTuple):
    """A number that was read. `letters` is the township in Burmese; empty where its syllables leave several open."""

    state: int
    syllables: str
    letters: str
    kind: str
    serial: str

    @property
    def key(self) -> str:
        """The one form of the number in Latin letters; two townships may share it."""
        return f"{self.state}{self.syllables}{self.kind}{self.serial}"


def read_card(compact: str) -> Card | None:
    """Return the card whose number is `compact` (`numbers.compact`); None for a text of another form."""
    found = None if compact.isdigit() else _NUMBER.fullmatch(compact)
    if found is None:
        return None
    state, kind = int(found["state"]), _KIND_OF[found["kind"]]
    serial = found["serial"].translate(_FIGURES).zfill(6)
    if found["letters"]:
        letters = found["letters"].translate(_LOOKALIKES)
        said = "".join(_SYLLABLE_OF[letter] for letter in letters)
        known = townships().get((state, said), ())
        return Card(state, said, known[0] if len(known) == 1 else letters, kind, serial)
    said = _said(state, (found["one"], found["two"], found["three"]))
    known = townships().get((state, said), ())
    return Card(state, said, known[0] if len(known) == 1 else "", kind, serial)


def _said(state: int, written: tuple[str, ...]) -> str:
    """Return the usual syllables of a township; `THA` stands for ထ where that alone makes a township of the state."""
    usual = [_USUAL[each] for each in written]
    said = "".join(usual)
    if (state, said) in townships():
        return said
    others = {"".join(each) for each in _respelled(usual)} - {said}
    known = [other for other in others if (state, other) in townships()]
    return known[0] if len(known) == 1 else said


def _respelled(usual: list[str]) -> Iterator[list[str]]:
    if not usual:
        yield []
        return
    first, *rest = usual
    for end in _respelled(rest):
        yield from ([each, *end] for each in {first, _ASPIRATED.get(first, first)})


def township_name(card: Card) -> str:
    """Return the English name of the township of a card; empty where the list does not tell one."""
    return _names().get((card.state, card.letters), "")


@cache
def townships() -> Mapping[tuple[int, str], tuple[str, ...]]:
    """Return the townships in Burmese letters, by the number of the state and the usual syllables."""
    found: dict[tuple[int, str], tuple[str, ...]] = {}
    for state, letters in _names():
        place = (state, "".join(_SYLLABLE_OF[letter] for letter in letters))
        found[place] = (*found.get(place, ()), letters)
    return MappingProxyType(found)


@cache
def _names() -> Mapping[tuple[int, str], str]:
    """Return the names of townships by state and Burmese letters."""
    text = resources.files("gateway.model.forms").joinpath("nrc_townships.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return MappingProxyType({(int(state), letters): name for state, letters, _, name in rows})
