"""The closed set of named converters that a mapping can use: from a source's cell to a record's value.

A converter gets a cleaned cell (text in NFC, or a number; never None) and returns a JSON value, or None for
"nothing known". It raises `Malformed` for a cell that it cannot read: the record, or with `unreadable = "field"`
the field, is then left out and counted, never guessed. The table in docs/guides/mapping.md is made from this registry.
"""

from __future__ import annotations

from collections.abc import Mapping

from adapters.values import dates, moments, numbers, texts
from adapters.values.charsets import MISREAD
from adapters.values.conversion import Convert, Converter, Option, Options, plain
from adapters.values.texts import script_of
from gateway.errors import Misconfigured
from gateway.model.values import NameType

__all__ = ["CONVERTERS", "Convert", "Converter", "Option", "date_of", "script_of"]

ERAS = ("CE", "BE")


def date_of(options: Options, *, bounded: bool = True) -> Convert:
    """Return a reader of dates in the `formats`; without `bounded`, of any year (`not_past`)."""
    formats = options["formats"]
    patterns = [dates.date_format(name) for name in formats]
    for name, pattern in zip(formats, patterns, strict=True):
        if pattern is None:
            raise Misconfigured(
                "`{name}` is not a date format",
                code="bad-format",
                remedy="yyyy or yy, mm or mon, and dd, such as `dd/mm/yyyy`",
                name=name,
            )
    if not formats:
        raise Misconfigured("no date format", code="bad-format", remedy='formats = ["dd/mm/yyyy"]')
    return dates.date_reader(
        [pattern for pattern in patterns if pattern],
        options.get("pivot", 69),
        buddhist=options.get("era") == "BE",
        bounded=bounded,
    )


_FORM = {
    "script": Option("ISO 15924, else that of the first letter"),
    "lang": Option("BCP 47"),
    "name_type": Option("what the name is to the person", choices=tuple(NameType)),
}
_COMMA = {"comma": Option("a comma parts the surname from the rest and is dropped", bool)}
_SEPARATOR = {"separator": Option("what stands between them; `;` when not named")}
_MARK = {"mark": Option("what stands before the fraction; a point when not named", choices=numbers.MARKS)}
_OFFSET = {"offset": Option("hours that the source's clock is ahead of UTC, such as 7", int)}
_EPOCH = {"unit": Option("of the number; seconds when not named", choices=moments.EPOCH_UNITS)}

_TEXTS: Mapping[str, Converter] = {
    "text": Converter(
        "text with white space collapsed (when nothing is named)",
        plain(texts.text), ("Ban  Mai", {}, "Ban Mai"), {}, "more than 256 characters",
    ),
    "upper": Converter("text in capitals", plain(texts.upper), ("ab c", {}, "AB C"), {}, "as `text`"),
    "title": Converter(
        "text with each word capitalised", plain(texts.title), ("KEO NOY", {}, "Keo Noy"), {}, "as `text`"
    ),
    "compact": Converter(
        "capitals without blanks, hyphens, dots and slashes", plain(texts.compact), ("tghu 123456-7", {}, "TGHU1234567")
    ),
    "entities": Converter(
        "text whose letters were written as HTML's entities",
        plain(texts.entities), ("&#3626;&#3617;", {}, "สม"), {}, "as `text`",
    ),
    "recode": Converter(
        "text that another character set was read as cp1252", texts.recode,
        ("Nguyeãn Vaên Ñöùc", {"charset": "vni"}, "Nguyễn Văn Đức"),
        {"charset": Option("what it really is", choices=MISREAD, needed=True)}, "letters that cannot have come so",
    ),
    "junk": Converter(
        "nothing for what means \"unknown\", in any case of letters; else the cell as it is", texts.junk,
        ("FNU", {"lists": ["names"]}, None),
        {
            "lists": Option("of `signs`, `words`, `names`, `dates`; the first two when not named", list),
            "values": Option("more such values", list),
        },
    ),
    "split": Converter("a list of texts", texts.split, ("a; b;", {}, ["a", "b"]), _SEPARATOR, "as `text`"),
    "piece": Converter(
        "one piece of a text; nothing where there are fewer", texts.piece,
        ("BKK/2569/17", {"separator": "/", "number": -1}, "17"),
        {
            "separator": Option("what stands between the pieces", needed=True),
            "number": Option("1 is the first, -1 the last", int, needed=True),
        },
        "as `text`",
    ),
    "array": Converter(
        "the texts of a JSON list or of PostgreSQL's `{a,b}`", plain(texts.array),
        ('{Noy,"Keo B"}', {}, ["Noy", "Keo B"]), {}, "brackets that are no list, lists within lists",
    ),
    "name": Converter(
        "a name with its script; never split into parts", texts.name,
        ("KEO, Noy", {"comma": True}, {"text": "KEO Noy", "script": "Latn"}), _FORM | _COMMA, "as `text`",
    ),
    "names": Converter(
        "a list of names", texts.names,
        ("KEO NOY aka NANG", {"aliases": True},
         [{"text": "KEO NOY", "script": "Latn"}, {"text": "NANG", "script": "Latn"}]),
        _FORM | _COMMA | _SEPARATOR | {"aliases": Option("also split at `aka`, `alias`, `@` and their like", bool)},
        "as `text`",
    ),
    "code": Converter(
        'a look-up in `[codes.NAME]`; `"*"` is every other code, `""` nothing', texts.code,
        ("1", {"codes": {"1": "M"}}, "M"), {"codes": Option("name of the table", needed=True)},
        "a code without a meaning",
    ),
    "truth": Converter(
        "a yes or no in words or figures", texts.truth, ("có", {"yes": "STOLEN", "no": "NONE"}, "STOLEN"),
        {
            "yes": Option("what a yes becomes; `true` when not named"),
            "no": Option("what a no becomes; `false` when not named"),
        },
        "any other word",
    ),
    "country": Converter(
        "a country's alpha-3 code, from a code or a name, or nothing", texts.country,
        ("Lao PDR", {"scheme": "alpha-2"}, "LAO"),
        {
            "scheme": Option(
                "which code the cell has beside names; alpha-3 when not named", choices=texts.COUNTRY_SCHEMES
            ),
            "width": Option("characters that the column holds, where longer names were cut", int),
        },
    ),
    "phone": Converter(
        "a telephone number as E.164", texts.phone, ("081-234 5678", {"country_code": "66"}, "+66812345678"),
        {"country_code": Option("calling code of numbers that begin with 0", needed=True)},
        "anything else than 8 to 15 figures with a code before them",
    ),
    "plate": Converter(
        "the plate or the province of a column that holds both", texts.plate,
        ("กข 1234 เชียงราย", {"part": "province"}, "เชียงราย"),
        {
            "part": Option("the plate when not named", choices=("plate", "province")),
            "province_first": Option("the province stands before the plate", bool),
        },
        "a text without a figure",
    ),
}  # fmt: skip

_NUMBERS: Mapping[str, Converter] = {
    "decimal": Converter(
        "a quantity as decimal text, its unit passed over", numbers.decimal,
        ("1.234,5 kg", {"mark": "comma"}, "1234.5"), _MARK, "anything but one number and one word",
    ),
    "mass": Converter(
        "a mass in kilograms", numbers.mass, ("2 หาบ", {"picul": "60"}, "120"),
        _MARK | {
            "unit": Option("of a number alone, by its UN/ECE Rec 20 code; KGM when not named"),
            "picul": Option("kilograms of a picul; without it piculs are unreadable"),
        },
        "a unit that is not of mass",
    ),
    "volume": Converter(
        "a volume in litres", numbers.volume, ("750 ml", {}, "0.75"),
        _MARK | {"unit": Option("of a number alone, by its UN/ECE Rec 20 code; LTR when not named")},
        "a unit that is not of volume",
    ),
    "unit": Converter(
        "the UN/ECE Rec 20 code of a unit in words", plain(numbers.unit), ("กก.", {}, "KGM"), {},
        "a word that is not in the list; piculs, which have no code",
    ),
    "money": Converter(
        "an amount in minor units, as a whole number", numbers.money, ("1,234.50", {"currency": "THB"}, 123450),
        _MARK | {"currency": Option("ISO 4217", needed=True)}, "fractions of the minor unit",
    ),
}  # fmt: skip

_DATES: Mapping[str, Converter] = {
    "date": Converter(
        "a date in one of the formats; `00` is not known, a time of day is passed over", date_of,
        ("5-ม.ค.-2569", {"formats": ["dd-mon-yyyy"], "era": "BE"},
         {"value": "2026-01-05", "calendar": "BE", "original": "5-ม.ค.-2569"}),
        {
            "formats": Option("made of yyyy, yy, mm, mon, dd", list, needed=True),
            "era": Option("of the years; CE when not named", choices=ERAS),
            "pivot": Option("years of two digits above it belong to the century before; 69", int),
        },
        "other formats, days that are not, years outside 1850 to 2150; the year 9999 is nothing",
    ),
    "thai-date": Converter(
        "a date of the Buddhist era as Thai clerks type it; years below 2400 are of the common era",
        plain(dates.thai_date),
        ("00/00/2510", {}, {"value": "1967", "calendar": "BE", "original": "00/00/2510"}), {},
        "what is in none of these habits, days that are not",
    ),
    "epoch-date": Converter(
        "the day of a number of seconds since 1970", moments.epoch_date,
        (1517169773, {"offset": 7}, {"value": "2018-01-29", "calendar": "GREG"}), _EPOCH | _OFFSET, "no number",
    ),
    "epoch-time": Converter(
        "the moment of a number of seconds since 1970", moments.epoch_time,
        (1517169773000, {"unit": "ms"}, "2018-01-28T20:02:53Z"), _EPOCH, "no number",
    ),
    "moment": Converter(
        "the moment of an ISO 8601 text, in UTC", moments.moment,
        ("2026-11-24 08:30:00", {"offset": 7}, "2026-11-24T01:30:00Z"), _OFFSET,
        "other formats, and without `offset` a text without a zone",
    ),
    "moment-date": Converter(
        "the day of such a moment", moments.moment_date,
        ("2026-11-24T20:30:00Z", {"offset": 7}, {"value": "2026-11-25", "calendar": "GREG"}), _OFFSET, "other formats",
    ),
    "excel-date": Converter(
        "the day of a spreadsheet's serial number", moments.excel_date,
        (45000, {}, {"value": "2023-03-15", "calendar": "GREG"}),
        {"since_1904": Option("the spreadsheet counts from 1904", bool)}, "no number, and 60 (29 February 1900)",
    ),
}  # fmt: skip

CONVERTERS: Mapping[str, Converter] = {**_TEXTS, **_NUMBERS, **_DATES}
"""All converters by the name that a mapping uses."""
