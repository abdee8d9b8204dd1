"""A SoftHSM 2 token with keys, for tests of keys in a security module.

Without SoftHSM the calling test is skipped, or fails where `CI=true`. A process loads the library once, for the tokens
that are there then: tests of one process share one token, and its keys have the names of their tests.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support.optional import needs

LABEL = "liaison"
PIN = "4711"

_LIBRARIES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")


@dataclass(frozen=True, slots=True)
class Token:
    """A token in a folder. `pin_source` is the file of its PIN, as URIs and settings name it."""

    folder: Path
    library: str

    @property
    def pin_source(self) -> str:
        """Where the PIN is."""
        return f"file:{self.folder / 'pin'}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which a process finds token, library and PIN."""
        return {
            "SOFTHSM2_CONF": str(self.folder / "softhsm2.conf"),
            "LIAISON_KEYS_MODULE": self.library,
            "LIAISON_KEYS_PIN_SOURCE": self.pin_source,
        }

    @property
    def objects(self) -> Path:
        """The folder in which SoftHSM keeps the token."""
        return self.folder / "tokens"

    def uri(self, name: str) -> str:
        """The URI of a key."""
        return f"pkcs11:token={LABEL};object={name}"

    def full_uri(self, name: str) -> str:
        """The URI of a key, with module and PIN."""
        return f"{self.uri(name)}?module-path={self.library}&pin-source={self.pin_source}"

    def take(self, file: Path, name: str) -> None:
        """Bring the key in a file into the token; the file goes."""
        self.add(file, name)
        file.unlink()

    def add(self, file: Path, name: str) -> None:
        """Bring the key in a file into the token."""
        self._run("--import", str(file), "--token", LABEL, "--label", name, "--id", os.urandom(8).hex(), "--pin", PIN)

    def make(self, name: str, *, ed25519_key: bool = False) -> str:
        """Make a key in the token; return its URI."""
        key = ed25519.Ed25519PrivateKey.generate() if ed25519_key else ec.generate_private_key(ec.SECP256R1())
        file = self.folder / f"{name}.pem"
        file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self.take(file, name)
        return self.uri(name)

    def _run(self, *arguments: str) -> None:
        ran = subprocess.run(
            ["softhsm2-util", *arguments],
            env=os.environ | {"SOFTHSM2_CONF": self.environment["SOFTHSM2_CONF"]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr + ran.stdout


def make_token(folder: Path) -> Token:
    """A new token in `folder`. Skips the test where SoftHSM is not installed."""
    needs("softhsm2-util")
    library = next(path for path in _LIBRARIES if Path(path).exists())
    token = Token(folder, library)
    token.objects.mkdir(parents=True)
    conf = f"directories.tokendir = {token.objects}\nobjectstore.backend = file\nlog.level = ERROR\n"
    (folder / "softhsm2.conf").write_text(conf)
    pin = folder / "pin"
    pin.touch(mode=0o600)
    pin.write_text(f"{PIN}\n")
    token._run("--init-token", "--free", "--label", LABEL, "--so-pin", "12345678", "--pin", PIN)
    return token


@cache
def shared_token() -> Token:
    """The token of this test process, whose library finds it by the environment."""
    folder = Path(tempfile.mkdtemp(prefix="lsn-hsm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    token = make_token(folder)
    os.environ["SOFTHSM2_CONF"] = token.environment["SOFTHSM2_CONF"]
    return token
