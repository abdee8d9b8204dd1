"""Reading the bodies of requests: what is wrong is named so that the caller can put it right."""

from __future__ import annotations

import pytest

from gateway.agency.requests import read_search
from gateway.errors import Malformed


def test_a_purpose_that_is_no_code_is_refused_with_the_codes_as_they_must_be_written() -> None:
    query = {"kind": "document", "number": "C1", "issuer": "VNM"}
    body = {"query": query, "to": ["vn"], "purpose": "border_check", "offence": "DOCFRAUD", "ticket": "T-1"}
    with pytest.raises(Malformed, match=r"^purpose: input should be 'BORDER_CHECK', 'INVESTIGATION', ") as refused:
        read_search(body)
    assert (refused.value.code, refused.value.where) == ("bad-search", "purpose")
