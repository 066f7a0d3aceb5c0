"""``make gpu-check``: all that an NVIDIA GPU is asked, in less than 100 s, on a bare checkout.

Each part is a process of its own; one that fails does not stop the others. A summary comes last,
and the exit status is 1 if any failed. Logs and JSON lie in --out.

usage: python benchmarks/gpu_check.py [--out DIR] [--only PART ...]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_ROOT))  # a bare checkout, in which nothing is installed

from s2r_depth_ros.command_table import reported  # noqa: E402
from s2r_depth_ros.files import make_folder  # noqa: E402

# A test that hangs must not take the other parts' time.
_LIMIT_S = 120
_CASES = ('--cases', 'torch:fp16', 'torch:bf16', 'torch:fp32', 'tap:fp16')


@dataclass(frozen=True)
class Part:
    """One process: a name, and what python is given; {out} is the folder of results."""

    name: str
    arguments: tuple[str, ...]

    def command(self, out: Path) -> list[str]:
        """Return the command line."""
        return [sys.executable, *(argument.format(out=out) for argument in self.arguments)]


def _benchmark(width: str, size: str, *others: str) -> Part:
    name = f'w{width}_{size}'
    command = ('-m', 's2r_depth_ros', 'benchmark', '--device', 'cuda', '--width', width)
    more = ('--input-size', size, '--json', f'{{out}}/{name}.json', *_CASES, *others)
    return Part(name, (*command, *more))


# A warning of another version of a package is no failure here.
_PYTEST = ('-m', 'pytest', '-o', 'filterwarnings=default', '-p', 'no:cacheprovider', '-rfE')
# The two cases that have targets, and where the time of the second goes.
_TRAINING = (
    'benchmarks/training_step.py', '--seconds', '1', '--cases', '0', '2', '--profiled', '2',
    '--json', '{out}/training_step.json', '--profile', '{out}/training_step.txt',
)  # fmt: skip
# What is added here runs, too: a name, and what python is given.
PARTS = (
    Part('tests', (*_PYTEST, '-q', '--tb=short', '-m', 'gpu', 'test/inference', 'test/network')),
    _benchmark('1.0', '192x640', '--levels', 'ab', '--runs', '50'),
    _benchmark('0.25', '192x256', '--levels', 'a', '--runs', '50'),
    _benchmark('0.125', '192x256', '--levels', 'a', '--runs', '50'),
    Part('profile', ('benchmarks/profile_inference.py', '--out', '{out}')),
    Part('training', _TRAINING),
)


def main() -> int:
    """Run the command; return the exit status, see ``reported``."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--out', type=Path, default=Path('out/gpu_check'))
    parser.add_argument('--only', nargs='+', choices=[part.name for part in PARTS])
    args = parser.parse_args()
    return reported(lambda: check(args.out.resolve(), args.only or []), 'gpu_check')


def check(out: Path, only: Sequence[str]) -> int:
    """Run the parts named in ``only``, all for none; return 1 if any failed, else 0."""
    make_folder(out)
    results = [_run(part, out) for part in PARTS if not only or part.name in only]
    (out / 'summary.json').write_text(json.dumps(results, indent=1) + '\n')
    print('\n== summary')
    for result in results:
        print(f'{result["part"]:<16} {result["seconds"]:6.1f} s  exit {result["exit"]}')
    return int(any(result['exit'] for result in results))


def _run(part: Part, out: Path) -> dict[str, object]:
    """Run one part, its output into a log, the log's end also to the terminal."""
    print(f'\n== {part.name}', flush=True)
    paths = [str(_ROOT), str(_ROOT / 'training')]
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(paths)}
    start = time.monotonic()
    log = out / f'{part.name}.log'
    with log.open('w') as stream:
        try:
            status = subprocess.run(
                part.command(out), cwd=_ROOT, env=environment, stdout=stream,
                stderr=subprocess.STDOUT, timeout=_LIMIT_S,
            ).returncode  # fmt: skip
        except subprocess.TimeoutExpired:
            status = 124
    print('\n'.join(log.read_text(errors='replace').splitlines()[-45:]), flush=True)
    return {'part': part.name, 'exit': status, 'seconds': round(time.monotonic() - start, 1)}


if __name__ == '__main__':
    sys.exit(main())
