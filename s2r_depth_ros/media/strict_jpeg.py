"""What libjpeg-turbo finds wrong with a JPEG that it decodes; OpenCV does not pass it on.

A JPEG has no checksum: bytes that were overwritten show only where the codes come out of step for
good. simplejpeg, which tells, need not be installed.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.errors import UserError

try:
    import simplejpeg
except (ImportError, ValueError):  # the latter where it is built for another NumPy
    simplejpeg = None

_COLOURS = {'Gray': 'GRAY', 'YCbCr': 'BGR', 'RGB': 'BGR'}
# Others are of what describes the picture: a profile of colours, a version.
_DAMAGE = re.compile('premature end|bad (Huffman|arithmetic) code|extraneous bytes|found marker')
_SPARE = re.compile(r'(\d+) extraneous bytes before marker 0x(\w\w)')
# Some cameras pad what is coded before a restart mark or the end mark, in every picture.
_PADDING = 16
_END_MARK, _RESTART_MARKS = 'd9', frozenset(f'd{number}' for number in range(8))


class DamageError(UserError):
    """A JPEG whose codes do not fit its picture."""


def decode_strictly(content: bytes, ends_itself: bool, scans: int) -> NDArray[Any] | None:
    """Return a JPEG as uint8 BGR [H, W, 3], or [H, W] if it is grey, of which nothing is wrong.

    ends_itself: whether its end mark is its own; else anything may be before that. scans: how many
    it has. None for what cannot be judged: a kind that is not decoded here, padding, or simplejpeg
    is not there.
    Raises DamageError, with what libjpeg-turbo says.
    """
    if simplejpeg is None:
        return None
    try:
        colours = _COLOURS.get(simplejpeg.decode_jpeg_header(content)[2])
        if colours is None:
            return None
        image: NDArray[np.uint8] = simplejpeg.decode_jpeg(content, colours, strict=True)
    except Exception as error:  # KeyError of a sampling that it does not know, for one
        if _DAMAGE.search(str(error)) and not _is_padding(str(error), ends_itself, scans):
            raise DamageError(str(error)) from error
        return None
    return image[..., 0] if colours == 'GRAY' else image


def _is_padding(text: str, ends_itself: bool, scans: int) -> bool:
    spare = _SPARE.search(text)
    if spare is None:
        return False
    count, mark = int(spare[1]), spare[2]
    if count <= _PADDING or (mark == _END_MARK and not ends_itself):
        return True
    # Before the only scan, so not of the picture.
    return scans == 1 and mark != _END_MARK and mark not in _RESTART_MARKS
