"""Check the values of a form, at both sides: what the form does not have is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from gateway.desk.forms.catalogue import FieldType, Form, FormField
from gateway.errors import LiaisonError, Malformed
from gateway.language.countries import country
from gateway.language.languages import Language
from gateway.model.values import PartialDate

_NUMBER = re.compile(r"[0-9]{1,12}", re.ASCII)


def check_values(form: Form, values: Iterable[tuple[str, str]]) -> None:
    """Raise `Malformed` unless the values fit the form: known fields, each once, all that are required, each of its
    type. The codes are `unknown-field`, `listed-twice`, `missing-field` and `bad-field`."""
    given = check_given(form.fields, values)
    for field in form.fields:
        if field.required and field.code not in given:
            raise Malformed("the field `{field}` is missing", code="missing-field", where="values", field=field.code)


def check_given(known: Iterable[FormField], values: Iterable[tuple[str, str]]) -> set[str]:
    """Return the codes of the values that are given; raise as `check_values` does, but for missing ones."""
    fields = {field.code: field for field in known}
    given: set[str] = set()
    for code, value in values:
        if code not in fields:
            raise Malformed(
                "the form has no field `{field}`",
                code="unknown-field",
                where="values",
                remedy="one of: {fields}",
                field=code[:40],
                fields=", ".join(fields),
            )
        if code in given:
            raise Malformed("the field `{field}` comes twice", code="listed-twice", where="values", field=code)
        given.add(code)
        _check_value(fields[code], value)
    return given


def _check_value(field: FormField, value: str) -> None:
    if not _FITS[field.type](field, value):
        raise Malformed(
            "the value of `{field}` does not fit",
            code="bad-field",
            where="values",
            remedy="write {advice}",
            field=field.code,
            advice=_advice(field),
        )


def _advice(field: FormField) -> str:
    if field.type is FieldType.CODE:
        return f"one of: {', '.join(field.codes)}"
    return _ADVICE[field.type].format(most=field.most)


_ADVICE: Mapping[FieldType, str] = {
    FieldType.TEXT: "at most {most} characters",
    FieldType.DATE: "2026, 2026-11 or 2026-11-28",
    FieldType.COUNTRY: "the code of a country, such as VNM",
    FieldType.NUMBER: "a whole number",
}


def _is_date(_field: FormField, value: str) -> bool:
    try:
        PartialDate(value)
    except LiaisonError:
        return False
    return True


_FITS: Mapping[FieldType, Callable[[FormField, str], bool]] = {
    FieldType.TEXT: lambda field, value: 0 < len(value) <= field.most,
    FieldType.DATE: _is_date,
    FieldType.COUNTRY: lambda _field, value: value.isupper() and bool(country(value, Language.EN)),
    FieldType.NUMBER: lambda _field, value: _NUMBER.fullmatch(value) is not None,
    FieldType.CODE: lambda field, value: value in field.codes,
}
"""Tells for each type whether a value fits."""
