"""The keys of a running node that may change while it runs: read at the start, and again when their files change.

A file that cannot be used, or a key that counterparts would not take, changes nothing: the keys before stay in use.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

from certs.hsm.places import key_places, put_file
from certs.tls import TlsIdentity
from gateway.audit.tree.checkpoint import LogKeys
from gateway.clock import Clock
from gateway.config import TOKEN_ISSUER, Home
from gateway.config.file_marks import FileMarks
from gateway.errors import BadSignature, LiaisonError, Misconfigured
from gateway.model.names import MemberId
from gateway.ops.keys.head_keys import load_log_keys, load_witness_keys
from gateway.ops.keys.online import exchange_certificate
from gateway.records.sdjwt import RecordIssuer
from gateway.signing.keys import SigningKey, load_signing_key
from gateway.trust.ceremony.key_request import PLAIN_FILES
from gateway.trust.documents.descriptor import KeyUse, agency_use
from gateway.trust.view import TrustView

_AGENCY = "agency-"
_STAYS = "the key before stays in use; `liaison cert status` shows which key is listed"
_PUBLISH = "`liaison trust publish` with the authority lists it; then it is used at once"


class LiveKeys:
    """The node's statement key, its TLS identities, the keys of its logs and as a witness, and those of its agencies.

    `tls` is shown in the own country; `exchange` to counterparts, which know a certificate of the online CA, too.
    `issuers` are by `<member>.<agency>`. Reading an attribute costs nothing; `refresh` reads the files. Refreshes are
    made by one thread at a time. In `production` a key of an agency is refused.
    """

    def __init__(self, home: Home, member: MemberId, clock: Clock, *, production: bool = False) -> None:
        if production:
            _refuse_agency_keys(home)
        self.statement = load_signing_key(home.key("statement"))
        self.tls = self._load_tls(home)
        self.exchange = self._load_exchange(home)
        self.issuers = {issuer.name: issuer for issuer in (_agency_issuer(path, member) for path in _agency_keys(home))}
        self.log = load_log_keys(home)
        self.witness = load_witness_keys(home)
        self._tokens = _token_ids(home)
        self._home = home
        self._member = member
        self._clock = clock
        self._production = production
        self._torn = False
        self._marks = FileMarks(clock.monotonic)
        self._marks.look(self._files())
        self._marks.read()

    def refresh(self, view: TrustView) -> list[tuple[str, str]]:
        """Take up changed files; return the file and the key's id for each key that is used from now on.

        Raises `Misconfigured` or `BadSignature` for a key that cannot be used, once the others were taken up.
        """
        if not self._marks.look(self._files()):
            return []
        found: list[tuple[str, str]] = []
        problem: LiaisonError | None = None
        for take in (
            self._take_statement,
            self._take_tls,
            self._take_log,
            self._take_witness,
            self._take_tokens,
            *self._takes_of_agencies(),
        ):
            try:
                found += take(view)
            except LiaisonError as error:
                problem = error
        if problem is None:
            self._marks.read()
        else:
            self._marks.failed()
        was_torn, self._torn = self._torn, problem is not None and problem.code == "bad-pair"
        if problem is not None and (was_torn or not self._torn):  # else the other file may come in this moment
            raise problem
        return found

    def read_exchange(self) -> TlsIdentity:
        """Return the TLS identity towards counterparts in the files; while two files do not fit, the one in use."""
        try:
            return self._load_exchange(self._home)
        except Misconfigured as error:
            if error.code != "bad-pair":
                raise
            return self.exchange

    def _take_statement(self, view: TrustView) -> list[tuple[str, str]]:
        key = load_signing_key(self._home.key("statement"))
        if key.key_id == self.statement.key_id:
            return []
        self._require_listed(view, key, KeyUse.STATEMENT, "statement")
        self.statement = key
        return [("statement", key.key_id)]

    def _take_tls(self, _view: TrustView) -> list[tuple[str, str]]:
        identity, exchange = self._load_tls(self._home), self._load_exchange(self._home)
        if (identity, exchange) == (self.tls, self.exchange):
            return []
        self.tls, self.exchange = identity, exchange
        return [("tls", load_signing_key(self._home.key("tls")).key_id)]

    def _take_log(self, view: TrustView) -> list[tuple[str, str]]:
        keys = load_log_keys(self._home)
        if _ids(keys) == _ids(self.log):
            return []
        key = load_signing_key(self._home.key("log"))
        self._require_listed(view, key, KeyUse.LOG, "log")
        self.log = keys
        return [("log", key.key_id)]

    def _take_witness(self, view: TrustView) -> list[tuple[str, str]]:
        keys, known = load_witness_keys(self._home), {key.public.key_id for key in self.witness}
        if {key.public.key_id for key in keys} == known:
            return []
        listed = {listed.key.key_id for listed in view.witness_keys(self._member)}
        new = [key.public.key_id for key in keys if key.public.key_id not in known]
        if not set(new) <= listed:
            raise _unlisted(self._home.key("witness"))
        self.witness = keys
        return [("witness", key_id) for key_id in new]

    def _take_tokens(self, _view: TrustView) -> list[tuple[str, str]]:
        """Tell that another key issues tokens; a node that started without an issuer for trials gets none."""
        ids = _token_ids(self._home)
        if not self._tokens or ids == self._tokens:
            return []
        self._tokens = ids
        return [(TOKEN_ISSUER, ids[0])]

    def _takes_of_agencies(self) -> list[Callable[[TrustView], list[tuple[str, str]]]]:
        def taking(path: Path) -> Callable[[TrustView], list[tuple[str, str]]]:
            return lambda view: self._take_agency(path, view)

        return [taking(path) for path in _agency_keys(self._home)]

    def _take_agency(self, path: Path, view: TrustView) -> list[tuple[str, str]]:
        if self._production:
            _refuse_agency_keys(self._home)
        issuer = _agency_issuer(path, self._member)
        held = self.issuers.get(issuer.name)
        if held is not None and held.certificate_der == issuer.certificate_der:
            return []
        key = load_signing_key(path)
        self._require_listed(view, key, agency_use(issuer.agency), path.stem, _STAYS if held else _PUBLISH)
        self.issuers[issuer.name] = issuer
        return [(path.stem, key.key_id)]

    def _require_listed(self, view: TrustView, key: SigningKey, use: str, file: str, remedy: str = _STAYS) -> None:
        """Raise `BadSignature` for a key that counterparts would refuse."""
        try:
            view.verify_key(self._member, key.key_id, use, self._clock.now_us())
        except LiaisonError as error:
            error.where = str(self._home.key(file))
            error.remedy = remedy
            raise

    @staticmethod
    def _load_tls(home: Home) -> TlsIdentity:
        return TlsIdentity.load(home.key("tls"), home.certificate("tls"))

    @staticmethod
    def _load_exchange(home: Home) -> TlsIdentity:
        return TlsIdentity.load(home.key("tls"), exchange_certificate(home))

    def _files(self) -> list[Path]:
        names = ["statement", "tls", *(path.stem for path in _agency_keys(self._home))]
        pairs = [file for name in names for file in (self._home.key(name), self._home.certificate(name))]
        plain = [file(name) for name in PLAIN_FILES for file in (self._home.key, self._home.key_before)]
        files = [*pairs, self._home.exchange_certificate, *plain, *_token_files(self._home)]
        return files + [put_file(file) for file in files if file.suffix == ".key"]


def _token_files(home: Home) -> list[Path]:
    return [file(TOKEN_ISSUER) for file in (home.key, home.next_key, home.key_before)]


def _token_ids(home: Home) -> list[str]:
    return [load_signing_key(file).key_id for file in _token_files(home) if file.exists()]


def _unlisted(file: Path) -> BadSignature:
    return BadSignature("the key is not listed", code="not-listed", where=str(file), remedy=_STAYS)


def _ids(keys: LogKeys) -> list[bytes]:
    return [key.spki for key in (keys.key, *keys.beside)]


def _agency_keys(home: Home) -> list[Path]:
    return key_places(home.keys, f"{_AGENCY}*")


def _agency_issuer(path: Path, member: MemberId) -> RecordIssuer:
    """Return the key and the certificate by which this node signs for an agency."""
    certificate = TlsIdentity.load(path, path.with_suffix(".pem")).certificate
    agency = path.stem.removeprefix(_AGENCY)
    return RecordIssuer(load_signing_key(path), ssl.PEM_cert_to_DER_cert(certificate.decode("ascii")), member, agency)


def _refuse_agency_keys(home: Home) -> None:
    """Raise `Misconfigured` where the home holds a key of an agency, as a node in production must not."""
    for path in _agency_keys(home):
        raise Misconfigured(
            "a node that faces other countries holds no agency's key in production",
            code="agency-key-held",
            where=str(path),
            remedy="run the source in the agency: `liaison source init` and `serve`; then remove this key",
        )
