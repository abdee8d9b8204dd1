"""TLS keys in a security module for Python's `ssl`: through OpenSSL's provider `pkcs11`, with a URI in place of a key.

The provider speaks to the same library as `certs.hsm.token`, and must come after it: the one that comes first
initialises the module. Each handshake takes the module's lock, since the library was promised one thread. Provider and
PIN are handed over in files in memory: nothing has to be in the environment before the process starts.
"""

from __future__ import annotations

import base64
import ctypes
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, quote_from_bytes

from certs.hsm.keys import load_module_key
from certs.hsm.places import uri_at
from certs.hsm.token import module_lock, pin_of
from certs.hsm.uri import KeyUri
from gateway.errors import Misconfigured

_LIBRARY = "libcrypto.so.3"
_PROVIDER = "pkcs11"
_LABEL = "PKCS#11 PROVIDER URI"
_SEQUENCE, _VISIBLE, _UTF8 = 0x30, 0x1A, 0x0C

_CONFIGURATION = """\
openssl_conf = start
[start]
providers = providers
alg_section = algorithms
[algorithms]
default_properties = ?provider!=pkcs11
[providers]
default = usual
pkcs11 = module
[usual]
activate = 1
[module]
pkcs11-module-path = {library}
pkcs11-module-quirks = no-deinit
activate = 1
"""

_loading = threading.Lock()
_loaded: list[str] = []
_pins: dict[str, int] = {}


class _Guarded(ssl.SSLObject):
    """A connection whose handshake holds the module's lock."""

    def do_handshake(self) -> None:
        """Go on with the handshake."""
        with module_lock():
            super().do_handshake()


def load_chain(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Load a certificate with its key from a file, or from the security module where the settings say so.

    Raises `OSError`, `ssl.SSLError` for files that cannot be used, `Misconfigured` for a module that cannot.
    """
    uri = uri_at(key)
    if uri is None:
        context.load_cert_chain(certificate, key)
        return
    load_module_key(uri)
    with _loading:
        _load_provider(os.path.realpath(uri.module_path))
        pem = _pem(_text(uri))
    with module_lock(), _in_memory(pem) as file:
        context.load_cert_chain(certificate, file)
    context.sslobject_class = _Guarded


def lane_context(key: Path, certificate: Path, roots: bytes) -> ssl.SSLContext:
    """Return TLS 1.3 with a required client certificate under `roots` (PEM), for HTTP/2.

    Raises what `load_chain` raises.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.num_tickets = 0  # a resumed session would skip the check of the certificate against new roots
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    context.set_alpn_protocols(["h2"])
    context.load_verify_locations(cadata=roots.decode("ascii"))
    load_chain(context, certificate, key)
    return context


class LaneContexts:
    """The contexts of a server whose key, certificate and roots may change; after a failed reading the old stays."""

    def __init__(self, key: Path, certificate: Path, roots: Callable[[], bytes], alarm: Callable[[str], None]) -> None:
        self._files = (key, certificate)
        self._roots = roots
        self._alarm = alarm
        self._held: tuple[tuple[object, ...], ssl.SSLContext] | None = None

    def context(self) -> ssl.SSLContext:
        """Return the context of the next handshake. Raises an error only where there was no good one before."""
        key, certificate = self._files
        try:
            roots = self._roots()
            state = (uri_at(key), certificate.read_bytes(), roots)
            if self._held is None or self._held[0] != state:
                self._held = (state, lane_context(key, certificate, roots))
        except Exception as error:  # whatever is wrong with the files, the old credentials stay
            if self._held is None:
                raise Misconfigured(
                    "the TLS key, its certificate or the CAs cannot be used",
                    where=f"{key}, {certificate}",
                    remedy="run `liaison doctor`",
                ) from error
            self._alarm(f"the TLS files cannot be used, the old ones stay: {error}")
        return self._held[1]


def _load_provider(library: str) -> None:
    if library in _loaded:
        return
    try:
        with module_lock(), _in_memory(_CONFIGURATION.format(library=library).encode()) as file:
            openssl = ctypes.CDLL(_LIBRARY)
            done = openssl.CONF_modules_load_file(file.encode(), None, ctypes.c_ulong(0)) > 0
            done = done and openssl.OSSL_PROVIDER_available(None, _PROVIDER.encode()) == 1  # it may load without it
    except OSError:
        done = False
    if not done:
        raise Misconfigured(
            "OpenSSL's provider `{provider}` cannot be loaded: TLS with a key in the security module needs it",
            code="no-provider",
            remedy="apt-get install pkcs11-provider; where OPENSSL_MODULES is set, it must name the provider's folder",
            provider=_PROVIDER,
        )
    _loaded.append(library)


def _text(uri: KeyUri) -> str:
    """Return a URI for the provider; its PIN is in a file in memory, wherever it came from."""
    named = {name: getattr(uri, name) for name in ("token", "serial", "manufacturer", "model", "object")}
    parts = [f"{name}={quote(value, safe='')}" for name, value in named.items() if value]
    parts += [f"id={quote_from_bytes(uri.id, safe='')}"] if uri.id else []
    if uri.pin_source not in _pins:
        _pins[uri.pin_source] = _memory(pin_of(uri).encode())
    return f"pkcs11:{';'.join(parts)};type=private?pin-source=file:/proc/self/fd/{_pins[uri.pin_source]}"


def _pem(uri: str) -> bytes:
    """Return the form in which the provider takes a URI in place of a private key."""
    told = _der(_VISIBLE, b"PKCS#11 Provider URI v1.0") + _der(_UTF8, uri.encode())
    body = base64.encodebytes(_der(_SEQUENCE, told))
    return b"-----BEGIN %b-----\n%b-----END %b-----\n" % (_LABEL.encode(), body, _LABEL.encode())


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big") if size > 255 else bytes([0x81, size])
    return bytes([tag]) + length + content


@contextmanager
def _in_memory(data: bytes) -> Iterator[str]:
    number = _memory(data)
    try:
        yield f"/proc/self/fd/{number}"
    finally:
        os.close(number)


def _memory(data: bytes) -> int:
    number = os.memfd_create("liaison-tls", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(number), "wb") as file:
        file.write(data)
    return number
