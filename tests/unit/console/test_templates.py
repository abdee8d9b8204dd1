"""Templates only draw: nothing in them switches escaping off, runs a script, or is an attribute without quotes."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import DictLoader, Environment, nodes
from markupsafe import escape

from gateway.console.visits.render import TEMPLATES, environment
from gateway.views.words.printable import readable
from tests.support.tables import table
from tests.support.words import SentenceCall, placeholders, sentence_calls

FILES = sorted(TEMPLATES.rglob("*.html"))
FORBIDDEN = {
    "escaping is switched off": r"\|\s*safe\b|autoescape|\bMarkup\b|\|\s*(?:xmlattr|urlize|forceescape)\b",
    "a style or a handler in an attribute": r"<[^>]*\s(?:style|on[a-z]+|srcdoc)\s*=",
    "a script of its own": r"<script(?![^>]*\ssrc=\"\{\{ href \}\}\")",
    "an address of another place": r"(?:href|src|action)=\"(?:https?:|//|data:|javascript:)",
    "a page inside the page": r"<(?:iframe|object|embed|base|frame)\b",
}


@table("file", FILES, ids=lambda file: str(file.relative_to(TEMPLATES)))
def test_a_template_does_nothing_but_draw(file: Path) -> None:
    text = re.sub(r"\{#.*?#\}", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
    for what, pattern in FORBIDDEN.items():
        assert not re.search(pattern, text), what
    drawn = re.sub(r"\{%.*?%\}", "", re.sub(r"\{\{.*?\}\}", "VALUE", text))
    assert not re.search(r"=\s*VALUE", re.sub(r'"[^"]*"', "QUOTED", drawn)), "an attribute without quotes"


@table("file", FILES, ids=lambda file: str(file.relative_to(TEMPLATES)))
def test_a_template_imports_only_macros_that_it_uses(file: Path) -> None:
    tree = Environment().parse(file.read_text(encoding="utf-8"))
    used = {node.name for node in tree.find_all(nodes.Name)}
    assert {name for each in tree.find_all(nodes.FromImport) for name in each.names} <= used


@table("file", FILES, ids=lambda file: str(file.relative_to(TEMPLATES)))
def test_a_sentence_of_a_template_is_a_constant_and_has_the_facts_that_it_names(file: Path) -> None:
    """The catalogues are made of constants: a sentence that is put together would stay in English."""
    for call in sentence_calls(file):
        assert not call.is_open, call
        for sentence in call.sentences:
            assert placeholders(sentence) == call.facts, call


@table(
    ("text", "read"),
    [
        ('_("one")', SentenceCall(("one",), False, frozenset())),
        ('_("one" if x else "two", fact=1)', SentenceCall(("one", "two"), False, frozenset({"fact"}))),
        ('_("a" ~ x)', SentenceCall((), True, frozenset())),
        ("_(x)", SentenceCall((), True, frozenset())),
        ('_("one", x)', SentenceCall(("one",), True, frozenset())),
    ],
)
def test_the_sentences_of_a_template_are_found_as_jinja_reads_them(
    tmp_path: Path, text: str, read: SentenceCall
) -> None:
    file = tmp_path / "page.html"
    file.write_text(f"{{% macro m() %}}{{{{ m({text}) }}}}{{% endmacro %}}", encoding="utf-8")
    assert sentence_calls(file) == [read]


@table(
    ("text", "shown"),
    [
        ("<b>", "&lt;b&gt;"),
        ("a\u202eb", "a\\u202eb"),
        ("\ud800", "\\ud800"),
        ("\x1b[2J\x00", "\\u001b[2J\\u0000"),
        ("\u2028", "\\u2028"),
        ("ប៊ុន\u200bម៉ា က\u200dက\u200cက", "ប៊ុន\u200bម៉ា က\u200dက\u200cက"),
        ("two\nlines\tand", "two\nlines\tand"),
    ],
)
def test_a_text_is_shown_as_it_is_and_moves_nothing(text: str, shown: str) -> None:
    made = environment(
        (DictLoader({"t": '{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}<p title="{{ v }}">{{ m(v) }}'}),)
    )
    assert made.get_template("t").render(v=text) == f'<p title="{shown}"><i>{shown}</i>'
    assert str(escape(readable(text))) == shown
