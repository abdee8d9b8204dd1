"""Decide if two writings are one name, without a score: the comparison in an auditor's search.

Scripts, order of words, case, titles and vowels do not matter, and several readings of another script are tried.
Another consonant is another name: to find a misspelling, the searcher gives it as one more name.
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
    """Return the sounds of `name`, never empty; two names are one when they share a sound.

    A name without readable letters has only its own text, folded.
    """
    sounds = {
        "s" + ".".join(sorted(words))
        for form in readings(normal_name(name), _READINGS)
        if not form.doubtful and (words := [said for word in form.sounds if (said := latin.skeleton(word))])
    }
    return frozenset(sounds) or frozenset(("t" + " ".join(unicodedata.normalize("NFKC", name).casefold().split()),))
