"""A form is printed in the reader's language, and what its values hold cannot act in the page."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from gateway.desk.forms.catalogue import forms
from gateway.errors import Malformed
from gateway.language.languages import Language
from gateway.model.desk.notices import About, Ask, Notice
from gateway.views.forms.printed import form_page, form_text
from tests.support.notices import ASK, HEAD, SUPERVISOR
from tests.support.tables import table

VALUES = (("plate", "<b>2กข 4471</b>"), ("country", "THA"), ("wanted", "stolen"), ("legal-basis", "GMS 2026, 4"))
FORM = Notice(replace(HEAD, approver=SUPERVISOR), Ask(About.FORM, "", topic="vehicle-request", values=VALUES))


@table("language", Language)
def test_a_form_is_printed_in_each_language(language: Language) -> None:
    form, page, text = forms()["vehicle-request"], form_page(FORM, language), form_text(FORM, language)
    for shown in (page, text):
        assert form.title[language] in shown
        assert form.fields[0].label[language] in shown
        assert form.fields[3].codes["stolen"][language] in shown
        assert HEAD.case in shown
    assert f'lang="{language}"' in page
    assert "<b>" not in page
    assert "2กข 4471" in page


def test_what_is_no_form_is_not_printed() -> None:
    with pytest.raises(Malformed):
        form_page(ASK, Language.EN)
