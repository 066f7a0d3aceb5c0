"""The arrays of a file of numpy.savez without reading it: pages come into memory as they are used.

So a training set may be larger than memory, and processes that read the same shards share them.
"""

from __future__ import annotations

import mmap
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from s2r_depth_training.errors import DataError

_OPEN = 256  # files that are mapped at a time; each holds a file descriptor
# Of a zip file: where a member's header has the lengths of its name and of what follows.
_LENGTHS, _HEADER = 26, 30

Array = NDArray[Any]


class MappedArrays(Mapping[str, Array]):
    """Name -> array of a .npz file. What is compressed is read into memory.

    Raises DataError for a file that is none, or that holds objects, which could run code.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        _ = self._arrays

    @property
    def _arrays(self) -> dict[str, Array]:
        return _mapped(self._path.resolve())

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


@lru_cache(maxsize=_OPEN)
def _mapped(path: Path) -> dict[str, Array]:
    """Return the arrays of a file; those that were handed out stay valid when it is let go of."""
    try:
        with path.open('rb') as stream, zipfile.ZipFile(stream) as members:
            # Of one's own: what is written to an array never comes into the file.
            memory = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
            return {
                member.filename.removesuffix('.npy'): _array(members, member, stream, memory)
                for member in members.infolist()
            }
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f'{path} is not a shard: {error}') from error


def _array(
    members: zipfile.ZipFile, member: zipfile.ZipInfo, stream: IO[bytes], memory: mmap.mmap
) -> Array:
    """Return one array. Raises ValueError for data that are no array, or not whole."""
    if member.compress_type != zipfile.ZIP_STORED:
        with members.open(member) as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    stream.seek(member.header_offset + _LENGTHS)
    name, more = np.frombuffer(stream.read(4), '<u2')
    stream.seek(member.header_offset + _HEADER + int(name) + int(more))
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f'{member.filename} is of the version {version} of npy files')
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else (
        np.lib.format.read_array_header_2_0
    )  # fmt: skip
    shape, fortran, dtype = read(stream)
    if dtype.hasobject:
        raise ValueError(f'{member.filename} holds objects, which are not read')
    count = int(np.prod(shape, dtype=np.int64))
    flat = np.frombuffer(memory, dtype, count, stream.tell()) if count else np.empty(0, dtype)
    return flat.reshape(shape, order='F' if fortran else 'C')
