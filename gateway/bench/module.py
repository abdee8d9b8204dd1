"""Move the keys of the bench's answering node into a token of SoftHSM 2, to measure exchanges with them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.config import Home
from gateway.errors import Misconfigured

KEYS = ("statement", "log", "witness", "agency-immigration")
LIBRARIES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm.so", "/usr/lib64/pkcs11/libsofthsm2.so")

_LABEL, _PIN = "bench", "1234"
_TOOL = "softhsm2-util"


@contextmanager
def keys_in_module(home: Path, folder: Path) -> Iterator[None]:
    """Move the keys `KEYS` of a home into a new token in `folder`; processes of the block find it.

    Raises `Misconfigured` where SoftHSM is not installed.
    """
    library = next((path for path in LIBRARIES if Path(path).exists()), "")
    if not library or shutil.which(_TOOL) is None:
        raise Misconfigured("SoftHSM 2 is not installed", code="no-module", remedy="apt-get install softhsm2")
    tokens, pin, settings = folder / "tokens", folder / "pin", folder / "softhsm2.conf"
    tokens.mkdir(parents=True)
    pin.touch(mode=0o600)
    pin.write_text(_PIN)
    settings.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    variables = {"SOFTHSM2_CONF": str(settings), "LIAISON_KEYS_MODULE": library}
    variables["LIAISON_KEYS_PIN_SOURCE"] = f"file:{pin}"
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        _run("--init-token", "--free", "--label", _LABEL, "--so-pin", _PIN, "--pin", _PIN)
        _move(home)
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _move(home: Path) -> None:
    lines = []
    for number, name in enumerate(KEYS, 1):
        file = Home(home).key(name)
        _run("--import", str(file), "--token", _LABEL, "--label", name, "--id", f"{number:02x}", "--pin", _PIN)
        file.unlink()
        uri = f"pkcs11:token={_LABEL};object={name}"
        agency = name.removeprefix("agency-")
        lines += [f'{name} = "{uri}"'] if agency == name else ["[[agency_key]]", f'id = "{agency}"', f'key = "{uri}"']
    file = Home(home).settings
    file.write_text(file.read_text().replace("[keys]\n", "[keys]\n" + "\n".join(lines[: len(KEYS) - 1]) + "\n"))
    with file.open("a") as settings:
        settings.write("\n".join(["", *lines[len(KEYS) - 1 :], ""]))


def _run(*arguments: str) -> None:
    ran = subprocess.run([_TOOL, *arguments], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise Misconfigured(
            "`{tool}` has failed: {told}",
            code="no-module",
            remedy="try it by hand",
            tool=_TOOL,
            told=ran.stderr.strip(),
        )
