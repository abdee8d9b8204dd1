"""Check the segments of a log, in this process or in several."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context

from gateway.audit.export.log_reader import ExportLog
from gateway.audit.reading.evidence import LogEvidence
from gateway.audit.verify.log_checks import Span
from gateway.audit.verify.segment_checks import Rules, Segment, check_segment
from gateway.clock import ManualClock, from_us
from gateway.errors import LiaisonError, NotProved
from gateway.trust.evidence import evidence_view
from gateway.trust.view import TrustView

MANY_RUNS = 3
"""The number of segments from which on it is worth while to start processes."""


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
        if self._pool is None or not isinstance(log, ExportLog) or len(spans) < MANY_RUNS:
            for start, sizes in spans:
                yield check_segment(log.segment(start), start, sizes, rules, self._view)
            return
        waiting = deque(self._pool.submit(_work, log, start, sizes, rules) for start, sizes in spans)
        try:
            while waiting:
                segment, read = waiting.popleft().result()
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
def checkers(view: TrustView, trust: Trust, processes: int) -> Iterator[Checkers]:
    """Yield checkers of `processes` processes, which end with the block."""
    if processes < 2:
        yield Checkers(view, None)
        return
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin, (trust,)) as pool:
        yield Checkers(view, pool)


_views: list[TrustView] = []
"""The trust view of a process that checks."""


def _begin(trust: Trust) -> None:
    _views.append(trust.view())


def _work(log: ExportLog, start: int, sizes: Sequence[int], rules: Rules) -> tuple[Segment, dict[str, str]]:
    log.read = {}
    try:
        return check_segment(log.segment(start), start, sizes, rules, _views[0]), log.read
    except LiaisonError:
        raise
    except MemoryError as error:
        raise NotProved("there is not memory enough", where=log.name) from error
