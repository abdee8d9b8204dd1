"""Ask the authority for certificates and for the listing of keys, and take its answer into a home.

Where the authority's folder is at hand its answer is made at once. Elsewhere the request is a file that is carried to
it, and so is the answer; the authority's keys never come into a home.
"""

from __future__ import annotations

import dataclasses
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec.structs import replace

from certs.authority import online_ca
from certs.hsm.places import key_places
from certs.keyfiles import create_key, key_id, load_key, public_key, spki
from certs.names import CertificateName, CertificateUse
from certs.profile import Leaf, check_issued, read_ca, read_leaf
from certs.requests import build_request
from gateway.clock import Clock
from gateway.config import Home, argument
from gateway.config.home import CONSOLE_TLS
from gateway.errors import BadSignature, LiaisonError, Malformed, Misconfigured, Stale
from gateway.host import durable
from gateway.host.durable import PUBLIC
from gateway.model.names import MemberId
from gateway.ops.keys.files import certificate_name, is_certified, is_listed, use_of_file
from gateway.ops.keys.guests import guest_spki, is_guest, next_guest
from gateway.ops.keys.rotation import Rotations
from gateway.ops.keys.steps import Moved, Standing, advance, plan
from gateway.ports.holders import NoneKnown
from gateway.signing.witness_keys import load_witness_signing_key
from gateway.trust.ceremony.ceremony import import_document, member_of, publish_status
from gateway.trust.ceremony.key_request import (
    ONLINE_CA,
    PLAIN_FILES,
    KeyAnswer,
    KeyRequest,
    WantedKey,
    answer_request,
    proof_of,
)
from gateway.trust.ceremony.removal_notes import compromised_times
from gateway.trust.ceremony.request_files import read_file, write_request
from gateway.trust.ceremony.succession import Succession
from gateway.trust.documents.descriptor import Descriptor, KeyUse, parse_descriptor
from gateway.trust.documents.folder import TrustDocuments
from gateway.trust.keeper import TrustKeeper


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command did: the request that waits for the authority, or what is in force now.

    `waits` says for which use the node waits, and for what. `version` is that of the descriptor that lists the keys; 0
    where none was needed. `documents` are to be handed to the others, one a line. `status_problem` says why no status
    could be signed.
    """

    member: MemberId
    uses: tuple[str, ...]
    request: Path | None = None
    version: int = 0
    moved: tuple[Moved, ...] = ()
    waits: tuple[tuple[str, str], ...] = ()
    documents: bytes = b""
    status_problem: str = ""


class KeyDesk:
    """Renews and rotates the keys of one home. `files` are names of files of keys (`gateway.ops.keys.files`).

    `agencies` have a source process of their own (`Standing`).
    """

    def __init__(self, home: Home, clock: Clock, agencies: Sequence[str] = ()) -> None:
        self.home = home
        self.member = member_of(home.path)
        self.rotations = Rotations(home)
        self._clock = clock
        self._agencies = agencies
        self._documents = TrustDocuments(home.trust)

    # ------------------------------------------------------------ asking

    def rotate(
        self,
        files: Sequence[str],
        authority: Path | None,
        out: Path | None,
        uri: str = "",
        successor: Succession | None = None,
    ) -> Asked:
        """Make new keys beside those in `files`, and have them listed; the steps that follow are the node's.

        `uri` names the new key of one of them in a security module; `successor` is that of a person's key.
        Keys for which a rotation runs already are not made again: one that waits for the authority is asked for anew.
        Where one of the keys cannot be rotated, none is.
        """
        with self.rotations.locked():
            if unlisted := [file for file in files if not is_listed(file) and not is_certified(file)]:
                if len(unlisted) == len(files):
                    with durable.all_or_nothing():
                        for file in files:
                            self._begin(file, uri, successor)
                    return self._moved(files)
                raise Misconfigured(
                    "the key `{use}` needs no authority: rotate it on its own",
                    code="no-authority-needed",
                    where=str(self.home.keys),
                    use=use_of_file(unlisted[0]),
                )

            def following() -> list[WantedKey]:
                for file in files:
                    self._begin(file, uri, successor)
                return [self._wanted(file, following=True) for file in files]

            return self._ask(following, authority, out, "rotate")

    def renew(self, files: Sequence[str], authority: Path | None, out: Path | None) -> Asked:
        """Have the present keys in `files` certified, or listed, for longer."""
        with self.rotations.locked():
            for file in files:
                if not (is_certified(file) or is_listed(file)):
                    raise Misconfigured(
                        "the key `{use}` has no end: there is nothing to renew",
                        code="no-end",
                        where=str(self.home.key(file)),
                        use=use_of_file(file),
                    )
            return self._ask(lambda: [self._wanted(file, following=False) for file in files], authority, out, "renew")

    def make_online_ca(self, authority: Path | None, out: Path | None) -> Asked:
        """Make the key of an online CA where there is none, and have the online CA listed for its full time."""

        def wanted() -> list[WantedKey]:
            path = self.home.key(ONLINE_CA)
            if not path.exists():
                create_key(path)
            elif not self._standing().may_be_lengthened(_id(path)):
                raise Misconfigured(
                    "the key of the online CA was removed: a new one takes its place",
                    code="key-removed",
                    where=str(path),
                    remedy="liaison cert rotate online-ca --home {home} --authority ADIR",
                    home=argument(self.home.path),
                )
            return [self._wanted(ONLINE_CA, following=False)]

        with self.rotations.locked():
            return self._ask(wanted, authority, out, "renew")

    def certify_console(self, host: str, authority: Path | None, out: Path | None) -> Asked:
        """Have the console's key certified for the host by which browsers reach it; a key is made where there is none.

        The descriptor does not list it. Raises `Malformed` where `host` is not a host name.
        """
        path, name = self.home.key(CONSOLE_TLS), CertificateName(self.member, CertificateUse.CONSOLE, host)

        def wanted() -> list[WantedKey]:
            if not path.exists():
                create_key(path)
            key = load_key(path)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                raise Misconfigured("only P-256 keys are certified", code="key-not-admitted", where=str(path))
            return [WantedKey(CONSOLE_TLS, spki(key.public_key()), build_request(key, name))]

        with self.rotations.locked():
            return self._ask(wanted, authority, out, "renew")

    def assume_held(self, files: Sequence[str]) -> Asked:
        """Note that the counterparts have the descriptor with the new keys, so that these are used at once.

        Where one of the keys is not being rotated, nothing is noted of the others.
        """
        with self.rotations.locked(), durable.all_or_nothing():
            for file in files:
                rotation = self.rotations.of(file)
                if rotation is None:
                    raise Misconfigured(
                        "no rotation of the key `{use}` is under way",
                        code="no-rotation",
                        where=str(self.home.keys),
                        remedy="liaison cert rotate {use}",
                        use=use_of_file(file),
                    )
                self.rotations.write(replace(rotation, assumed=True))
        with self.rotations.locked():
            return self._moved(files)

    def take_answer(self, data: bytes) -> Asked:
        """Take the authority's answer, or a certificate in PEM for one of the home's keys.

        Raises `Malformed`, `BadSignature`, and `Stale` for the answer to a request of before another descriptor.
        """
        with self.rotations.locked():
            if data.lstrip().startswith(b"-----BEGIN"):
                leaf = self._leaf(data)
                self._install(leaf, data)
                return self._moved([self._file(leaf)])
            answer = read_file(data)
            if not isinstance(answer, KeyAnswer):
                raise Malformed(
                    "this is a request, and not its answer",
                    code="unknown-document",
                    remedy="the authority answers it: liaison cert sign REQUEST --authority ADIR --out FILE",
                )
            with durable.all_or_nothing():
                self._take(answer)
            return self._answered(answer)

    @staticmethod
    def with_steps(first: Asked, then: Asked) -> Asked:
        """Return what two commands did, one after the other."""
        return dataclasses.replace(first, moved=(*first.moved, *then.moved), waits=then.waits)

    # ------------------------------------------------------------ inside

    def _begin(self, file: str, uri: str, successor: Succession | None) -> None:
        running = self.rotations.of(file)
        if running is not None and running.switched_us:
            raise Misconfigured(
                "the last rotation of the key `{use}` is not over: the old key still signs beside the new one",
                code="rotation-runs",
                where=str(self.home.rotation(file)),
                remedy="`liaison cert status` says until when",
                use=use_of_file(file),
            )
        if is_guest(file):
            self.rotations.begin_guest(file, successor, self._clock.now_us())
        else:
            self.rotations.begin(file, self._clock.now_us(), uri)

    def _wanted(self, file: str, *, following: bool) -> WantedKey:
        if is_guest(file):
            found = next_guest(self.home, file) if following else None
            return WantedKey(file, found.spki if found else guest_spki(self.home, file), succession=found)
        path = self.home.next_key(file) if following else self.home.key(file)
        info = spki(public_key(path))
        if file in PLAIN_FILES:
            return WantedKey(file, info, proof=load_witness_signing_key(path).sign(proof_of(self.member, file, info)))
        key = load_key(path)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise Misconfigured("only P-256 keys are certified", code="key-not-admitted", where=str(path))
        if file == ONLINE_CA:
            return WantedKey(file, info, online_ca(key, self.member, self._clock).public_bytes(Encoding.PEM))
        return WantedKey(file, info, build_request(key, certificate_name(self.home, file, following=following)))

    def _ask(
        self, wanted: Callable[[], Sequence[WantedKey]], authority: Path | None, out: Path | None, verb: str
    ) -> Asked:
        """Ask for the keys that `wanted` makes. Until the answer is taken nothing counts, and a refusal undoes all."""
        with durable.all_or_nothing():
            keys = wanted()
            files = [key.file for key in keys]
            if ONLINE_CA in files and "tls" not in files:  # the key that it renews is listed for as long
                keys = [*keys, self._wanted("tls", following=False)]
            held = self._held() if any(map(is_listed, files)) else None
            statuses = tuple(status.data for status in self._documents.statuses(held)) if held else ()
            noted = compromised_times(self._documents.folder)
            request = KeyRequest(self.member, tuple(keys), held.data if held else b"", statuses, noted)
            if authority is None:
                path = out or self.home.path / f"{verb}-{'-'.join(files)}.request"
                durable.replace(path, write_request(request), PUBLIC)
                return Asked(self.member, _uses(files), request=path, version=held.version if held else 0)
            answer = answer_request(request, authority, self._clock)
            self._take(answer)
        return self._answered(answer)

    def _held(self) -> Descriptor:
        charter = self._documents.charter(self._clock)
        held = self._documents.descriptor(self.member, charter) if self.member in charter.members else None
        if held is None:
            raise Misconfigured(
                "there is no descriptor of `{member}` yet",
                code="no-descriptor",
                remedy="liaison trust publish --home {home} --authority ADIR",
                member=self.member,
                home=argument(self.home.path),
            )
        return held

    def _answered(self, answer: KeyAnswer) -> Asked:
        """Make the steps that follow an answer that was taken."""
        if answer.descriptor:
            self._install_online_ca(parse_descriptor(answer.descriptor)[0])
        return self._moved([key.file for key in answer.request.keys], answer.descriptor)

    def _take(self, answer: KeyAnswer) -> None:
        """Take an answer. Its certificates are checked before anything is written; an old answer changes nothing."""
        leaves = {file: self._leaf(pem) for file, pem in answer.certificates.items()}
        for file, leaf in leaves.items():
            if self._file(leaf) != file:
                raise BadSignature(
                    "the certificate for `{file}` is for `{uri}`",
                    code="wrong-certificate",
                    file=file,
                    uri=leaf.name.uri,
                )
        if answer.descriptor:
            self._check_follows(answer.descriptor)
        for file, leaf in leaves.items():
            self._install(leaf, answer.certificates[file])
        if answer.descriptor:
            import_document(self.home.trust, answer.descriptor, self._clock)

    def _check_follows(self, data: bytes) -> None:
        """Raise `Stale` unless a descriptor is the one in force, or the next one."""
        new, held = parse_descriptor(data)[0], self._held()
        if new.hash != held.hash and new.previous != held.hash.hex():
            raise Stale(
                "this answers a request of before descriptor {held}: another one was signed in between",
                code="answer-behind",
                remedy="ask anew: give the command that wrote the request once more",
                held=held.version,
            )

    def _leaf(self, pem: bytes) -> Leaf:
        """Return a certificate that our CA issued for one of the home's keys. Raises `BadSignature`, `Malformed`."""
        leaf = read_leaf(pem)
        check_issued(leaf, [read_ca(self.home.ca.read_bytes())])
        self._file(leaf)
        return leaf

    def _file(self, leaf: Leaf) -> str:
        """Return the name of the file of the key that a certificate is for, be it the present or the next one."""
        running = {rotation.file: rotation.new for rotation in self.rotations.all()}
        for path in key_places(self.home.keys):
            if is_certified(path.stem) and leaf.key_id in (_id(path), running.get(path.stem)):
                return path.stem
        raise BadSignature(
            "the certificate of `{uri}` is for no key of this home",
            code="wrong-certificate",
            where=str(self.home.keys),
            uri=leaf.name.uri,
        )

    def _install(self, leaf: Leaf, pem: bytes) -> None:
        file = self._file(leaf)
        is_next = leaf.spki != spki(public_key(self.home.key(file)))
        durable.replace(self.home.next_certificate(file) if is_next else self.home.certificate(file), pem, PUBLIC)

    def _standing(self) -> Standing:
        view = TrustKeeper(self.home.trust, self._clock).view
        return Standing(self.member, view, NoneKnown(), self._clock.now_us(), self._agencies)

    def _install_online_ca(self, descriptor: Descriptor) -> None:
        """Write the certificate by which the descriptor lists our online CA."""
        path = self.home.key(ONLINE_CA)
        own = _id(path) if path.exists() else ""
        for key in descriptor.keys:
            if key.use == KeyUse.ONLINE_CA and key.key_id == own:
                pem = ssl.DER_cert_to_PEM_cert(key.certificate).encode("ascii")
                durable.replace(self.home.certificate(ONLINE_CA), pem, PUBLIC)

    def _moved(self, files: Sequence[str], descriptor: bytes = b"") -> Asked:
        """Make the steps that are due, sign the next status, and return what is in force."""
        standing = self._standing()
        moved = advance(self.rotations, standing)
        running = [rotation for file in files if (rotation := self.rotations.of(file)) is not None]
        waits = tuple((use_of_file(each.file), plan(standing, each)) for each in running)
        status, problem = b"", ""
        if descriptor:
            try:
                status = publish_status(self.home.path, self._clock)
            except LiaisonError as error:
                problem = str(error)
        lines = b"".join(line.rstrip(b"\n") + b"\n" for line in (descriptor, status) if line)
        version = parse_descriptor(descriptor)[0].version if descriptor else 0
        return Asked(self.member, _uses(files), None, version, tuple(moved), waits, lines, problem)


def _id(path: Path) -> str:
    return key_id(spki(public_key(path)))


def _uses(files: Sequence[str]) -> tuple[str, ...]:
    return tuple(use_of_file(file) for file in files)
