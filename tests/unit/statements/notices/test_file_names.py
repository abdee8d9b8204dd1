"""Names of files: what a system would take for a folder or a device is none, and six scripts are."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from gateway.errors import Malformed
from gateway.model.desk.attachments import MAX_NAME, Attachment, MediaType
from gateway.statements.notices.notice import file_name
from gateway.views.desk.file_headers import file_headers
from tests.support.tables import table

SCRIPTS = ("ใบขน ก.txt", "ບັນທຶກ.txt", "បញ្ជី១.txt", "စာရင်း၁.txt", "báo cáo; 'x'.txt", "报告：一.txt")


@table("name", SCRIPTS)
def test_names_in_six_scripts_leave_whole_and_break_no_header(name: str) -> None:
    assert file_name(name, MediaType.TEXT, "name") == name
    header = file_headers(Attachment(name, MediaType.TEXT, 1, bytes(32)))["content-disposition"]
    assert header.isascii()
    plain, _, encoded = header.partition("; filename*=UTF-8''")
    assert plain == 'attachment; filename="attachment.txt"'
    assert not set(encoded) & set("\"\\; \r\n'")
    assert unquote(encoded) == name


@table(
    "name",
    [
        "CON.txt", "nul.txt", "Com1.tar.txt", "lpt².txt", "aux .txt", "conin$.txt",
        "..／..／a.txt", "a＼b.txt", "a∕b.txt", "a＂b.txt", "../a.txt", "a\\b.txt", "c:a.txt", "a?.txt",
        ".txt", " a.txt", "a.txt ", "a" * MAX_NAME + ".txt", "a\0.txt", "a\u202etxt.txt", "a\u2028.txt", "a\n.txt",
        "a" * 10_000 + ".txt",
    ],
)  # fmt: skip
def test_n180_what_a_system_takes_for_a_folder_a_device_or_another_name_is_no_name(name: str) -> None:
    with pytest.raises(Malformed):
        file_name(name, MediaType.TEXT, "name")


@table("name", ["console.txt", "com.txt", "com10.txt", "nullen.txt", "a..txt", "จด.con.txt"])
def test_names_that_only_look_alike_are_taken(name: str) -> None:
    assert file_name(name, MediaType.TEXT, "name") == name
