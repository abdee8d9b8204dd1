"""What reconciling says of a question that only its asker knows of, and of a folder that is not an export."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.audit.verify.reconcile import MEANING, Comparison, Disagreement, Fault
from gateway.audit.verify.reconcile_exports import Reconciled, reconcile_exports
from gateway.clock import SystemClock
from gateway.errors import Malformed
from tests.support.cli import Liaison


def found(fault: Fault, blamed: str = "") -> int:
    finding = Disagreement(fault, "a" * 32, "th", "vn", blamed, MEANING[fault])
    return Reconciled({}, Comparison((finding,), 1, 0)).exit_code


def test_a_lost_question_is_not_provable_and_a_lost_answer_has_no_culprit() -> None:
    assert found(Fault.LOST_QUESTION) == 3
    assert found(Fault.LOST_ANSWER) == 0
    assert found(Fault.DROPPED_ANSWER, "vn") == 1
    assert "lost on the way, or not logged" in MEANING[Fault.LOST_QUESTION]


def test_the_folder_that_is_no_export_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    other.mkdir()
    liaison = Liaison(capsys)
    home = tmp_path / "th"
    assert liaison("init", "--member", "th", "--home", home, "--authority", tmp_path / "a").code == 0
    assert liaison("audit", "export", "--home", home, "--out", one).code == 0
    with pytest.raises(Malformed) as caught:
        reconcile_exports((one, other), [], SystemClock())
    assert caught.value.where == str(other)
