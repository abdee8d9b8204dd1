"""The `[sql]` table of an access file: the account, certificates, and promises about the account."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adapters.access import file_of, read_access

KEYS = ("user", "password", "ssl_ca", "ssl_cert", "ssl_key", "account_is_read_only")


@dataclass(frozen=True, slots=True)
class SqlAccess:
    """The `[sql]` table. An empty text was not given; paths are absolute or relative to the working folder.

    `ssl_ca` verifies the server; `ssl_cert` and `ssl_key` are the client's own. `account_is_read_only` is the
    administrator's promise where a session cannot be kept from writing (`engines`). `repr` does not show the password.
    """

    user: str = ""
    password: str = ""
    ssl_ca: str = ""
    ssl_cert: str = ""
    ssl_key: str = ""
    account_is_read_only: bool = False

    def __repr__(self) -> str:
        return f"SqlAccess(user={self.user!r}, account_is_read_only={self.account_is_read_only})"


def read_sql_access(path: Path | None) -> SqlAccess:
    """Return the `[sql]` table of the access file at `path`; without a file, the defaults.

    Raises `Misconfigured` with file and line.
    """
    node = read_access(path, "sql")
    node.only(*KEYS)
    if ("ssl_cert" in node.data) != ("ssl_key" in node.data):
        node.fail("`ssl_cert` and `ssl_key` belong together", "ssl_cert" if "ssl_cert" in node.data else "ssl_key")
    return SqlAccess(
        user=node.text("user", ""),
        password=node.text("password", ""),
        ssl_ca=file_of(node, path, "ssl_ca"),
        ssl_cert=file_of(node, path, "ssl_cert"),
        ssl_key=file_of(node, path, "ssl_key"),
        account_is_read_only=bool(node.get("account_is_read_only", bool, False)),
    )
