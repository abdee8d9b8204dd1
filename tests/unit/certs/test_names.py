"""The one use that a certificate names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs.names import CertificateName, CertificateUse, Holder, parse_uri
from gateway.errors import Malformed
from gateway.model.names import MemberId
from tests.support.tables import table

_LABELS = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?\Z")


@given(st.from_regex(r"\A[a-z]{2}\Z"), st.sampled_from(CertificateUse), _LABELS, st.sampled_from(Holder))
def test_every_name_is_read_back_as_it_was_written(member: str, use: CertificateUse, label: str, held: Holder) -> None:
    name = CertificateName(MemberId(member), use, label, held if use is CertificateUse.AGENCY else None)
    assert parse_uri(name.uri) == name


@given(st.text(max_size=60))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_uri(f"spiffe://liaison/{text}/")


@table(
    "uri",
    [
        "spiffe://liaison/th/node",
        "spiffe://liaison/th/node/n1/own",
        "spiffe://liaison/th/agency/police",
        "spiffe://liaison/th/agency/police/mine",
        "spiffe://liaison/TH/node/n1",
        "spiffe://liaison/th/node/n1 ",
        "spiffe://liaison/th/node/../n1",
        "spiffe://liaison/th/root/n1",
        "spiffe://other/th/node/n1",
        "SPIFFE://liaison/th/node/n1",
        "spiffe://liaison/th/node/ｎ1",
    ],
)
def test_there_is_one_spelling_only(uri: str) -> None:
    """CASE-B12."""
    with pytest.raises(Malformed):
        parse_uri(uri)


def test_only_nodes_have_a_dns_name() -> None:
    assert parse_uri("spiffe://liaison/th/node/n1").dns == "n1.th.liaison.internal"
    assert parse_uri("spiffe://liaison/th/statement/1").dns == ""
