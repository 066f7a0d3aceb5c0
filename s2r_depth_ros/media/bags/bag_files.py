"""Which files a recording is made of, and each as a Storage."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from s2r_depth_ros.media.bags import mcap, ros1, sqlite
from s2r_depth_ros.media.bags.storage import (
    PACKINGS,
    UNPACK_ERRORS,
    Storage,
    StorageError,
    packing_of,
)
from s2r_depth_ros.media.checks import (
    SourceError,
    check_path,
    foreign_content,
    list_folder,
    read_head,
)
from s2r_depth_ros.media.names import natural_key

METADATA = 'metadata.yaml'
_SUFFIXES = ('.mcap', '.db3', '.bag')
# Behind one of those: what compression by file, and a recorder that still runs, append.
_APPENDED = ('.zstd', '.zst', '.lz4', '.active')
# What rosbag2 appends to the name of a recording for each of its parts: run_12.mcap.
_END = re.compile('(?:_([0-9]{1,9}))?(?:[.][a-z0-9]+)+$')
_REINDEX = '`ros2 bag reindex FOLDER` writes it anew'

_KINDS: dict[bytes, Callable[[Path], Storage]] = {
    mcap.MAGIC: mcap.McapFile,
    sqlite.MAGIC: sqlite.SqliteFile,
    ros1.MAGIC: ros1.Ros1File,
}


def is_bag(path: Path) -> bool:
    """Return whether a path that exists is a recording by its content or its name."""
    if path.is_dir():
        return (path / METADATA).is_file() or bool(_bag_files(path))
    return _is_called_bag(path) or read_head(path).startswith(tuple(_KINDS))


def files_of(path: Path) -> tuple[list[Path], list[str]]:
    """Return the files of a recording in their order, and what is wrong with their list.

    path: a file, or a folder with or without its metadata.yaml. Raises SourceError.
    """
    check_path(path)
    if not path.is_dir():
        return [path], []
    there = _bag_files(path)
    if not (path / METADATA).is_file():
        if not there:
            kinds = ', '.join(_SUFFIXES)
            raise SourceError(f'{path} holds no recording of ROS ({METADATA}, {kinds})')
        if len({_run_name(file) for file in there}) > 1:
            names = ', '.join(file.name for file in there[:5])
            raise SourceError(f'{path} holds several recordings ({names}): give one of them')
        return there, _gaps(there)
    named, problem = _named_files(path)
    found = [file for file in named if file.is_file()]
    missing = [file.name for file in named if file not in found]
    if missing and found:
        problem = f'{METADATA} names {", ".join(missing)}, which is missing: {_REINDEX}'
    if found:
        return found, [problem] if problem else []
    if not there:
        lost = f' (it names {", ".join(missing)})' if missing else ''
        raise SourceError(f'{path} holds {METADATA}{lost} but no .mcap or .db3: copy them, too')
    names = ', '.join(missing) or 'no file'
    told = problem or f'{METADATA} names {names}, but the folder holds other files'
    return there, [f'{told}: {_REINDEX}']


def open_storage(path: Path, stack: ExitStack) -> Storage:
    """Open one file of a recording, which ``stack`` will close. Raises SourceError."""
    check_path(path)
    head = read_head(path)
    plain, damage = path, []
    if packing := packing_of(head):
        plain, whole = _unpacked_file(path, packing, stack)
        head = read_head(plain)
        damage = [] if whole else [f'it is cut short or damaged, {packing} unpacks a part of it']
    opener = next((kind for magic, kind in _KINDS.items() if head.startswith(magic)), None)
    if opener is None:
        unknown = 'it is no MCAP, no SQLite and no ROS 1 bag: a damaged file?'
        why = ''.join(damage) or foreign_content(head) or unknown
        raise SourceError(f'{path} cannot be read as a ROS bag: {why}')
    try:
        storage = opener(plain)
    except (StorageError, OSError) as error:
        raise SourceError(f'{path} cannot be read as a ROS bag: {error}') from error
    stack.callback(storage.close)
    storage.damage += damage
    return storage


def _named_files(folder: Path) -> tuple[list[Path], str]:
    """Return the files that metadata.yaml names, and what is wrong with it (nothing: empty)."""
    try:
        content = YAML(typ='safe').load((folder / METADATA).read_text(encoding='utf-8'))
        names = content['rosbag2_bagfile_information']['relative_file_paths']
    except (OSError, UnicodeError, YAMLError, KeyError, TypeError, RecursionError) as error:
        return [], f'{METADATA} cannot be used ({" ".join(repr(error).split())[:200]})'
    if not isinstance(names, list):
        return [], f'{METADATA} cannot be used (its relative_file_paths is no list)'
    # Of a path only the name counts, of Windows, too; what is listed twice is read once.
    files = dict.fromkeys(folder / re.split(r'[/\\]', str(name))[-1] for name in names)
    return list(files), ''


def _gaps(files: list[Path]) -> list[str]:
    """Say which parts are missing between the first and the last of run_0, run_1, ..."""
    ends = [_END.search(file.name.lower()) for file in files]
    there = {int(end[1]) for end in ends if end is not None and end[1]}
    first, last = min(there, default=0), max(there, default=-1)
    if not 0 < last - first + 1 - len(there) <= len(files):  # none, or no counts but dates
        return []
    lost = ', '.join(str(number) for number in range(first, last) if number not in there)
    return [f'of its parts number {lost} is missing']


def _unpacked_file(path: Path, packing: str, stack: ExitStack) -> tuple[Path, bool]:
    """Unpack a compressed file into a temporary one; return that, and whether it was whole."""
    folder = stack.enter_context(TemporaryDirectory(prefix='s2r_bag_'))
    plain = Path(folder) / (path.stem if path.suffix in _APPENDED else path.name)
    try:
        with path.open('rb') as packed, plain.open('wb') as target:
            try:
                with PACKINGS[packing][1].open(packed, 'rb') as source:
                    shutil.copyfileobj(source, target, 1 << 16)
            except UNPACK_ERRORS:
                return plain, False
    except OSError as error:
        raise SourceError(
            f'{path} cannot be unpacked ({error.strerror}): make room in the folder for temporary '
            f'files, or unpack it by `{packing} -d`'
        ) from error
    return plain, True


def _bag_files(folder: Path) -> list[Path]:
    """Return the files in a folder that are called like parts of a recording, in natural order."""
    files = [file for file in list_folder(folder) if _is_called_bag(file) and file.is_file()]
    return sorted(files, key=lambda file: natural_key(file.name))


def _is_called_bag(path: Path) -> bool:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    while suffixes and suffixes[-1] in _APPENDED:
        suffixes.pop()
    return bool(suffixes) and suffixes[-1] in _SUFFIXES and path.name[0] != '.'


def _run_name(file: Path) -> str:
    """Return what the names of a recording's parts have in common: run for run_0.mcap."""
    return _END.sub('', file.name.lower())
