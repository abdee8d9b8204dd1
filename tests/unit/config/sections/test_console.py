"""The settings of the console: every mistake is told with its line, and nothing is guessed."""

from __future__ import annotations

from pathlib import Path

from gateway.config import load_settings
from gateway.errors import Misconfigured, each_of
from tests.support.tables import table

HEAD = '[node]\nmember = "th"\n'


def mistakes(folder: Path, text: str) -> list[str]:
    (folder / "node.toml").write_text(HEAD + text, encoding="utf-8")
    try:
        load_settings(folder, {})
    except Misconfigured as error:
        return [str(each) for each in each_of(error)]
    return []


def test_there_is_no_console_unless_it_is_set(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "") == []
    settings = load_settings(tmp_path, {})
    assert settings.listen.console == ""
    assert settings.console.device_certificate
    assert settings.console.login == ("passkey",)


@table(
    ("text", "said"),
    [
        ('[listen]\nconsole = "nowhere"\n', "is not an address"),
        ('[console]\nlogin = ["pasword"]\n', "unknown way to sign in `pasword`"),
        ('[console]\norigin = "http://desk.th.example"\n', "is not an https address"),
        ('[console]\norigin = "https://desk.th.example/start"\n', "is not the address of a site"),
        ('[console]\nsessions = 0\n', "sessions"),
        ('[console]\nlogin = ["oidc"]\n', "`oidc.issuer` is missing"),
        (
            '[console]\nlogin = ["oidc"]\n[oidc]\nissuer = "http://id.example"\nclient_id = "c"\nca = "ca.pem"\n',
            "is not an https address",
        ),
        (
            '[console]\nlogin = ["oidc"]\n[oidc]\nissuer = "https://id.example"\nclient_id = "c"\nca = "ca.pem"\n'
            'scopes = ["profile"]\n',
            "lacks `openid`",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_told(tmp_path: Path, text: str, said: str) -> None:
    found = mistakes(tmp_path, text)
    assert found
    assert any(said in each for each in found), found


def test_a_provider_with_all_that_it_needs_is_taken(tmp_path: Path) -> None:
    text = '[console]\nlogin = ["oidc"]\n[oidc]\nissuer = "https://id.example"\nclient_id = "console"\nca = "ca.pem"\n'
    assert mistakes(tmp_path, text) == []
