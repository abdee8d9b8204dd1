"""Pages from templates: everything is escaped, what is missing is an error, and no other command loads the engine."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest
from jinja2 import UndefinedError

from gateway.views.render import render


def test_a_value_can_neither_be_markup_nor_move_the_cursor() -> None:
    view = SimpleNamespace(title="<b>\x1b[2J\u202e", about="\n", columns=[], bars=[], sections=[])
    text = render("statistics.html", view)
    assert "<b>" not in text
    assert "&lt;b&gt;\\u001b[2J\\u202e" in text


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render("statistics.html", SimpleNamespace(title="t"))


@pytest.mark.process
def test_a_command_that_makes_no_page_does_not_load_the_template_engine() -> None:
    code = "import sys, gateway.cli, gateway.views.report, gateway.views.statistics; print('jinja2' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
