"""The parts of the source protocol: table, queries, references, markings, memory, requests for certificates."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.load import Place, open_source
from adapters.remote import wire
from adapters.remote.allowed import is_allowed
from adapters.remote.queries import MAX_WITHOUT, query_bytes, read_query, read_view
from adapters.remote.reference import LIFETIME_US, build_reference, verify_reference
from adapters.remote.reference_memory import MAX_ISSUES, ReferenceMemory
from certs.names import CertificateName, CertificateUse, parse_uri, source_tls_name, tls_name
from certs.requests import MAX_REQUEST, build_request, read_request
from gateway.clock import SystemClock, from_us
from gateway.config.source_home import STRICTNESSES, load_source, write_source
from gateway.errors import Forbidden, LiaisonError, Malformed, Misconfigured, Replayed
from gateway.model.marking import Caveat, Level, Marking, Onward, ReleaseMarking, SubjectCategory, UseCode
from gateway.model.names import MemberId, new_exchange_id
from gateway.model.purpose import Purpose
from gateway.model.query import (
    MAX_NAMES,
    ContainerQuery,
    DocumentQuery,
    NationalIdQuery,
    PersonQuery,
    PhoneQuery,
    Query,
    QueryKind,
    VehicleQuery,
    VesselQuery,
)
from gateway.model.strictness import Strictness
from gateway.model.values import MAX_TEXT, NameForm, NameSource, PartialDate, Sex
from gateway.ports.sources import Occasion, SourceDescription, View
from gateway.rpc.methods import SEARCH
from gateway.signing.keys import SigningKey, VerifyKey
from tests.support.tables import table

CLOCK = SystemClock()
KH, TH = MemberId("kh"), MemberId("th")
KEY = SigningKey(ec.generate_private_key(ec.SECP256R1()))
SOURCE = "kh.customs.declarations"
_TEXT = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=40)
_QUERIES = st.one_of(
    st.builds(
        PersonQuery,
        st.lists(st.builds(NameForm, _TEXT, source=st.sampled_from(NameSource)), min_size=1, max_size=4).map(tuple),
        st.sampled_from([None, PartialDate("1984"), PartialDate("1984-03-17")]),
        st.sampled_from([None, *Sex]),
        st.sampled_from(["", "THA"]),
        st.one_of(st.just(""), _TEXT),
    ),
    st.builds(DocumentQuery, _TEXT, st.sampled_from(["", "VNM"])),
    st.builds(NationalIdQuery, _TEXT, st.sampled_from(["", "THA-PIN"])),
    st.builds(VehicleQuery, _TEXT, st.one_of(st.just(""), _TEXT)),
    st.builds(ContainerQuery, _TEXT),
    st.builds(PhoneQuery, _TEXT, st.sampled_from(["", "TH"])),
    st.builds(VesselQuery, _TEXT, local_reg=st.one_of(st.just(""), _TEXT), flag=st.sampled_from(["", "LA"])),
)


class Keys:
    """Accepts one key."""

    def statement_key(self, key_id: str) -> VerifyKey:
        assert key_id == KEY.key_id
        return KEY.verify_key()


@given(_QUERIES, st.sampled_from(Strictness))
def test_a_query_comes_back_as_it_was(query: Query, strictness: Strictness) -> None:
    assert read_query(query_bytes(query, strictness)) == (query, strictness)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_query_or_are_refused(data: bytes) -> None:
    try:
        read_query(data)
    except LiaisonError:
        return


@given(st.binary(max_size=300))
def test_any_bytes_are_no_reference(data: bytes) -> None:
    with pytest.raises(LiaisonError):
        verify_reference(data, keys=Keys(), member=KH, source=SOURCE, now_us=CLOCK.now_us())


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_reference_with_any_byte_changed_is_refused(place: int, change: int) -> None:
    data = bytearray(reference())
    data[place % len(data)] ^= change
    with pytest.raises((LiaisonError, AssertionError)):  # the assertion: another key id was asked for
        verify_reference(bytes(data), keys=Keys(), member=KH, source=SOURCE, now_us=CLOCK.now_us())


def reference() -> bytes:
    occasion = Occasion(new_exchange_id(), TH, Purpose.INVESTIGATION, bytes(32))
    return build_reference(occasion, member=KH, source=SOURCE, query=b"q", key=KEY, now_us=CLOCK.now_us())


DESCRIBED = SourceDescription(
    SOURCE,
    "customs",
    "customs records",
    frozenset({QueryKind.PERSON, QueryKind.CONTAINER}),
    frozenset({"Person", "Consignment", "Seizure"}),
)
FOUND_BY = frozenset({("Person", QueryKind.PERSON), ("Seizure", QueryKind.PERSON), ("Seizure", QueryKind.CONTAINER)})
NOW_US = 1_796_000_000_000_000


@pytest.mark.parametrize("as_of_us", [None, 0, NOW_US])
def test_what_a_search_covers_comes_back_as_it_was(as_of_us: int | None) -> None:
    told = replace(DESCRIBED, found_by=FOUND_BY)
    assert wire.read_scope(wire.scope_bytes(as_of_us, told), NOW_US, DESCRIBED) == (as_of_us, told)
    assert told.types_found_by(QueryKind.CONTAINER) == {"Seizure"}
    assert DESCRIBED.types_found_by(QueryKind.CONTAINER) == DESCRIBED.record_types, (
        "where it does not tell, all of them"
    )


@pytest.mark.parametrize(
    ("as_of_us", "found_by", "code"),
    [
        (NOW_US + 1_000_000, FOUND_BY, "bad-time"),
        (None, frozenset({("Vessel", QueryKind.PERSON)}), "foreign-source"),
        (None, frozenset({("Person", QueryKind.VESSEL)}), "foreign-source"),
    ],
)
def test_a_search_covers_no_time_to_come_and_nothing_that_the_source_does_not_have(
    as_of_us: int | None, found_by: frozenset[tuple[str, QueryKind]], code: str
) -> None:
    said = wire.scope_bytes(as_of_us, replace(DESCRIBED, found_by=found_by))
    with pytest.raises(Malformed) as refusal:
        wire.read_scope(said, NOW_US, DESCRIBED)
    assert refusal.value.code == code


def test_no_two_references_are_the_same() -> None:
    assert reference() != reference()


def test_memory_of_references_forgets_what_is_over_and_counts_issues() -> None:
    visits, now_us = ReferenceMemory(), CLOCK.now_us()
    known = verify_reference(reference(), keys=Keys(), member=KH, source=SOURCE, now_us=now_us)
    visits.begin(known, now_us)
    with pytest.raises(Replayed):
        visits.begin(known, now_us + LIFETIME_US)
    with pytest.raises(Forbidden):
        visits.take(known, "Person", "1")
    visits.found(known, [("Person", "1")])
    for _ in range(MAX_ISSUES):
        visits.take(known, "Person", "1")
    with pytest.raises(Replayed):
        visits.take(known, "Person", "1")
    with pytest.raises(Forbidden):
        visits.take(known, "Vehicle", "1")


# ---------------------------------------------------------------- markings

_MARKINGS = st.builds(
    Marking,
    level=st.sampled_from(Level),
    use=st.frozensets(st.sampled_from(UseCode)),
    caveats=st.frozensets(st.sampled_from([Caveat.SAFETY, Caveat.JUVENILE, Caveat.PROTECT_SOURCE])),
    releasable_to=st.just(frozenset({"th"})),
    onward=st.sampled_from(Onward),
    evaluation=st.sampled_from(["A1", "B2", "X4"]),
    delete_after_use=st.booleans(),
)
_NOW_US = CLOCK.now_us()


def told(marking: Marking) -> ReleaseMarking:
    """What a node tells of a marking, as policy does."""
    return ReleaseMarking(
        level=marking.level,
        use=marking.use,
        caveats=marking.caveats - {Caveat.PROTECT_SOURCE},
        onward=marking.onward,
        purposes=frozenset({Purpose.INVESTIGATION.value}),
        not_after=from_us(_NOW_US).replace(second=0, microsecond=0) + timedelta(hours=24),
        evaluation=marking.evaluation,
        delete_after_use=marking.delete_after_use,
    )


def allowed(marking: Marking, release: ReleaseMarking, asker: MemberId = TH) -> bool:
    return is_allowed(marking, release, asker=asker, purpose=Purpose.INVESTIGATION, now_us=_NOW_US)


@given(_MARKINGS)
def test_what_policy_tells_of_a_marking_is_allowed(marking: Marking) -> None:
    assert allowed(marking, told(marking))
    assert wire.read_release_marking(wire.marking_text(told(marking))) == told(marking)
    assert wire.read_marking(wire.marking_text(marking)) == marking


@given(_MARKINGS, _MARKINGS)
def test_a_marking_is_allowed_only_where_it_is_nowhere_weaker(marking: Marking, other: Marking) -> None:
    public = replace(other, caveats=other.caveats - {Caveat.PROTECT_SOURCE})
    mine = replace(marking, caveats=marking.caveats - {Caveat.PROTECT_SOURCE})
    assert allowed(marking, told(other)) == public.is_within(mine)


@table(
    "marking",
    [
        Marking(),
        Marking(releasable_to=frozenset({"vn", "vn.police"})),
        Marking(releasable_to=frozenset({"th"}), withhold_from=frozenset({"th"})),
        Marking(releasable_to=frozenset({"th"}), caveats=frozenset({Caveat.HIDDEN_FOR_OPERATION})),
        Marking(releasable_to=frozenset({"th"}), purposes=frozenset({Purpose.BORDER_CHECK})),
        Marking(releasable_to=frozenset({"th"}), keep_hours=23),
    ],
    ids=["nobody", "others", "withheld", "hidden", "another purpose", "kept too long"],
)
def test_a_record_is_not_signed_against_its_own_marking(marking: Marking) -> None:
    assert not allowed(marking, told(marking))


@table("text", ["", "[]", '{"level":"OPEN"}', "{", '{"level":["OPEN"]}'])
def test_a_marking_in_another_form_is_refused(text: str) -> None:
    for read in (wire.read_marking, wire.read_release_marking):
        with pytest.raises(Malformed):
            read(text)


# ---------------------------------------------------------------- certificates and settings


def test_the_name_of_a_source_is_no_nodes_name() -> None:
    name = CertificateName(KH, CertificateUse.SOURCE, "customs")
    assert parse_uri(name.uri) == name
    assert name.dns == source_tls_name("kh", "customs") == "customs.source.kh.liaison.internal"
    assert name.dns != tls_name("kh", "customs")


def test_a_request_for_a_certificate_proves_its_key_and_names_one_use() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = CertificateName(KH, CertificateUse.SOURCE, "customs")
    public, found = read_request(build_request(key, name))
    assert (public, found) == (key.public_key(), name)
    for data in (b"", b"x" * (MAX_REQUEST + 1), build_request(key, name)[:-60] + b"\n"):
        with pytest.raises(Malformed):
            read_request(data)


def test_settings_say_what_is_wrong_and_where(tmp_path: Path) -> None:
    assert write_source(tmp_path, {"source.member": "kh", "source.agency": "customs"})
    assert not write_source(tmp_path, {})
    settings = load_source(tmp_path)
    assert (settings.source.nodes, settings.url) == (("gw1",), f"sqlite:///{tmp_path.resolve() / 'system.sqlite'}")
    file = tmp_path / "source.toml"
    file.write_text(file.read_text().replace("# threads = 8", "thread = 8"))
    with pytest.raises(Misconfigured) as caught:
        load_source(tmp_path)
    assert caught.value.where.startswith("source.toml:")
    assert "threads" in caught.value.remedy
    with pytest.raises(Misconfigured, match="no settings here"):
        load_source(tmp_path / "nowhere")


def test_a_source_can_be_told_to_be_strict_and_nothing_else(tmp_path: Path) -> None:
    write_source(tmp_path, {"source.member": "kh", "source.agency": "customs", "limits.strictness": "strict"})
    assert load_source(tmp_path).limits.strictness == "strict"
    assert set(STRICTNESSES) == {each.value for each in Strictness}
    file = tmp_path / "source.toml"
    file.write_text(file.read_text().replace('strictness = "strict"', 'strictness = "ranked"'))
    with pytest.raises(Misconfigured, match="ranked") as caught:
        load_source(tmp_path)
    assert caught.value.where.startswith("source.toml:")


@pytest.mark.parametrize("message", [b"", b"\x1a\x06ranked"], ids=["none", "unknown"])
def test_a_query_without_a_known_strictness_is_refused(message: bytes) -> None:
    whole = query_bytes(DocumentQuery("AA1234567"), Strictness.WIDE)
    with pytest.raises(Malformed) as caught:
        read_query(whole.replace(b"\x1a\x04wide", message))
    assert caught.value.where == "query.strictness"


def test_a_query_names_withdrawn_keys_as_far_as_its_room_goes() -> None:
    keys = frozenset(f"{number:09}" for number in range(3_000))
    classes = frozenset((f"T{number}", Marking(), SubjectCategory.UNKNOWN) for number in range(wire.MAX_CLASSES))
    text = "ก" * MAX_TEXT
    longest = PersonQuery(tuple(NameForm(text) for _ in range(MAX_NAMES)), PartialDate("1987-06-05"), father=text)
    data = query_bytes(longest, Strictness.USUAL, View(classes, classes, keys))
    told = read_view(data)
    assert told is not None
    assert told.without == frozenset(sorted(keys)[: MAX_WITHOUT // (9 + 4)])
    assert len(data) < SEARCH.max_request_bytes - 1_024, "there is room for the reference"
    few = read_view(query_bytes(DocumentQuery("AA1234567"), Strictness.USUAL, View(classes, classes, frozenset("ab"))))
    assert few is not None
    assert few.without == {"a", "b"}


@pytest.mark.parametrize("url", ["source://host:7543", "source:host", "source://host"])
def test_nobody_but_a_node_opens_a_source_process(url: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        open_source(Place(tmp_path, url, tmp_path, CLOCK))
