"""Files with secrets: only the account that they belong to may read them."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from shlex import quote

from gateway.errors import Misconfigured

_MAX_BYTES = 16_384


def read_private(
    path: Path, what: str = "key", remedy: str = "`liaison init` makes it", *, by_group: bool = False
) -> bytes:
    """Return the bytes (16 KiB at most) of a file with secrets.

    `what` names it in errors; `remedy` is the advice where it is missing. Raises `Misconfigured` when others can read
    it; with `by_group` its group may. Rights are checked on the open file, so that it cannot be swapped in between.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise Misconfigured("this is not a regular file", code=f"bad-{what}-file", where=str(path))
            if stat.S_IMODE(found.st_mode) & (0o037 if by_group else 0o077):
                if path.suffix == ".pub":
                    raise Misconfigured(
                        "this is a public key",
                        code=f"bad-{what}-file",
                        where=str(path),
                        remedy="give the private one, NAME.key",
                    )
                raise Misconfigured(
                    "others can read this {what} (mode {s_imode:04o})",
                    code=f"{what}-readable",
                    where=str(path),
                    remedy="chmod 600 {path}",
                    what=what,
                    s_imode=stat.S_IMODE(found.st_mode),
                    path=quote(str(path)),
                )
            return file.read(_MAX_BYTES)
    except PermissionError as error:
        raise Misconfigured(
            "this account may not read it",
            code=f"{what}-unreadable",
            where=str(path),
            remedy="use the account that it belongs to",
        ) from error
    except OSError as error:
        raise Misconfigured(
            "cannot be read: {strerror}",
            code=f"no-{what}-file",
            where=str(path),
            remedy="{advice}",
            strerror=error.strerror,
            advice=remedy,
        ) from error
