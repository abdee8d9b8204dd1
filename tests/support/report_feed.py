"""A server that hands out reports as a node's REST API does, over real TLS, and a bridge that reads it."""

from __future__ import annotations

import hashlib
import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.support.collector import certificate
from tests.support.ports import free_port
from tests.support.shared import PROJECT
from tests.support.waiting import MOST_S
from tests.support.web_source import Authority, Interface, as_json, server_tls, serving

OFFICER = "an-officer-token"
READERS = {"agency": "tok-agency", "country": "tok-country", "partners": "tok-partners", "public": "tok-public"}
"""A token of each audience."""

MARKING: dict[str, Any] = {
    "level": "OFFICIAL",
    "use": ["U0"],
    "caveats": [],
    "onward": "SAME_COUNTRY",
    "purposes": ["INVESTIGATION"],
    "not_after": "2099-01-01T00:00:00Z",
    "evaluation": "B2",
}


def marking(**changes: Any) -> dict[str, Any]:
    """A marking under which a report may leave for its country, with changes."""
    return MARKING | changes


def item(number: int, **changes: Any) -> dict[str, Any]:
    """A report of the list, with changes."""
    return {
        "id": f"{number:032x}",
        "owner": "th",
        "version": 1,
        "added": f"2026-11-{1 + number // 1440:02d}T{number // 60 % 24:02d}:{number % 60:02d}:00.000001Z",
        "withdrawn": "",
        "fields": {
            "offence": "NARC",
            "method": f"Tablets are pressed into the soles of shoes ({number}).",
            "route": [{"crossing": "th-la-nong-khai", "country": "LA"}, {"unlocode": "THBKK", "name": "กรุงเทพ"}],
            "indicators": ["new soles on old shoes"],
            "period": "2026-10",
            "no_personal_data": True,
        },
        "marking": MARKING,
    } | changes


def withdrawn(number: int, at: str) -> dict[str, Any]:
    """A report that was withdrawn, as the list has it then."""
    return item(number, version=2, added=at, withdrawn=at, fields={}, marking={}, tlp="TLP:AMBER")


@dataclass
class Feed:
    """The reports that the node has; tests change them."""

    folder: Path
    reports: list[dict[str, Any]] = field(default_factory=list)
    page: int = 3
    is_down: bool = False
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def reply(self, path: str, query: dict[str, list[str]]) -> Any:
        """Answer as `GET /v1/reports` does."""
        if self.is_down or path != "/v1/reports":
            return 503, {"Content-Type": "application/problem+json"}, b'{"code":"unavailable","title":"not now"}'
        after, size = query["added_after"][0], min(self.page, int(query["limit"][0]))
        later = sorted((one for one in self.reports if one["added"] > after), key=lambda one: str(one["added"]))
        rows = later[:size]
        self.asked.append(after)
        return as_json({"reports": rows, "next": rows[-1]["added"] if len(rows) == size else ""})

    def options(self) -> list[str]:
        """The options of a bridge that reads this node."""
        ca, cert, key = (str(self.folder / name) for name in ("test-ca.pem", "bridge.pem", "bridge.key"))
        node = ["--node", self.address, "--node-name", "node1.th.liaison.internal", "--ca", ca]
        return [*node, "--certificate", cert, "--key", key, "--token-file", str(self.folder / "token")]


@contextmanager
def serving_feed(folder: Path, reports: Sequence[dict[str, Any]]) -> Iterator[Feed]:
    """Serve reports to callers with a client certificate and the officer's token."""
    feed = Feed(folder, list(reports))
    authority = Authority(folder)
    authority.issue("bridge")
    (folder / "token").write_text(OFFICER)
    tls = server_tls(authority, "node1.th.liaison.internal", wants_client=True)
    with serving(Interface(token=OFFICER, reply=feed.reply), tls) as url:
        feed.address = url.removeprefix("https://")
        yield feed


class Process:
    """A bridge as a process of its own; what it writes is read while it runs."""

    def __init__(self, module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", module, *arguments]
        self._ran = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    @property
    def pid(self) -> int:
        return self._ran.pid

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self._ran.terminate()
        self._ran.wait(20)
        self._reading.join()

    def _read(self) -> None:
        assert self._ran.stdout
        with self._ran.stdout as stdout:
            for text in stdout:
                with self._changed:
                    self.lines.append(
                        json.loads(text) if text.startswith('{"time"') else {"event": "text", "text": text}
                    )
                    self._changed.notify_all()

    def told(self, event: str, times: int = 1, after: int = 0) -> dict[str, Any]:
        """Wait until it has written an event so many times after its first `after` lines; return the last of these."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._found(event, after)) >= times, MOST_S), self.lines
            return self._found(event, after)[times - 1]

    def _found(self, event: str, after: int) -> list[dict[str, Any]]:
        return [line for line in self.lines[after:] if line["event"] == event]


class Taxii:
    """A TAXII server over a feed, as a process of its own."""

    def __init__(self, feed: Feed, folder: Path) -> None:
        self.feed = feed
        self.pem, key = certificate(folder, "taxii")
        self.reader_ca = Authority(folder, "readers")
        port = free_port()
        self.url = f"https://127.0.0.1:{port}"
        self.readers = folder / "readers.toml"
        self.write_readers()
        listen = ["--listen", f"127.0.0.1:{port}", "--every", "0.05", "--client-ca", str(self.reader_ca.ca)]
        files = ["--tls-certificate", str(self.pem), "--tls-key", str(key), "--readers", str(self.readers)]
        self.arguments = ["serve", "--member", "th", *feed.options(), *listen, *files]

    def write_readers(self, more: str = "") -> None:
        """Write the list of readers."""
        rows = [
            f'[[reader]]\nname = "{name}"\naudience = "{name}"\n'
            f'token_sha256 = "{hashlib.sha256(token.encode()).hexdigest()}"\n'
            for name, token in READERS.items()
        ]
        self.readers.write_text("".join(rows) + more)

    def get(self, path: str, audience: str = "country", **options: Any) -> httpx2.Response:
        """Return the answer to a GET of a reader."""
        headers = {"authorization": f"Bearer {READERS[audience]}"} if audience else {}
        return self.call("GET", path, headers=headers | options.pop("headers", {}), **options)

    def call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Return the answer to a request."""
        with httpx2.Client(
            base_url=self.url, verify=ssl.create_default_context(cafile=self.pem), trust_env=False
        ) as client:
            return client.request(method, path, **options)

    def tell(self, reports: Sequence[dict[str, Any]], ran: Process) -> None:
        """Change the node's reports, and wait until the server has read them."""
        self.feed.reports = list(reports)
        ran.told("node-read", 2, after=len(ran.lines))  # the first of them may have begun before
