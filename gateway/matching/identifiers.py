"""Keys of identifiers: two ways to write the same number or plate give the same key.

Native digits become ASCII, blanks, hyphens and invisible characters go, letters become upper case. Placeholders
for a missing number (`-`, `N/A`, `000000000`) give an empty key: it is not usable.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from gateway.matching.scripts import tables
from gateway.model.numbers import compact

_PROVINCE_WORDS = re.compile("^(?:จังหวัด|จ\\.|จ |ແຂວງ|ខេត្ត|រាជធានី|tỉnh |thành phố |tp\\.? ?)", re.IGNORECASE)


def document_key(number: str) -> str:
    """Return the key of a travel document's number; empty when it is not usable."""
    return _key(number)


def national_id_key(number: str) -> str:
    """Return the key of a national identity number; empty when it is not usable."""
    return _key(number)


def plate_key(plate: str) -> str:
    """Return the key of a vehicle plate without its province; letters of any script are kept. Empty when not usable."""
    return _key(plate)


def container_key(number: str) -> str:
    """Return the key of a freight container's number, with its check digit as written; empty when not usable."""
    return _key(number)


@lru_cache(maxsize=4096)
def province_key(province: str) -> str:
    """Return the key of a plate's province: without the word for province, blanks and case. Empty when not usable."""
    return _key(_PROVINCE_WORDS.sub("", unicodedata.normalize("NFC", province).strip()))


@lru_cache(maxsize=16384)
def _key(text: str) -> str:
    key = compact(text)
    return "" if _is_junk(key) else key


def _is_junk(key: str) -> bool:
    """Tell whether a key is empty, one repeated character (`000000000`, `XXX`, `???`), or a word for "no number"."""
    if len(key) < 2:
        return True
    if len(set(key)) == 1 and (key[0] in "0X*?" or len(key) > 5):
        return True
    return not any(character.isalnum() for character in key) or key in tables.mapping("no_number")
