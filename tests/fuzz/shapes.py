"""Hostile shapes for parsers: each makes a document of about a given number of bytes.

A parser that is quadratic in something (members, levels, digits, quotes, marks, dots, lines, signatures) shows it with
one of these.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

Shape = Callable[[int], bytes]

_HASH = base64.b64encode(bytes(32)).decode()
_SIGNED = base64.b64encode(bytes(68)).decode()


def repeated(unit: str | bytes, before: str = "", after: str = "") -> Shape:
    """Return a shape that repeats `unit` between `before` and `after`."""
    data = unit if isinstance(unit, bytes) else unit.encode()

    def shape(size: int) -> bytes:
        return before.encode() + data * max(1, size // len(data)) + after.encode()

    return shape


def listed(item: Callable[[int], str], before: str, between: str, after: str) -> Shape:
    """Return a shape that lists different items."""

    def shape(size: int) -> bytes:
        return (before + between.join(map(item, range(max(1, size // len(item(size) + between))))) + after).encode()

    return shape


def dotted_headers(size: int) -> bytes:
    """Return headers of TOML, each one level deeper than the one before."""
    return "\n".join("[a" + ".b" * depth + "]" for depth in range(int(size**0.5))).encode()


SHAPES: dict[str, Shape] = {
    # any text
    "blanks": repeated(" "),
    "blanks between": repeated(" ", "1", "x"),
    "lines": repeated("\n"),
    "zeros": repeated(b"\x00"),
    "ones": repeated(b"\xff"),
    "digits": repeated("9"),
    "digits and blanks": repeated("1 ", "", "x"),
    "dots": repeated("."),
    "letters": repeated("a"),
    "words": repeated("ab "),
    "of": repeated("x of the "),
    "commas": repeated("a,"),
    "semicolons": repeated("a;"),
    "slashes": repeated("1/1/"),
    "quotes": repeated('"'),
    "quotes in quotes": repeated('\\"', '"'),
    "apostrophes": repeated("'"),
    "backslashes": repeated("\\"),
    "ampersands": repeated("&amp;"),
    "escapes": repeated("\x1b["),
    "tildes": repeated("~"),
    "fillers": repeated("<"),
    # scripts
    "marks": repeated("\u0301\u0323", "a"),
    "marks in the wrong order": lambda size: ("a" + "\u0301" * (size // 4) + "\u0323" * (size // 4)).encode(),
    "jamo": repeated("\u1100\u1161\u11a8"),
    "han": repeated("\u674e\u4e50\u91cd"),
    "han of many readings": repeated("\u884c"),
    "thai": repeated("\u0e40\u0e01\u0e35\u0e48\u0e22"),
    "thai again": repeated("\u0e01\u0e46"),
    "lao": repeated("\u0e81\u0eb4"),
    "khmer": repeated("\u1780\u17d2\u1780"),
    "burmese": repeated("\u1000\u1039\u1000"),
    "zawgyi": repeated("\u1000\u1060\u103a"),
    "letters read twice": repeated("à¸ªà¸¡"),
    # JSON
    "lists in lists": repeated("["),
    "objects in objects": repeated('{"a":'),
    "one member again": repeated('"a":1,', "{", '"a":1}'),
    "each member twice": listed(lambda n: f'"{n // 2:x}":1', "{", ",", "}"),
    "many members": listed(lambda n: f'"{n:x}":1', "{", ",", "}"),
    "the first member again": listed(lambda n: f'"{n:x}":1', '{"a":1,', ",", ',"a":1}'),
    "the last member again": listed(lambda n: f'"{n:x}":1', "{", ",", ',"z":1,"z":1}'),
    "a long integer": repeated("1", "[", "]"),
    "a long fraction": repeated("1", "[0.", "]"),
    "a long exponent": repeated("1", "[1e", "]"),
    "many numbers": repeated("1,", "[", "1]"),
    "escaped letters": repeated("\\u00e9", '["', '"]'),
    "escaped pairs": repeated(',"\\ud83d\\ude00"', '["\\ud800\\udc00"', "]"),
    "many signatures": lambda size: json.dumps(
        {"payload": "AAAA", "payloadType": "x", "signatures": [{"keyid": "a", "sig": "AAAA"}] * (size // 30)}
    ).encode(),
    # XML
    "elements in elements": repeated("<a>"),
    "flat elements": repeated("<b/>", "<a>", "</a>"),
    "attributes": listed(lambda n: f'a{n}="1"', "<a ", " ", "/>"),
    "namespaces": listed(lambda n: f'xmlns:a{n}="u{n}"', "<a ", " ", "/>"),
    "references": repeated("&amp;", "<a>", "</a>"),
    "lines of text": repeated("x\n", "<a>", "</a>"),
    "a comment": repeated("-", "<!--"),
    "brackets in a section": repeated("]", "<a><![CDATA["),
    # protobuf
    "empty messages": repeated(b"\x0a\x00"),
    "small numbers": repeated(b"\x08\x01"),
    "unknown fields": repeated(b"\xfa\x7f\x00"),
    "groups": repeated(b"\x0b"),
    # TOML
    "keys": listed(lambda n: f"a{n}=1", "", "\n", ""),
    "a deep key": repeated(".a", "a", "=1"),
    "a deep quoted header": repeated('."a"', "[a", "]"),
    "deep headers": dotted_headers,
    "a header of blanks": repeated(" ", "["),
    "tables": listed(lambda n: f"[a{n}]\nb.c.d=1", "", "\n", ""),
    "items of tables": repeated("[[a]]\n"),
    "tables in tables": repeated("{a=", "a="),
    "open brackets": repeated("[", "a="),
    "quotes in a long text": repeated('\\"', 'a="""', '"""'),
    "underscores": repeated("1_", "a="),
    # heads of logs, proofs, and lists of languages
    "many lines of signatures": repeated(
        f"\u2014 w {_SIGNED}\n", f"th.liaison.internal/exchange/1\n5\n{_HASH}\n\n\u2014 th.liaison.internal {_SIGNED}\n"
    ),
    "many hashes": repeated(f"{_HASH}\n", "old 1\n"),
    "parts of a language": repeated("-a", "a", "!"),
    "many languages": listed(lambda n: f"a{n};q=0.1", "", ",", ""),
    "parameters of a link": repeated('; a = "b" ', "<a>", "x"),
    "an array of texts": repeated('"a",', "{", '"a"}'),
    "an array without its end": repeated("a,", "{", "x"),
    "many rules": repeated(";"),
    "many rows": repeated("a,b\n", "x,y\n"),
    "many columns": listed(lambda n: f"c{n}", "", ",", "\n"),
    "one open cell": repeated("x\n", 'x,y\n"'),
}
