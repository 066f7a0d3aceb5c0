"""Writing files whole or not at all, seeing beforehand whether that can be done; JSON files."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from s2r_depth_ros.errors import UserError


class OutputError(UserError):
    """A result cannot be written as asked."""


class JsonError(UserError):
    """A file cannot be read as JSON; the text names it and says why."""


def check_output(path: Path, suffixes: Collection[str] = ()) -> None:
    """Raise OutputError unless a file ``path`` can be written; to be asked before the work begins.

    suffixes: those of which the name must have one, such as .png; any will do if there are none.
    """
    folder = (Path(os.path.realpath(path)) if path.is_symlink() else path).parent
    if suffixes and path.suffix.lower() not in suffixes:
        raise OutputError(f'{path}: the name must end in {" or ".join(suffixes)}')
    if path.is_dir():
        raise OutputError(f'{path} is a folder; give the name of a file')
    if _is_special(path):
        raise OutputError(f'{path} is a device or a pipe; give the name of a file')
    if not folder.is_dir():
        raise OutputError(f'{path}: there is no folder {folder}; make it, or choose another')
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f'{path}: you may not write to {folder}; choose another folder')


def make_folder(path: Path) -> None:
    """Make the folder ``path`` for results, and those above it. Raises OutputError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f'cannot make the folder {path}: {error.strerror}; choose another'
        ) from error


def read_json(path: Path) -> Any:
    """Return what a JSON file holds. Raises JsonError."""
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise JsonError(f'{path} cannot be read: {error.strerror}') from error
    except UnicodeError as error:
        raise JsonError(f'{path} is no JSON: it is not text') from error
    except (ValueError, RecursionError) as error:
        raise JsonError(f'{path} is no JSON: {error}') from error


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` as a JSON file, as ``write_atomically`` does."""
    write_atomically(path, (json.dumps(content, indent=1) + '\n').encode())


def write_atomically(path: str | Path, content: bytes | bytearray | memoryview) -> None:
    """Write ``content`` to ``path`` so that readers see the old file or the whole new one.

    What a link leads to is written. Raises OSError as open and write do, naming ``path``, and for a
    device or a pipe, which is left as it is; no temporary file is left behind.
    """
    path = Path(path)
    try:
        if _is_special(path):
            raise OSError(errno.EINVAL, 'it is a device or a pipe')
        _replace(Path(os.path.realpath(path)), content)
    except OSError as error:
        # Not the temporary file, which nobody asked for.
        raise OSError(error.errno, error.strerror, str(path)) from error


def _is_special(path: Path) -> bool:
    """Return whether there is something that is neither a file nor a folder."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _replace(path: Path, content: bytes | bytearray | memoryview) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.')
    try:
        with os.fdopen(handle, 'wb') as file:
            file.write(content)
        os.chmod(name, 0o644)  # mkstemp makes private files, results are not
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
