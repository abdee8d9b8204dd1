"""Forms are read in one way, and only those that our own pages sent."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request

from gateway.console.frame.forms import Form, check_sender, new_form_id, read_form, see_other
from gateway.errors import Forbidden, Malformed, Refused, TooLarge
from tests.support.tables import table

OURS = "https://desk.th.example"
ID = "A" * 22
FORM = "application/x-www-form-urlencoded"


def request(body: bytes | list[bytes] = b"", /, **headers: str | None) -> tuple[Request, list[bytes]]:
    """A request of a page of ours, with other headers; and the parts of its body that are not read yet."""
    parts = list(body) if isinstance(body, list) else [body]
    sent: dict[str, str | None] = {"sec-fetch-site": "same-origin", "origin": OURS, "content-type": FORM}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    scope: dict[str, Any] = {
        "type": "http", "method": "POST", "path": "/x", "query_string": b"", "state": {},
        "headers": [(name.encode(), value.encode()) for name, value in sent.items() if value is not None],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        part = parts.pop(0) if parts else b""
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    return Request(scope, receive), parts


async def read(body: bytes | list[bytes], most: int = 1000, /, **headers: str | None) -> Form:
    return await read_form(request(body, **headers)[0], OURS, most)


@table(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "https://desk.th.example.evil.example"},
        {"origin": "http://desk.th.example"},
        {"origin": "https://desk.th.example:8443"},
        {"sec_fetch_site": None, "origin": None},
        {"sec_fetch_site": None, "origin": "https://evil.example"},
        {"sec_fetch_site": "cross-site", "origin": None},
        {"sec_fetch_site": "same-origin, cross-site"},
    ],
)  # fmt: skip
async def test_a_form_of_another_site_is_refused_and_its_body_is_not_read(headers: dict[str, str | None]) -> None:
    sent, unread = request([f"form={ID}".encode(), b"&a=1"], **headers)
    with pytest.raises(Forbidden) as refused:
        await read_form(sent, OURS)
    assert refused.value.code == "foreign-form"
    assert len(unread) == 2


@pytest.mark.parametrize("headers", [{"sec_fetch_site": None}, {"origin": None}])
def test_one_of_both_headers_is_enough_for_older_browsers(headers: dict[str, str | None]) -> None:
    check_sender(request(**headers)[0], OURS)


async def test_values_are_read_in_every_script_and_ticked_fields_together() -> None:
    body = f"form={ID}&name=%E0%B8%AA%E0%B8%A1&field=a&field=b&empty=&plus=a+b".encode()
    form = await read(body)
    assert form.id == ID
    assert form.one("name") == "สม"
    assert form.all("field") == ("a", "b")
    assert (form.one("empty"), form.one("plus"), form.one("none")) == ("", "a b", "")
    with pytest.raises(Malformed):
        form.one("field")


@table(
    "body",
    [
        b"", b"a=1", b"form=short", b"form=" + b"A" * 23, f"form={ID}&form={ID}".encode(), f"form={ID}&a".encode(),
        f"form={ID}&a=%FF".encode(), f"form={ID}&a=%00".encode(), f"form={ID}&".encode() + b"a=1&" * 1001 + b"b=1",
        f"form={ID}&a=\xff".encode("latin-1"),
    ],
    ids=["empty", "no id", "short id", "long id", "two ids", "no value", "no text", "nul", "too many", "no ascii"],
)  # fmt: skip
async def test_a_form_that_cannot_be_read_in_one_way_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        await read(body, 10_000)


@table("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain", None])
async def test_only_plain_forms_are_read(kind: str | None) -> None:
    with pytest.raises(Malformed):
        await read(f"form={ID}".encode(), content_type=kind)


async def test_ten_megabytes_are_not_read_to_their_end() -> None:
    parts = [b"a" * 1000] * 10_000
    sent, unread = request(parts)
    with pytest.raises(TooLarge):
        await read_form(sent, OURS, 5000)
    assert len(unread) > 9_900
    sent, unread = request(parts, content_length="10000000")
    with pytest.raises(TooLarge):
        await read_form(sent, OURS, 5000)
    assert len(unread) == 10_000


@table("length", ["-1", "1e3", "９", "9" * 20, ""])
async def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    if not length.isascii():
        length = "x"
    with pytest.raises(Refused):
        await read(f"form={ID}".encode(), content_length=length)


def test_each_form_has_an_id_of_its_own() -> None:
    assert len({new_form_id() for _ in range(100)}) == 100
    assert all(len(new_form_id()) == 22 for _ in range(10))


def test_a_form_that_was_taken_is_answered_with_the_page_that_follows() -> None:
    answer = see_other("/desk")
    assert (answer.status_code, answer.headers["location"], answer.body) == (303, "/desk", b"")
    assert isinstance(answer.headers["cache-control"], str)
