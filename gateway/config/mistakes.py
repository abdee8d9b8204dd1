"""The mistakes of one file: reading goes on after each, so that a person sees all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from gateway.errors import Misconfigured, SeveralMistakes


class FollowsError(Misconfigured):
    """A mistake that only follows from another one, which is told already."""


class Mistakes:
    """Keeps the mistakes that are met while a file is read."""

    def __init__(self) -> None:
        self.found: list[Misconfigured] = []

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the mistake that ends the block, and go on after it."""
        try:
            yield
        except FollowsError:
            pass
        except Misconfigured as error:
            self.keep([error])

    def keep(self, mistakes: Iterable[Misconfigured]) -> None:
        """Keep mistakes that were not raised; one that is told already is not told again."""
        told = {(each.where, each.message) for each in self.found}
        self.found += [each for each in mistakes if (each.where, each.message) not in told]

    def end(self) -> None:
        """Raise the mistakes, if there is one."""
        if len(self.found) > 1:
            raise SeveralMistakes(self.found)
        if self.found:
            raise self.found[0]
