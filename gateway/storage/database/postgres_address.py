"""The address of a database of PostgreSQL, and the settings that we ask for when we connect to it.

Over a network the server authenticates itself (`sslmode=verify-full`); on the machine itself it need not.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from gateway.errors import Misconfigured

WHERE = "storage.url"
_IDLE_S = 10
_LOCK_S = 20
_CONNECT_S = 10
SESSION = {
    "lock_timeout": f"{_LOCK_S}s",
    "idle_in_transaction_session_timeout": f"{_IDLE_S}s",
    "default_transaction_isolation": "read committed",
    "statement_timeout": "0",
}
"""Settings that we ask for, over those of role, database or address. A time limit on statements would end a commit's
wait for the standby, and call it done."""

_KEEPALIVE: Mapping[str, Any] = {
    "connect_timeout": _CONNECT_S,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 10_000,
    "client_encoding": "utf8",
    "application_name": "liaison",
}
_ALIVE = {"tcp_keepalives_idle": 5, "tcp_keepalives_interval": 2, "tcp_keepalives_count": 2, "tcp_user_timeout": 10_000}
"""The same at the server, which otherwise keeps the locks of a machine that is gone for hours. A socket has none."""

_LOOPBACK = ("", "localhost", "127.0.0.1", "::1")
_SPACE = "\\ "
_FORM = "postgresql://USER@HOST/DATABASE, without a password"


def checked_address(address: str) -> URL:
    """Return the parsed address. Raises `Misconfigured` when it is not that of a PostgreSQL database."""
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise Misconfigured("this is no address of a database", where=WHERE, remedy=_FORM) from error
    if url.drivername not in ("postgresql", "postgresql+psycopg") or not url.database:
        raise Misconfigured("the address names no database of PostgreSQL", where=WHERE, remedy=_FORM)
    return url


def connect_arguments(url: URL, *, read_only: bool) -> dict[str, Any]:
    """Return the arguments beside the address. Raises `Misconfigured` where the server would not be authenticated."""
    given = {name: value for name, value in url.query.items() if isinstance(value, str)}
    made = dict(_KEEPALIVE)
    made["options"] = _options(given.get("options", ""), read_only=read_only)
    hosts = _hosts(url)
    if len(hosts) > 1 and not read_only:
        made["target_session_attrs"] = "read-write"
    if _is_elsewhere(given) or any(not _is_local(host) for host in hosts):
        if given.get("sslmode", "verify-full") != "verify-full":
            raise Misconfigured(
                "sslmode `{sslmode}` does not prove which server answers",
                code="weak-storage",
                where=WHERE,
                remedy="leave sslmode out, and name the authority of the server's certificate: ?sslrootcert=FILE",
                sslmode=given["sslmode"][:20],
            )
        made |= {"sslmode": "verify-full", "sslrootcert": given.get("sslrootcert", "system")}
    return made


def _options(given: str, *, read_only: bool) -> str:
    """Return the options of the session. Ours come last, since the last one counts."""
    ours = {**SESSION, "default_transaction_read_only": "on" if read_only else "off"}
    ours |= {name: str(value) for name, value in _ALIVE.items()}
    return " ".join([given, *(f"-c {name}={value.replace(' ', _SPACE)}" for name, value in ours.items())]).strip()


def kept_query(url: URL) -> dict[str, Any]:
    """Return the address's own parameters, without `options`, which `connect_arguments` has taken up."""
    return {name: value for name, value in url.query.items() if name != "options"}


def _hosts(url: URL) -> list[str]:
    named = url.query.get("host", ())
    hosts = [named] if isinstance(named, str) else list(named)
    return [host for text in hosts for host in text.split(",")] or [url.host or os.environ.get("PGHOST", "")]


def _is_elsewhere(given: Mapping[str, str]) -> bool:
    """Tell whether something other than the URL names the server's address."""
    return bool({"hostaddr", "service"} & given.keys() or {"PGHOSTADDR", "PGSERVICE"} & os.environ.keys())


def _is_local(host: str) -> bool:
    name = host.rpartition(":")[0] if host.count(":") == 1 else host
    return name.startswith("/") or name in _LOOPBACK
