"""The keys of a home by the names of their files, and the words by which commands name them."""

from __future__ import annotations

from certs.hsm.places import key_places
from certs.keyfiles import Algorithm
from certs.names import CertificateName, CertificateUse
from gateway.config import TOKEN_ISSUER, Home, Settings
from gateway.errors import Misconfigured
from gateway.trust.ceremony.ceremony import leaf_of
from gateway.trust.ceremony.key_request import ONLINE_CA, PLAIN_FILES

_CERTIFIED = ("tls", "statement", "status")
_PREFIXES = ("agency", "client")


def file_of_use(home: Home, use: str) -> str:
    """Return the name of the file of the key that a command names: `statement`, `agency/police`, `client/cli`, `token`.

    Raises `Misconfigured` where the home has no such key.
    """
    before, slash, name = use.partition("/")
    file = f"{before}-{name}" if slash and before in _PREFIXES else TOKEN_ISSUER if use == "token" else use
    if file not in key_files(home):
        raise Misconfigured(
            "this home has no key `{use}`",
            code="no-key-file",
            where=str(home.keys),
            remedy="name one of {uses}",
            use=use,
            uses=", ".join(use_of_file(known) for known in key_files(home)),
        )
    return file


def apart(settings: Settings) -> tuple[str, ...]:
    """Return the agencies whose sources are processes of their own: they accept statement keys by hand."""
    return tuple(source.agency for source in settings.sources if source.is_process)


def use_of_file(file: str) -> str:
    """Return the word by which commands name the key in a file."""
    before, dash, name = file.partition("-")
    return "token" if file == TOKEN_ISSUER else f"{before}/{name}" if dash and before in _PREFIXES else file


def key_files(home: Home) -> list[str]:
    """Return the names of the files of a home's keys."""
    return sorted(place.stem for place in key_places(home.keys))


def is_certified(file: str) -> bool:
    """Tell whether the key in a file has a certificate."""
    return file in _CERTIFIED or file.partition("-")[0] in _PREFIXES


def is_listed(file: str) -> bool:
    """Tell whether the descriptor lists the key in a file, so that counterparts have to know it."""
    return file in (*_CERTIFIED, ONLINE_CA, *PLAIN_FILES) or file.startswith("agency-")


def algorithm_of(file: str) -> Algorithm:
    """Return the kind of the key in a file."""
    if file == "witness-mldsa":
        return Algorithm.MLDSA44
    return Algorithm.ED25519 if file in PLAIN_FILES else Algorithm.P256


def certificate_name(home: Home, file: str, *, following: bool) -> CertificateName:
    """Return the name in the certificate of a key, or of the key `following` it. Raises `Misconfigured`.

    Statement and status keys are numbered; the names of the others say where they are used, and stay.
    """
    name = leaf_of(home.certificate(file)).name
    numbered = name.use in (CertificateUse.STATEMENT, CertificateUse.STATUS) and name.name.isdigit()
    if not (following and numbered):
        return name
    return CertificateName(name.member, name.use, str(int(name.name) + 1))
