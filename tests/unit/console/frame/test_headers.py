"""Every answer is guarded; a file that is handed out does nothing, even if a browser shows it."""

from __future__ import annotations

from starlette.responses import HTMLResponse, Response
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from gateway.console.visits.door import CONTENT_POLICY, FILE_POLICY, Guarded


def answered(response: Response) -> dict[str, str]:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await response(scope, receive, send)

    return dict(TestClient(Guarded(app)).get("/").headers)


def test_a_page_has_the_policy_of_pages_whatever_it_sets_itself() -> None:
    headers = answered(HTMLResponse("x", headers={"content-security-policy": "default-src *"}))
    assert headers["content-security-policy"] == CONTENT_POLICY
    assert headers["cache-control"] == "no-store"


def test_a_file_is_in_a_sandbox() -> None:
    headers = answered(Response("<script>", headers={"content-disposition": 'attachment; filename="a.html"'}))
    assert headers["content-security-policy"] == FILE_POLICY
    assert "sandbox" in FILE_POLICY
    assert headers["x-content-type-options"] == "nosniff"
