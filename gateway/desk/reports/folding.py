"""Fold a text so that what is hidden in it shows: each sign keeps its place in what was written.

Invisible signs and loose marks go, wide and styled signs become plain ones, figures of any script become those of
ASCII, and letters that look like Latin ones become these.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_LATIN = dict(
    zip(
        "АВЕКМНОРСТХІЈЅУаеорсхуіјѕкмнтвΑΒΕΖΗΙΚΜΝΟΡΤΥΧονιραеԁԛԝһոսᴀʙᴄᴅᴇɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ",
        "ABEKMHOPCTXIJSYaeopcxyijskmhtbABEZHIKMNOPTYXovipaedqwhnuABCDEGHIJKLMNOPRSTUVWYZ",
        strict=True,
    )
)
_NUMERALS = dict(zip("〇零一二三四五六七八九壹贰叁肆伍陆柒捌玖貳參陸", "00123456789123456789236", strict=True))
_LATIN |= dict(
    zip(
        "ᎪᏴᏟᎠᎬᏀᎻᎫᏦᏞᎷᏢᏒᏚᎢᏙᎳᏃꓐꓑꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓦꓧꓪꓫꓬꓮꓰꓲꓳꓴՕՍՏԼօհց",
        "ABCDEGHJKLMPRSTVWZBPDTGKJCZFMNLSRVHWXYAEIOUOUSLohg",
        strict=True,
    )
)
_LATIN |= {chr(first + place): chr(ord("A") + place) for first in (0x1F150, 0x1F170, 0x1F1E6) for place in range(26)}
"""Letters that look like Latin ones, of other scripts and of signs, which no normal form makes plain."""

_MOST_FIGURE = 99
_NUMERAL = f"[{''.join(_NUMERALS)}0-9]"
_NUMERAL_RUN = re.compile(f"{_NUMERAL}(?:[^\\w]{{0,2}}{_NUMERAL}){{5,}}")
"""Six and more Chinese numerals or figures, also with signs between them: single ones are words of a text."""

_BETWEEN_FIGURES = re.compile(r"(?<=[0-9])[OoIl|](?=[0-9OoIl|])|(?<=[0-9])[OoIl|](?![A-Za-z])", re.ASCII)
_AS_FIGURE = {"O": "0", "o": "0", "I": "1", "l": "1", "|": "1"}
_LOOSE = re.compile("[\u0300-\u036f\u0488\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]")


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text; `places` has the place of each of its signs in the text as it was written."""

    text: str
    places: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where a part of the folded text is in what was written."""
        return self.places[start], self.places[end - 1] + 1


def folded(text: str) -> Folded:
    """Return the folded form of a text."""
    signs: list[str] = []
    places: list[int] = []
    for place, written in enumerate(text):
        for sign in _plain(written):
            signs.append(sign)
            places.append(place)
    found = "".join(signs)
    found = _NUMERAL_RUN.sub(lambda run: "".join(_NUMERALS.get(sign, sign) for sign in run[0]), found)
    found = _BETWEEN_FIGURES.sub(lambda sign: _AS_FIGURE[sign[0]], found)
    return Folded(found, tuple(places))


def _plain(written: str) -> str:
    if written.isascii():
        return written
    if unicodedata.category(written) == "Cf" or _LOOSE.match(written):
        return ""
    if written in _LATIN:
        return _LATIN[written]
    wide = unicodedata.normalize("NFKC", written)
    return "".join(_LATIN.get(sign) or _figure(sign) for sign in wide if not _LOOSE.match(sign))


def _figure(sign: str) -> str:
    """Return a figure of any script or drawing as one of ASCII, any other sign as it is."""
    if sign in _NUMERALS or not unicodedata.category(sign).startswith("N"):
        return sign
    value = unicodedata.numeric(sign, -1.0)
    return str(int(value)) if value in range(_MOST_FIGURE + 1) else sign
