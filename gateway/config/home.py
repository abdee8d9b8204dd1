"""The places of the files in a node's home; the only module that knows their names."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

COMMAND_CERTIFICATE = "client-cli"
"""The client certificate of a home's own commands; a token that is handed in at the machine is bound to it."""

CONSOLE_TLS = "console"
"""The key and certificate that the console shows to browsers."""
CONSOLE_CERTIFICATE = "client-console"
"""The client certificate of the console, to which the officer tokens of its sessions are bound."""

CONSOLE_ISSUER = "console-issuer"
"""The key by which the node issues officer tokens to persons who signed in at the console."""

TOKEN_ISSUER = "token-issuer"  # noqa: S105  # the name of a file
"""The key of the trial issuer of officer tokens."""


HOME_ID = "home.id"
"""The file with the id of a home, in it and in each folder that is a store of it."""


def argument(path: Path) -> str:
    """Return a path in a form that can be pasted into a shell command, also with blanks in it."""
    return shlex.quote(str(path))


@dataclass(frozen=True, slots=True)
class KeyHome:
    """The files in the home of each kind of process: its keys, and its roots of trust."""

    path: Path

    @property
    def keys(self) -> Path:
        """The folder of private keys (0600) and certificates."""
        return self.path / "keys"

    def key(self, name: str) -> Path:
        """Return the file of the private key `name`, such as `tls` or `agency-police`."""
        return self.keys / f"{name}.key"

    def certificate(self, name: str) -> Path:
        """Return the file of the certificate of the key `name`."""
        return self.keys / f"{name}.pem"

    @property
    def ca(self) -> Path:
        """The national CA's certificate."""
        return self.path / "ca.pem"

    @property
    def index(self) -> Path:
        """The folder of the sources' key indexes."""
        return self.path / "index"

    @property
    def names(self) -> Path:
        """The folder of the country's own rows of the tables of names."""
        return self.path / "names"

    @property
    def highwater(self) -> Path:
        """The folder of the logs' high-water marks, outside the database."""
        return self.path / "highwater"

    @property
    def id(self) -> Path:
        """The file of the home's id, which its stores carry too (`gateway.storage.database.home_id`)."""
        return self.path / HOME_ID


@dataclass(frozen=True, slots=True)
class Home(KeyHome):
    """The folders and files of one home (`liaison init`)."""

    def next_key(self, name: str) -> Path:
        """Return the file of the private key that will take the place of the key `name`."""
        return self.keys / "next" / f"{name}.key"

    def next_certificate(self, name: str) -> Path:
        """Return the file of the certificate of the next key."""
        return self.keys / "next" / f"{name}.pem"

    def rotation(self, name: str) -> Path:
        """Return the file that says how far the rotation of the key `name` is."""
        return self.keys / "next" / f"{name}.json"

    def key_before(self, name: str) -> Path:
        """Return the file of the private key that signs beside the new one for a while."""
        return self.keys / "before" / f"{name}.key"

    @property
    def exchange_certificate(self) -> Path:
        """The certificate of the key `tls` that the online CA issued; it is shown to counterparts only."""
        return self.keys / "tls-exchange.pem"

    @property
    def retired_keys(self) -> Path:
        """The folder of the certificates and public keys of keys that are no longer used."""
        return self.keys / "retired"

    @property
    def settings(self) -> Path:
        """The settings: `node.toml`."""
        return self.path / "node.toml"

    @property
    def trust(self) -> Path:
        """The folder of charter, descriptors and statuses."""
        return self.path / "trust"

    @property
    def charter(self) -> Path:
        """The file of all versions of the charter, one a line."""
        return self.trust / "charter.jsonl"

    @property
    def mappings(self) -> Path:
        """The folder of the sources' mappings."""
        return self.path / "mappings"

    @property
    def suspensions(self) -> Path:
        """The file of the country's switches, one action a line."""
        return self.path / "suspensions.jsonl"

    @property
    def exports(self) -> Path:
        """The folder of exports that auditors have made at the console, and of those of counterparts beside them."""
        return self.path / "exports"

    @property
    def acts(self) -> Path:
        """The folder of humans' acts that wait for the process that has the logs open."""
        return self.path / "acts"

    @property
    def reload(self) -> Path:
        """The file by which `liaison reload` asks the processes of this home to read the settings again."""
        return self.path / "reload.json"

    def reloaded(self, place: int) -> Path:
        """Return the file in which the process of this number says what became of it."""
        return self.path / f"reloaded-{place}.json"

    def judged_policy(self, place: int) -> Path:
        """Return the file in which the process of this number says what it made of the policy that came in last."""
        return self.path / f"policy-judged-{place}.json"

    def lock_of(self, place: int) -> Path:
        """Return the file that is locked by the process of this number."""
        return self.lock.with_name(f"{self.lock.name}.{place}") if place else self.lock

    @property
    def tombstones(self) -> Path:
        """The list of destroyed content keys, outside the database and the keystore."""
        return self.highwater / "destroyed-keys"

    @property
    def key_copied(self) -> Path:
        """The file that says where this machine's copy of the keystore was made; the keystore may be shared."""
        return self.highwater / "key-copy"

    @property
    def lock(self) -> Path:
        """The file that is locked while a node serves this home, or a command writes to its logs."""
        return self.path / "node.lock"

    @property
    def policies(self) -> Path:
        """The folder of accepted policies, and of the one that came in last."""
        return self.path / "policies"

    def persons(self, use: str) -> Path:
        """Return the folder of persons' public keys for one use (`approver`, `administrator`), for the descriptor."""
        return self.path / f"{use}s"

    @property
    def oversight(self) -> Path:
        """The folder of the country's own rules over its log, and of the persons and things that these watch."""
        return self.path / "oversight"

    @property
    def people(self) -> Path:
        """The folder of the persons of the desks and their duty lists."""
        return self.path / "people"

    @property
    def offices(self) -> Path:
        """The folder of offices' devices, of the copies for them, and of the look-ups that they bring back."""
        return self.path / "offices"

    @property
    def witnesses(self) -> Path:
        """The folder of domestic witnesses' cards, for the descriptor and for the connection to them."""
        return self.path / "witnesses"

    @property
    def upgrades(self) -> Path:
        """The folder of the backups that upgrades made before they changed anything, with the key to open them."""
        return self.path / "upgrades"

    @property
    def certificates(self) -> Path:
        """The folder of certificates of keys that agencies hold themselves, for the descriptor."""
        return self.path / "certificates"
