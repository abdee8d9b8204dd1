"""The table of converters in `docs/guides/mapping.md`, from the registry (`make generated`)."""

from __future__ import annotations

import json
from typing import Any

from adapters.values.conversion import Converter, Option
from adapters.values.converters import CONVERTERS
from tests.support.shared import PROJECT

GUIDE = PROJECT / "docs" / "guides" / "mapping.md"
_BEGIN = "<!-- converters: made by `make docs` from adapters/values/converters.py -->"
_END = "<!-- end of converters -->"


def guide() -> str:
    """Return the guide with the table as it should be."""
    before, _, rest = GUIDE.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n\n{converters_table()}\n{_END}{after}"


def converters_table() -> str:
    """One row for each converter: what it makes, its options, an example, and what leaves a record out."""
    rows = ["| converter | makes | options | example | unreadable |", "|---|---|---|---|---|"]
    rows += [_row(name, converter) for name, converter in CONVERTERS.items()]
    return "\n".join(rows) + "\n"


def _row(name: str, converter: Converter) -> str:
    cell, options, value = converter.example
    given = "".join(f", {key} = {_toml(each)}" for key, each in options.items() if key != "codes")
    example = f"`{_shown(cell)}`{f' with `{given[2:]}`' if given else ''} → `{_shown(value)}`"
    told = "<br>".join(_option(key, option) for key, option in converter.options.items())
    cells = (f"`{name}`", converter.doc, told, example, converter.unreadable or "nothing")
    return "| " + " | ".join(each.replace("|", "\\|") for each in cells) + " |"


def _option(name: str, option: Option) -> str:
    kinds = {str: "", int: ", a number", bool: ", true or false", list: ", a list"}
    choices = f" ({', '.join(f'`{choice}`' for choice in option.choices)})" if option.choices else ""
    return f"`{name}`{kinds[option.kind]}{', needed' if option.needed else ''}: {option.doc}{choices}"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def _toml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
