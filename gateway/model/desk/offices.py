"""The offices of a member that others may address: each by the offices that face it, national desks by all."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Contact(msgspec.Struct, frozen=True):
    """How humans of other members reach an office of ours: a telephone number, a radio call, a mail address."""

    office: str
    reach: str


class Facing(msgspec.Struct, frozen=True, order=True):
    """An office and those across the border that face it."""

    office: str
    faces: tuple[str, ...]


class Addressable(msgspec.Struct, frozen=True):
    """Which offices of a member may be addressed, and by whom.

    Without any facing office or national desk the member sets no rule.
    """

    national_desks: tuple[str, ...] = ()
    facing: tuple[Facing, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether there is a rule."""
        return bool(self.national_desks or self.facing)

    def admits(self, author: str, office: str) -> bool:
        """Tell whether the office `author` of another member may address this office."""
        return not self or office in self.national_desks or author in self._faced.get(office, ())

    @property
    def offices(self) -> frozenset[str]:
        """The offices that the rule names."""
        return frozenset((*self.national_desks, *self._faced))

    @property
    def _faced(self) -> Mapping[str, tuple[str, ...]]:
        return {each.office: each.faces for each in self.facing}


ANY_OFFICE = Addressable()
"""The rule of a member that sets none."""
