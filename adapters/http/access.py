"""The node's credentials for a web interface, and the authority it trusts: `[http]` of the access file.

::

    [http]
    ca = "api-ca.pem"                   # the only authority that the server's certificate may come from
    certificate = "client.pem"          # mutual TLS, where the interface wants it
    key = "client.key"

    [http.oauth]                        # client credentials (RFC 6749, 4.4), where it wants a token
    token_url = "https://login.customs.example/token"
    client_id = "liaison"
    client_secret = "..."
    scope = "persons.read"
"""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from adapters.access import file_of, read_access
from gateway.config.toml import TomlTable
from gateway.errors import Misconfigured
from gateway.host.private_file import read_private


@dataclass(frozen=True, slots=True)
class OAuth:
    """A client of an OAuth 2.0 server. The secret is never shown."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str


@dataclass(frozen=True, slots=True)
class Access:
    """`tls` is None for plain HTTP on the same machine."""

    tls: ssl.SSLContext | None
    oauth: OAuth | None


def load_access(path: Path | None, url: str) -> Access:
    """Return the settings of `path` for the interface at `url`. Raises `Misconfigured` with file and line."""
    node = read_access(path, "http")
    node.only("ca", "certificate", "key", "oauth")
    oauth = _oauth(node.table("oauth")) if "oauth" in node.data else None
    is_plain = urlsplit(url).scheme == "http" and (oauth is None or urlsplit(oauth.token_url).scheme == "http")
    if is_plain and not {"ca", "certificate", "key"} & node.data.keys():
        return Access(None, oauth)
    if "ca" not in node.data:
        raise Misconfigured(
            "no authority is named for the server's certificate",
            code="no-authority",
            where=str(path or url),
            remedy="name its CA certificate in the access file: [http] ca = ...",
        )
    return Access(_context(node, path), oauth)


def check_address(url: str, where: str) -> str:
    """Return `url` without a trailing slash.

    Raises `Misconfigured` unless it is https, or http on this machine, and nothing more.
    """
    parts = urlsplit(url)
    try:
        is_odd = bool(parts.username or parts.password or parts.query or parts.fragment) or parts.port == 0
    except ValueError:
        is_odd = True
    if parts.scheme not in ("https", "http") or not parts.hostname or is_odd or ".." in parts.path.split("/"):
        raise Misconfigured(
            "this is not the address of a web interface",
            code="bad-url",
            where=where,
            remedy="https://host/path, without user, password, query or fragment",
        )
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise Misconfigured(
            "plain http goes to this machine only", code="plain-http", where=where, remedy="use https, and a CA"
        )
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _oauth(node: TomlTable) -> OAuth:
    node.only("token_url", "client_id", "client_secret", "scope")
    url = check_address(node.text("token_url"), node.place("token_url"))
    return OAuth(url, node.text("client_id"), node.text("client_secret"), node.text("scope", ""))


def _context(node: TomlTable, path: Path | None) -> ssl.SSLContext:
    """Return a context for TLS 1.2 or newer that trusts the named authority only, with our certificate if any."""
    ca, certificate, key = (file_of(node, path, name) for name in ("ca", "certificate", "key"))
    if bool(certificate) != bool(key):
        node.fail("`certificate` and `key` go together", "certificate" if certificate else "key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cafile=ca)
    except (ssl.SSLError, OSError) as error:
        raise Misconfigured("not a CA certificate", code="bad-ca", where=node.place("ca")) from error
    if certificate:
        read_private(Path(key))
        try:
            # A key with a password would ask for it at the terminal.
            context.load_cert_chain(certificate, key, password=lambda: b"")
        except (ssl.SSLError, OSError, ValueError) as error:
            raise Misconfigured(
                "certificate and key do not belong together", code="bad-certificate", where=node.place("certificate")
            ) from error
    return context
