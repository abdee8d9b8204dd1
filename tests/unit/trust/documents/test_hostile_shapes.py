"""Documents of foreign shapes are refused before they are parsed: parsing them would hold the process (CASE-J15)."""

from __future__ import annotations

import base64

import pytest

from gateway.errors import Malformed
from gateway.gossip.taking import read
from gateway.signing import strict_json
from gateway.trust.documents.charter import MAX_CHARTER, parse_charter
from gateway.trust.documents.descriptor import DESCRIPTOR_TYPE, parse_descriptor
from tests.support.load import effort

ITEMS = b"[" + b"0," * 1_400_000 + b"0]"
TEXTS = b"[" + b'"",' * 900_000 + b'""]'
LONG = b'{"signatures":[],"signed":{"x":"' + b"y" * (MAX_CHARTER - 100) + b'"}}'


def signed(payload: bytes) -> bytes:
    """Return a document of a descriptor's type with this payload, and a signature of the right length."""
    signature = {"keyid": "0" * 64, "sig": base64.b64encode(bytes(64)).decode()}
    value = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": DESCRIPTOR_TYPE,
        "signatures": [signature],
    }
    return strict_json.dumps(value)


@pytest.mark.timed
@pytest.mark.parametrize("data", [ITEMS, TEXTS, LONG, b'{"signatures":[],"signed":' + ITEMS + b"}", b"x" * 10**6])
def test_charters_of_foreign_shapes_cost_next_to_nothing(data: bytes) -> None:
    for reader in (read, parse_charter):
        with effort() as spent, pytest.raises(Malformed):
            reader(data)
        assert spent.seconds < 0.05


@pytest.mark.timed
@pytest.mark.parametrize("payload", [ITEMS, TEXTS])
def test_descriptors_of_foreign_shapes_cost_next_to_nothing(payload: bytes) -> None:
    data = signed(payload)
    with effort() as decoding:
        base64.b64decode(base64.b64encode(payload))
        strict_json.loads(data, len(data))
    for reader in (read, parse_descriptor):
        with effort() as spent, pytest.raises(Malformed, match="items"):
            reader(data)
        assert spent.seconds < 10 * decoding.seconds + 0.05
