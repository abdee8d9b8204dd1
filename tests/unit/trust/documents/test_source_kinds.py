"""The kinds of sources in a descriptor: read back, refused where ill-formed, made from a home's own sources."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Malformed
from gateway.signing import strict_json
from gateway.signing.dsse import sign_document
from gateway.signing.keys import load_signing_key
from gateway.trust.ceremony.ceremony import publish_descriptor
from gateway.trust.documents.descriptor import DESCRIPTOR_TYPE, Descriptor, parse_descriptor, sign_descriptor
from gateway.trust.documents.source_kinds import SourceKind, united
from tests.support.federation import Federation, make_federation
from tests.support.tables import table

POLICE = SourceKind("police records", ("document", "person"), ("Alert", "Person"))
CUSTOMS = SourceKind("customs records", ("container",), ("Consignment",))


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    return make_federation(tmp_path_factory.mktemp("kinds"), ("th",))


def listing(founded: Federation, *kinds: SourceKind) -> Descriptor:
    key = load_signing_key(founded["th"].authority / "authority.key")
    data = sign_descriptor(replace(founded.view().descriptor("th"), sources=kinds), [key])
    return parse_descriptor(data)[0]


def test_kinds_are_read_back_and_tell_what_can_be_asked(founded: Federation) -> None:
    found = listing(founded, CUSTOMS, POLICE)
    assert found.sources == (CUSTOMS, POLICE)
    assert [query for query in ("person", "container", "vehicle") if found.can_be_asked(query)] == [
        "person",
        "container",
    ]


def test_a_descriptor_that_lists_no_kinds_says_nothing_and_has_the_bytes_of_before(founded: Federation) -> None:
    silent = listing(founded)
    assert silent.can_be_asked("vehicle")
    assert b"sources" not in parse_descriptor(silent.data)[1].payload


def test_sources_of_one_kind_are_listed_once_in_order() -> None:
    other = SourceKind("police records", ("vehicle",), ("Person", "Vehicle"))
    assert united([POLICE, CUSTOMS, other]) == (
        CUSTOMS,
        SourceKind("police records", ("document", "person", "vehicle"), ("Alert", "Person", "Vehicle")),
    )


def test_names_of_a_newer_version_are_kept(founded: Federation) -> None:
    newer = SourceKind("vessels", ("hull_number",), ("Hull",))
    assert listing(founded, newer).sources == (newer,)


GOOD = CUSTOMS.as_json()


@table(
    "sources",
    [
        [],
        "all",
        [GOOD, GOOD],
        [POLICE.as_json(), GOOD],
        [GOOD | {"kind": ""}],
        [GOOD | {"kind": "x" * 257}],
        [GOOD | {"kind": "a\u0007b"}],
        [GOOD | {"queries": ["person", "document"]}],
        [GOOD | {"queries": ["Person"]}],
        [GOOD | {"queries": "person"}],
        [GOOD | {"record_types": ["person"]}],
        [GOOD | {"rows": 3}],
        [{"kind": "customs records"}],
        [None],
        [GOOD] * 257,
    ],
)
def test_ill_formed_kinds_are_refused(founded: Federation, sources: Any) -> None:
    key = load_signing_key(founded["th"].authority / "authority.key")
    payload = parse_descriptor(founded.view().descriptor("th").data)[1].payload
    value = strict_json.loads(payload, len(payload)) | {"sources": sources}
    with pytest.raises(Malformed):
        parse_descriptor(sign_document(DESCRIPTOR_TYPE, strict_json.dumps(value), [key]))


@pytest.mark.long
def test_what_was_published_stays_until_other_sources_are_given(tmp_path: Path) -> None:
    member = make_federation(tmp_path, ("th",))["th"]
    held = member.view().descriptor("th")

    def publish(**more: Any) -> Descriptor:
        data = publish_descriptor(
            member.home,
            member.authority,
            member.clock,
            endpoints=held.endpoints,
            offices=held.offices,
            agencies=member.agencies,
            **more,
        )
        return parse_descriptor(data)[0]

    first = publish(sources=[POLICE])
    assert first.sources == (POLICE,)
    assert publish().version == publish(sources=[POLICE]).version == first.version
    second = publish(sources=[POLICE, CUSTOMS])
    assert (second.version, second.sources) == (first.version + 1, (CUSTOMS, POLICE))
    assert publish(sources=[]).sources == ()
