"""What a hostile review of the sources found: small inputs that cost much, and choices that were made in silence."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from adapters.base import Adapter
from adapters.files.elements import parse
from adapters.files.sheet import MAX_CELLS, read_sheet
from adapters.http.transport import DeadlineTransport
from adapters.sql.connection.access import SqlAccess
from adapters.sql.connection.engines import KINDS, is_local
from gateway.clock import SystemClock
from gateway.errors import Malformed, TimedOut
from gateway.matching.normal import _AGAIN, normal_name
from tests.support.load import effort, waiting
from tests.support.tables import table
from tests.support.web_source import Interface, open_web, person, serving

CLOCK = SystemClock()
QUICK = 3.0
"""Seconds of the processor; what grows with the square of its length takes minutes here."""


# ---------------------------------------------------------------- workbooks


def sheet(cells: str, after: str = "") -> bytes:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<worksheet xmlns="{main}"><sheetData><row r="1">{cells}</row></sheetData>{after}</worksheet>'.encode()


@pytest.mark.timed
@pytest.mark.parametrize(
    "part",
    [
        sheet("", "<!-- " + '<c r="A1">' * 100_000 + " -->"),
        sheet("", "<![CDATA[" + '<c r="A1">' * 100_000 + "]]>"),
        sheet("", "<?x " + '<c r="A1">' * 100_000 + "?>"),
        sheet('<c.d r="A1"></c.d>' * 100_000),
    ],
    ids=["a comment", "a section", "an instruction", "elements that begin alike"],
)
def test_k8_cells_that_are_none_cost_no_time(part: bytes) -> None:
    with effort() as spent:
        assert not read_sheet(part, {}).broken
    assert spent.seconds < QUICK


@pytest.mark.timed
@pytest.mark.parametrize(
    "part",
    [
        sheet('<c r="A1" ' * 100_000),
        sheet('<c r="A1">' * 100_000),
        sheet('<c r="A1"/>' * (MAX_CELLS // 20)) + b"<!--",
        sheet('<c r="A1"><c r="XFD1048576"/></c>'),
        sheet('<c r="A1" q="XFD1"/>'),
        sheet('<c r="A1"/><c r="XFD99999"/>'),
        '<?xml version="1.0" encoding="utf-16"?>'.encode("utf-16") + sheet('<c r="A1"/>'),
    ],
    ids=[
        "open tags",
        "open cells",
        "an open comment",
        "a cell in a cell",
        "an attribute",
        "a rectangle",
        "two encodings",
    ],
)
def test_k8_a_sheet_that_is_none_is_refused_in_little_time(part: bytes) -> None:
    with effort() as spent, pytest.raises(Malformed):
        read_sheet(part, {})
    assert spent.seconds < QUICK


def test_an_error_behind_a_sign_that_looks_like_an_end_is_still_one() -> None:
    found = read_sheet(
        sheet('<c r="B1" t="e"><v>7</v></c><c r="C1"><f>1+1</f></c><c r="D1" s="3"><v>7</v></c>'), {"3": 5}
    )
    assert found.broken == {(0, 1), (0, 2)}
    assert found.padded == {(0, 3): 5}


# ---------------------------------------------------------------- documents


def test_k8_two_attributes_of_one_local_name_make_a_document_unreadable() -> None:
    with pytest.raises(Malformed, match="attribute that occurs twice"):
        parse(io.BytesIO(b'<r xmlns:a="urn:a" xmlns:b="urn:b"><x a:id="1" b:id="2">1</x></r>'), frozenset())
    found = parse(io.BytesIO(b'<r xmlns:a="urn:a"><x a:id="1" key="2">1</x></r>'), frozenset())
    assert found["r"] == {"x": "1", "x@id": "1", "x@key": "2"}


# ---------------------------------------------------------------- web interfaces


@pytest.fixture
def interface() -> Interface:
    return Interface()


@pytest.fixture
def source(tmp_path: Path, interface: Interface) -> Iterator[Adapter]:
    with serving(interface) as url:
        opened = open_web(tmp_path, url, CLOCK)
        yield opened
        opened.close()


def test_k5_interim_answers_without_an_end_are_left_at_the_deadline(source: Adapter, interface: Interface) -> None:
    def flood(handler: BaseHTTPRequestHandler) -> bool:
        try:
            while True:
                handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 50)
        except OSError:
            handler.close_connection = True
        return True

    interface.stream = flood
    with waiting() as watch, pytest.raises(TimedOut):
        source.fetch("p/1", "Person", CLOCK.monotonic() + 0.3)
    assert watch.seconds < 2


def test_rows_that_come_again_are_one_and_others_with_their_key_are_counted(
    tmp_path: Path, interface: Interface
) -> None:
    interface.persons += [person(2), person(3, born="1999-01-01")]
    with serving(interface) as url:
        opened = open_web(tmp_path, url, CLOCK)
        assert opened.left_out["Person"] == {"a key that occurs more than once": 1}
        opened.close()


def test_k2_an_exchange_ends_at_its_bytes_and_at_its_time() -> None:
    transport = DeadlineTransport(None, CLOCK)
    transport.begin(CLOCK.monotonic() + 60, 1_000)
    transport.received(1 << 20)
    with pytest.raises(OSError, match="too many bytes"):
        transport.received(10_000)
    transport.begin(CLOCK.monotonic(), 1_000)
    with pytest.raises(TimeoutError):
        transport.remaining()
    transport.close()


# ---------------------------------------------------------------- databases


@table(
    ("url", "is_here"),
    [
        ("postgresql:///x?host=/tmp", True),
        ("postgresql:///x?host=/tmp,127.0.0.1", True),
        ("postgresql:///x?host=/tmp,db.remote.example", False),
        ("postgresql:///x?host=/tmp&host=db.remote.example", False),
        ("postgresql://localhost,db.remote.example/x", False),
        ("postgresql:///x?host=db.remote.example", False),
    ],
)
def test_one_remote_host_among_several_makes_the_database_remote(url: str, is_here: bool) -> None:
    address = make_url(url)
    assert is_local(address) is is_here
    assert ("sslmode" in KINDS["postgresql"].arguments(address, SqlAccess())) is not is_here


# ---------------------------------------------------------------- names

_WIDE = [chr(code) for code in range(0x3300, 0x3400) if len(unicodedata.normalize("NFKC", chr(code))) > 4]


@pytest.mark.timed
@pytest.mark.parametrize("text", ["".join(_WIDE * 20)[:512], "ก" * 512], ids=["signs that grow", "one long word"])
def test_a_name_that_grows_costs_no_more_than_others(text: str) -> None:
    with effort() as usual:
        for turn in range(50):
            normal_name.__wrapped__(("Somchai Jaidee " * 40)[: 512 - turn])
    with effort() as spent:
        for turn in range(50):
            normal_name.__wrapped__(text[: 512 - turn])
    # Before, 70 and 6 ms for each; now less than 1.
    assert spent.seconds < 4 * usual.seconds + 0.1


@pytest.mark.timed
@pytest.mark.parametrize("text", ["ก" * 50_000, "ๆ" * 50_000, " " * 50_000, "กๆ " * 20_000, "ก" + " " * 50_000])
def test_looking_for_repeated_words_costs_what_the_length_costs(text: str) -> None:
    with effort() as spent:
        _AGAIN.sub("", text)
    assert spent.seconds < QUICK


@settings(max_examples=50)
@given(st.lists(st.text("กขคงจ", min_size=1, max_size=6), min_size=1, max_size=4), st.sampled_from(["", " "]))
def test_the_sign_of_repetition_says_the_word_before_it_twice(words: list[str], blank: str) -> None:
    *before, last = words
    assert normal_name(" ".join([*before, last]) + blank + "ๆ").own == normal_name(" ".join([*before, last, last])).own
