"""Check the segments of a log, in this process or in several."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context

from gateway.audit.export.log_reader import ExportLog
from gateway.audit.reading.evidence import HomeLog, LogEvidence
from gateway.audit.verify.log_checks import Span
from gateway.audit.verify.segment_checks import Rules, Segment, check_segment
from gateway.clock import ManualClock, from_us
from gateway.errors import LiaisonError, NotProved
from gateway.ports.content_keys import ContentKeys
from gateway.ports.log_store import LogStore
from gateway.trust.evidence import evidence_view
from gateway.trust.view import TrustView

MANY_RUNS = 3
"""The number of segments from which on it is worth while to start processes."""


Reopen = Callable[[], tuple[LogStore, ContentKeys]]
"""Opens the logs of a home once more, in another process."""

_LAST = 10
"""The priority of processes beside a node that may be running: they take what it leaves."""


@dataclass(frozen=True, slots=True)
class Trust:
    """The parts of a trust view, in a form that another process can be given; `now_us` is when the check is made."""

    charter: tuple[bytes, ...]
    descriptors: tuple[bytes, ...]
    now_us: int
    fingerprint: str | None

    def view(self) -> TrustView:
        """Return the view. Raises as `evidence_view`."""
        return evidence_view(self.charter, self.descriptors, ManualClock(from_us(self.now_us)), self.fingerprint)


class Checkers:
    """Checks segments in the processes of `pool`; without one, in this process."""

    def __init__(self, view: TrustView, pool: ProcessPoolExecutor | None) -> None:
        self._view = view
        self._pool = pool

    def segments(self, log: LogEvidence, spans: Sequence[Span], rules: Rules) -> Iterator[Segment]:
        """Yield the segments in order. Raises what reading the log raises."""
        if self._pool is None or not isinstance(log, ExportLog | HomeLog) or len(spans) < MANY_RUNS:
            for start, sizes in spans:
                yield check_segment(log.segment(start), start, sizes, rules, self._view)
            return
        part = log.apart() if isinstance(log, HomeLog) else log
        waiting = deque(self._pool.submit(_work, part, start, sizes, rules) for start, sizes in spans)
        try:
            while waiting:
                segment, read = waiting.popleft().result()
                if isinstance(log, ExportLog):
                    log.read |= read
                yield segment
        except BrokenProcessPool as error:
            raise NotProved(
                "a process that checked the entries ended", where=log.name, remedy="is there memory enough? try again"
            ) from error
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def checkers(view: TrustView, trust: Trust, processes: int, reopen: Reopen | None = None) -> Iterator[Checkers]:
    """Yield checkers of `processes` processes, which end with the block. For logs of a home each calls `reopen`."""
    if processes < 2:
        yield Checkers(view, None)
        return
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin, (trust, reopen)) as pool:
        yield Checkers(view, pool)


_views: list[TrustView] = []
"""The trust view of a process that checks."""

_opened: list[tuple[LogStore, ContentKeys]] = []
"""The logs of the home, in a process that checks it."""


def _begin(trust: Trust, reopen: Reopen | None) -> None:
    _views.append(trust.view())
    if reopen is not None:
        os.nice(_LAST)
        _opened.append(reopen())


def _work(log: ExportLog | HomeLog, start: int, sizes: Sequence[int], rules: Rules) -> tuple[Segment, dict[str, str]]:
    read: dict[str, str] = {}
    if isinstance(log, ExportLog):
        log.read = read
    else:
        log.attach(*_opened[0])
    try:
        return check_segment(log.segment(start), start, sizes, rules, _views[0]), read
    except LiaisonError:
        raise
    except MemoryError as error:
        raise NotProved("there is not memory enough", where=log.name) from error
