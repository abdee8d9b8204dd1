"""Forms and topics are data that is read strictly, and values are checked against them."""

from __future__ import annotations

import re

import pytest

from gateway.desk.forms.catalogue import forms, read_form, topic_named, topics
from gateway.desk.forms.values import check_values
from gateway.errors import Malformed, Misconfigured
from gateway.language.languages import Language
from gateway.model.names import identifier
from tests.support.tables import table

GOOD = """
id = "probe"
version = 1
clock = "ROUTINE"
approver = "central-authority"
title = {label}
[[field]]
code = "name"
type = "text"
required = true
most = 5
label = {label}
[[field]]
code = "kind"
type = "code"
required = false
label = {label}
[field.codes]
one = {label}
""".replace("{label}", "{ " + ", ".join(f'{each.value} = "x"' for each in Language) + " }")


def test_every_form_and_topic_has_its_labels_in_all_languages() -> None:
    labels = [form.title for form in forms().values()]
    labels += [field.label for form in forms().values() for field in form.fields]
    labels += [label for form in forms().values() for field in form.fields for label in field.codes.values()]
    labels += [topic.label for topic in topics().values()]
    for label in labels:
        assert set(label) == set(Language)
        assert all(text.strip() == text != "" for text in label.values())
        assert len(set(label.values())) == len(Language)  # none was left in another language
    for name in (*forms(), *topics()):
        assert identifier(name, "id") == name


@table(
    ("wrong", "instead"),
    [
        ('clock = "ROUTINE"', 'clock = "SOON"'),
        ("version = 1", 'version = "1"'),
        ("version = 1", "version = 1\ncolour = 2"),
        ('zh = "x"', 'xx = "x"'),
        ('type = "text"', 'type = "code"'),
        ('type = "text"', 'type = "picture"'),
        ("most = 5", "most = 0"),
        ('code = "kind"', 'code = "name"'),
        ('approver = "central-authority"', 'approver = "officer"'),
        ("required = true", ""),
    ],
)
def test_a_form_that_is_not_as_it_must_be_names_its_line(wrong: str, instead: str) -> None:
    assert wrong in GOOD
    with pytest.raises(Misconfigured) as caught:
        read_form("forms/probe.toml", GOOD.replace(wrong, instead, 1).encode())
    assert re.fullmatch(r"forms/probe\.toml:\d+", caught.value.where)


@table(
    ("values", "code"),
    [
        ((("name", "Mai"),), ""),
        ((("name", "Mai"), ("kind", "one")), ""),
        ((), "missing-field"),
        ((("name", "Mai"), ("colour", "red")), "unknown-field"),
        ((("name", "Mai"), ("name", "Lan")), "listed-twice"),
        ((("name", "longer"),), "bad-field"),
        ((("name", "Mai"), ("kind", "two")), "bad-field"),
    ],
)
def test_values_fit_the_form(values: tuple[tuple[str, str], ...], code: str) -> None:
    form = read_form("forms/probe.toml", GOOD.encode())
    if not code:
        check_values(form, values)
        return
    with pytest.raises(Malformed) as caught:
        check_values(form, values)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("birth", ("1990", "1990-02", "1990-02-28"), ("1990-02-30", "28.2.1990", "")),
        ("nationality", ("VNM", "KH"), ("XQX", "vnm", "Viet Nam")),
        ("wanted", ("identity",), ("everything",)),
    ],
)
def test_each_type_of_field_takes_its_values_only(field: str, good: tuple[str, ...], bad: tuple[str, ...]) -> None:
    form = forms()["information-request"]
    base = {"name": "Mai", "wanted": "identity", "legal-basis": "GMS 2026, article 4"}
    for value in good:
        check_values(form, tuple((base | {field: value}).items()))
    for value in bad:
        with pytest.raises(Malformed):
            check_values(form, tuple((base | {field: value}).items()))


def test_an_unknown_topic_names_those_that_there_are() -> None:
    with pytest.raises(Malformed) as caught:
        topic_named("gossip")
    assert caught.value.code == "unknown-topic"
    assert "vehicle" in caught.value.remedy
