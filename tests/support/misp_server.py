"""A server in the shape of MISP, as far as events go, over real TLS: what a client library may expect of one.

Like MISP it refuses an event whose UUID it has, takes a value once in an event, and takes a change of an attribute
with a later timestamp only. It keeps deleted attributes out of what it shows. No change of an event takes a tag away.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.collector import certificate, tls_server

KEY = "aB3" * 13 + "x"
Answer = tuple[int, Any]
_ABSENT: Answer = (404, {"name": "Invalid event.", "message": "Invalid event.", "url": "/events/view"})


@dataclass
class MispServer:
    """The events of the instance by their UUIDs. `hook` may answer instead."""

    pem: Path
    url: str = ""
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    hook: Callable[[str, str], Answer | None] = lambda method, path: None

    def answer(self, method: str, path: str, body: Any) -> Answer:
        """Answer a call."""
        self.calls.append(f"{method} {path}")
        if (made := self.hook(method, path)) is not None:
            return made
        verb, _, name = path.strip("/").removeprefix("events/").partition("/")
        calls: dict[str, Callable[[], Answer]] = {
            "view": lambda: self._view(name),
            "add": lambda: self._add(body.get("Event", body)),
            "edit": lambda: self._edit(name, body.get("Event", body)),
            "publish": lambda: self._publish(name),
            "tags": lambda: self._untag(body["uuid"], body["tag"]),
            "servers": lambda: (200, {"version": "2.5.34"}),
            "users": lambda: (200, {"User": {"id": "7"}, "Role": {"id": "3"}, "UserSetting": []}),
        }
        return calls[verb]() if verb in calls else (404, {"name": "Not Found", "message": "Not Found"})

    def _view(self, name: str) -> Answer:
        return (200, {"Event": self.events[name]}) if name in self.events else _ABSENT

    def _add(self, event: dict[str, Any]) -> Answer:
        if event["uuid"] in self.events:
            return 403, {
                "name": "Event already exists, if you would like to edit it, use the url in the location header."
            }
        kept: dict[str, Any] = {"published": False, "Attribute": [], "Tag": []} | event
        kept["id"] = str(len(self.events) + 1)
        kept["Attribute"] = list({row["value"]: row for row in reversed(kept["Attribute"])}.values())
        self.events[event["uuid"]] = kept
        return self._view(event["uuid"])

    def _edit(self, name: str, event: dict[str, Any]) -> Answer:
        if name not in self.events:
            return _ABSENT
        kept = self.events[name]
        if int(event["timestamp"]) <= int(kept["timestamp"]):
            return 403, {"name": "Event could not be saved", "errors": "the event is not newer"}
        rows = {row["uuid"]: row for row in kept["Attribute"]}
        for row in event.get("Attribute", []):
            if int(row["timestamp"]) > int(rows.get(row["uuid"], {"timestamp": 0})["timestamp"]):
                rows[row["uuid"]] = row
        self.deleted += [row for row in rows.values() if row.get("deleted")]
        tags = {tag["name"] for tag in (*kept["Tag"], *event.get("Tag", []))}
        self.events[name] = (
            kept
            | {key: value for key, value in event.items() if key not in ("Attribute", "Tag")}
            | {"Attribute": [row for row in rows.values() if not row.get("deleted")], "published": False}
            | {"Tag": [{"name": tag} for tag in sorted(tags)]}
        )
        return self._view(name)

    def _publish(self, name: str) -> Answer:
        if name not in self.events:
            return _ABSENT
        self.events[name]["published"] = True
        return 200, {"name": "Job queued", "message": "Job queued"}

    def _untag(self, name: str, tag: str) -> Answer:
        kept = self.events[name]
        kept["Tag"] = [row for row in kept["Tag"] if row["name"] != tag]
        return 200, {"saved": True, "success": "Tag removed."}


@contextmanager
def serving_misp(folder: Path) -> Iterator[MispServer]:
    """Serve an empty instance."""
    pem, key = certificate(folder, "misp")
    misp = MispServer(pem)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, value = 403, {"name": "Authentication failed."}
            if self.headers.get("Authorization") == KEY:
                status, value = misp.answer(self.command, self.path, json.loads(body or b"{}"))
            text = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else text)

        do_GET = do_POST = do_HEAD = _serve  # noqa: N815 - the names that the server of the library calls

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = _wrapped(tls_server(pem, key), server)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    misp.url = f"https://127.0.0.1:{server.server_port}"
    try:
        yield misp
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _wrapped(context: ssl.SSLContext, server: ThreadingHTTPServer) -> ssl.SSLSocket:
    return context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
