"""The table of checks, and each of them in a process of its own."""

from __future__ import annotations

import importlib
import signal
import subprocess
import sys
from collections.abc import Iterator

from s2r_depth_ros.dependencies import dependency_error
from s2r_depth_ros.doctor.finding import FAILED, Finding, from_json, to_json
from s2r_depth_ros.errors import brief

# Check -> the longest that it may take, s: importing torch from a slow disk, loading all models.
# Its module is s2r_depth_ros.doctor.CHECK, with ``check() -> Iterator[Finding]``.
CHECKS = {
    'python': 30.0,
    'libraries': 60.0,
    'torch_and_gpu': 120.0,
    'ros': 60.0,
    'middleware': 30.0,
    'shared_memory': 30.0,
    'round_trip': 90.0,
    'models': 180.0,
    'opengl': 60.0,
}


def findings(check: str) -> list[Finding]:
    """Return what ``check``, one of CHECKS, finds; its crash or its silence is a finding."""
    command = [sys.executable, '-m', 's2r_depth_ros.doctor.checks', check]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors='replace',
            check=False,
            timeout=CHECKS[check],
        )
    except subprocess.TimeoutExpired:
        return [_broken(check, f'it did not end within {CHECKS[check]:g} s')]
    try:
        return from_json(done.stdout.splitlines()[-1])
    except (IndexError, ValueError, TypeError):
        last_words = brief(' '.join(done.stderr.splitlines()[-2:]) or 'it printed nothing')
        return [_broken(check, f'its process ended by {_end(done.returncode)}: {last_words}')]


def _end(status: int) -> str:
    if status >= 0:
        return f'status {status}'
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f'signal {-status}'


def _broken(check: str, text: str) -> Finding:
    remedy = f'`{sys.executable} -m s2r_depth_ros.doctor.checks {check}` shows all that it prints'
    return Finding(check, FAILED, text, remedy)


def main() -> int:
    """Run the check that the command line names, and print its findings as the last line."""
    print(to_json(_found(sys.argv[1])), flush=True)
    return 0


def _found(check: str) -> Iterator[Finding]:
    """Give what a check finds; a package that it needs and that is broken is a finding, too."""
    try:
        yield from importlib.import_module(f's2r_depth_ros.doctor.{check}').check()
    except Exception as error:
        if not (explained := dependency_error(error)):
            raise
        yield Finding(check, FAILED, explained.found, explained.remedy)


if __name__ == '__main__':
    sys.exit(main())
