"""Whether two writings are one name, without any score: what an auditor's search compares.

Scripts, order of words, case, titles and vowels do not matter, and several readings of another script are tried.
Another consonant is another name: whoever looks for a misspelling gives it as one more name.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from gateway.matching.normal import normal_name
from gateway.matching.readings import readings
from gateway.matching.scripts import latin

_READINGS = 4


@lru_cache(maxsize=4096)
def name_sounds(name: str) -> frozenset[str]:
    """Return what `name` sounds like; two names are one when they share one of these. Never empty.

    A name without letters that can be read has only its own text, folded.
    """
    sounds = {
        "s" + ".".join(sorted(words))
        for form in readings(normal_name(name), _READINGS)
        if not form.doubtful and (words := [said for word in form.sounds if (said := latin.skeleton(word))])
    }
    return frozenset(sounds) or frozenset(("t" + " ".join(unicodedata.normalize("NFKC", name).casefold().split()),))
