"""Files that exist completely or not at all, and that survive a power cut once the call has returned."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from pathlib import Path

from gateway.errors import LiaisonError, Misconfigured, StorageBroken

PRIVATE = 0o600
"""Mode of files that only the owner may read."""

PUBLIC = 0o644
"""Mode of files that every account may read."""

_undo: ContextVar[list[Callable[[], None]] | None] = ContextVar("undo", default=None)
"""The ways back of what this thread has written since `all_or_nothing` began, in its order."""


@contextmanager
def all_or_nothing() -> Iterator[None]:
    """Undo what the block wrote through this module where it fails: what is new goes, what was replaced comes back.

    What other threads and processes write stays: a file that another one has put in the place of ours, and a folder
    with anything in it that is not ours.
    """
    steps: list[Callable[[], None]] = []
    around = _undo.get()
    token = _undo.set(steps)
    try:
        yield
    except BaseException:
        _undo.set(None)
        for step in reversed(steps):
            with suppress(OSError, LiaisonError):
                step()
        raise
    else:
        if around is not None:
            around.extend(steps)
    finally:
        _undo.reset(token)


def note_made(path: Path) -> None:
    """Note a file, or a folder with all that is in it, that this thread has made by other means than this module."""
    _note(path)
    for below in sorted(path.rglob("*")):
        _note(below)


def _note(path: Path, before: tuple[bytes, int] | None = None) -> None:
    """Note that `path` is ours now; `before` has the bytes and the mode of the file in whose place it is."""
    if (steps := _undo.get()) is not None:
        steps.append(partial(_take_back, path, _place(path), before))


def _take_back(path: Path, made: tuple[int, int], before: tuple[bytes, int] | None) -> None:
    if _place(path) != made:
        return
    if before is not None:
        replace(path, *before)
    elif path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink()
    sync_folder(path.parent)


def _place(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino


def make_folder(path: Path, mode: int = 0o700) -> None:
    """Create `path` and its parents unless they exist."""
    try:
        for folder in reversed([each for each in path.parents if not each.exists()]):
            _make_one(folder, 0o777)
        _make_one(path, mode)
    except OSError as error:
        raise Misconfigured(
            "`{path}` cannot be made: {strerror}",
            code="no-folder",
            remedy="name a folder that may be written",
            path=path,
            strerror=error.strerror,
        ) from error


def _make_one(path: Path, mode: int) -> None:
    try:
        path.mkdir(mode)
    except FileExistsError:
        if not path.is_dir():
            raise
    else:
        _note(path)


def write_new(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Write a file that must not exist yet. Raises `Misconfigured` when it exists; never overwrites.

    The file gets its name when all of it is written, so that a crash leaves no half of a key.
    """
    if path.is_symlink() or path.exists():
        raise _exists(path)
    aside = _aside(path)
    try:
        aside.unlink(missing_ok=True)
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise Misconfigured(
            "cannot be written: {strerror}",
            code="not-writable",
            where=str(path),
            remedy="check its folder",
            strerror=error.strerror,
        ) from error
    _finish(handle, aside, data, mode)
    give_name(aside, path)


def give_name(aside: Path, path: Path) -> None:
    """Give a finished and synced file the name `path`, durably. Raises `Misconfigured` when it exists."""
    try:
        _name(aside, path)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise StorageBroken("cannot be written: {strerror}", where=str(path), strerror=error.strerror) from error
    finally:
        aside.unlink(missing_ok=True)
    _note(path)
    sync_folder(path.parent)


def _name(aside: Path, path: Path) -> None:
    """Give the file `aside` the name `path`, which must be free."""
    try:
        os.link(aside, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links, as on many sticks
        if path.exists():
            raise FileExistsError from None
        aside.rename(path)


def _exists(path: Path) -> Misconfigured:
    return Misconfigured(
        "there is a file already, and it is not overwritten",
        code="file-exists",
        where=str(path),
        remedy="move it away if it is not wanted any more",
    )


def _aside(path: Path) -> Path:
    """Return the place of `path`'s bytes until all of them are written; each thread has its own."""
    return path.with_name(f".{path.name}.{os.getpid()}.{threading.get_native_id()}.new")


def replace(path: Path, data: bytes, mode: int = PUBLIC) -> None:
    """Put `data` in the place of `path` in one step: readers see the old bytes or the new ones.

    Raises `Misconfigured` for a device, a pipe or a socket: a file in its place would take it from every other program.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise Misconfigured(
            "is a device or a pipe, and not replaced by a file",
            code="not-a-file",
            where=str(path),
            remedy="name a file in a folder",
        )
    before = (path.read_bytes(), path.stat().st_mode & 0o777) if _undo.get() is not None and path.is_file() else None
    aside = _aside(path)
    try:
        aside.unlink(missing_ok=True)
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise StorageBroken("cannot be written: {strerror}", where=str(path), strerror=error.strerror) from error
    _finish(handle, aside, data, mode)
    try:
        aside.replace(path)
    except OSError as error:
        raise StorageBroken("cannot be written: {strerror}", where=str(path), strerror=error.strerror) from error
    _note(path, before)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable; an error is not ignored (FACT-13)."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def sync_tree(folder: Path) -> None:
    """Make all files and names below a folder durable, its own name excepted."""
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            sync_folder(path)
        elif path.is_file():
            sync_file(path)
    sync_folder(folder)


def sync_file(path: Path) -> None:
    """Make a file's bytes durable."""
    _sync(path, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    except OSError as error:
        raise StorageBroken("cannot be made durable: {strerror}", where=str(path), strerror=error.strerror) from error
    finally:
        os.close(handle)


def cut_torn_line(handle: int) -> None:
    """Cut off a last line without its end, so that the next write begins a new line.

    `handle` is open for reading and writing.
    """
    size = os.fstat(handle).st_size
    whole = os.pread(handle, size, 0).rfind(b"\n") + 1
    if whole < size:
        os.ftruncate(handle, whole)


def _finish(handle: int, path: Path, data: bytes, mode: int) -> None:
    """Write all of `data`, sync, close; remove a file that could not be written completely."""
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise StorageBroken("cannot be written: {strerror}", where=str(path), strerror=error.strerror) from error
