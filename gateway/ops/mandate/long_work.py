"""The long work of an auditor: verify the logs, export them, compare two exports; each in a process of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from gateway.audit.verify.findings import Report
from gateway.audit.verify.reconcile_exports import Reconciled
from gateway.config import Home, load_settings
from gateway.host.durable import make_folder
from gateway.ops.audit.verify_export import export_home, reconcile_folders, verify_home_folder
from gateway.trust.documents.appointment import parse_appointment

Progress = Callable[[int, int], None]


def verify_logs(folder: Path, progress: Progress) -> Report:
    """Verify the logs of a home in full, under its own charter."""
    return verify_home_folder(folder, None, None, statements=True, progress=progress)


def export_logs(folder: Path, out: Path, since_us: int, until_us: int, appointment: bytes, progress: Progress) -> str:
    """Write an export under an appointment whose entry is in the log; return the SHA-256 of its manifest.

    What an interrupted one has left in `out` is removed.
    """
    make_folder(out.parent)
    shutil.rmtree(out, ignore_errors=True)
    return export_home(folder, out, since_us, until_us, parse_appointment(appointment)[0], progress)


def compare_exports(folder: Path, one: Path, other: Path, progress: Progress) -> Reconciled:
    """Verify two exports and compare them, under the charter of this home."""
    progress(0, 0)
    return reconcile_folders(one, other, Home(load_settings(folder).home).charter, None)
