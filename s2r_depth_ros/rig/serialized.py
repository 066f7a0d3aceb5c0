"""The header of a message that is still serialised, so that it need not be read whole.

Such a message begins with four bytes of CDR encapsulation, the second of which tells the byte
order; std_msgs/Header follows: seconds (int32), nanoseconds (uint32), then the frame_id as its
length with the closing zero (uint32) and its bytes.
"""

from __future__ import annotations

import struct


def header_stamp(message: bytes) -> int:
    """Return the stamp (ns) of a serialised message that begins with std_msgs/Header."""
    seconds, nanoseconds = struct.unpack_from(f'{_order(message)}iI', message, 4)
    return seconds * 1_000_000_000 + nanoseconds


def header_frame_id(message: bytes) -> str:
    """Return the frame_id of a serialised message that begins with std_msgs/Header."""
    (length,) = struct.unpack_from(f'{_order(message)}I', message, 12)
    return bytes(message[16 : 15 + length]).decode()


def _order(message: bytes) -> str:
    return '<' if message[1] & 1 else '>'
