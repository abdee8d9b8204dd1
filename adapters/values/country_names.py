"""Names of countries as agencies write them, looked up in normal form, never guessed.

The names are those of ISO 3166-1 and of `gateway/records/codes/country_names.tsv`. Other names, and names that
several countries have, are not known. Beside codes, a name that is also the code of another country is not used:
`Nga` is Russia in Vietnamese, and Nigeria's code.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache

from gateway.matching.scripts import burmese, han, latin
from gateway.matching.scripts.detect import detect_script
from gateway.model.values import MAX_TEXT
from gateway.records.codes import alpha3, issuers, rows

_SMALL = frozenset(("the", "of", "and"))
_SHORT = {"st": "saint", "rep": "republic", "dem": "democratic"}
_HEAD = re.compile(r"([^,(]+)[,(]\s*(.+?)\)?")
_KIND = re.compile(r"(.+? of)(?: the)? (.+)")
_LAO = str.maketrans({"ຼ": "ລ", "ຣ": "ລ"})
"""Lao has an L below the line, and an R that is said and mostly written as L."""

_LONGEST = 3
"""Letters of the longest codes."""

_COUNTRY = {"th": "ประเทศ{}", "lo": "ປະເທດ{}", "km": "ប្រទេស{}", "my": "{}နိုင်ငံ", "vi": "nước {}"}
"""The words for "the country of" in each language."""


def _words(text: str) -> list[str]:
    """Return letters, marks and figures of `text` in one case, in Unicode and simplified characters, as words."""
    text = unicodedata.normalize("NFKC", text).casefold()
    script = "Latn" if text.isascii() else detect_script(text)
    if script == "Mymr":
        text = burmese.to_unicode(text)
    elif script == "Hani":
        text = han.simplified(text)
    elif script == "Laoo":
        text = text.translate(_LAO)
    return "".join(sign if sign.isalnum() or unicodedata.category(sign)[0] == "M" else " " for sign in text).split()


def _key(text: str) -> str:
    """Return the normal form of a name: without blanks, punctuation and the small words of English."""
    return "".join(_SHORT.get(word, word) for word in _words(text) if word not in _SMALL)


def _plain(key: str) -> str:
    """Return a key in Latin letters without its marks; any other key unchanged."""
    return key if key.isascii() or detect_script(key) != "Latn" else latin.plain(key)


# ---------------------------------------------------- the list


def _ways(lang: str, name: str) -> Iterator[str]:
    """Yield the ways to write one listed name: `Korea, Republic of` is also `Republic of Korea`, and the reverse."""
    yield name
    if lang in _COUNTRY:
        yield _COUNTRY[lang].format(name)
    if turned := _HEAD.fullmatch(name) or (_KIND.fullmatch(name) if lang == "en" else None):
        yield f"{turned[2]} {turned[1]}"


@cache
def _listed() -> tuple[tuple[str, str, str], ...]:
    """Return every name in each of its ways, with its key and its country."""
    listed = [(code, lang, name) for code, lang, name in rows("country_names")]
    listed += [(code, "en", name) for _, code, name in rows("countries")]
    return tuple((way, _key(way), code) for code, lang, name in listed for way in _ways(lang, name))


@cache
def _codes() -> Mapping[str, str]:
    """Return every code of letters, in small letters, with its country."""
    return {code.casefold(): code for code in issuers()} | {two.casefold(): three for two, three in alpha3().items()}


@cache
def _by_key(beside_codes: bool) -> Mapping[str, str]:
    """Return countries by normal form, empty if there may be several; exact names win over names without marks."""
    found: dict[str, str] = {}
    for _, key, code in _listed():
        _add(found, key, code)
    bare: dict[str, str] = {}
    for key, code in found.items():
        # One letter may be anything, and so may two beside codes.
        if (plain := _plain(key)) not in found and len(plain) > 1 + beside_codes:
            _add(bare, plain, code)
    known = bare | found
    return {key: code for key, code in known.items() if not beside_codes or _codes().get(key, code) == code}


def _add(found: dict[str, str], key: str, code: str) -> None:
    found[key] = code if found.get(key, code) == code else ""


# ---------------------------------------------------- looking up


@cache
def written(beside_codes: bool) -> Mapping[str, str]:
    """Return the country of each listed name in capitals: most cells need no normal form."""
    names = {way.upper(): _by_key(beside_codes).get(key, "") for way, key, _ in _listed()}
    return {name: code for name, code in names.items() if code}


@cache
def doubtful() -> frozenset[str]:
    """Return the names that are another country's code, in small letters after the first."""
    plain = ((_plain(key), code) for _, key, code in _listed() if len(key) <= _LONGEST)
    return frozenset(name.capitalize() for name, code in plain if _codes().get(name, code) != code)


@lru_cache(maxsize=1024)
def named(text: str, beside_codes: bool) -> str | None:
    """Return the alpha-3 code of the country that `text` names; None if it names none or more than one."""
    if len(text) > MAX_TEXT:
        return None
    known, key = _by_key(beside_codes), _key(text)
    return known.get(key) or known.get(_plain(key)) or None


# ---------------------------------------------------- names that a column was too narrow for


_LAST = "\U0010ffff"


def _letters(text: str) -> str:
    return _plain("".join(_words(text)))


@cache
def _sorted() -> tuple[tuple[str, str], ...]:
    return tuple(sorted({(_letters(way), code) for way, _, code in _listed()}))


@lru_cache(maxsize=1024)
def begun(text: str) -> str | None:
    """Return the only country with a name that begins with `text`, in any of its ways; else None."""
    start = _letters(text) if len(text) <= MAX_TEXT else ""
    if not start:
        return None
    first, last = (bisect_left(_sorted(), (end, "")) for end in (start, start + _LAST))
    codes = {code for _, code in _sorted()[first:last]}
    return codes.pop() or None if len(codes) == 1 else None
