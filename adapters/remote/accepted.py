"""The callers of a source process: the nodes of its own country that its settings name, and their statement keys.

The statement keys are the certificates in one folder. The folder is read again every second, so removing a file ends
that key's power at once, without a restart and without the federation's documents.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from certs.names import CertificateUse
from certs.profile import Leaf, check_issued, read_ca, read_leaf
from gateway.clock import Clock
from gateway.config.file_marks import FileMarks
from gateway.errors import BadSignature, LiaisonError, Malformed, Misconfigured, Unauthenticated
from gateway.model.names import MemberId
from gateway.recent import Recent
from gateway.signing.keys import VerifyKey

_LOOK_S = 1.0
_MAX_CACHE = 256


class AcceptedNode:
    """`reference.StatementKeys`, and the accepted callers. Thread-safe.

    Raises `Misconfigured` when `folder` has no certificate, or one that is not of a statement key of `member`.
    """

    def __init__(self, folder: Path, ca_pem: bytes, member: MemberId, names: Sequence[str], clock: Clock) -> None:
        self._folder = folder
        self._authority = read_ca(ca_pem)
        self._member = member
        self._names = frozenset(names)
        self._clock = clock
        self._lock = threading.Lock()
        self._callers: Recent[bytes, tuple[str, int, int]] = Recent(_MAX_CACHE)
        self._marks = FileMarks(clock.monotonic)
        self._unread = False
        self._keys = self._read(strict=True)
        self._looked = clock.monotonic()
        if not self._keys:
            raise Misconfigured(
                "no statement key of a node is accepted",
                code="no-accepted-key",
                where=str(folder),
                remedy="copy the node's keys/statement.pem into this folder",
            )

    @property
    def count(self) -> int:
        """The number of accepted statement keys."""
        return len(self._keys)

    def caller(self, certificate: bytes) -> str:
        """Return the name of the node that shows this TLS certificate (PEM). Raises `Unauthenticated`."""
        known = self._callers.held.get(certificate)
        if known is None:
            known = self._identify(certificate)
            self._callers.put(known[0], certificate, known)
        else:
            self._callers.use(known[0], certificate)
        name, start, stop = known
        if not start <= self._clock.now_us() < stop:
            raise Unauthenticated("the certificate is outside its time", code="certificate-expired")
        return name

    def statement_key(self, key_id: str) -> VerifyKey:
        """Return the key. Raises `BadSignature` unless its certificate is in the folder and valid now."""
        found = self._current().get(key_id)
        if found is None:
            raise BadSignature(
                "the key `{key_id!a}` is not accepted", code="not-accepted", where="reference", key_id=key_id[:16]
            )
        key, start, stop = found
        if not start <= self._clock.now_us() < stop:
            raise BadSignature(
                "the key `{key_id}` is outside its time", code="key-not-valid", where="reference", key_id=key_id[:16]
            )
        return key

    def _identify(self, certificate: bytes) -> tuple[str, int, int]:
        try:
            leaf = read_leaf(certificate)
        except Malformed as error:
            raise Unauthenticated(error.message, code="bad-certificate") from error
        name = leaf.name
        if name.use is not CertificateUse.NODE or name.member != self._member or name.name not in self._names:
            raise Unauthenticated("`{uri}` is not our node", code="not-our-node", uri=name.uri)
        return (name.name, *check_issued(leaf, [self._authority]))

    def _current(self) -> Mapping[str, tuple[VerifyKey, int, int]]:
        """Return the keys by id, read again when a file has come, changed or gone."""
        with self._lock:
            now = self._clock.monotonic()
            if now - self._looked >= _LOOK_S:
                self._looked = now
                if self._marks.look([self._folder, *sorted(self._folder.glob("*.pem"))]):
                    self._unread = False
                    self._keys = self._read(strict=False)
                    if self._unread:
                        self._marks.failed()
                    else:
                        self._marks.read()
            return self._keys

    def _read(self, *, strict: bool) -> dict[str, tuple[VerifyKey, int, int]]:
        """Return all keys of the folder; `strict` refuses a file that does not fit, else it is left out."""
        keys = {}
        for file in sorted(self._folder.glob("*.pem")):
            try:
                leaf = self._statement(file)
                keys[leaf.key_id] = (VerifyKey.admit(leaf.spki), *check_issued(leaf, [self._authority]))
            except (OSError, LiaisonError) as error:
                self._unread = self._unread or isinstance(error, OSError)
                if strict:
                    why = error.message if isinstance(error, LiaisonError) else "it cannot be read"
                    raise Misconfigured(
                        "cannot be used: {why}", code="bad-accepted", where=str(file), why=why
                    ) from error
        return keys

    def _statement(self, file: Path) -> Leaf:
        leaf = read_leaf(file.read_bytes())
        if leaf.name.use is not CertificateUse.STATEMENT or leaf.name.member != self._member:
            raise Malformed(
                "`{uri}` signs no statements of `{member}`", code="bad-accepted", uri=leaf.name.uri, member=self._member
            )
        return leaf
