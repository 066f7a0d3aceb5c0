"""Processes that run beside what is measured."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager


@contextmanager
def beside(
    commands: Sequence[Sequence[str]], environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Let processes run until the block ends; environment: theirs, None is this one's."""
    processes = [subprocess.Popen(command, env=environment) for command in commands]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
