"""Do to one home what several processes do at once."""

from __future__ import annotations

from pathlib import Path

from gateway.ports.quotas import QuotaPlace
from gateway.storage.documents.quotas import SqlQuotas
from tests.support.audit_logs import LogHome


def migrate(folder: str) -> int:
    """Bring the home's database to the newest schema."""
    with LogHome(Path(folder)).database():
        return 0


def take(folder: str, now_us: str) -> int:
    """Take two places of a quota of seventy, thirty times; return the number granted."""
    quotas, place = SqlQuotas(LogHome(Path(folder)).open()), QuotaPlace("in", "th", "BORDER_CHECK")
    return sum(sum(quotas.take([place] * 2, lambda _: 70, int(now_us))) for _ in range(30))
