"""Thai and Lao writing -> Latin, by the sound of its syllables.

Lao letters stand 0x80 above their Thai cousins, so one set of patterns serves both scripts; only the sounds of
the consonants differ, and each script has its own table of them.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from gateway.matching.scripts import tables

_MUTE = "\u0e4c"
_TONES = re.compile("[\u0e48-\u0e4b\u0e4e]")
_SILENT = re.compile(f"(?:(?<=น)(?:[ทด]ร|ทน)|(?<=[กศษส])ตร|(?<=ญ)จน|(?<=ก)ษณ|[ก-ฮ][ิุ]?){_MUTE}")
"""Letters that the mark above them silences: two after a consonant that ends the syllable, as in `จันทร์`, else one."""

_SIGN = "[\u0e30-\u0e3e\u0e45\u0e47\u0e4d]"
_CONSONANT = "[ก-ฮ]"
# After a consonant these make it the start of a syllable: a vowel sign, or one of the two vowels that are letters.
_VOWEL = f"{_SIGN}|อ(?!{_SIGN})|ว[ก-ฬ](?!{_SIGN})"
_CLUSTER = f"ห[งญณนมยรลว](?=.)|[กขคตปผพ][รลว](?={_VOWEL})|[ศส]ร(?={_SIGN})|[กขคตปผพ]ฺ[รลว]"
_END = f"(?:{_MUTE}|$)"
# A consonant before a last one begins a syllable with it; before a last ร only where the two are not a silent cluster.
_FINAL = f"(?:[ก-ฆจ-ฬ](?<!ห)(?!{_VOWEL}|รร|[ก-ยล-ฬ]{_END}|(?<![คชดตถทฎฏ])ร{_END})|ง(?!{_SIGN}|อ(?!{_SIGN})))"
_BARE = f"[ก-ฬ](?!{_VOWEL})"
_PARTS = {
    "K": f"(?P<K#>{_CLUSTER}|{_CONSONANT})",
    "A": f"(?P<A#>{_CONSONANT})",
    "F": f"(?P<F#>{_FINAL})",
    "f": f"(?P<F#>{_FINAL})?",
    "G": f"(?P<F#>(?![วย]){_FINAL})",
    "~": f"(?=(?:{_BARE}{_BARE})+(?!{_BARE}))",
}
"""The meaning of the letters of `data/thai_vowels.tsv`; `#` is the number of the pattern."""

_LAO_LETTERS = {"ໜ": "ຫນ", "ໝ": "ຫມ", "ຼ": "ລ", "ໍາ": "ຳ"}


def _as_thai(text: str) -> str:
    """Return Lao letters as the Thai letters 0x80 below them; Thai text stays as it is."""
    for letter, parts in _LAO_LETTERS.items():
        text = text.replace(letter, parts)
    return "".join(chr(ord(letter) - 0x80) if "\u0e80" <= letter <= "\u0eff" else letter for letter in text)


@cache
def _sounds(table: str) -> dict[str, tuple[str, str]]:
    return {_as_thai(letter): (start, end) for letter, start, end in tables.rows(table, 3)}


@cache
def _syllables() -> tuple[re.Pattern[str], tuple[str, ...]]:
    """Return all patterns of syllables as one alternation, whose last closed group `P<number>` is the match."""
    patterns = tables.rows("thai_vowels", 2)
    parts = []
    for number, (pattern, _) in enumerate(patterns):
        parts.append("".join(_PARTS.get(letter, letter) for letter in _as_thai(pattern)).replace("#", str(number)))
    alternation = "|".join(f"(?P<P{number}>{part})" for number, part in enumerate(parts))
    return re.compile(alternation), tuple(vowel for _, vowel in patterns)


@cache
def _respelling(table: str) -> tuple[re.Pattern[str], dict[str, str]]:
    words = {_as_thai(word): _as_thai(said) for word, said in tables.rows(table, 2)}
    parts = [
        re.escape(word[:-1]) + "$" if word.endswith("*") else re.escape(word) + f"(?!{_SIGN}|{_MUTE})"
        for word in sorted(words, key=len, reverse=True)
    ]
    return re.compile("|".join(parts)), words


def _respell(word: str, table: str) -> str:
    pattern, words = _respelling(table)

    def said(found: re.Match[str]) -> str:
        at_end = words.get(f"{found.group()}*") if found.end() == len(word) else None
        return words[found.group()] if at_end is None else at_end

    return pattern.sub(said, word)


@lru_cache(maxsize=16384)
def romanise(word: str) -> str:
    """Return one word of Thai or Lao letters (no blanks) as lower-case Latin letters."""
    language = "lao" if any("\u0e80" <= letter <= "\u0eff" for letter in word) else "thai"
    text = _TONES.sub("", _as_thai(word).replace("\u0e4d\u0e32", "\u0e33"))
    text = _SILENT.sub(_MUTE, _respell(text, f"{language}_words"))
    return _spell(text, _sounds(f"{language}_consonants"))


def _spell(text: str, sounds: dict[str, tuple[str, str]]) -> str:
    pattern, vowels = _syllables()
    found: list[str] = []
    place = 0
    while place < len(text):
        match = pattern.match(text, place)
        if match is None:
            place += 1
            continue
        alone = match.end() - place == 1 and text[match.end() :] in ("", _MUTE)
        if not (alone and found):  # a lone consonant at the end is not spoken
            number = (match.lastgroup or "")[1:]
            found.append(_sound(match.groupdict(), number, vowels[int(number)], sounds))
        place = match.end()
    return "".join(found)


def _sound(groups: dict[str, str], number: str, vowel: str, sounds: dict[str, tuple[str, str]]) -> str:
    before, last = groups.get(f"A{number}"), groups.get(f"F{number}")
    lead = sounds[before][0] + "a" if before else ""
    return lead + _start(groups[f"K{number}"], sounds) + vowel + (sounds.get(last, ("", ""))[1] if last else "")


def _start(cluster: str, sounds: dict[str, tuple[str, str]]) -> str:
    letters = cluster.replace("\u0e3a", "")
    if len(letters) == 2 and letters[0] == "ห":
        letters = letters[1]
    elif len(letters) == 2 and letters[0] in "ศส":
        letters = letters[0]
    return "".join(sounds.get(letter, ("", ""))[0] for letter in letters)
