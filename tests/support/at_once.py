"""What several processes do at once to one home."""

from __future__ import annotations

from pathlib import Path

from gateway.ports.quotas import QuotaPlace
from gateway.storage.documents.quotas import SqlQuotas
from tests.support.audit_logs import LogHome


def migrate(folder: str) -> int:
    """Bring its database to the newest schema."""
    with LogHome(Path(folder)).database():
        return 0


def take(folder: str, now_us: str) -> int:
    """Ask for two places thirty times, of seventy; how many were given."""
    quotas, place = SqlQuotas(LogHome(Path(folder)).open()), QuotaPlace("in", "th", "BORDER_CHECK")
    return sum(sum(quotas.take([place] * 2, lambda _: 70, int(now_us))) for _ in range(30))
