"""The interpreter."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator

from s2r_depth_ros.doctor.finding import FAILED, OK, Finding
from s2r_depth_ros.share import share_directory

OLDEST, NEWEST = (3, 10), (3, 14)
"""The versions of Python that the package supports, as in setup.py."""


def check() -> Iterator[Finding]:
    """Look at Python itself and at the package's own files."""
    yield of_version(sys.version_info[:2])
    try:
        yield Finding('package', OK, str(share_directory()))
    except FileNotFoundError as error:
        yield Finding('package', FAILED, str(error))


def of_version(version: tuple[int, ...]) -> Finding:
    """Return whether a version of Python, such as (3, 11), is one that the package supports."""
    text = f'{platform.python_version()}, {platform.machine()} ({sys.executable})'
    if OLDEST <= version <= NEWEST:
        return Finding('Python', OK, text)
    supported = ' to '.join('.'.join(map(str, v)) for v in (OLDEST, NEWEST))
    return Finding('Python', FAILED, text, f'{supported} is supported: use one of these')
