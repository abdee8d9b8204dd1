"""After sign-in a person gets to a page of ours: no address leads to another site."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from gateway.console.login.targets import HOME, own_path
from tests.support.tables import table

BASE = "https://desk.th.example/login?next=x"


@table(
    "path", ["/", "/desk", "/gate?purpose=BORDER_CHECK&case=C-1", "/threads/la/0123abc", "/audit/officer/th.o.1042/"]
)
def test_a_page_of_ours_stays_as_it_is(path: str) -> None:
    assert own_path(path) == path


@table(
    "text",
    [
        "", "desk", "https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
        "/\t/evil.example", "/\n/evil.example", " /desk", "/desk\r\nset-cookie: a=b", "/..//evil.example",
        "/%2e%2e//evil.example", "/.//evil.example", "javascript:alert(1)", "/desk#@evil.example", "/desk\0",
        "/a//evil.example", "/login", "/login/trial?next=/desk", "/logout", "/events", "/assets/a", "/" + "a" * 600,
        "/d\u00e9sk", "/<script>", "/;url=//evil.example",
    ],
)  # fmt: skip
def test_anything_else_leads_to_the_first_page(text: str) -> None:
    assert own_path(text) == HOME


@given(st.text(alphabet="/\\.%2eE:@?#a \t\r\n;=&-_~<>\"'\0", max_size=24))
def test_no_text_leads_a_browser_to_another_site(text: str) -> None:
    found = urlsplit(urljoin(BASE, own_path(text)))
    assert (found.scheme, found.netloc) == ("https", "desk.th.example")
    assert not found.path.startswith("//")
