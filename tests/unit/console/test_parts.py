"""The macros escape what they are given, need no style attribute or script, and mark names from abroad."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape

import gateway.console
from gateway.console.frame import shapes
from gateway.console.frame.static import StaticFiles
from gateway.console.visits.render import NAMES, Frame, Person
from gateway.language import Language, tell
from gateway.language.catalogue import translation
from gateway.language.languages import OTHERS
from tests.support.gallery import content, environment
from tests.support.tables import table
from tests.support.words import sentence_calls

_TEMPLATES = Path(gateway.console.__path__[0]) / "templates"
_EVIL = "\"><script>alert(1)</script><b x='"


@pytest.fixture(scope="module")
def files() -> StaticFiles:
    return StaticFiles()


def _drawn(call: str, **values: Any) -> str:
    head = "".join(f'{{% import "parts/{name}.html" as {name} with context %}}' for name in ("show", "form", "draw"))
    return environment().from_string(f"{head}{{{{ {call} }}}}").render(**values)


def _framed(frame: Frame) -> str:
    return environment().get_template("base.html").render(frame=frame, _=partial(tell, frame.language))


def _filled(kind: type) -> Any:
    """Return a shape whose every text is hostile."""
    text = shapes.Text(_EVIL, _EVIL)
    link, tag = shapes.Link(_EVIL, _EVIL, True, 2), shapes.Tag(_EVIL)
    made = {
        shapes.Banner: shapes.Banner(_EVIL, (_EVIL,), "danger", (link,)),
        shapes.Row: shapes.Row(_EVIL, (text, _EVIL), _EVIL, (link,)),
        shapes.Clock: shapes.Clock(_EVIL, _EVIL),
        shapes.Step: shapes.Step(_EVIL, _EVIL, _EVIL, text, (text, _EVIL), True, (tag,), shapes.Proof(_EVIL, (_EVIL,))),
        shapes.Task: shapes.Task(link, (text, _EVIL), shapes.Clock(_EVIL, _EVIL), (tag,)),
        shapes.Line: shapes.Line(_EVIL, tag, (text, _EVIL), (link,)),
        shapes.Table: shapes.Table(
            _EVIL, (_EVIL, _EVIL), ((shapes.Cell(text, _EVIL), shapes.Cell(_EVIL, "", "warn")), (text, _EVIL))
        ),
        shapes.Option: shapes.Option(_EVIL, text, _EVIL),
        shapes.Field: shapes.Field(_EVIL, _EVIL, _EVIL, _EVIL, _EVIL, mode=_EVIL, language=_EVIL),
        shapes.Button: shapes.Button(_EVIL, _EVIL, _EVIL),
        shapes.Link: link,
        shapes.Tag: tag,
    }
    return made[kind]


@table(
    ("call", "kind"),
    [
        ("show.banner(it)", shapes.Banner),
        ("show.alarm(evil, [evil], [])", shapes.Link),
        ("show.summary([it])", shapes.Row),
        ("show.clock(it)", shapes.Clock),
        ("show.timeline([it])", shapes.Step),
        ("show.tasks([it])", shapes.Task),
        ("show.lines([it], evil)", shapes.Line),
        ("show.table(it)", shapes.Table),
        ("show.tabs([it], evil)", shapes.Link),
        ("show.tags([it])", shapes.Tag),
        ("show.empty(evil, evil, [it])", shapes.Link),
        ("show.progress(evil)", shapes.Link),
        ("show.figures([(evil, evil)])", shapes.Link),
        ("form.field(it)", shapes.Field),
        ("form.area(it)", shapes.Field),
        ("form.choose(evil, evil, [it], evil, evil)", shapes.Option),
        ("form.options(evil, evil, [it], 'radio', evil, evil)", shapes.Option),
        ("form.errors(evil, [(evil, evil)])", shapes.Link),
        ("form.bar([it])", shapes.Button),
        ("form.upload(evil, evil, evil, evil, evil)", shapes.Link),
        ("draw.bars(evil, [(evil, 2)], [evil])", shapes.Link),
    ],
)
@pytest.mark.long
def test_no_part_lets_markup_through(call: str, kind: type) -> None:
    drawn = _drawn(call, it=_filled(kind), evil=_EVIL)
    assert "&lt;script&gt;" in drawn
    assert "<script" not in drawn
    assert "<b " not in drawn
    assert "x='" not in drawn


def test_the_frame_lets_no_markup_through(files: StaticFiles) -> None:
    frame = Frame(
        _EVIL,
        Language.EN,
        _EVIL,
        _EVIL,
        person=Person(_EVIL, _EVIL, _EVIL),
        watermark=_EVIL,
        hidden=(shapes.Hidden(_EVIL, _EVIL),),
    )
    page = _framed(frame)
    assert "<script" not in page
    assert "<b " not in page


@table("language", Language)
@pytest.mark.long
def test_the_gallery_needs_no_style_attribute_no_inline_script_and_no_handler(
    language: Language, files: StaticFiles
) -> None:
    page = environment().get_template("gallery.html").render(**content(language, files))
    assert not re.search(r"<[^>]*\s(style|on[a-z]+)\s*=", page)
    assert not re.search(r"<(style|script(?![^>]*\ssrc=))", page)
    assert "javascript:" not in page
    assert f'<html lang="{language}" dir="ltr">' in page
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for name in re.findall(r'(?:aria-describedby|aria-labelledby|for)="([^"]+)"', page):
        assert set(name.split()) <= set(ids), name


@pytest.mark.long
def test_a_foreign_name_carries_its_language() -> None:
    assert _drawn("show.text(it)", it=shapes.Text("ຈັນ", "lo")) == '<bdi lang="lo">ຈັນ</bdi>'
    assert _drawn("show.text(it)", it=shapes.Text("ຈັນ")) == "<bdi>ຈັນ</bdi>"


def test_no_template_holds_a_sentence() -> None:
    """Look for words between the tags of templates: what a reader sees is told by an expression."""
    for path in _TEMPLATES.rglob("*.html"):
        text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        between = re.findall(r">([^<>]*)<", text)
        found = [words for words in between if re.search(r"[A-Za-z]{2}", re.sub(r'[\w-]+="[^"]*"', "", words))]
        assert found == [], path.name


def test_the_choice_of_language_names_each_in_its_own_words() -> None:
    assert set(NAMES) == set(Language)
    page = _framed(Frame("t", Language.LO, "p", "m"))
    for language in Language:
        assert f'value="{language}" lang="{language}"' in page
    assert page.count('aria-current="true"') == 1


@table("language", OTHERS)
def test_the_words_of_the_frame_are_in_the_language(language: Language) -> None:
    person = Person("th.o.1042", "Chiang Khong")
    links = (shapes.Link("/desk", "desk"),)
    page = _framed(
        Frame("t", language, "p", "m", (), (), links, person, is_trial=True, any_device=True, is_reviewed=False)
    )
    calls = sentence_calls(_TEMPLATES / "base.html")
    assert calls
    for call in calls:
        for sentence in call.sentences:
            told = translation(sentence, language)
            assert str(escape(told)) in page, sentence
            assert f">{sentence}<" not in page, sentence


def test_what_policy_forbids_is_shown_and_cannot_be_ticked() -> None:
    drawn = _drawn("form.options('f', 'l', [it])", it=shapes.Option("phone", "phone", "needs a court", False, True))
    assert "disabled" in drawn
    assert "needs a court" in drawn
    assert "checked" not in drawn


def test_a_fault_is_tied_to_its_field() -> None:
    drawn = _drawn("form.field(it)", it=shapes.Field("ticket", "Ticket", hint="as on the slip", fault="it is empty"))
    assert 'aria-describedby="ticket-hint ticket-fault"' in drawn
    assert 'aria-invalid="true"' in drawn
