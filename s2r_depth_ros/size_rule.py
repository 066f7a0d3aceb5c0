"""Which input sizes the network can run (docs/network.md 2.6)."""

from __future__ import annotations

from s2r_depth_ros.errors import UserError

MULTIPLE = 16
MINIMUM = 96
LARGEST_SIDE = 4096  # of a model's own input; more takes all memory there is


class SizeError(UserError, ValueError):
    """The network cannot run on an input of this size."""


def check_size(height: int, width: int) -> None:
    """Raise SizeError unless height and width are multiples of 16 and at least 96 pixels."""
    if height % MULTIPLE or width % MULTIPLE or min(height, width) < MINIMUM:
        raise SizeError(
            f'the network cannot run at {height}x{width} (height x width): both must be multiples '
            f'of {MULTIPLE} and at least {MINIMUM}; the nearest size that works is '
            f'{nearest_side(height)}x{nearest_side(width)}'
        )


def nearest_side(length: int) -> int:
    """Return the allowed side length (pixels) that is closest to ``length``."""
    return max(MINIMUM, MULTIPLE * ((length + MULTIPLE // 2) // MULTIPLE))
