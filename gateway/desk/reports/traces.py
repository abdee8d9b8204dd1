"""Find what may tell who a person is in a text, by its form: numbers of persons, documents, phones, accounts, plates.

The text is folded first (`folding`), so that a number is found with other figures, with signs between its figures, and
with letters that only look like others. A date, an amount and a decimal number are no such numbers. Each search is
linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gateway.desk.reports.folding import Folded, folded
from gateway.desk.reports.values import Trace
from gateway.model.forms.nrc import read_card
from gateway.model.forms.numbers import chinese_check_character, compact, thai_pin_check_digit
from gateway.records import codes

PERSONAL = "personal-data"
"""The code for a text that may tell who a person is."""

_BETWEEN = r"[\s.,\-‐-―−_/\\·•・*():;'\"|~、。၊။]"
_GAP = _BETWEEN + "{0,3}"
_ANY_GAP = r"(?:(?:[^\w%+$£€¥฿₫₭៛]|_){0,3}|[%+$£€¥฿₫₭៛ๆៗໆ])"
"""Match signs between two figures of one number: signs of all kinds, of those of amounts one without a blank."""

_FIGURES = re.compile(rf"[0-9](?:{_ANY_GAP}[0-9])*")
_YEAR = r"(?:19|20|24|25)[0-9]{2}"
_MONTH, _DAY = "(?:0?[1-9]|1[0-2])", "(?:0?[1-9]|[12][0-9]|3[01])"
_PLAIN = re.compile(
    rf"(?<![0-9])(?:{_YEAR}([-./]){_MONTH}(?:\1{_DAY})?|{_DAY}([-./]){_MONTH}\2{_YEAR}|{_YEAR}|[1-9][0-9]{{1,6}}-[0-9]{{2}}-[0-9]"
    r"|[1-9][0-9]{0,2}([,.])[0-9]{3}(?:\3[0-9]{3})*|[0-9]{1,3}\.[0-9]{1,6}|[0-9]{1,2}:[0-9]{2})(?![0-9])"
)
"""Dates, numbers of substances (CAS), amounts, decimal numbers and times of day."""

_LEAST_FIGURES = 9
_CITIZEN = re.compile(r"0[0-9]{2}[0-3][0-9]{8}")
_PHONE = re.compile(r"0[0-9]{7,10}|1[3-9][0-9]{9}|(?:66|84|86|95|855|856)[0-9]{8,10}|00[1-9][0-9]{7,13}")
_LETTER = "[A-Za-zÀ-ɏḀ-ỿ]"
_LETTERS = rf"{_LETTER}(?:[\s.\-]{{0,2}}{_LETTER})?"
_DOCUMENT = re.compile(
    rf"(?<![A-Za-zÀ-ɏḀ-ỿ0-9])({_LETTERS})({_BETWEEN}{{0,2}})([0-9](?:{_GAP}[0-9]){{5,8}})(?![0-9A-Za-z])"
)
_CARD = re.compile(r"(?<![0-9])(?:1[0-4]|0?[1-9])[^0-9]{3,48}?[0-9ဝရ](?:[\s.\-/]{0,2}[0-9ဝရ]){4,5}(?![0-9])")
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_PLATES = (
    rf"(?<![ก-๎])[0-9]?[ก-ฮ]{_GAP}[ก-ฮ](?:{_GAP}[ก-ฮ])?{_GAP}[0-9](?:{_GAP}[0-9]){{0,3}}(?![0-9])",
    rf"(?<![ກ-ໝ])[0-9]?[ກ-ຮ]{_GAP}[ກ-ຮ]{_GAP}[0-9](?:{_GAP}[0-9]){{2,3}}(?![0-9])",
    r"(?<![A-Za-z0-9])[0-9][A-Z]{1,2}[\s/.\-]{0,3}[0-9](?:[\s.\-]?[0-9]){3}(?![0-9])",
    r"(?<![0-9])[0-9][\s]?[က-အ][\s/.\-]{0,3}[0-9](?:[\s.\-]?[0-9]){3}(?![0-9])",
    r"(?<![A-Za-z0-9])[0-9]{2}[\s.\-]?[A-Z][A-Z0-9]?[\s.\-]{0,3}[0-9]{3}[.\s]?[0-9]{1,2}(?![0-9])",
    rf"[{_PROVINCES}][\s]?[A-Z][\s·•.\-]{{0,3}}[A-Z0-9](?:[\s.\-]?[A-Z0-9]){{4,5}}",
    rf"[{_PROVINCES}][\s]?[a-z][\s·•.\-]{{0,3}}[a-z0-9]{{5,6}}(?![a-z0-9])",
    r"(?<![A-Za-z0-9])[0-9]{2}[a-z][a-z0-9]?-?[0-9]{3}\.?[0-9]{2}(?![0-9A-Za-z])",
    r"(?<![A-Za-z0-9])[0-9](?!k?g|[kcm]?m-|m?l|t-)[a-z]{1,2}-[0-9]{4}(?![0-9A-Za-z])",
)
_PLATE = tuple(map(re.compile, _PLATES))
_NO_PLATE = frozenset(
    [
        "รถ",
        "คน",
        "กก",
        "กม",
        "ซม",
        "มม",
        "มก",
        "มล",
        "พศ",
        "คศ",
        "มค",
        "กพ",
        "มีค",
        "พค",
        "มิย",
        "กค",
        "สค",
        "กย",
        "ตค",
        "พย",
        "ธค",
        "ผล",
        "จน",
        "ลด",
        "บท",
        "ครบ",
        "ขวด",
        "ตน",
        "นน",
        "ชม",
        "หก",
        "ตรม",
        "รวม",
        "ครม",
    ]
)
"""Thai words of consonants alone, and short forms of units and months, before a number."""

_MAIL = re.compile(
    r"[A-Za-z0-9._%+\-]{1,64}\s{0,2}@\s{0,2}[A-Za-z0-9\-]{1,63}(?:\s?\.\s?[A-Za-z0-9\-]{2,63}){1,4}", re.ASCII
)
_HANDLE = re.compile(r"(?<![\w@])@[A-Za-z0-9_.]{4,32}")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?:[ \-]?[A-Z0-9]){11,30}(?![A-Za-z0-9])", re.ASCII)
_MRZ = re.compile(r"[A-Za-z0-9<]{1,40}<<[A-Za-z0-9<]{1,60}")
_OLD_RIC = re.compile(r"[1-8][0-9]{5}[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}")


def traces(field: str, text: str) -> list[Trace]:
    """Return the places of a text that have the form of personal data, the first one first; none within another."""
    read = folded(text)
    found = [
        *_numbers(read),
        *_documents(read),
        *((match.span(), "MMR-NRC") for match in _CARD.finditer(read.text) if _is_card(text, read, match)),
        *((match.span(), "plate") for form in _PLATE for match in form.finditer(read.text) if _is_plate(match[0])),
        *((match.span(), "e-mail") for match in _MAIL.finditer(read.text)),
        *((match.span(), "account") for match in _HANDLE.finditer(read.text)),
        *((match.span(), "IBAN") for match in _IBAN.finditer(read.text) if _is_iban(match[0])),
        *((match.span(), "travel-document") for match in _MRZ.finditer(read.text)),
    ]
    placed = [Trace(field, *read.span(*span), kind) for span, kind in found]
    return outermost(placed)


def traces_across(texts: Sequence[tuple[str, str]]) -> list[Trace]:
    """Return the numbers that are divided over texts which stand one after the other, each where it begins.

    Of these only what is sure counts: two figures at the bounds of two texts may well be two numbers.
    """
    placed, begin = [], 0
    for field, text in texts:
        placed.append((begin, field, len(text)))
        begin += len(text) + 1
    whole = traces("", "\n".join(text for _, text in texts))
    return [
        Trace(field, trace.start - begin, size, trace.kind)
        for begin, field, size in placed
        for trace in whole
        if begin <= trace.start < begin + size < trace.end and trace.kind not in _UNSURE
    ]


def outermost(found: list[Trace]) -> list[Trace]:
    """Return the traces of a field without those that lie within another one, in their order."""
    kept: list[Trace] = []
    for trace in sorted(found, key=lambda one: (one.field, one.start, -one.end)):
        if not kept or kept[-1].field != trace.field or trace.end > kept[-1].end:
            kept.append(trace)
    return kept


_UNSURE = frozenset({"number", "plate", "phone"})
"""Kinds that two numbers beside each other may have by chance."""

Span = tuple[tuple[int, int], str]


def _numbers(read: Folded) -> Iterator[Span]:
    for chain in _FIGURES.finditer(read.text):
        start = chain.start()
        places = [start + place for place, sign in enumerate(chain[0]) if sign.isdigit()]
        figures = "".join(read.text[place] for place in places)
        if kind := _scheme(figures):
            yield (places[0], places[-1] + 1), kind
            continue
        if len(figures) >= 17 and (tail := _check_letter(read.text, places, figures)):
            yield (places[-17], tail), "CHN-RIC"
            continue
        is_called = read.text[max(0, start - 2) : start].rstrip(" (").endswith("+")
        for part in [places] if is_called else _without_plain(chain, places):
            yield from _number(read, part, is_called=is_called)


def _without_plain(chain: re.Match[str], places: list[int]) -> Iterator[list[int]]:
    """Yield the figures of a chain, divided by the dates, amounts and decimal numbers among them, without these."""
    part: list[int] = []
    plain = iter([(found.start() + chain.start(), found.end() + chain.start()) for found in _PLAIN.finditer(chain[0])])
    begin, end = next(plain, (-1, -1))
    for place in places:
        while end != -1 and place >= end:
            begin, end = next(plain, (-1, -1))
        if begin <= place < end:
            if part:
                yield part
            part = []
        else:
            part.append(place)
    if part:
        yield part


def _number(read: Folded, places: list[int], *, is_called: bool) -> Iterator[Span]:
    figures = "".join(read.text[place] for place in places)
    span = (places[0], places[-1] + 1)
    parts = (figures[at : at + size] for size in (18, 13) for at in range(len(figures) - size + 1))
    kind = _scheme(figures) or next(filter(None, map(_scheme, parts)), "")
    if kind:
        yield span, kind
    elif not is_called and _CITIZEN.fullmatch(figures):
        yield span, "VNM-CCCD"
    elif (is_called and len(figures) >= 7) or (_PHONE.fullmatch(figures) and not figures.endswith("000000")):
        yield span, "phone"
    elif len(figures) >= _LEAST_FIGURES and not (figures.endswith("000") and figures[0] != "0" and len(figures) <= 12):
        yield span, "number"


def _scheme(figures: str) -> str:
    """Return the scheme of persons, devices or cards whose check digits a number has; empty without one."""
    size = len(figures)
    if size == 13 and figures[0] != "9" and str(thai_pin_check_digit(figures[:12])) == figures[12]:
        return "THA-PIN"
    if size == 18 and figures[:2] in codes.chinese_provinces() and chinese_check_character(figures[:17]) == figures[17]:
        return "CHN-RIC"
    if size == 15:
        if _OLD_RIC.fullmatch(figures) and figures[:2] in codes.chinese_provinces():
            return "CHN-RIC"
        return "IMEI" if _luhn(figures) else ""
    return ""


def _check_letter(text: str, places: list[int], figures: str) -> int:
    """Return where a Chinese number ends whose last sign is the letter X; 0 where it is none."""
    end = places[-1] + 1
    rest = text[end : end + 4].lstrip(" .-·")
    is_one = rest[:1] in ("X", "x") and chinese_check_character(figures[-17:]) == "X"
    return text.index(rest[0], end) + 1 if is_one else 0


def _luhn(figures: str) -> bool:
    total = 0
    for place, sign in enumerate(reversed(figures)):
        value = int(sign) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def _documents(read: Folded) -> Iterator[Span]:
    for match in _DOCUMENT.finditer(read.text):
        letters, gap, figures = match[1], match[2], "".join(filter(str.isdigit, match[3]))
        if letters.upper() == "HS" or (gap and figures.endswith("000")):
            continue
        if not gap or letters.isupper():
            yield match.span(), "travel-document"


def _is_card(text: str, read: Folded, match: re.Match[str]) -> bool:
    start, end = read.span(*match.span())
    return any(read_card(compact(form)) is not None for form in (text[start:end], match[0]))


def _is_plate(text: str) -> bool:
    letters = "".join(sign for sign in text if sign.isalpha())
    return letters not in _NO_PLATE and any(sign.isdigit() for sign in text)


def _is_iban(text: str) -> bool:
    signs = "".join(filter(str.isalnum, text))
    moved = signs[4:] + signs[:4]
    return int("".join(str(int(sign, 36)) for sign in moved)) % 97 == 1
