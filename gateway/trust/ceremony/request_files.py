"""The files of requests for keys, and of their answers: JSON with closed fields."""

from __future__ import annotations

from gateway.errors import Malformed
from gateway.model.names import member_id
from gateway.signing import strict_json
from gateway.signing.dsse import decode64, encode64
from gateway.trust.ceremony.key_request import MAX_KEYS, MAX_REQUEST, KeyAnswer, KeyRequest, WantedKey
from gateway.trust.ceremony.succession import succession_json, succession_of
from gateway.trust.documents.fields import Fields, format_time

REQUEST_KIND = "liaison-key-request.v1"
ANSWER_KIND = "liaison-key-answer.v1"


def write_request(request: KeyRequest) -> bytes:
    """Return the bytes of a request's file."""
    return strict_json.dumps({"kind": REQUEST_KIND} | _request_as_json(request)) + b"\n"


def write_answer(answer: KeyAnswer) -> bytes:
    """Return the bytes of an answer's file."""
    value = {
        "kind": ANSWER_KIND,
        "certificates": [
            {"file": file, "certificate": pem.decode("ascii")} for file, pem in sorted(answer.certificates.items())
        ],
        "descriptor": answer.descriptor.decode("utf-8"),
        "request": _request_as_json(answer.request),
    }
    return strict_json.dumps(value) + b"\n"


def read_file(data: bytes) -> KeyRequest | KeyAnswer:
    """Return the request or answer in a file; nothing is verified yet. Raises `Malformed`."""
    value = strict_json.loads(data, MAX_REQUEST)
    kind = value.get("kind") if isinstance(value, dict) else None
    if kind == REQUEST_KIND:
        return _read_request({name: item for name, item in value.items() if name != "kind"})
    if kind != ANSWER_KIND:
        raise Malformed(
            "this is no request for keys, and no answer to one",
            code="unknown-document",
            remedy="`liaison cert rotate` and `cert renew` write requests, `liaison cert sign` answers them",
        )
    fields = Fields(value, "key answer", ("kind", "certificates", "descriptor", "request"))
    items = [
        Fields(item, "key answer.certificates", ("file", "certificate"))
        for item in fields.items("certificates", MAX_KEYS)
    ]
    certificates = {item.text("file"): item.text("certificate").encode("utf-8") for item in items}
    return KeyAnswer(_read_request(fields.value("request")), certificates, fields.text("descriptor").encode("utf-8"))


def _request_as_json(request: KeyRequest) -> dict[str, object]:
    return {
        "member": request.member,
        "keys": [_key_as_json(key) for key in request.keys],
        "descriptor": request.descriptor.decode("utf-8"),
        "statuses": [line.decode("utf-8") for line in request.statuses],
        "noted": [{"key": key, "since": format_time(since)} for key, since in sorted(request.noted.items())],
    }


def _read_request(value: object) -> KeyRequest:
    fields = Fields(value, "key request", ("member", "keys", "descriptor", "statuses", "noted"))
    keys = tuple(map(_read_key, fields.items("keys", MAX_KEYS)))
    if not keys or len({key.file for key in keys}) != len(keys):
        raise Malformed("a request names each key once, and one at least", code="bad-request")
    statuses = tuple(text.encode("utf-8") for text in fields.texts("statuses", MAX_KEYS))
    notes = [Fields(item, "key request.noted", ("key", "since")) for item in fields.items("noted", MAX_KEYS)]
    noted = {note.text("key"): note.time_us("since") for note in notes}
    return KeyRequest(
        member_id(fields.text("member")), keys, fields.text("descriptor").encode("utf-8"), statuses, noted
    )


def _key_as_json(key: WantedKey) -> dict[str, object]:
    value: dict[str, object] = {
        "file": key.file,
        "spki": encode64(key.spki),
        "request": key.request.decode("ascii"),
        "proof": encode64(key.proof),
    }
    return value | ({"succession": succession_json(key.succession)} if key.succession is not None else {})


def _read_key(value: object) -> WantedKey:
    fields = Fields(value, "key request.keys", ("file", "spki", "request", "proof"), ("succession",))
    return WantedKey(
        fields.text("file"),
        decode64(fields.text("spki")),
        fields.text("request").encode("utf-8"),
        decode64(fields.text("proof")),
        succession_of(fields.value("succession")) if fields.has("succession") else None,
    )
