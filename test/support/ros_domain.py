"""A ROS domain for the tests of one process."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def own_domain() -> Iterator[int]:
    """A ROS domain that no other test process of this machine uses."""
    for domain in range(1, 100):
        path = Path(tempfile.gettempdir()) / f's2r_depth_ros_test_domain_{domain}.lock'
        with path.open('w') as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            yield domain
            return
    raise RuntimeError('no free ROS domain')
