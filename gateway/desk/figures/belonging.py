"""Tell whether a thread belongs to the figures of two offices, by what its first notice says: at both sides alike."""

from __future__ import annotations

from collections.abc import Callable

from gateway.desk.figures.from_log import Scope
from gateway.desk.figures.threads import opening_head
from gateway.model.desk.counted import CountedThread


def threads_of(scope: Scope) -> Callable[[CountedThread], bool]:
    """Return what tells whether a thread belongs to a scope; one whose first notice is erased belongs to no office."""

    def belongs(thread: CountedThread) -> bool:
        if not scope.office:
            return True
        notice = opening_head(thread)
        if notice is None:
            return False
        author, to = notice.head.requester.office, notice.head.to_office
        if thread.opener:
            return author == scope.office and (not scope.facing or to in ("", scope.facing))
        return author == scope.facing and to in ("", scope.office) if scope.facing else to == scope.office

    return belongs
