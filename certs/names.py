"""The one use of a certificate, as its URI SAN says it (design, section 3; SPIFFE X.509-SVID, section 2).

::

    spiffe://liaison/<member>/node/<name>                      TLS between nodes
    spiffe://liaison/<member>/statement/<n>                    signs statements
    spiffe://liaison/<member>/client/<system>                  an agency system at its own node
    spiffe://liaison/<member>/console/<host>                   TLS of the console, towards browsers
    spiffe://liaison/<member>/person/<id>                      a person's card, at the console of their own node
    spiffe://liaison/<member>/source/<agency>                  TLS of a source process, towards its own node
    spiffe://liaison/<member>/agency/<agency>/own              signs records in the agency's own process or HSM
    spiffe://liaison/<member>/agency/<agency>/held-by-node     signs records, key held by the node
    spiffe://liaison/<member>/status/<n>                       renews the member's status
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import Malformed
from gateway.model.names import MemberId, identifier, member_id

_PREFIX = "spiffe://liaison/"
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_DOMAIN = "liaison.internal"


_LONGEST_HOST = 64
"""A longer name does not fit the common name of a certificate (RFC 5280, ub-common-name)."""


class CertificateUse(StrEnum):
    """The one use of a certificate."""

    NODE = "node"
    STATEMENT = "statement"
    CLIENT = "client"
    CONSOLE = "console"
    PERSON = "person"
    SOURCE = "source"
    AGENCY = "agency"
    STATUS = "status"


class Holder(StrEnum):
    """The holder of an agency's key; a signature is the agency's own only with `own`."""

    OWN = "own"
    NODE = "held-by-node"


@dataclass(frozen=True, slots=True)
class CertificateName:
    """Member, use and name of a certificate. `held` is given for agencies only.

    `name` is one DNS label (RFC 1123): 1 to 63 of `a-z 0-9 -`; of the console it is its host, of a person the id.
    Raises `Malformed`.
    """

    member: MemberId
    use: CertificateUse
    name: str
    held: Holder | None = None

    def __post_init__(self) -> None:
        member_id(self.member)
        if self.use is CertificateUse.CONSOLE:
            host(self.name)
        elif self.use is CertificateUse.PERSON:
            identifier(self.name, "the person of a certificate")
        else:
            label(self.name, f"the name of a certificate for `{self.use}`")
        if (self.use is CertificateUse.AGENCY) != (self.held is not None):
            raise Malformed("who holds the key is said for agencies only", code="bad-certificate-name")

    @property
    def uri(self) -> str:
        """The URI SAN."""
        tail = f"/{self.held.value}" if self.held else ""
        return f"{_PREFIX}{self.member}/{self.use.value}/{self.name}{tail}"

    @property
    def dns(self) -> str:
        """The DNS SAN of a server's TLS certificate, which a gRPC client checks; empty for other uses."""
        if self.use is CertificateUse.SOURCE:
            return source_tls_name(self.member, self.name)
        if self.use is CertificateUse.CONSOLE:
            return self.name
        return tls_name(self.member, self.name) if self.use is CertificateUse.NODE else ""


def tls_name(member: str, name: str) -> str:
    """Return the DNS name of a node: `<name>.<member>.liaison.internal`; never resolved, only compared."""
    return f"{name}.{member}.{_DOMAIN}"


def source_tls_name(member: str, agency: str) -> str:
    """Return the DNS name of an agency's source process: `<agency>.source.<member>.liaison.internal`."""
    return f"{agency}.source.{member}.{_DOMAIN}"


def witness_tls_name(member: str) -> str:
    """Return the DNS name of a member's domestic witness: `witness.domestic.<member>.liaison.internal`."""
    return f"witness.domestic.{member}.{_DOMAIN}"


def members_domain(member: str) -> str:
    """Return the domain in which the DNS names of all servers of a member lie."""
    return f"{member}.{_DOMAIN}"


def label(text: str, field: str) -> str:
    """Return `text` as one DNS label in lower case, or raise `Malformed` naming `field`."""
    if not _LABEL.fullmatch(text):
        raise Malformed(
            "`{text!a}` is not a name", code="bad-name", where=field, remedy="1 to 63 of a-z 0-9 -", text=text[:70]
        )
    return text


def host(text: str) -> str:
    """Return `text` as the DNS name of a host in lower case, or raise `Malformed`."""
    if len(text) > _LONGEST_HOST or not all(_LABEL.fullmatch(part) for part in text.split(".")):
        raise Malformed(
            "`{text!a}` is not the name of a host",
            code="bad-name",
            where="host",
            remedy="such as desk.police.th, in small letters",
            text=text[:70],
        )
    return text


def parse_uri(uri: str) -> CertificateName:
    """Return the name in a URI SAN; raise `Malformed` for every other spelling."""
    if not uri.startswith(_PREFIX):
        raise Malformed("`{uri!a}` is not a name of this federation", code="bad-certificate-name", uri=uri[:80])
    parts = uri.removeprefix(_PREFIX).split("/")
    try:
        held = Holder(parts[3]) if len(parts) == 4 else None
        name = CertificateName(member_id(parts[0]), CertificateUse(parts[1]), parts[2], held)
    except (ValueError, IndexError) as error:
        raise Malformed("`{uri!a}` names no use", code="bad-certificate-name", uri=uri[:80]) from error
    if name.uri != uri:
        raise Malformed("`{uri!a}` is not in its only form", code="bad-certificate-name", uri=uri[:80])
    return name
