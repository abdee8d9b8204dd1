"""An error page says what was wrong and what to do next, and nothing of what is inside."""

from __future__ import annotations

from gateway.console.frame.errors import error_page, problem_of
from gateway.errors import Forbidden, LiaisonError, Malformed, StorageBroken, Unknown
from gateway.language.languages import Language
from tests.support.tables import table

INTERNAL = (
    LiaisonError("SELECT * FROM secrets at /var/lib/node", code="internal"),
    StorageBroken("disk /dev/sda1 is gone", where="/var/lib/node/node.db"),
)


@table("language", Language)
@table("error", INTERNAL, ids=["internal", "storage"])
def test_what_is_inside_is_never_shown(error: LiaisonError, language: Language) -> None:
    problem = problem_of(error, language)
    for text in (problem.text, problem.remedy):
        assert text
        assert not {"SELECT", "/var", "/dev"} & set(text.replace("/", " /").split())
    assert error_page(error, language).status >= 500


def test_a_refusal_says_what_was_wrong_and_has_its_status() -> None:
    for error, status in ((Malformed("bad"), 400), (Forbidden("no"), 403), (Unknown("gone", code="no-such-path"), 404)):
        page = error_page(error, Language.EN)
        assert (page.status, page.view.text) == (status, error.message)


def test_a_text_from_outside_stays_a_text() -> None:
    error = Malformed("not a date: {text}", code="bad-date", text="<script>{x}</script>")
    assert problem_of(error, Language.EN).text == "not a date: <script>{x}</script>"
