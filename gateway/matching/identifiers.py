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


@lru_cache(maxsize=16384)
def number_key(text: str) -> str:
    """Return the key of a document's, person's or container's number, or of a plate; empty when it is not usable.

    Letters of any script are kept; a plate stands without its province, a container with its check digit as written.
    """
    key = compact(text)
    return "" if _is_junk(key) else key


@lru_cache(maxsize=4096)
def province_key(province: str) -> str:
    """Return the key of a plate's province: without the word for province, blanks and case. Empty when not usable."""
    return number_key(_PROVINCE_WORDS.sub("", unicodedata.normalize("NFC", province).strip()))


def _is_junk(key: str) -> bool:
    """Tell whether a key is empty, one repeated character (`000000000`, `XXX`, `???`), or a word for "no number"."""
    if len(key) < 2:
        return True
    if len(set(key)) == 1 and (key[0] in "0X*?" or len(key) > 5):
        return True
    return not any(character.isalnum() for character in key) or key in tables.mapping("no_number")
