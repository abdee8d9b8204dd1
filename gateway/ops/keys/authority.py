"""What the authority does with a request, in its own folder: sign it, and make the certificate of a client system."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import issue, load_authority
from certs.keyfiles import create_key, load_key, spki
from certs.names import CertificateName, CertificateUse, label
from certs.profile import read_leaf
from certs.requests import build_request
from gateway.clock import Clock, rfc3339
from gateway.config import Home, load_settings
from gateway.errors import Misconfigured, Misused
from gateway.host.durable import PUBLIC, all_or_nothing, make_folder, write_new
from gateway.model.names import identifier, member_id
from gateway.ops.homes.documents import write_document
from gateway.ops.keys.files import use_of_file
from gateway.trust.ceremony.found_member import check_authority_of
from gateway.trust.ceremony.key_request import (
    MAX_REQUEST,
    KeyAnswer,
    KeyRequest,
    WantedKey,
    add_authority,
    answer_request,
    file_of,
)
from gateway.trust.ceremony.request_files import read_file, write_answer, write_request
from gateway.trust.documents.descriptor import parse_descriptor


def sign_request(file: Path, authority: Path, out: Path, clock: Clock) -> dict[str, Any]:
    """Answer a request, or add a further signature to an answer; write it to `out` and return what it says as JSON."""
    found = read_file(_bytes(file))
    answer = (
        add_authority(found, authority) if isinstance(found, KeyAnswer) else answer_request(found, authority, clock)
    )
    write_document(out, write_answer(answer))
    return _describe(answer, answer.request) | {"out": str(out)}


def _describe(answer: KeyAnswer, request: KeyRequest) -> dict[str, Any]:
    descriptor, signatures = None, 0
    if answer.descriptor:
        parsed, document = parse_descriptor(answer.descriptor)
        descriptor, signatures = parsed, len(document.signatures)
    held = parse_descriptor(request.descriptor)[0] if request.descriptor else None
    listed = {key.spki for key in held.keys} if held else set()
    marked = [key.key_id for key in descriptor.keys if key.compromised_us is not None] if descriptor else []
    return {
        "member": request.member,
        "keys": [
            {
                "use": use_of_file(key.file),
                "new": key.spki not in listed,
                "until": _until(answer, key, descriptor.keys if descriptor else ()),
            }
            for key in request.keys
        ],
        "descriptor": descriptor.version if descriptor else 0,
        "signatures": signatures,
        "compromised": marked,
    }


def _until(answer: KeyAnswer, key: WantedKey, listed: Any) -> str:
    if pem := answer.certificates.get(key.file):
        return rfc3339(read_leaf(pem).stop_us)
    return next((rfc3339(each.stop_us) for each in listed if each.spki == key.spki), "")


@dataclass(frozen=True, slots=True)
class MadeClient:
    """The files of a client system; `request` is to be answered by the authority, and empty where it was at hand."""

    system: str
    files: tuple[str, ...]
    request: str


@all_or_nothing()
def make_client(
    home: Path, system: str, authority: Path | None, out: Path, clock: Clock, *, person: bool = False
) -> MadeClient:
    """Make key and certificate of an agency's further client system in the folder `out`, with the CA's certificate.

    With `person`, `system` is the id of a person, whose card gets them.

    Without `authority` this writes a request. A key that is there already is kept: so its certificate is renewed.
    """
    settings = load_settings(home)
    use = CertificateUse.PERSON if person else CertificateUse.CLIENT
    name = CertificateName(
        member_id(settings.node.member), use, identifier(system, "NAME") if person else label(system, "NAME")
    )
    make_folder(out)
    made, key_file = [], out / f"{system}.key"
    if not key_file.exists():
        create_key(key_file)
        made.append(key_file.name)
    key = load_key(key_file)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Misconfigured("only P-256 keys are certified", code="key-not-admitted", where=str(key_file))
    if not (out / "ca.pem").exists():
        write_new(out / "ca.pem", Home(settings.home).ca.read_bytes(), PUBLIC)
        made.append("ca.pem")
    if authority is None:
        wanted = WantedKey(file_of(name), spki(key.public_key()), build_request(key, name))
        write_document(out / f"{system}.request", write_request(KeyRequest(name.member, (wanted,))))
        return MadeClient(system, tuple(made), str(out / f"{system}.request"))
    check_authority_of(settings.home, authority)
    write_document(out / f"{system}.pem", issue(load_authority(authority), key.public_key(), name, clock))
    return MadeClient(system, (*made, f"{system}.pem"), "")


def take_client_answer(file: Path, out: Path, system: str) -> MadeClient:
    """Put the certificate of the authority's answer beside the key of a client system."""
    answer = read_file(_bytes(file))
    certificates = answer.certificates if isinstance(answer, KeyAnswer) else {}
    pem = certificates.get(f"client-{system}") or certificates.get(f"client-person-{system}")
    key = load_key(out / f"{system}.key")
    if pem is None or read_leaf(pem).spki != spki(key.public_key()):
        raise Misused(f"`{file}` has no certificate of the key {system}.key")
    write_document(out / f"{system}.pem", pem)
    return MadeClient(system, (f"{system}.pem",), "")


def _bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_REQUEST + 1)
    except OSError as error:
        raise Misused(f"`{file}` cannot be read: {error.strerror}") from error
