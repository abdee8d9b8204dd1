"""Index keys of names: what a source's key index stores for each row and a query looks up.

Both sides go through the same functions, so that a query's keys meet those of the right row whatever script
or romanisation either of them has. Keys are opaque short strings without personal meaning beyond consonants.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations

from gateway.matching import latin
from gateway.matching.normal import Form, normal_name
from gateway.matching.similarity import word_weight

_MAX_WORDS = 6
_ALL_PAIRS = 4
_PARTICLE = 0.2


@lru_cache(maxsize=4096)
def name_keys(name: str) -> frozenset[str]:
    """Selective keys of one name as written: pairs of its words, and the whole of it. Empty for a placeholder.

    Two spellings share a key when two of their words sound alike (in any order, split or joined otherwise).
    """
    return frozenset(key for form in normal_name(name).forms for key in _form_keys(form))


@lru_cache(maxsize=4096)
def word_keys(name: str) -> frozenset[str]:
    """Broad keys, one for each word of the name. Look them up only together with a birth year: in a large
    source thousands of rows share one. They find a name with one word missing or misspelt.
    """
    return frozenset(f"w{bone}" for form in normal_name(name).forms for bone in _bones(form))


def _bones(form: Form) -> list[str]:
    """Skeletons of the words that say something: particles such as `al` and `bin` only where nothing else is left."""
    telling = [said for word, said in zip(form.words, form.sounds, strict=True) if word_weight(word) > _PARTICLE]
    bones = [latin.skeleton(said) for said in (telling or form.sounds)[:_MAX_WORDS]]
    return [bone for bone in bones if bone]


def _form_keys(form: Form) -> set[str]:
    bones = _bones(form)
    if not bones:
        return set()
    keys = {"j" + _joined(bones)}
    pairs = combinations(bones, 2) if len(bones) <= _ALL_PAIRS else zip(bones, bones[1:] + bones[:1], strict=True)
    keys.update(_pair(left, right) for left, right in pairs)
    if len(bones) > 2:
        splits = range(1, len(bones))
        keys.update(_pair(_joined(bones[:place]), _joined(bones[place:])) for place in splits)
    return keys


def _joined(bones: list[str]) -> str:
    """Skeletons as if their words were written as one; a vowel inside is not seen, doubles are one."""
    found = bones[0]
    for bone in bones[1:]:
        bone = bone[1:] if bone[0] == "a" and len(bone) > 1 else bone
        found += bone[1:] if bone[0] == found[-1] else bone
    return found


def _pair(left: str, right: str) -> str:
    return f"p{left}.{right}" if left <= right else f"p{right}.{left}"
