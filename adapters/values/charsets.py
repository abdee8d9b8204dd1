"""Character sets that Python does not know, and text that was decoded with the wrong one.

Vietnamese texts of the 1990s: VISCII (RFC 1456), TCVN 5712:1993 (the "TCVN3" or "ABC" fonts) and VNI for Windows.
TCVN3's fonts of capitals store small letters, and small letters are what is read.

A repair is made only where the result is certain; everything else is `Malformed`, or stays as it was.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Callable

from adapters.values.conversion import unreadable

Decode = Callable[[bytes], str]

_VISCII_HIGH = (
    "ẠẮẰẶẤẦẨẬẼẸẾỀỂỄỆỐỒỔỖỘỢỚỜỞỊỎỌỈỦŨỤỲÕắằặấầẩậẽẹếềểễệốồổỗỠƠộờởịỰỨỪỬơớƯ"
    "ÀÁÂÃẢĂẳẵÈÉÊẺÌÍĨỳĐứÒÓÔạỷừửÙÚỹỵÝỡưàáâãảăữẫèéêẻìíĩỉđựòóôõỏọụùúũủýợỮ"
)
_VISCII_LOW = {0x02: "Ẳ", 0x05: "Ẵ", 0x06: "Ẫ", 0x14: "Ỷ", 0x19: "Ỹ", 0x1E: "Ỵ"}
_VISCII = {0x80 + place: letter for place, letter in enumerate(_VISCII_HIGH)} | _VISCII_LOW

_TCVN_FROM_A1 = (
    "ĂÂÊÔƠƯĐăâêôơưđẶ\u0300\u0309\u0303\u0301\u0323"
    "àảãáạẲằẳẵắẴẮẦẨẪẤỀặầẩẫấậèỂẻẽéẹềểễếệìỉỄẾỒĩíịòỔỏõóọồổỗốộờởỡớợùỖủũúụừửữứựỳỷỹýỵỐ"
)
_TCVN_CAPITALS = "ÀẢÃÁẠẶẬÈẺẼÉẸỆÌỈĨÍỊÒỎÕÓỌỘỜỞỠỚỢÙỦŨ"
_TCVN_LOW = {
    0x01: "Ú", 0x02: "Ụ", 0x04: "Ừ", 0x05: "Ử", 0x06: "Ữ", 0x11: "Ứ", 0x12: "Ự", 0x13: "Ỳ", 0x14: "Ỷ", 0x15: "Ỹ",
    0x16: "Ý", 0x17: "Ỵ",
}  # fmt: skip
_TCVN = (
    {0xA1 + place: letter for place, letter in enumerate(_TCVN_FROM_A1)}
    | {0x80 + place: letter for place, letter in enumerate(_TCVN_CAPITALS)}
    | _TCVN_LOW
)

# VNI writes a vowel and then its marks as another letter of cp1252.
_VNI_MARKS = {
    "ù": "\u0301", "ø": "\u0300", "û": "\u0309", "õ": "\u0303", "ï": "\u0323",
    "â": "\u0302", "á": "\u0302\u0301", "à": "\u0302\u0300", "å": "\u0302\u0309", "ã": "\u0302\u0303",
    "ä": "\u0302\u0323", "ê": "\u0306", "é": "\u0306\u0301", "è": "\u0306\u0300", "ú": "\u0306\u0309",
    "ü": "\u0306\u0303", "ë": "\u0306\u0323",
}  # fmt: skip
_VNI_ALONE = {"ñ": "đ", "ô": "ơ", "ö": "ư", "í": "í", "ì": "ì", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "î": "ỵ"}
_VNI_ALONE |= {letter.upper(): meant.upper() for letter, meant in _VNI_ALONE.items()}
_VNI_PAIR = re.compile(f"([aeouyAEOUYôöÔÖ])([{''.join(_VNI_MARKS)}{''.join(_VNI_MARKS).upper()}])")
_VIETNAMESE = frozenset(_VISCII.values()) | frozenset("àáâãèéêìíòóôõùúýÀÁÂÃÈÉÊÌÍÒÓÔÕÙÚÝ")

_NOT_OF_TEXTS = frozenset(("idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "utf-7"))
"""Python's codecs that are not character sets of stored texts."""

THAI_GLYPHS = dict(
    zip(
        range(0xF700, 0xF71B),
        "ฐ\u0e34\u0e35\u0e36\u0e37\u0e48\u0e49\u0e4a\u0e4b\u0e4c\u0e48\u0e49\u0e4a\u0e4b\u0e4cญ\u0e31\u0e4d\u0e47"
        "\u0e48\u0e49\u0e4a\u0e4b\u0e4c\u0e38\u0e39\u0e3a",
        strict=True,
    )
)
"""Private letters of old Thai fonts, one for each place of a mark, as the marks themselves (for `str.translate`)."""

MISREAD = ("tis-620", "tcvn3", "vni", "gbk", "big5", "cp1258", "utf-8")
"""Character sets that a text may really have that was stored or read as cp1252 (`recode`)."""


OWN_SETS = ("viscii", "tcvn3", "tcvn", "vni")
"""Character sets that Python does not know."""


def decoder(name: str) -> Decode | None:
    """Return the strict decoder of a character set by name, or None if the name is unknown.

    The decoder raises `UnicodeDecodeError` for bytes that are not of the set.
    """
    lower = name.strip().lower()
    tables = {"viscii": _VISCII, "tcvn3": _TCVN, "tcvn": _TCVN}
    if lower in tables:
        return _by_table(lower, tables[lower])
    if lower == "vni":
        return lambda raw: from_vni(raw.decode("cp1252"))
    try:
        # Windows' superset reads every TIS-620 text, and the signs beyond it that Thai clerks typed.
        codec = codecs.lookup("cp874" if lower in ("tis-620", "tis620", "iso8859-11") else name)
    except (LookupError, ValueError):
        return None
    if not codec._is_text_encoding or codec.name in _NOT_OF_TEXTS:
        return None
    return lambda raw: raw.decode(codec.name)


def _by_table(name: str, table: dict[int, str]) -> Decode:
    def decode(raw: bytes) -> str:
        letters: list[str] = []
        for place, byte in enumerate(raw):
            letter = table.get(byte) or (chr(byte) if byte < 0x80 else "")
            if not letter:
                raise UnicodeDecodeError(name, raw, place, place + 1, "no such letter")
            letters.append(letter)
        return unicodedata.normalize("NFC", "".join(letters))

    return decode


_UTF8_LETTERS = re.compile(
    "[\u00c0-\u024f\u0e01-\u0e5b\u0e81-\u0edf\u1000-\u109f\u1780-\u17f9\u1ea0-\u1ef9\u3040-\u30ff\u3400-\u9fff"
    "\uac00-\ud7a3\u0600-\u06ff\u200b-\u200d\u2018-\u201d\u3000-\u3002\uff01-\uff5e]+"
)
_BESIDE_ASCII = re.compile("[A-Za-z][\u00c0-\u024f\u1ea0-\u1ef9]|[\u00c0-\u024f\u1ea0-\u1ef9][A-Za-z]")


def by_utf8(raw: bytes, decode: Decode) -> str:
    """Return `raw` by `decode`, unless it is certainly UTF-8: newer rows of an old table often are.

    Certain are letters of the region's scripts, two at least, or Latin letters with marks beside plain ones; a short
    word in one of the two sets can be a letter of the other. Raises `UnicodeError` when it is neither or may be either.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return decode(raw)
    high = [letter for letter in text if letter > "\x7f"]
    if not high or not _UTF8_LETTERS.fullmatch("".join(high)) or "Cn" in map(unicodedata.category, high):
        return decode(raw)
    if _BESIDE_ASCII.search(text):
        return text
    long = [letter for letter in high if letter > "\u07ff"]
    if len(long) > 1:
        return text
    try:
        found = decode(raw)
    except UnicodeError:
        return text
    if long:
        raise UnicodeDecodeError("utf-8", raw, 0, len(raw), "may be either of two character sets")
    return found


def from_vni(text: str) -> str:
    """Return the Vietnamese that `text` writes in VNI. Raises `Malformed` if other letters are left."""

    def pair(match: re.Match[str]) -> str:
        vowel = _VNI_ALONE.get(match[1], match[1])
        return unicodedata.normalize("NFC", vowel + _VNI_MARKS[match[2].lower()])

    # Letters that were pairs are set aside, so that they are not taken for letters that are alone.
    made: list[str] = []
    end = 0
    for match in _VNI_PAIR.finditer(text):
        made += [_alone(text[end : match.start()]), pair(match)]
        end = match.end()
    made.append(_alone(text[end:]))
    found = "".join(made)
    if any(letter not in _VIETNAMESE for letter in found if ord(letter) > 0x7F):
        raise unreadable("a text in VNI")
    return found


def _alone(text: str) -> str:
    return "".join(_VNI_ALONE.get(letter, letter) for letter in text)


def recode(text: str, charset: str) -> str:
    """Return the text that was meant, where bytes of `charset` (one of `MISREAD`) were read as cp1252.

    Raises `Malformed` when that cannot have happened. Text in ASCII is returned unchanged.
    """
    if text.isascii():
        return text
    if charset == "vni":
        return from_vni(unicodedata.normalize("NFC", text))
    decode = decoder(charset)
    assert decode is not None
    try:
        return decode(bytes_of(unicodedata.normalize("NFC", text)))
    except UnicodeError:
        raise unreadable(f"a text in {charset} that was read as cp1252") from None


def bytes_of(text: str) -> bytes:
    """Return the bytes that cp1252 read as `text`; its five gaps count as latin-1. Raises `UnicodeEncodeError`."""
    return b"".join(
        letter.encode("latin-1") if letter in "\x81\x8d\x8f\x90\x9d" else letter.encode("cp1252") for letter in text
    )


def mend(text: str) -> str:
    """Return `text`, or its original if its UTF-8 was read as cp1252 or latin-1 and stored again ("mojibake").

    It is mended only when every letter is of that set, the bytes are strict UTF-8, and the result beyond ASCII is
    letters and marks: typed text does not meet this. Text that was damaged twice is mended twice.
    """
    for _ in range(2):
        if text.isascii():
            return text
        mended = _undone(text)
        if mended is None:
            return text
        text = mended
    return text


def _undone(text: str) -> str | None:
    for encode in (bytes_of, lambda letters: letters.encode("latin-1")):
        try:
            found = encode(text).decode()
        except UnicodeError:
            continue
        if all(unicodedata.category(letter)[0] in "LMN" or letter == "\u200b" for letter in found if letter > "\x7f"):
            return found
    return None
