"""The device that asks for a page, by the certificate that it showed in TLS: the outer gate."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from certs.names import CertificateUse
from gateway.console.login.parts import LoginParts, Way
from gateway.errors import Malformed, Unauthenticated
from gateway.https.client_certificate import read_client
from gateway.ports.documents import DocumentStore

_CARD_KEY = "card-key"
"""The kind of the documents that say whose card has a key; the value is the person."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device: the `x5t#S256` of its certificate, empty without one. `person` is whose card it is, if it is one.

    `key_id` is that of the card's public key.
    """

    thumbprint: str = ""
    person: str = ""
    key_id: str = ""


def device_of(request: Request, parts: LoginParts) -> Device:
    """Return the device of a request. Raises `Unauthenticated` where it may not have a page at all.

    TLS has verified the certificate against our own CA. It is that of a device (`client/…`) or a person's card
    (`person/…`), which is a device as well.
    """
    certificate = getattr(request.state, "client_certificate", None)
    if not certificate:
        if parts.settings.device_certificate:
            raise _refused("it shows no certificate")
        return Device()
    try:
        leaf, system = read_client(certificate)
    except Malformed as error:
        raise _refused("its certificate does not fit the profile") from error
    is_card = leaf.name.use is CertificateUse.PERSON and parts.has(Way.CARD)
    if leaf.name.member != parts.member or not (is_card or leaf.name.use is CertificateUse.CLIENT):
        raise _refused("its certificate is for another use")
    if parts.is_withdrawn(system.name, system.thumbprint):
        raise _refused("its certificate is withdrawn")
    if not is_card:
        return Device(system.thumbprint)
    return Device(system.thumbprint, system.name, leaf.key_id)


def check_own_card(device: Device, documents: DocumentStore) -> None:
    """Raise `Unauthenticated` for a card whose key has signed another person in: a second card makes no second person.

    The first person of a key is kept for good.
    """
    first = documents.put_new(_CARD_KEY, device.key_id, device.person.encode())
    if first is not None and first.decode() != device.person:
        raise _refused("its key is on the card of another person")


def place_of(request: Request, device: Device) -> str:
    """Return the place by which attempts to sign in are counted: the device, or the address without one."""
    return device.thumbprint or (request.client.host if request.client else "")


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(
        "this device may not use the console: {why}",
        code="unknown-device",
        where="client certificate",
        remedy="ask the administrator for a certificate of this device",
        why=why,
    )
