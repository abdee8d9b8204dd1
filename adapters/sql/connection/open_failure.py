"""Explain why a database cannot be opened: the file, host or port, and never the password."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from gateway.errors import Unavailable

_PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306, "mssql": 1433, "oracle": 1521}
_SECONDS = 3.0


def not_opened(url: str, where: str) -> Unavailable:
    """Return the error for a database at `url` that could not be opened; tries once more to see what failed."""
    why, remedy = _why(url)
    return Unavailable(
        "the source cannot be opened: {why}",
        code="source-unavailable",
        where=where,
        remedy="{advice}",
        why=why,
        advice=remedy,
    )


def _why(url: str) -> tuple[str, str]:
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        return "its address cannot be read", "check the address"
    kind = address.drivername.partition("+")[0]
    if kind == "sqlite":
        return _why_not_file(Path(address.database or ""))
    return _why_not_host(address.host or "localhost", address.port or _PORTS.get(kind, 0))


def _why_not_file(path: Path) -> tuple[str, str]:
    try:
        if not path.exists():
            return f"there is no file `{path}`", "check the path; an absolute one begins with sqlite:////"
        if path.is_dir():
            return f"`{path}` is a folder", "name the database file in it"
    except OSError:
        return f"the file `{path}` cannot be read", _RIGHTS
    if not os.access(path, os.R_OK):
        return f"the file `{path}` cannot be read", _RIGHTS
    # The message says nothing of the file's content (CASE-K10).
    return "its file is there, but is not of SQLite, locked or damaged", "open it with the agency's own program first"


_RIGHTS = "let the account that runs this command read it"


def _why_not_host(host: str, port: int) -> tuple[str, str]:
    if host.startswith("/"):
        return f"no database answers in `{host}`", "is it running, and may this account use its socket?"
    try:
        with socket.create_connection((host, port), _SECONDS):
            pass
    except socket.gaierror:
        return f"the host `{host}` is not known", "check the name in the address, and this machine's name service"
    except TimeoutError:
        return f"`{host}` does not answer at port {port}", "check the port, and the firewall between here and there"
    except (OSError, UnicodeError):
        return (
            f"nothing listens at `{host}` port {port}",
            "check host and port; is the database running?",
        )
    # The message says nothing of the account, and nothing that the server said (CASE-K10).
    return (
        "the server answers, but does not let the account in",
        "check the account, the access file, the name of the database, and that the account may read the tables",
    )
