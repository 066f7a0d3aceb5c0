"""What the readers of the kinds of files have in common."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

import lz4.frame

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PACKINGS = {'zstd': (b'\x28\xb5\x2f\xfd', zstd), 'lz4': (b'\x04\x22\x4d\x18', lz4.frame)}
"""Name -> how its data begin, and the module with ``open`` and ``decompress``."""
UNPACK_ERRORS = (zstd.ZstdError, RuntimeError, EOFError, ValueError)
"""What zstd and lz4 raise for data that are damaged; lz4 raises RuntimeError."""


class StorageError(Exception):
    """A file of a recording cannot be read; the text says why, and the remedy, without its name."""


@dataclass(frozen=True)
class StoredTopic:
    """One topic in one file.

    type: in the form pkg/msg/Name. encoding: of its messages; 'cdr' is ROS 2's, 'ros1' ROS 1's.
    count: how many messages the file says to hold.
    """

    id: int
    topic: str
    type: str
    encoding: str
    count: int


@dataclass(frozen=True)
class RawMessage:
    """One message as recorded; time: when it was recorded, ns."""

    channel: StoredTopic
    time: int
    data: bytes


class Storage(Protocol):
    """One file of a recording, open.

    channels: what it holds. damage: what is wrong with it and the remedy, as far as it was read;
    empty for a whole file.
    """

    channels: list[StoredTopic]
    damage: list[str]

    def messages(self, ids: Collection[int]) -> Iterator[RawMessage]:
        """Yield the messages of these channels in the order of time; what is damaged is left out.

        Raises StorageError if none can be read.
        """

    def close(self) -> None:
        """Close the file."""


def ros_2_type(name: str) -> str:
    """Return a message type's name as ROS 2 writes it.

    Old recordings omit the part /msg/; IDL, and recorders of DDS, write pkg::msg::Name, the latter
    also pkg::msg::dds_::Name_.
    """
    parts = name.replace('::dds_::', '::').split('::')
    parts = name.split('/') if len(parts) == 1 else [*parts[:-1], parts[-1].removesuffix('_')]
    name = '/'.join(parts)
    return f'{parts[0]}/msg/{parts[1]}' if len(parts) == 2 else name


def packing_of(data: bytes) -> str | None:
    """Return by which of PACKINGS data are compressed, None if by none.

    Serialised messages and recordings never begin as compressed data do.
    """
    return next((name for name, (magic, _) in PACKINGS.items() if data.startswith(magic)), None)


def unpacked(data: bytes, packing: str | None) -> bytes:
    """Return data as they were before ``packing``. Raises one of UNPACK_ERRORS."""
    return data if packing is None else bytes(PACKINGS[packing][1].decompress(data))
