"""MCAP files written record by record, so that they can hold what recorders of ROS never write."""

from __future__ import annotations

import struct
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import lz4.frame

from s2r_depth_ros.media.bags.storage import zstd

MAGIC = b'\x89MCAP0\r\n'
_PACK = {'': bytes, 'zstd': zstd.compress, 'lz4': lz4.frame.compress}


@dataclass(frozen=True)
class McapChannel:
    """A channel; schema: name, encoding and text, None: it has none."""

    topic: str
    encoding: str
    schema: tuple[str, str, bytes] | None


# Channel's index, time in ns, data.
McapMessage = tuple[int, int, bytes]


def write_mcap(
    path: Path,
    channels: Sequence[McapChannel],
    messages: Sequence[McapMessage],
    *,
    packing: str | None = 'zstd',
    per_chunk: int = 3,
    summary: bool = True,
    profile: str = 'ros2',
    omitted: Collection[str] = (),
    indexed: bool = False,
) -> Path:
    """Write a file; packing: of its chunks, None: there are none.

    omitted: from the summary, out of schemas, channels, counts (of messages), chunks, statistics.
    indexed: whether it says which channels a chunk has messages of.
    """
    definitions = b''.join(_definition(number, c) for number, c in enumerate(channels))
    body = MAGIC + _record(0x01, _text(profile) + _text('a test'))
    indexes: list[bytes] = []
    records = [_record(0x05, struct.pack('<HIQQ', n, 0, t, t) + data) for n, t, data in messages]
    if packing is None:
        body += definitions + b''.join(records)
    else:
        for first in range(0, max(1, len(records)), per_chunk):
            content = (definitions if not first else b'') + b''.join(
                records[first : first + per_chunk]
            )
            times = [time for _, time, _ in messages[first : first + per_chunk]] or [0]
            packed = _PACK[packing](content)
            span = struct.pack('<QQ', min(times), max(times))
            chunk = span + struct.pack('<QI', len(content), 0) + _text(packing)
            chunk = _record(0x06, chunk + struct.pack('<Q', len(packed)) + packed)
            inside = (
                sorted({n for n, _, _ in messages[first : first + per_chunk]}) if indexed else []
            )
            pairs = b''.join(struct.pack('<HQ', number, 0) for number in inside)
            place = struct.pack('<QQ', len(body), len(chunk)) + struct.pack('<I', len(pairs))
            place += pairs + struct.pack('<Q', 0)
            sizes = struct.pack('<QQ', len(packed), len(content))
            indexes.append(_record(0x08, span + place + _text(packing) + sizes))
            body += chunk
    body += _record(0x0F, bytes(4))
    start = len(body) if summary else 0
    if summary:
        parts = {
            'schemas': b''.join(_schema(number, c) for number, c in enumerate(channels)),
            'channels': b''.join(_channel(number, c) for number, c in enumerate(channels)),
            'chunks': b''.join(indexes),
            'statistics': _statistics(
                [] if 'counts' in omitted else channels, messages, len(indexes)
            ),
        }
        body += b''.join(part for name, part in parts.items() if name not in omitted)
    return _written(path, body + _record(0x02, struct.pack('<QQI', start, 0, 0)) + MAGIC)


def _statistics(
    channels: Sequence[McapChannel], messages: Sequence[McapMessage], chunks: int
) -> bytes:
    counts = [sum(n == number for n, _, _ in messages) for number in range(len(channels))]
    pairs = b''.join(struct.pack('<HQ', number, count) for number, count in enumerate(counts))
    head = struct.pack('<QHIIIIQQ', len(messages), 0, len(channels), 0, 0, chunks, 0, 0)
    return _record(0x0B, head + struct.pack('<I', len(pairs)) + pairs)


def _definition(number: int, channel: McapChannel) -> bytes:
    return _schema(number, channel) + _channel(number, channel)


def _schema(number: int, channel: McapChannel) -> bytes:
    if channel.schema is None:
        return b''
    name, encoding, text = channel.schema
    block = struct.pack('<I', len(text)) + text
    return _record(0x03, struct.pack('<H', number + 1) + _text(name) + _text(encoding) + block)


def _channel(number: int, channel: McapChannel) -> bytes:
    of_schema = number + 1 if channel.schema is not None else 0
    content = struct.pack('<HH', number, of_schema) + _text(channel.topic)
    return _record(0x04, content + _text(channel.encoding) + struct.pack('<I', 0))


def _record(opcode: int, content: bytes) -> bytes:
    return struct.pack('<BQ', opcode, len(content)) + content


def _text(text: str) -> bytes:
    return struct.pack('<I', len(text.encode())) + text.encode()


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
