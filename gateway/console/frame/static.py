"""Serve the files that pages load: style sheets, fonts, scripts, each under the hash of its content.

All are read once at the start, into one list; what is not in it does not exist, whatever a path says. A page names a
file by `StaticFiles.href`, so a file that changed has another address, and a browser may keep each for ever.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response

from gateway.errors import Unknown

ASSETS = Path(__file__).parents[1] / "assets"
LOOK = ("tokens", "base", "frame", "parts", "forms", "drawings", "alerts", "audit", "admin", "print")
"""The style sheets of our own, in the order of their layers: served as one file, `console.css`."""
TYPES: Mapping[str, str] = MappingProxyType(
    {
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".woff2": "font/woff2",
        ".svg": "image/svg+xml",
        ".txt": "text/plain; charset=utf-8",
    }
)  # fmt: skip
_PRESSED = ("text/", "image/svg")
_KEPT = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file with its type; `pressed` is the same under gzip, empty where that saves nothing."""

    name: str
    content: bytes = field(repr=False)
    kind: str
    pressed: bytes = field(repr=False)
    digest: str

    @property
    def href(self) -> str:
        """Return the address that a page loads the file from."""
        return f"/assets/{self.digest}/{self.name}"


class StaticFiles:
    """The files of the console, by their names. They do not change; `packaged` returns those of the program."""

    def __init__(self, folder: Path = ASSETS) -> None:
        self._files = {file.name: file for file in _read(folder)}

    def href(self, name: str) -> str:
        """Return the address of a file; raise `Unknown` if the console has no such file."""
        return self._file(name).href

    def __iter__(self) -> Iterator[StaticFile]:
        return iter(self._files.values())

    async def serve(self, request: Request) -> Response:
        """Answer `GET /assets/{hash}/{name}`; raise `Unknown` unless both name one file of the list."""
        file = self._file(request.path_params["name"])
        if request.path_params["hash"] != file.digest:
            raise _missing(file.name)
        if file.pressed and _takes_gzip(request.headers.get("accept-encoding", "")):
            return Response(file.pressed, headers={**_KEPT, "content-encoding": "gzip"}, media_type=file.kind)
        return Response(file.content, headers=_KEPT, media_type=file.kind)

    def _file(self, name: str) -> StaticFile:
        if (found := self._files.get(name)) is None:
            raise _missing(name)
        return found


@cache
def packaged() -> StaticFiles:
    """Return the program's own files, read and pressed once for all consoles of this process."""
    return StaticFiles()


def _missing(name: str) -> Unknown:
    return Unknown("the console has no file {name}", code="no-such-file", remedy="load the page anew", name=name)


def _takes_gzip(accepted: str) -> bool:
    """Tell whether a header `Accept-Encoding` names gzip with a weight above zero."""
    for part in accepted.lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() in ("gzip", "*"):
            return weight.replace(" ", "").removeprefix("q=").strip("0.") != "" or not weight.strip()
    return False


def _read(folder: Path) -> Iterator[StaticFile]:
    """Yield the files of the folder that browsers load; the licences and the outline of the map are not among them."""
    look = b"".join((folder / "look" / f"{name}.css").read_bytes() for name in LOOK)
    yield _static("console.css", look)
    for path in sorted((*folder.glob("*"), *folder.glob("fonts/*"))):
        if path.is_file() and path.suffix in TYPES:
            yield _static(path.name, path.read_bytes())


def _static(name: str, content: bytes) -> StaticFile:
    kind = TYPES[Path(name).suffix]
    # Without the time in it all processes of a node serve the same bytes.
    pressed = gzip.compress(content, 9, mtime=0) if kind.startswith(_PRESSED) else b""
    digest = hashlib.sha256(content).hexdigest()[:16]
    return StaticFile(name, content, kind, pressed if len(pressed) < len(content) else b"", digest)
