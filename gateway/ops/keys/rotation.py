"""The state of each rotation of a home's keys, in files that survive the end of a process at any moment.

::

    keys/next/<file>.json    how far the rotation of the key in `keys/<file>.key` is
    keys/next/<file>.key     the new key, until it takes its place (<file>.uri: it lies in a security module)
    keys/before/<file>.key   the old key, while it signs beside the new one (or <file>.uri)
    keys/<file>.uri          the key in the security module that took the place of what the settings say
    keys/retired/            certificates and public keys of old keys; their private halves are deleted

Each step writes what follows from the step before, so that one that was cut off is done again from its beginning.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec.structs import replace as changed

from certs.hsm.places import has_key, put_key, take_away, uri_at, uri_text
from certs.keyfiles import Algorithm, create_key, create_witness_key, key_id, public_key, spki
from gateway.config import Home
from gateway.conversion import converter
from gateway.errors import LiaisonError, Misconfigured
from gateway.host import durable
from gateway.host.durable import PRIVATE, PUBLIC, make_folder
from gateway.ops.keys.files import algorithm_of, id_of_file, is_listed, use_of_file
from gateway.ops.keys.guests import install_next, is_guest, keep_next, next_file
from gateway.signing.dsse import encode64
from gateway.signing.keys import SigningKey, load_signing_key
from gateway.trust.ceremony.succession import Succession


class Rotation(msgspec.Struct, frozen=True):
    """The rotation of one key. `old` and `new` are ids of keys; times are microseconds since 1970, 0: not yet.

    `version` and `document` (hash) are of the first descriptor that listed the new key. `assumed` says that an
    administrator knows that the counterparts have it.
    """

    file: str
    old: str
    new: str
    begun_us: int
    published_us: int = 0
    version: int = 0
    document: str = ""
    assumed: bool = False
    switched_us: int = 0


_rotation = converter(Rotation)


class Rotations:
    """The rotations of one home. Commands and the processes of a node take turns by `locked`."""

    def __init__(self, home: Home) -> None:
        self.home = home

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the turn to change keys until the block ends."""
        folder = self.home.rotation("x").parent
        make_folder(folder)
        with (folder / "lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def any(self) -> bool:
        """Tell whether a rotation is under way. Costs a look at one folder."""
        return any(self.home.rotation("x").parent.glob("*.json"))

    def all(self) -> list[Rotation]:
        """Return all rotations that are not over."""
        return [
            found for path in sorted(self.home.rotation("x").parent.glob("*.json")) if (found := self.of(path.stem))
        ]

    def of(self, file: str) -> Rotation | None:
        """Return the rotation of a key; None where there is none. Raises `Misconfigured` for an unreadable state."""
        path = self.home.rotation(file)
        try:
            return _rotation(msgspec.json.decode(path.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            raise Misconfigured(
                "the state of a rotation cannot be read: {error}",
                code="bad-rotation",
                where=str(path),
                remedy="remove the file; the key in use stays, and `liaison cert rotate` begins anew with the new one",
                error=error,
            ) from error

    def begin(self, file: str, now_us: int, uri: str = "") -> Rotation:
        """Make the new key, unless there is one, or take the one in the security module that `uri` names.

        Returns the rotation that runs already, if there is one. Raises `Misconfigured` for a key that cannot follow.
        """
        home = self.home
        if (found := self.of(file)) is not None:
            return found
        if uri:
            self._name_next(file, uri)
        elif not has_key(home.next_key(file)):
            self._make_next(file)
        begun = Rotation(file, self._id(file), key_id(spki(public_key(home.next_key(file)))), now_us)
        self.write(begun)
        return begun

    def begin_guest(self, file: str, found: Succession | None, now_us: int) -> Rotation:
        """Begin the rotation of a person's key to the successor that it named; return one that runs already.

        Raises `Misconfigured` where none is named, or that of another key.
        """
        if (running := self.of(file)) is not None and (found is None or found.key_id == running.new):
            return running
        if found is None:
            raise Misconfigured(
                "the key `{use}` is not in this home: the person makes the new one",
                code="no-successor",
                where=str(self.home.path),
                remedy="give --key with the present key, or --successor: `liaison trust person --follows` makes one",
                use=use_of_file(file),
            )
        keep_next(self.home, file, found)
        return self.write(Rotation(file, found.follows, found.key_id, now_us))

    def _make_next(self, file: str) -> None:
        if uri_at(self.home.key(file)) is not None:
            raise Misconfigured(
                "the key `{use}` lies in a security module, and the next one is made there",
                code="key-in-module",
                where=str(self.home.key(file)),
                remedy="make a key in the token, then: liaison cert rotate {use} --key-uri URI",
                use=use_of_file(file),
            )
        if (kind := algorithm_of(file)) is Algorithm.P256:
            create_key(self.home.next_key(file), kind)
        else:
            create_witness_key(self.home.next_key(file), kind)

    def _name_next(self, file: str, uri: str) -> None:
        place = self.home.next_key(file)
        put_key(place, uri)
        try:
            if why := self._unfit(file, load_signing_key(place)):
                raise Misconfigured(
                    "this key cannot follow `{use}`: {why}",
                    code="key-not-admitted",
                    where=uri,
                    remedy="the guide of security modules says which keys lie in one",
                    use=use_of_file(file),
                    why=why,
                )
        except LiaisonError:
            take_away(place)
            raise

    def _unfit(self, file: str, key: SigningKey) -> str:
        if not is_listed(file) or (kind := algorithm_of(file)) is Algorithm.MLDSA44:
            return "it is always a file"
        if key.algorithm is not kind:
            return f"it is of the kind {key.algorithm}, not {kind}"
        return "it is the one in use" if key.key_id == self._id(file) else ""

    def write(self, rotation: Rotation) -> Rotation:
        """Store a state, and return it."""
        durable.replace(self.home.rotation(rotation.file), msgspec.json.encode(rotation), PRIVATE)
        return rotation

    def switch(self, rotation: Rotation, certificate: bytes, now_us: int) -> Rotation:
        """Put the new key, with its certificate if it has one, in the place of the old one.

        Between the two files a reader sees a pair that does not fit, and keeps what it has.
        """
        home, file = self.home, rotation.file
        if is_guest(file):
            if self._id(file) != rotation.new:
                install_next(home, file)
            return self.write(changed(rotation, switched_us=now_us))
        if self._id(file) != rotation.new:
            make_folder(home.retired_keys)
            make_folder(home.key_before(file).parent)
            if home.certificate(file).exists():
                durable.replace(self._retired(rotation, "pem"), home.certificate(file).read_bytes(), PUBLIC)
            else:
                text = encode64(spki(public_key(home.key(file)))).encode() + b"\n"
                durable.replace(self._retired(rotation, "pub"), text, PUBLIC)
            _put(home.key(file), home.key_before(file))
            _put(home.next_key(file), home.key(file))
        if certificate:
            durable.replace(home.certificate(file), certificate, PUBLIC)
        switched = self.write(changed(rotation, switched_us=now_us))
        take_away(home.next_key(file))
        home.next_certificate(file).unlink(missing_ok=True)
        return switched

    def retire(self, rotation: Rotation) -> None:
        """Delete the old private key. What it has signed is verified with the public half, which stays listed.

        A person's key is deleted by that person; its listing has ended.
        """
        if is_guest(rotation.file):
            next_file(self.home, rotation.file).unlink(missing_ok=True)
        else:
            self._delete(self.home.key_before(rotation.file), rotation)
        self.home.rotation(rotation.file).unlink(missing_ok=True)
        durable.sync_folder(self.home.rotation(rotation.file).parent)

    def _delete(self, key: Path, rotation: Rotation) -> None:
        take_away(key)
        for folder in (key.parent, self.home.keys, self.home.next_key(rotation.file).parent):
            for half_written in folder.glob(f".{key.name}.*.new"):  # of a process that ended while it wrote it
                half_written.unlink(missing_ok=True)
        durable.sync_folder(key.parent)

    def _id(self, file: str) -> str:
        return id_of_file(self.home, file)

    def _retired(self, rotation: Rotation, ending: str) -> Path:
        return self.home.retired_keys / f"{rotation.file}-{rotation.old[:16]}.{ending}"


def _put(source: Path, target: Path) -> None:
    """Put the key at one place in another place, too."""
    if uri := uri_text(source):
        put_key(target, uri)
    else:
        durable.replace(target, source.read_bytes(), PRIVATE)
