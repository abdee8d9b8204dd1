"""Compare two readings of the settings, and take over those that may change in a running node."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from gateway.config.schema import LISTS, SECTIONS, Settings


@dataclasses.dataclass(frozen=True, slots=True)
class Changes:
    """The settings that differ, by path: those that count at once, and those that count after a restart."""

    live: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()


def changes(before: Settings, after: Settings) -> Changes:
    """Return the settings that differ. A list's item is named by its id: `source.th.police.records.rate_per_s`."""
    old, new = dict(_values(before)), dict(_values(after))
    differ = [path for path in sorted({*old, *new}) if old.get(path) != new.get(path)]
    live = [path for path in differ if (new.get(path) or old[path])[1] and _is_kept(path, old, new)]
    return Changes(tuple(live), tuple(path for path in differ if path not in live))


def taken_over(before: Settings, after: Settings) -> Settings:
    """Return the settings of a running node with those of `after` that count at once."""
    parts: dict[str, Any] = {name: _live(getattr(before, name), getattr(after, name)) for name in SECTIONS}
    named = {source.id: source for source in after.sources}
    sources = tuple(_live(source, named.get(source.id, source)) for source in before.sources)
    return dataclasses.replace(
        before,
        **parts,
        sources=sources,
        token_keys=after.token_keys,
        trial_officers=after.trial_officers,
        origin=after.origin,
    )


def is_live(item: dataclasses.Field[Any]) -> bool:
    """Tell whether a setting may change in a running node."""
    return bool(item.metadata["live"])


def _live(before: Any, after: Any) -> Any:
    values = {item.name: getattr(after, item.name) for item in dataclasses.fields(before) if is_live(item)}
    return dataclasses.replace(before, **values)


def _values(settings: Settings) -> Iterator[tuple[str, tuple[Any, bool]]]:
    """Yield each setting by its path: its value, and whether it may change in a running node."""
    named = [(name, getattr(settings, name)) for name in SECTIONS]
    named += [(f"{name}.{item.id}", item) for name in LISTS for item in getattr(settings, f"{name}s")]
    for prefix, part in named:
        for item in dataclasses.fields(part):
            yield f"{prefix}.{item.name}", (getattr(part, item.name), is_live(item))


def _is_kept(path: str, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Tell whether the item of a list is there before and after, where it has settings that need a restart."""
    return not path.startswith("source.") or (path in old and path in new)
