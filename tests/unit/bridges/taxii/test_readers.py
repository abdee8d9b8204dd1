"""The list of readers: one way of showing who one is, an audience, and no mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridges.taxii.__main__ import main
from bridges.taxii.readers import Readers, read_readers
from gateway.errors import Misconfigured, Unauthenticated
from tests.support.tables import table

GOOD = f'[[reader]]\nname = "a"\naudience = "country"\ntoken_sha256 = "{"0" * 64}"\n'


@table(
    "text",
    [
        "", "x", "[reader]", "reader = 3", "reader = [3]", GOOD + GOOD, GOOD + "more = 1\n", "more = 1\n" + GOOD,
        GOOD.replace("country", "everybody"), GOOD.replace("0" * 64, "0" * 63), GOOD.replace("0" * 64, "A" * 64),
        GOOD.replace('"a"', '"a b"'), GOOD.replace('"a"', "3"), GOOD.replace("token_sha256", "token"),
        GOOD + f'certificate_sha256 = "{"1" * 64}"\n', GOOD.replace('audience = "country"\n', ""),
    ],
)  # fmt: skip
def test_a_list_with_a_mistake_is_refused_whole(text: str) -> None:
    with pytest.raises(Misconfigured):
        read_readers(text, Path("readers.toml"))


def test_the_command_makes_an_entry_that_lets_its_token_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "--name", "opencti", "--audience", "partners"]) == 0
    entry, told = capsys.readouterr()
    file = tmp_path / "readers.toml"
    file.write_text(entry)
    token = told.strip().rpartition(" ")[2]
    assert token not in entry
    assert Readers(file).find(f"Bearer {token}", None).name == "opencti"
    with pytest.raises(Unauthenticated):
        Readers(file).find(f"Bearer {token}x", None)
    assert main(["token", "--name", 'x"\nname = "y', "--audience", "public"]) == 2
