"""What the gate sends: under which basis, to whom, and never twice by a second press of its button."""

from __future__ import annotations

import pytest

from gateway.console.frame.forms import Form
from gateway.console.pages.gate import _is_concerned, _key, _remembered, _Sent
from gateway.console.visits.visit import Counterpart
from gateway.errors import Malformed
from gateway.model.names import MemberId
from gateway.ports.sessions import Remembered
from tests.support.tables import table

FORM = Form("A" * 22, {"purpose": ("BORDER_CHECK",), "offence": ("NARC",)})


def test_the_shift_remembers_purpose_offence_and_ticket() -> None:
    assert _remembered(FORM, _Sent(ticket="CK-1")) == Remembered("BORDER_CHECK", "NARC", "", "CK-1")


@table(
    ("form", "sent", "where"),
    [
        (FORM, _Sent(), "ticket"),
        (FORM, _Sent(ticket="a\nb"), "ticket"),
        (FORM, _Sent(case="<script>"), "case"),
        (Form(FORM.id, {"purpose": ("CURIOSITY",), "offence": ("NARC",)}), _Sent(ticket="CK-1"), "asked"),
        (Form(FORM.id, {"purpose": ("BORDER_CHECK", "AUDIT")}), _Sent(ticket="CK-1"), "form"),
    ],
)
def test_what_is_wrong_is_told_beside_its_field(form: Form, sent: _Sent, where: str) -> None:
    with pytest.raises(Malformed) as caught:
        _remembered(form, sent)
    assert caught.value.where == where


def test_the_same_form_asks_once_and_with_other_words_anew() -> None:
    why = Remembered("BORDER_CHECK", "NARC", "", "CK-1")
    assert _key(FORM, why, "one") == _key(FORM, why, "one")
    others = {_key(Form("B" * 22, {}), why, "one"), _key(FORM, why, "two"), _key(FORM, Remembered(), "one")}
    assert len(others | {_key(FORM, why, "one")}) == 4


def test_those_whom_the_office_faces_and_whom_the_document_names_are_asked() -> None:
    facing = Counterpart(MemberId("kh"), frozenset(), frozenset({"th.blo.aranyaprathet"}))
    other = Counterpart(MemberId("vn"), frozenset(), frozenset())
    assert _is_concerned(facing, "th.blo.aranyaprathet", ())
    assert not _is_concerned(other, "th.blo.aranyaprathet", ())
    assert _is_concerned(other, "th.blo.aranyaprathet", ("VNM",))
