"""Move keys of the bench's answering node into a token of SoftHSM 2, to measure exchanges with them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gateway.config import Home
from gateway.errors import Misconfigured

KEYS = ("statement", "log", "witness", "agency-immigration")
"""The keys of an answer."""

LANE_KEYS = ("tls",)
"""The key with which the exchange port is served by the lane before gRPC."""

LIBRARIES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm.so", "/usr/lib64/pkcs11/libsofthsm2.so")

_LABEL, _PIN = "bench", "1234"
_TOOL = "softhsm2-util"


@contextmanager
def keys_in_module(home: Path, folder: Path, names: Sequence[str] = KEYS) -> Iterator[None]:
    """Move the named keys of a home into a new token in `folder`; processes of the block find it.

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
        _move(home, names)
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _move(home: Path, names: Sequence[str]) -> None:
    lines, agencies = [], []
    for number, name in enumerate(names, 1):
        file = Home(home).key(name)
        _run("--import", str(file), "--token", _LABEL, "--label", name, "--id", f"{number:02x}", "--pin", _PIN)
        file.unlink()
        uri = f"pkcs11:token={_LABEL};object={name}"
        agency = name.removeprefix("agency-")
        if agency == name:
            lines.append(f'{name} = "{uri}"')
        else:
            agencies += ["[[agency_key]]", f'id = "{agency}"', f'key = "{uri}"']
    file = Home(home).settings
    file.write_text(file.read_text().replace("[keys]\n", "\n".join(["[keys]", *lines, ""])))
    with file.open("a") as settings:
        settings.write("\n".join(["", *agencies, ""]))


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
