"""MCAP files (https://mcap.dev/spec): whole, cut off, with and without an index.

A record is an opcode (1 byte), the length of its content (8 bytes) and the content; all numbers are
little-endian, a text is its length (4 bytes) and its bytes.
"""

from __future__ import annotations

import heapq
import struct
from binascii import crc32
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from s2r_depth_ros.media.bags.storage import (
    PACKINGS,
    UNPACK_ERRORS,
    RawMessage,
    StorageError,
    StoredTopic,
    ros_2_type,
    unpacked,
)

MAGIC = b'\x89MCAP0\r\n'
_FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _CHUNK_INDEX, _STATISTICS, _DATA_END = (
    0x02, 0x03, 0x04, 0x05, 0x06, 0x08, 0x0B, 0x0F,
)  # fmt: skip
# Attachments and indexes of messages may be large and are not read.
_READ = {_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _CHUNK_INDEX, _STATISTICS}
_FOOTER_BYTES = 9 + 20 + len(MAGIC)
_REMEDY = '`mcap recover` makes a whole file of what is left'


class _CutError(Exception):
    """A record goes on behind the end of the file, or has no sense."""


@dataclass(frozen=True)
class _Chunk:
    """A chunk of messages: when it begins (ns), where (bytes), its channels (empty: unknown)."""

    start: int
    offset: int
    channels: frozenset[int]


@dataclass
class _Contents:
    """What a file holds, by its summary or by having read all of it."""

    schemas: dict[int, str] = field(default_factory=dict)
    channels: dict[int, tuple[int, str, str]] = field(default_factory=dict)
    counts: Counter[int] = field(default_factory=Counter)
    chunks: list[_Chunk] = field(default_factory=list)
    chunk_count: int | None = None
    message_count: int = 0
    bare_messages: bool = False

    def take(self, opcode: int, content: bytes) -> None:
        """Note a schema or a channel. Raises _CutError if it has no sense."""
        read = _Fields(content)
        if opcode == _SCHEMA:
            number = read.number('H')
            self.schemas[number] = read.text()
        elif opcode == _CHANNEL:
            number, schema = read.number('H'), read.number('H')
            self.channels[number] = (schema, read.text(), read.text())

    def take_summary(self, opcode: int, content: bytes) -> None:
        """Note any record of the summary. Raises _CutError if it has no sense."""
        read = _Fields(content)
        if opcode == _CHUNK_INDEX:
            start, _, offset, _ = (read.number('Q') for _ in range(4))
            self.chunks.append(_Chunk(start, offset, frozenset(read.counts())))
        elif opcode == _STATISTICS:
            self.message_count = read.number('Q')
            read.skip(2 + 4 + 4 + 4)
            self.chunk_count = read.number('I')
            read.skip(8 + 8)
            self.counts.update(read.counts())
        else:
            self.take(opcode, content)

    def is_complete(self) -> bool:
        """Return whether a summary told all that is needed."""
        return (
            bool(self.channels)
            and self.schemas.keys() >= {schema for schema, *_ in self.channels.values() if schema}
            and self.chunk_count == len(self.chunks)
            and self.counts.total() == self.message_count
        )


class McapFile:
    """An MCAP file as a Storage; any profile, any channels beside those of ROS."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raises StorageError."""
        self.damage: list[str] = []
        self._file = path.open('rb')
        self._size = path.stat().st_size
        self._contents = self._summary() or self._scan()
        self.channels = [
            StoredTopic(
                id=number,
                topic=topic,
                type=ros_2_type(self._contents.schemas.get(schema, 'no schema')),
                encoding=encoding,
                count=self._contents.counts[number],
            )
            for number, (schema, topic, encoding) in self._contents.channels.items()
        ]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def messages(self, ids: Collection[int]) -> Iterator[RawMessage]:
        """Yield the messages of these channels in the order of time, where there are chunks."""
        channels = {channel.id: channel for channel in self.channels if channel.id in ids}
        if self._contents.bare_messages or not self._contents.chunks:
            yield from _messages_in(self._all_records(), channels)
            return
        waiting: list[tuple[int, int, RawMessage]] = []
        taken = 0
        for chunk in sorted(self._contents.chunks, key=lambda chunk: (chunk.start, chunk.offset)):
            if chunk.channels and not chunk.channels & channels.keys():
                continue
            # What is older than all of this chunk comes before it.
            while waiting and waiting[0][0] < chunk.start:
                yield heapq.heappop(waiting)[2]
            for message in _messages_in(self._records_of(chunk), channels):
                heapq.heappush(waiting, (message.time, taken, message))
                taken += 1
        while waiting:
            yield heapq.heappop(waiting)[2]

    def _summary(self) -> _Contents | None:
        """Return what the file's end says that it holds, None if it does not say enough."""
        if self._size < len(MAGIC) + _FOOTER_BYTES:
            return None
        self._file.seek(self._size - _FOOTER_BYTES)
        end = self._file.read()
        if not end.endswith(MAGIC) or end[0] != _FOOTER:
            return None
        (start,) = struct.unpack_from('<Q', end, 9)
        contents = _Contents()
        try:
            if not 0 < start < self._size:
                return None
            for opcode, _, content in _records(self._file, start, self._size - _FOOTER_BYTES):
                contents.take_summary(opcode, content)
        except _CutError:
            return None
        return contents if contents.is_complete() else None

    def _scan(self) -> _Contents:
        """Return what the file holds by reading all of it, as far as it goes."""
        contents = _Contents()
        for opcode, offset, content in self._all_records():
            if opcode == _CHUNK:
                start = int.from_bytes(content[:8], 'little')
                contents.chunks.append(_Chunk(start, offset, frozenset()))
            elif opcode == _MESSAGE:
                contents.counts[int.from_bytes(content[:2], 'little')] += 1
                contents.bare_messages |= offset >= 0
            else:
                with suppress(_CutError):  # of a channel that is broken by itself
                    contents.take(opcode, content)
        if not contents.channels:
            self._file.close()
            if self.damage:
                raise StorageError(f'no channel can be read: {self.damage[0]}')
            raise StorageError('it is a whole MCAP file, but nothing was recorded in it')
        return contents

    def _all_records(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield (opcode, offset, content) of the data section; -1 is the offset within a chunk."""
        try:
            for opcode, offset, content in _records(self._file, len(MAGIC), self._size):
                if opcode in (_DATA_END, _FOOTER):
                    return
                yield opcode, offset, content
                if opcode == _CHUNK:
                    yield from self._inside(offset, content)
        except _CutError:
            self._note('it is cut short')
        else:
            self._note('it has no end: the recorder was not stopped properly')

    def _records_of(self, chunk: _Chunk) -> Iterator[tuple[int, int, bytes]]:
        """Yield the records inside a chunk."""
        try:
            _, offset, content = next(_records(self._file, chunk.offset, self._size))
        except (_CutError, StopIteration):
            self._note('a part of it is missing')
            return
        yield from self._inside(offset, content)

    def _inside(self, offset: int, chunk: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Yield (opcode, -1, content) of a chunk's records; one that is damaged is left out."""
        try:
            read = _Fields(chunk)
            read.skip(16)
            size, checksum = read.number('Q'), read.number('I')
            packing = read.text()
            packed = read.take(read.number('Q'))
            if packing and packing not in PACKINGS:
                self._note(f'a part of it is compressed by {packing!r}, which is not known here')
                return
            content = unpacked(packed, packing or None)
            if len(content) != size or (checksum and crc32(content) != checksum):
                raise _CutError
            for opcode, _, record in _records(BytesIO(content), 0, size):
                yield opcode, -1, record
        except (_CutError, *UNPACK_ERRORS):
            self._note('a part of it is damaged and left out')

    def _note(self, damage: str) -> None:
        told = f'{damage}; {_REMEDY}'
        if told not in self.damage:
            self.damage.append(told)


class _Fields:
    """The fields of a record's content, one after the other. Raises _CutError at the end."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def take(self, size: int) -> bytes:
        if self._at + size > len(self._content):
            raise _CutError
        self._at += size
        return self._content[self._at - size : self._at]

    def skip(self, size: int) -> None:
        self.take(size)

    def number(self, kind: str) -> int:
        return int(struct.unpack(f'<{kind}', self.take(struct.calcsize(f'<{kind}')))[0])

    def block(self) -> bytes:
        return self.take(self.number('I'))

    def text(self) -> str:
        return self.block().decode(errors='replace')

    def counts(self) -> dict[int, int]:
        """Return a map of channels to numbers."""
        try:
            return dict(struct.iter_unpack('<HQ', self.block()))
        except struct.error as error:  # no whole pairs
            raise _CutError from error


def _records(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield (opcode, offset, content) of the records from ``start``. Raises _CutError at a cut.

    Others may move the file's position in between.
    """
    offset = start
    while offset < end:
        file.seek(offset)
        head = file.read(9)
        if len(head) < 9:
            raise _CutError
        opcode, size = struct.unpack('<BQ', head)
        if offset + 9 + size > end:
            raise _CutError
        content = file.read(size) if opcode in _READ else b''
        yield opcode, offset, content
        offset += 9 + size


def _messages_in(
    records: Iterator[tuple[int, int, bytes]], channels: dict[int, StoredTopic]
) -> Iterator[RawMessage]:
    """Yield the messages of ``channels`` among records."""
    for opcode, _, content in records:
        if opcode != _MESSAGE or len(content) < 22:
            continue
        number, _, time = struct.unpack_from('<HIQ', content)
        if number in channels:
            yield RawMessage(channels[number], time, content[22:])
