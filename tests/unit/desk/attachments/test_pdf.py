"""PDFs: what runs, opens or hides something is refused in whatever way it is written, and all others are taken."""

from __future__ import annotations

import tracemalloc
import zlib

import pytest

from gateway.desk.attachments.kinds import checked_type
from gateway.desk.attachments.pdf import MAX_HEADS, MAX_PACKED
from gateway.errors import Malformed
from gateway.model.desk.attachments import CHUNK, MediaType
from tests.support.files import pdf, pdf_pack, pdf_stream
from tests.support.tables import table

SCRIPT = b"<</S/JavaScript/JS(app.alert(1))>>"
LINK = b"<</Type/Annot/Subtype/Link/A<</S/URI/URI(https://example.org)>>>>"
OPENS = b"<</S/URI/URI(https://example.org)>>"
GOES = b"<</S/GoTo/D[3 0 R/Fit]>>"
NOISE = bytes(range(256)) * 64


def code(data: bytes) -> str:
    """The code with which a PDF is refused; its type where it is taken."""
    try:
        return checked_type(lambda offset, count: data[offset : offset + count], len(data), "a.pdf").value
    except Malformed as error:
        return error.code


@pytest.mark.long
@table(
    "data",
    [
        pdf(),
        pdf(LINK, pdf_stream(NOISE, b"/Filter/DCTDecode")),
        pdf(b"<</Title (Upstream \\( about /J)/Author <feff0041>>>"),
        pdf(pdf_stream(b"BT (obj 5 of 7 obj) Tj ET")),
        pdf(pdf_pack(LINK, b"<</Type/Outlines/First 51 0 R>>"), b"<</Type/Outlines/First 9 0 R/Last 9 0 R>>"),
        pdf(pdf_pack(b"<</A 1>>", about=b"/Filter[/FlateDecode]")),
        pdf(pdf_pack(b"<</A 1>>", about=b"", packed=False)),
        pdf(root=b"/OpenAction[3 0 R/Fit]"),
        pdf(root=b"/OpenAction" + GOES),
        pdf(GOES, LINK, root=b"/OpenAction 4 0 R"),
        pdf(root=b"/OpenAction null"),
        pdf(root=b"/OpenAction<</S/Named/N/FirstPage>>"),
        pdf(b"<</Title (Stolen semi-trailer)>>", pdf_stream(b"<rdf>Truck and trailer</rdf>")),
        pdf(LINK.replace(b"org", b"org/Collection/12/JS/AA/(a\\)/EF)/Encrypt")),
        pdf(b"<</Type/Thread/F 5 0 R>>", b"<</Subtype/Widget/F 4/Font<</FS 6 0 R>>/Ref[6 0 R]>>"),
        pdf(pdf_stream(b" obj" * MAX_HEADS)),
        pdf(pdf_pack(LINK, GOES), root=b"/OpenAction 51 0 R"),
        pdf(before=pdf(LINK)),
        pdf(*[b"<</A[" + b"1 0 R " * 900 + b"]>>"] * 400, pdf_stream(NOISE * 150)),
    ],
    ids=str,
)
def test_documents_that_only_show_something_are_taken(data: bytes) -> None:
    assert code(data) == MediaType.PDF


@table(
    "data",
    [
        pdf(SCRIPT),
        pdf(root=b"/Names<</JavaScript<</Names[(a)4 0 R]>>>>"),
        pdf(b"<</S/J#61vaScript/J#53(app.alert(1))>>"),
        pdf(b"<</S/#4a#61#76#61#53#63#72#69#70#74>>"),
        pdf(b"<</S % here\n/JavaScript>>"),
        pdf(b"<</S/Launch/F(cmd.exe)>>"),
        pdf(b"<</S/GoToR/F(\\\\\\\\host\\\\a.pdf)>>"),
        pdf(b"<</S/SubmitForm/F(https://example.org)>>"),
        pdf(b"<</Type/Filespec/F(a.exe)/EF<</F 5 0 R>>>>"),
        pdf(pdf_stream(b"MZ", b"/Type/EmbeddedFile")),
        pdf(b"<</Subtype/FileAttachment>>"),
        pdf(b"<</XFA 5 0 R>>"),
        pdf(b"<</Subtype/RichMedia>>"),
        pdf(b"<</AA<</O 4 0 R>>>>"),
        pdf(pdf_pack(b"<</A 1>>", SCRIPT)),
        pdf(pdf_pack(b"<</S/Java#53cript>>", about=b"/Filter [ /FlateDecode ]")),
        pdf(pdf_pack(SCRIPT, about=b"", packed=False)),
        pdf(pdf_pack(SCRIPT).replace(b"/First", b"/Firs#74").replace(b"/Type/ObjStm", b"")),
        pdf(pdf_pack(b"(" + SCRIPT + b")")),
        pdf(before=pdf(SCRIPT)),
        pdf(SCRIPT, before=pdf(LINK)),
        pdf(trailer=b"/Root<</Names" + SCRIPT + b">>"),
        pdf(root=b"/OpenAction<</S/URI/URI(https://example.org)>>"),
        pdf(LINK[:-2] + b"/OpenAction 5 0 R>>", b"<</S/URI/URI(https://example.org)>>"),
        pdf(pdf_pack(LINK), root=b"/OpenAction 50 0 R"),
        pdf(b"<</S/GoTo/D[3 0 R/Fit]/Next 5 0 R>>", LINK, root=b"/OpenAction 4 0 R"),
        pdf(root=b"/OpenAction %\n 4 0 R"),
        pdf(root=b"/OpenAction<</S/Named/N/Print>>"),
        pdf(b"<</A(\\)/JS)/S/JavaScript/B(()a)>>"),
        pdf(pdf_stream(b"", b"/Subtype/Image/F<</FS/URL/F(https://example.org)>>")),
        pdf(pdf_stream(b"", b"/Subtype/Image/F %\n(//host/a)")),
        pdf(pdf_stream(b"", b"/Subtype/Image/F 5 0 R"), b"<</F(//host/a)>>"),
        pdf(b"<</Type/Filespec/FS/URL/F(https://example.org)>>"),
        pdf(pdf_stream(b"", b"/Subtype/Form/Ref<</F(https://example.org)/Page 0>>")),
        pdf(LINK.replace(b"/URI/", b"/Thread/")),
    ],
    ids=str,
)
def test_n272_a_document_that_runs_or_opens_something_is_refused(data: bytes) -> None:
    assert code(data) == "active-pdf"


@table(
    "data",
    [
        pdf(trailer=b"/Encrypt 4 0 R"),
        pdf(b"<</Filter/Standard>>", pdf_stream(b"", b"/Type/XRef/#45ncrypt 4 0 R")),
        pdf(pdf_pack(LINK).replace(b"x\x9c", b"\x01\x02"), trailer=b"/Encrypt 9 0 R"),
    ],
    ids=str,
)
def test_n272_a_document_that_nobody_can_look_into_is_refused(data: bytes) -> None:
    assert code(data) == "encrypted-pdf"


HIDDEN = b"9 0 obj\n" + SCRIPT + b"\nendobj\n"


@pytest.mark.long
@table(
    "data",
    [
        pdf(pdf_stream(HIDDEN)),
        pdf(pdf_stream(HIDDEN.replace(b" obj", b" " * 600 + b"obj"))),
        pdf(pdf_stream(HIDDEN.replace(b" obj", b" %" + b"a" * 600 + b"\nobj"))),
        pdf(pdf_stream(HIDDEN.replace(b" obj", b" % a\n%\r obj"))),
        pdf(pdf_stream(HIDDEN.replace(b" obj", b"obj"))),
        pdf(pdf_stream(HIDDEN.replace(b"9 0", b"+9 0.0"))),
        pdf(pdf_stream(HIDDEN.replace(b"9 0", b"9. -0."))),
        pdf(pdf_stream(NOISE * 100 + HIDDEN + NOISE * 100)),
        pdf(b"(" + HIDDEN + b")"),
        pdf(b"<</A 1 %" + HIDDEN.replace(b"\n", b" ") + b"\n>>"),
        pdf(b"<</A (>>\nstream\n)" + SCRIPT[2:-2] + b"/B (\nendstream)>>", b"9 0 obj"),
        pdf(b"<</A stream" + SCRIPT + b"endstream>>"),
        pdf(b"[<<>>stream" + SCRIPT + b"endstream]"),
        pdf(pdf_stream(b"trailer<</Root" + SCRIPT + b">>")),
        pdf(pdf_stream(b"xref\n0 1\ntrailer")),
        pdf(pdf_stream(b"trailer % a\n<</Root" + SCRIPT + b">>")),
        pdf(pdf_stream(b"trailer" + b" " * 600 + b"<</Root" + SCRIPT + b">>")),
        pdf(b"9 %\n0 obj" + pdf_pack(SCRIPT)),
        pdf()[:-40] + b"9 %\n0 obj" + pdf_pack(SCRIPT) + pdf()[-40:],
        *[
            pdf(OPENS, root=b"/OpenAction 4 0 R").replace(b"\n4 0 obj", b"\n" + head)
            for head in (b"4 %\n0 obj", b"4 0%\nobj", b"00000000004 0 obj", b"4 0000000 obj", b"4. 0 obj")
        ],
        pdf(pdf_pack(SCRIPT, about=b"/Filter/LZWDecode")),
        pdf(pdf_pack(SCRIPT, about=b"/Filter[/ASCIIHexDecode/FlateDecode]")),
        pdf(pdf_pack(SCRIPT, about=b"/Filter/FlateDecode/DecodeParms<</Predictor 12>>")),
        pdf(pdf_pack(SCRIPT, about=b"/Filter 8 0 R")),
        pdf(pdf_pack(SCRIPT, about=b"/F(other.pdf)/Filter/FlateDecode")),
        pdf(pdf_pack(SCRIPT, about=b"/A(/Filter/FlateDecode)/F/LZWDecode")),
        pdf(pdf_pack(LINK)[:-40] + b"endstream"),
        pdf(pdf_pack(LINK).replace(b"/First 5", b"/First 8 0 R %")),
        pdf(pdf_pack(OPENS).replace(b"/Type/ObjStm", b"/X<</First 0>>/Type/ObjStm"), root=b"/OpenAction 50 0 R"),
        pdf(pdf_pack(b" " * (MAX_PACKED + 1))),
        pdf(*[pdf_pack(b" " * MAX_PACKED)] * 9),
        pdf(b"<<" + b"/A 1" * 1_200_000 + b">>"),
        pdf(pdf_stream(b" obj" * (MAX_HEADS // 2)), pdf_stream(b" obj" * (MAX_HEADS // 2 + 1))),
        pdf(b"(a"),
        pdf(b"<<>>\nstream\n")[:-20],
        pdf()[:-8],
        pdf().replace(b"startxref\n", b"startxref\n9"),
        pdf().replace(b"xref\n0", b"xfer\n0"),
    ],
    ids=str,
)
def test_n272_a_document_that_hides_something_or_is_not_whole_is_refused(data: bytes) -> None:
    assert code(data) in ("bad-file", "active-pdf")


@pytest.mark.parametrize("place", range(CHUNK - 60, CHUNK + 20, 7))
def test_what_lies_across_two_reads_is_found(place: int) -> None:
    stream = pdf_stream(b"\x01" * (place - len(pdf()) - 60))
    assert code(pdf(stream, SCRIPT)) == "active-pdf"
    assert code(pdf(stream, pdf_pack(SCRIPT))) == "active-pdf"
    assert code(pdf(stream[:-10] + HIDDEN + stream[-10:])) == "bad-file"
    assert code(pdf(stream, LINK)) == MediaType.PDF


@pytest.mark.long
def test_a_large_document_is_never_whole_in_memory() -> None:
    noise = zlib.compress(NOISE) * 9_000
    data = pdf(*[pdf_stream(noise)] * 10, pdf_pack(b" " * (MAX_PACKED - 100)))
    assert len(data) > 24 * CHUNK
    tracemalloc.start()
    try:
        assert code(data) == MediaType.PDF
        assert tracemalloc.get_traced_memory()[1] < 5 * MAX_PACKED
    finally:
        tracemalloc.stop()
