"""The keys of a home by the names of their files, and the words by which commands name them."""

from __future__ import annotations

from certs.hsm.places import key_places
from certs.keyfiles import Algorithm, key_id, public_key, spki
from certs.names import CertificateName, CertificateUse
from gateway.config import TOKEN_ISSUER, Home, Settings
from gateway.config.home import CONSOLE_TLS
from gateway.errors import Misconfigured
from gateway.ops.keys.guests import guest_places, guest_spki, is_guest
from gateway.trust.ceremony.ceremony import leaf_of
from gateway.trust.ceremony.key_request import ONLINE_CA, PLAIN_FILES
from gateway.trust.ceremony.succession import guest_use

_CERTIFIED = ("tls", "statement", "status")
_PREFIXES = ("agency", "client")


def file_of_use(home: Home, use: str) -> str:
    """Return the name of the file of the key that a command names: `statement`, `agency/police`, `client/cli`, `token`,
    `administrator/NAME`.

    Raises `Misconfigured` where the home has no such key.
    """
    known = {use_of_file(file): file for file in key_files(home)}
    if use not in known:
        raise Misconfigured(
            "this home has no key `{use}`",
            code="no-key-file",
            where=str(home.keys),
            remedy="name one of {uses}",
            use=use,
            uses=", ".join(known),
        )
    return known[use]


def apart(settings: Settings) -> tuple[str, ...]:
    """Return the agencies whose sources are processes of their own: they accept statement keys by hand."""
    return tuple(source.agency for source in settings.sources if source.is_process)


def use_of_file(file: str) -> str:
    """Return the word by which commands name the key in a file."""
    if (person := guest_use(file)) is not None:
        return f"{person}/{file.removeprefix(f'{person}-')}"
    before, dash, name = file.partition("-")
    return "token" if file == TOKEN_ISSUER else f"{before}/{name}" if dash and before in _PREFIXES else file


def key_files(home: Home) -> list[str]:
    """Return the names of the files of a home's keys, and of the persons' whose public keys it has."""
    return sorted(place.stem for place in key_places(home.keys)) + list(guest_places(home))


def id_of_file(home: Home, file: str) -> str:
    """Return the id of the present key of a file."""
    return key_id(guest_spki(home, file) if is_guest(file) else spki(public_key(home.key(file))))


def is_certified(file: str) -> bool:
    """Tell whether the key in a file has a certificate."""
    return file in (*_CERTIFIED, CONSOLE_TLS) or file.partition("-")[0] in _PREFIXES


def is_listed(file: str) -> bool:
    """Tell whether the descriptor lists the key in a file, so that counterparts have to know it."""
    return file in (*_CERTIFIED, ONLINE_CA, *PLAIN_FILES) or file.startswith("agency-") or is_guest(file)


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
