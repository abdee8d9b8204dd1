"""TLS 1.3 of a port, from the files of its key, its certificate and the CA of its clients."""

from __future__ import annotations

import ssl
from pathlib import Path

from certs.hsm.openssl import load_chain
from certs.hsm.places import uri_at
from certs.keyfiles import load_key
from gateway.errors import Misconfigured

UNUSABLE = "tls-files-unusable"
"""The code of files that are there, and make no TLS."""


def tls_context(key: Path, certificate: Path, ca: Path, clients: ssl.VerifyMode = ssl.CERT_REQUIRED) -> ssl.SSLContext:
    """Return TLS 1.3. `clients` says whether a client certificate of our national CA is required, taken, or not asked.

    Raises `Misconfigured`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = clients
    context.num_tickets = 0  # a resumed session would skip the check of the certificate against a new CA
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    try:
        context.load_verify_locations(ca)
        load_chain(context, certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(
            "the TLS key, its certificate or the CA cannot be used",
            code=UNUSABLE,
            where=f"{key}, {certificate}, {ca}",
            remedy="run `liaison doctor`",
        ) from error
    return context


class TlsFiles:
    """The files of the port's key, certificate and client CA, for a process that takes up new ones while it runs."""

    def __init__(self, key: Path, certificate: Path, ca: Path, clients: ssl.VerifyMode = ssl.CERT_REQUIRED) -> None:
        self._files = (key, certificate, ca)
        self._clients = clients
        self._used: tuple[bytes, ...] = ()
        self._refused: tuple[bytes, ...] = ()

    def context(self) -> ssl.SSLContext:
        """Return the context of the files as they are; raise `Misconfigured` for an unusable one."""
        load_key(self._files[0])  # refuses a key that others can read
        content = self._content()
        context = tls_context(*self._files, self._clients)
        self._used = content  # read before the context was: a file that changes in between is read once more
        return context

    def changed(self) -> ssl.SSLContext | None:
        """Return a new context where a file has changed, else None.

        Raises `Misconfigured` for files that could not be used at the last look either.
        """
        content = self._content()
        if content == self._used:
            return None
        try:
            return self.context()
        except Misconfigured:
            if content == self._refused:
                raise
            self._refused = content  # key and certificate change one after the other: the other one may come yet
            return None

    def _content(self) -> tuple[bytes, ...]:
        try:
            uri = uri_at(self._files[0])
            files = self._files if uri is None else self._files[1:]
            return (str(uri).encode(), *(file.read_bytes() for file in files))
        except OSError as error:
            raise Misconfigured(
                "the TLS files cannot be read, the old ones stay",
                where=str(error.filename),
                remedy="run `liaison doctor`",
            ) from error
