"""Find national folders, and the members whose policy they hold."""

from __future__ import annotations

from pathlib import Path

from gateway.config.toml import parse_toml
from gateway.errors import LiaisonError, Malformed, Misused
from gateway.model.names import MemberId, member_id
from policy.bundle.bundle import check_bundle, read_files
from policy.engine.engine import BASE


def member_of(folder: Path, member: str | None) -> MemberId:
    """Return the member whose policy `folder` holds: as given, or by the folder's own name. Raises `Misused`."""
    name = member or folder.resolve().name
    try:
        return member_id(name)
    except Malformed as error:
        raise Misused(
            f"{folder}: `{name[:40]}` does not say whose policy this is: give --member, such as th"
        ) from error


def compared(old: Path, new: Path, member: str | None) -> MemberId:
    """Return the member whose policy both folders hold. Raises `Misused` where they are of two members."""
    whose = member_of(new, member)
    if member is None and _is_member(name := old.resolve().name) and name != whose:
        told = f"`{old}` is by its name the policy of `{name}`, and `{new}` that of `{whose}`"
        raise Misused(f"{told}: compare two folders of one member, or say with --member whose they are")
    for folder in (old, new):
        require_own(folder, whose)
    return whose


def require_own(folder: Path, member: MemberId, base: Path = BASE) -> None:
    """Raise `Misused` for a folder that fails as a policy of `member` and loads as one of another party."""
    files, national = read_files(base), read_files(folder)
    if not check_bundle(files, national, member)[1]:
        return
    for other in sorted(_parties(folder) - {member}):
        if _is_member(other) and not check_bundle(files, national, member_id(other))[1]:
            told = f"`{folder}` is the policy of `{other}`, not of `{member}`"
            raise Misused(f"{told}: name a folder of `{member}`")


def _is_member(name: str) -> bool:
    try:
        return bool(member_id(name))
    except Malformed:
        return False


def _parties(folder: Path) -> set[str]:
    """Return all parties to the agreements of a folder, as far as they can be read."""
    found: set[str] = set()
    for path in folder.glob("agreements/*.toml"):
        try:
            parties = parse_toml(str(path), path.read_bytes()).data.get("parties")
        except (OSError, LiaisonError):
            continue
        if isinstance(parties, list):
            found.update(party for party in parties if isinstance(party, str))
    return found


def national_folders(folder: Path, member: str | None) -> list[tuple[Path, MemberId]]:
    """Return `folder` itself, or each national folder below it (for `policy`, those of `policy/national`)."""
    inside = folder / "national" if (folder / "national").is_dir() else folder
    if not any(inside.glob("*.cedar")):
        found = [path for path in sorted(inside.iterdir()) if path.is_dir() and any(path.glob("*.cedar"))]
        if found:
            return [(path, member_of(path, None)) for path in found]
    return [(inside, member_of(inside, member))]
