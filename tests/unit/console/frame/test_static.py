"""Files are served under the hash of their content, and nothing beside them."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from gateway.console.frame.static import ASSETS, LOOK, StaticFiles
from gateway.errors import Unknown
from tests.support.tables import table


@pytest.fixture(scope="module")
def files() -> StaticFiles:
    return StaticFiles()


@pytest.fixture(scope="module")
def client(files: StaticFiles) -> TestClient:
    def unknown(request: Request, error: Exception) -> Response:
        return PlainTextResponse(str(error), 404)

    routes = [Route("/assets/{hash}/{name}", files.serve)]
    return TestClient(Starlette(routes=routes, exception_handlers={Unknown: unknown}))


def test_a_file_may_be_kept_for_ever_under_the_hash_of_its_content(files: StaticFiles, client: TestClient) -> None:
    answer = client.get(files.href("console.css"))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert answer.content == b"".join((ASSETS / "look" / f"{name}.css").read_bytes() for name in LOOK)


@table(
    ("accepted", "pressed"),
    [
        ("gzip, deflate, br", True),
        ("br;q=1, *;q=0.1", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("br", False),
        ("", False),
    ],
)
def test_text_is_pressed_for_who_takes_gzip(
    files: StaticFiles, client: TestClient, accepted: str, pressed: bool
) -> None:
    with client.stream("GET", files.href("fonts.css"), headers={"accept-encoding": accepted}) as answer:
        raw = b"".join(answer.iter_raw())
        assert answer.headers.get("content-encoding", "") == ("gzip" if pressed else "")
        assert answer.headers["vary"] == "accept-encoding"
    assert (gzip.decompress(raw) if pressed else raw) == (ASSETS / "fonts.css").read_bytes()


def test_the_style_sheet_leads_to_every_font(files: StaticFiles, client: TestClient) -> None:
    sheet = client.get(files.href("fonts.css"))
    sources = re.findall(r'url\("\.\./([^"]+)"\)', sheet.text)
    assert len(sources) > 100
    for source in sources[:8]:
        font = client.get(f"/assets/{source}", headers={"accept-encoding": "gzip"})
        assert (font.status_code, font.headers["content-type"]) == (200, "font/woff2")
        assert "content-encoding" not in font.headers


@table(
    "path",
    [
        "/assets/0000000000000000/console.css",
        "/assets/0000000000000000/outline.json",
        "/assets/0000000000000000/..%2f..%2fapp.py",
        "/assets/0000000000000000/%2e%2e",
        "/assets/0000000000000000/tokens.css",
        "/assets/0000000000000000/noto-sans.txt",
        "/assets/x/console.css%00.html",
    ],
)
def test_nothing_outside_the_list_can_be_asked_for(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_page_that_names_a_file_that_is_not_there_fails_where_it_is_made(files: StaticFiles) -> None:
    with pytest.raises(Unknown, match="no file missing"):
        files.href("missing.js")


def test_another_content_has_another_address(tmp_path: Path) -> None:
    (tmp_path / "look").mkdir()
    for name in LOOK:
        (tmp_path / "look" / f"{name}.css").write_text("")
    (tmp_path / "live.js").write_text("1")
    before = StaticFiles(tmp_path).href("live.js")
    (tmp_path / "live.js").write_text("2")
    assert StaticFiles(tmp_path).href("live.js") != before


def test_the_first_load_of_style_is_small(files: StaticFiles) -> None:
    sizes = {file.name: len(file.pressed or file.content) for file in files if not file.name.endswith(".woff2")}
    assert sum(sizes.values()) < 100_000
    assert sizes["console.css"] < 12_000
