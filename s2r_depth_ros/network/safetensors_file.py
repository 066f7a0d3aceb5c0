"""Reading and writing safetensors files; tensors have memory of their own, nothing is mapped."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

import torch
from torch import Tensor

from s2r_depth_ros.errors import brief
from s2r_depth_ros.network.metadata import CheckpointError, require_file
from s2r_depth_ros.network.safetensors_header import (
    MOST_HEADER_BYTES,
    Entry,
    Header,
    HeaderError,
    format_header,
    parse_header,
)

_LENGTH_BYTES = 8


class OpenSafetensors:
    """An open file whose header holds; its tensors are read when they are asked for.

    header: metadata and entries, see Header.
    """

    def __init__(self, file: BufferedReader) -> None:
        self._file = file
        self.header, self._data_start = _read_header(file)

    def tensors(self) -> dict[str, Tensor]:
        """Read all tensors, contiguous and on the CPU, in the order of their bytes.

        Raises HeaderError if the file has become shorter, or a BOOL is neither 0 nor 1.
        """
        self._file.seek(self._data_start)
        return {name: self._next(name, entry) for name, entry in self.header.entries.items()}

    def _next(self, name: str, entry: Entry) -> Tensor:
        content = torch.empty(entry.end - entry.begin, dtype=torch.uint8)
        if self._file.readinto(content.numpy().data) != len(content):
            raise HeaderError(f'it ended while tensor {name!r} was read')
        if entry.dtype is torch.bool and (content > 1).any():
            raise HeaderError(f'tensor {name!r} is BOOL and holds other bytes than 0 and 1')
        return content.view(entry.dtype).reshape(entry.shape)


@contextmanager
def open_safetensors(path: Path) -> Iterator[OpenSafetensors]:
    """Open a safetensors file and read its header.

    Raises CheckpointError, here and for errors of reading inside the ``with``, if the file is
    missing, may not be read, is cut off, continued or altered, or something else; it names the file
    and what to do.
    """
    require_file(path)
    try:
        with path.open('rb') as file:
            yield OpenSafetensors(file)
    except (HeaderError, OSError) as error:
        raise CheckpointError(
            f'{path}: not a whole safetensors file ({brief(error)}); {_remedy(path)}'
        ) from error


def to_safetensors(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytearray:
    """Return the content of a safetensors file, the same bytes as the reference library's.

    Raises ValueError as format_header does.
    """
    shapes = {name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in tensors.items()}
    head, names = format_header(shapes, metadata)
    content = bytearray(head)
    for name in names:
        flat = tensors[name].detach().cpu().contiguous().reshape(-1)
        content += flat.view(torch.uint8).numpy().data
    return content


def _read_header(file: BufferedReader) -> tuple[Header, int]:
    """Return the header and where the tensors' bytes begin. Raises HeaderError."""
    available = os.fstat(file.fileno()).st_size - _LENGTH_BYTES
    if available < 0:
        raise HeaderError(f'it has {available + _LENGTH_BYTES} bytes')
    length = int.from_bytes(file.read(_LENGTH_BYTES), 'little')
    if length > MOST_HEADER_BYTES:
        raise HeaderError(
            f'its first 8 bytes announce a header of {length} bytes, and no model has more than '
            f'{MOST_HEADER_BYTES}'
        )
    if length > available:
        raise HeaderError(f'it ends inside its header, which has {length} bytes')
    return parse_header(file.read(length), available - length), _LENGTH_BYTES + length


def _remedy(path: Path) -> str:
    with path.open('rb') as file:
        start = file.read(2)
    if start in (b'PK', b'\x80\x02'):  # zip or pickle: what torch.save writes
        return 'it looks like a PyTorch file, turn it into a model file with the convert command'
    return 'it is truncated or something else: fetch it again, or write it with the convert command'
