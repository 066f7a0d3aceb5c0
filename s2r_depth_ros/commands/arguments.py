"""Types of command line options that several commands share."""

from __future__ import annotations

import argparse
import re


def size_argument(text: str) -> tuple[int, int]:
    """Return (height, width) of a text such as 192x256; argparse reports another text."""
    match = re.fullmatch(r'(\d+)x(\d+)', text)
    if match is None:
        raise argparse.ArgumentTypeError(f"'{text}' is not HEIGHTxWIDTH, for example 192x256")
    return int(match[1]), int(match[2])
