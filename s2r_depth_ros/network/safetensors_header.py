"""The header of a safetensors file: what it may say, read strictly, and written canonically.

The format (https://github.com/huggingface/safetensors, "Format"): 8 bytes with the length of the
header, little-endian; the header, a JSON object padded with spaces; the bytes of all tensors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

# Bytes of a header at most: forty times those of this package's models. The reference library takes
# 100 million, which are 20 s of nothing but names.
MOST_HEADER_BYTES = 2_000_000
METADATA = '__metadata__'
# Name in the file -> dtype. Files are written in the reverse order, so that all are aligned. The
# format has more (8-bit floats, unsigned and complex numbers), which no model of this package uses.
DTYPES = {
    'BOOL': torch.bool,
    'U8': torch.uint8,
    'I8': torch.int8,
    'I16': torch.int16,
    'F16': torch.float16,
    'BF16': torch.bfloat16,
    'I32': torch.int32,
    'F32': torch.float32,
    'F64': torch.float64,
    'I64': torch.int64,
}
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}

_KEYS = {'dtype', 'shape', 'data_offsets'}
_ALIGNMENT = 8  # bytes
_MOST_BYTES = 2**63 - 1  # of a tensor: what torch can count


class HeaderError(ValueError):
    """A header breaks the format: says what of it, without the file's name."""


@dataclass(frozen=True)
class Entry:
    """A tensor in the file: its bytes are [begin, end) of what follows the header."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Header:
    """All that a header says; ``entries`` in the order of their bytes, without gaps."""

    metadata: dict[str, str]
    entries: dict[str, Entry]


def parse_header(content: bytes, data_bytes: int) -> Header:
    """Read the JSON text of a header whose file has ``data_bytes`` bytes after it.

    Raises HeaderError unless every tensor is of a dtype in DTYPES, takes the bytes that its shape
    needs, and all together take each of those bytes once.
    """
    members = _json_object(content)
    metadata = members.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise HeaderError(f'{METADATA} is not a JSON object of strings')
    entries = {name: _entry(name, value) for name, value in members.items()}
    in_order = dict(sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)))
    _check_cover(in_order, data_bytes)
    return Header(metadata, in_order)


def format_header(
    tensors: Mapping[str, tuple[torch.dtype, Sequence[int]]], metadata: Mapping[str, str]
) -> tuple[bytes, list[str]]:
    """Return length and header of a file, and the names of its tensors in the order of their bytes.

    tensors: name -> dtype and shape. The bytes are those that the reference library writes; it has
    no order for more than one key of ``metadata``, here it is kept. Raises ValueError for a dtype
    that is not in DTYPES, a tensor called __metadata__, or a header that is too long.
    """
    if METADATA in tensors:
        raise ValueError(f'no tensor may be called {METADATA}')
    ranks = {dtype: rank for rank, dtype in enumerate(DTYPES.values())}
    unknown = [name for name, (dtype, _) in tensors.items() if dtype not in ranks]
    if unknown:
        raise ValueError(f'{unknown[0]!r} is {tensors[unknown[0]][0]}, which cannot be stored')
    names = sorted(tensors, key=lambda name: (-ranks[tensors[name][0]], name))
    members: dict[str, object] = {METADATA: dict(metadata)} if metadata else {}
    end = 0
    for name in names:
        dtype, shape = tensors[name]
        begin, end = end, end + _byte_count(dtype, shape)
        offsets = [begin, end]
        members[name] = {
            'dtype': DTYPE_NAMES[dtype],
            'shape': list(shape),
            'data_offsets': offsets,
        }
    text = json.dumps(members, ensure_ascii=False, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % _ALIGNMENT)
    if len(text) > MOST_HEADER_BYTES:
        raise ValueError(f'the header would take {len(text)} bytes, more than {MOST_HEADER_BYTES}')
    return len(text).to_bytes(8, 'little') + text, names


def _json_object(content: bytes) -> dict[str, Any]:
    # The format wants a { first and nothing but spaces after the last }; JSON alone is laxer.
    if not (content.startswith(b'{') and content.rstrip(b' ').endswith(b'}')):
        raise HeaderError('the header is not a JSON object padded with spaces')
    try:
        members = json.loads(
            content.decode(), object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except HeaderError:
        raise
    except (ValueError, RecursionError) as error:
        raise HeaderError(f'the header is not JSON: {error}') from error
    assert isinstance(members, dict)  # it begins with {
    return members


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        for text in (name, value) if isinstance(value, str) else (name,):
            text.encode()  # UnicodeEncodeError, a ValueError: half of a surrogate pair
        if name in members:
            raise HeaderError(f'the header has {name!r} twice')
        members[name] = value
    return members


def _no_constant(name: str) -> None:
    raise HeaderError(f'the header has {name}, which is no JSON')


def _entry(name: str, value: object) -> Entry:
    if not isinstance(value, dict) or value.keys() != _KEYS:
        raise HeaderError(f'tensor {name!r} does not have dtype, shape and data_offsets alone')
    dtype = DTYPES.get(value['dtype']) if isinstance(value['dtype'], str) else None
    if dtype is None:
        known = ', '.join(DTYPES)
        raise HeaderError(f'tensor {name!r} is of dtype {value["dtype"]!r}, not of {known}')
    shape, offsets = _counts(value['shape']), _counts(value['data_offsets'])
    if shape is None or offsets is None or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise HeaderError(f'tensor {name!r} has a shape or data_offsets that are no such numbers')
    needed = _byte_count(dtype, shape)
    if needed != offsets[1] - offsets[0]:
        raise HeaderError(
            f'tensor {name!r} needs {needed} bytes for its shape and dtype, its data_offsets hold '
            f'{offsets[1] - offsets[0]}'
        )
    return Entry(dtype, tuple(shape), *offsets)


def _counts(value: object) -> list[int] | None:
    """Return a list of integers from 0 upwards as it is, None for anything else."""
    # type, not isinstance: true is no number here.
    if isinstance(value, list) and all(type(item) is int and item >= 0 for item in value):
        return value
    return None


def _byte_count(dtype: torch.dtype, shape: Sequence[int]) -> int:
    """Return the bytes of a tensor. Raises HeaderError where torch cannot count them."""
    bytes_of_largest = dtype.itemsize
    for size in shape:
        bytes_of_largest *= max(size, 1)
        if bytes_of_largest > _MOST_BYTES:
            raise HeaderError(f'a shape has more elements than can be: {list(shape[:8])}')
    return 0 if 0 in shape else bytes_of_largest


def _check_cover(entries: Mapping[str, Entry], data_bytes: int) -> None:
    """Raise HeaderError unless the entries, in order, take all bytes once."""
    end = 0
    for name, entry in entries.items():
        if entry.begin != end:
            wrong = 'overlaps another' if entry.begin < end else 'leaves a gap before it'
            raise HeaderError(
                f'tensor {name!r} {wrong}: it begins at byte {entry.begin}, not {end}'
            )
        end = entry.end
    if end > data_bytes:
        raise HeaderError(f'it ends {end - data_bytes} bytes too early')
    if end < data_bytes:
        raise HeaderError(f'{data_bytes - end} bytes follow its last tensor')
