"""Homes in which something is broken, and a person who does what `liaison doctor` says until nothing more is said.

A remedy is followed as it is written: its command is run, with what stands for something (ADIR, ONE.key) in its place,
after the files that it says to move away are moved.
"""

from __future__ import annotations

import ast
import atexit
import re
import shlex
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import click
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certs.authority import issue, load_authority
from certs.keyfiles import load_key
from certs.profile import read_leaf
from gateway.app.run.start_checks import START_CHECKS
from gateway.cli.main import liaison as program
from gateway.clock import SystemClock
from gateway.config import PACKAGED_POLICY
from gateway.host.durable import PUBLIC, replace
from gateway.ops.doctor.doctor import examine
from gateway.ops.finding import Finding, Severity
from tests.support.cli import Liaison, Ran, copy_federation
from tests.support.persons import person_key
from tests.support.shared import PROJECT
from tests.support.small_source import MAPPING, TABLES
from tests.support.words import modules

TOLD = re.compile(r"`liaison ([^`]+)`")
"""Finds a command in a text."""

_BARE = re.compile(r"(?:^|[:;(] ?|\n)(?:\$ )?liaison ((?:[a-z-]+)(?: [^\n;`()]*)?)")
_QUOTED = re.compile(r'"([^"\n]*)"')
_COMMAND = re.compile(r"liaison [a-z][^`;:,()]*")
_MOVED = re.compile(r"move (\S+) away|move (\S+) and (\S+) away")


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with the federation of `found_federation`, and a person at the machine of the node `th`."""

    folder: Path
    liaison: Liaison
    said: Mapping[str, str] = field(default_factory=dict)
    """What stands for the capital words of remedies."""

    @property
    def home(self) -> Path:
        """The home of `th`."""
        return self.folder / "th"

    @property
    def authority(self) -> Path:
        """The folder of its authority."""
        return self.folder / "th-authority"

    def run(self, *arguments: str | Path) -> Ran:
        """Run a command that must not fail."""
        ran = self.liaison(*arguments)
        assert ran.code == 0, (arguments, ran.out, ran.err)
        return ran

    def key(self, file: str) -> Path:
        """A file of the folder of keys."""
        return self.home / "keys" / file

    def lose(self, *files: str) -> None:
        """Delete files of the home, or folders."""
        for file in files:
            path = self.home / file
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def cut(self, file: str) -> None:
        """Cut a file of the home off."""
        path = self.home / file
        path.write_bytes(path.read_bytes()[:40])

    def certify(self, file: str, days: int) -> None:
        """Give the key of a file a certificate with so many days left."""
        path = self.key(f"{file}.pem")
        key = load_key(self.key(f"{file}.key"))
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        name = read_leaf(path.read_bytes()).name
        data = issue(load_authority(self.authority), key.public_key(), name, SystemClock(), days=days)
        replace(path, data, PUBLIC)

    def setting(self, section: str, line: str) -> None:
        """Write a line into a section of the settings."""
        file = self.home / "node.toml"
        text = file.read_text()
        head = f"[{section}]\n"
        file.write_text(text.replace(head, head + line + "\n") if head in text else f"{text}\n{head}{line}\n")

    def add_source(self) -> None:
        """Give the home a source of the police, in a node that is not in production."""
        database = self.folder / "police.sqlite"
        with closing(sqlite3.connect(database)) as made:
            made.executescript(TABLES)
        (self.home / "mappings" / "small.toml").write_text(MAPPING)
        source = (
            f'id = "th.police.small"\nagency = "police"\nmapping = "mappings/small.toml"\nurl = "sqlite:///{database}"'
        )
        with (self.home / "node.toml").open("a") as settings:
            settings.write(f"\n[[source]]\n{source}\n")

    def sign_policy(self) -> Path:
        """Have two approvers sign the national policy as version 1; return the file."""
        out, keys = self.folder / "th-1.json", self.folder / "approvers"
        draft = PACKAGED_POLICY / "national" / "th"
        self.run("policy", "sign", draft, "--version", "1", "--key", keys / "a.key", "--out", out)
        self.run("policy", "sign", out, "--key", keys / "b.key", "--out", out)
        return out

    def findings(self) -> dict[tuple[str, str], Finding]:
        """Return what `liaison doctor` finds, checks of a start included.

        The key is the check and its text without numbers and without this folder, as it is for a copy in another one.
        Whether the ports are free has nothing to do with the home.
        """
        found = [one for one in examine(self.home, SystemClock(), more=START_CHECKS) if one.check != "addresses"]
        told = [one for one in found if one.severity is not Severity.GOOD]
        return {(one.check, re.sub(r"\d+", "N", one.text.replace(str(self.folder), "FOLDER"))): one for one in told}

    def command(self, remedy: str) -> list[str]:
        """Return the command of a remedy as a person types it; empty where it has none."""
        told = _COMMAND.search(remedy)
        words = shlex.split(told[0]) if told else []
        key = str(person_key(self.home, "adm"))
        known = {"ADIR": str(self.authority), "WHY": "tried", "ONE.key": key, **self.said}
        return [known.get(word, word) for word in words[1:]]

    def follow(self, finding: Finding) -> Ran:
        """Do what the remedy of a finding says."""
        for names in _MOVED.findall(finding.remedy):
            for name in filter(None, names):
                file = Path(finding.where) if name == "it" else self.key(name)
                file.rename(self.folder / f"away-{file.name}")
        words = self.command(finding.remedy)
        assert words, finding
        return self.liaison(*words)


_made: dict[bool, Path] = {}


def place_of(liaison: Liaison, folder: Path, *, production: bool) -> Place:
    """Copy the federation; with `production`, `th` is a node as it is in production, approved policy and all."""
    if production not in _made:
        made = Path(tempfile.mkdtemp(prefix="lsn-"))
        atexit.register(shutil.rmtree, made, ignore_errors=True)
        copy_federation(liaison, made)
        _found_approvers(Place(made, liaison))
        if production:
            _make_productive(Place(made, liaison))
        _made[production] = made
    shutil.copytree(_made[production], folder, dirs_exist_ok=True)
    return Place(folder, liaison)


def _found_approvers(place: Place) -> None:
    """Make two approvers of policy, and list them."""
    for name in "ab":
        place.run("policy", "approver", "--out", place.folder / "approvers", "--name", name)
        public = place.folder / "approvers" / f"{name}.pub"
        place.run("trust", "admit", "--use", "approver", public, "--home", place.home)
    place.run("trust", "publish", "--home", place.home, "--authority", place.authority)


def _make_productive(place: Place) -> None:
    """Take what is for trials out of the home of `th`, and bring a policy that two approvers signed."""
    file = place.home / "node.toml"
    text = re.sub(r"(?s)\[\[trial_officer\]\].*?(?=\n\[|\Z)", "", file.read_text())
    file.write_text(text.replace("# production = false", "production = true"))
    place.run("trust", "person", "--use", "approver", "--out", place.folder / "idp", "--name", "idp")
    (place.home / "idp.pem").write_bytes(_public_pem(place.folder / "idp" / "idp.key"))
    with file.open("a") as settings:
        settings.write('\n[[token_key]]\nid = "idp"\nfile = "idp.pem"\n')
    place.lose("keys/token-issuer.key", "keys/agency-police.key", "keys/agency-police.pem")
    place.run("policy", "install", place.sign_policy(), "--home", place.home)


def _public_pem(key: Path) -> bytes:
    return load_key(key).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


# ------------------------------------------------------------ what the texts of the program tell


def command_name(line: str) -> str:
    """Return the command of a command line without its arguments: `cert rotate`; empty where it is none."""
    known: click.Command | None = program
    found = []
    with click.Context(program) as context:
        for word in line.split():
            known = known.get_command(context, word) if isinstance(known, click.Group) else None
            if known is None:
                break
            found.append(word)
    return " ".join(found)


def _texts(tree: ast.AST) -> Iterator[str]:
    """Yield the texts of a module that are no docstrings; a value in an f-string is shown as `…`."""
    nodes = list(ast.walk(tree))
    docs = {
        id(node.body[0].value)
        for node in nodes
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    parts = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    left_out = docs | parts
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)  # type: ignore[misc]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out:
            yield node.value


@cache
def told_by_the_program() -> list[tuple[str, str]]:
    """Return each command that a text of the program or of its pages tells a person to give, with where it is told."""
    texts = [(path, text) for path, tree in modules("liaison ").items() for text in _texts(tree)]
    for page in sorted((PROJECT / "gateway" / "console" / "templates").rglob("*.html")):
        texts += [(str(page.relative_to(PROJECT)), text) for text in _QUOTED.findall(page.read_text("utf-8"))]
    found = []
    for path, text in texts:
        told = TOLD.findall(text) or (_BARE.findall(text) if text.startswith("liaison ") else [])
        found += [(path, command) for command in told]
    return found
