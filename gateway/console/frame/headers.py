"""The headers of every answer: what a page may load and do, and that no cache keeps it (CASE-L5, CASE-L6)."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import MutableHeaders

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types liaison"
)

_ALWAYS = {
    "content-security-policy": CONTENT_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), publickey-credentials-get=(self)",
    "referrer-policy": "same-origin",  # with no-referrer a browser sends `Origin: null` with our own forms
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
FILE_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""The policy of files that are handed out as attachments: shown by mistake, they do nothing."""

_UNLESS_SET = {"cache-control": "no-store"}


class Guarded:
    """Adds the headers to every answer (ASGI)."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request."""

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_ALWAYS)
                if headers.get("content-disposition", "").startswith("attachment"):
                    headers["content-security-policy"] = FILE_POLICY
                for name, value in _UNLESS_SET.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, guarded)
