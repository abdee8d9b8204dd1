"""Where things lie in a node's home; the only module that knows these names."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path


def argument(path: Path) -> str:
    """Return a path as it stands in a command that can be pasted into a shell, also with blanks in it."""
    return shlex.quote(str(path))


@dataclass(frozen=True, slots=True)
class KeyHome:
    """What lies in the home of each kind of process: its keys, and whom it trusts."""

    path: Path

    @property
    def keys(self) -> Path:
        """Private keys (0600) and certificates."""
        return self.path / "keys"

    def key(self, name: str) -> Path:
        """Return the private key `name`, such as `tls` or `agency-police`."""
        return self.keys / f"{name}.key"

    def certificate(self, name: str) -> Path:
        """Return the certificate of the key `name`."""
        return self.keys / f"{name}.pem"

    @property
    def ca(self) -> Path:
        """The national CA's certificate."""
        return self.path / "ca.pem"

    @property
    def index(self) -> Path:
        """Key indexes of the sources."""
        return self.path / "index"

    @property
    def highwater(self) -> Path:
        """High-water marks of the logs, outside the database."""
        return self.path / "highwater"


@dataclass(frozen=True, slots=True)
class Home(KeyHome):
    """The folders and files of one home (`liaison init`)."""

    @property
    def settings(self) -> Path:
        """`node.toml`."""
        return self.path / "node.toml"

    @property
    def trust(self) -> Path:
        """Charter, descriptors and statuses."""
        return self.path / "trust"

    @property
    def charter(self) -> Path:
        """All versions of the charter, one a line."""
        return self.trust / "charter.jsonl"

    @property
    def mappings(self) -> Path:
        """Mappings of the sources."""
        return self.path / "mappings"

    @property
    def suspensions(self) -> Path:
        """What the country has switched off, one action a line."""
        return self.path / "suspensions.jsonl"

    @property
    def acts(self) -> Path:
        """Acts of humans that wait for the process that has the logs open."""
        return self.path / "acts"

    @property
    def tombstones(self) -> Path:
        """Which content keys were destroyed: outside the database and the keystore."""
        return self.highwater / "destroyed-keys"

    @property
    def lock(self) -> Path:
        """Locked while a node serves this home, or a command writes to its logs."""
        return self.path / "node.lock"

    @property
    def policies(self) -> Path:
        """Policies that were accepted, and the one that came in last."""
        return self.path / "policies"

    def persons(self, use: str) -> Path:
        """Public keys of persons, by what they may sign (`approver`, `administrator`), for the descriptor."""
        return self.path / f"{use}s"

    @property
    def witnesses(self) -> Path:
        """Cards of domestic witnesses, for the descriptor and for reaching them."""
        return self.path / "witnesses"

    @property
    def certificates(self) -> Path:
        """Certificates of keys that agencies hold themselves, for the descriptor."""
        return self.path / "certificates"
