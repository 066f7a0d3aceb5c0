"""Does to a running depth node, and to what is around it, what happens on robots; tells what came.

usage: PYTHONPATH=.:test/support python test/fuzz/inject_faults.py
           [--only NAME ...] [--share 1.0] [--json benchmarks/reliability.json]

The faults are those of test/node/test_node_faults.py, more often. Those of shared memory, multicast
and a full disk need root, for namespaces of their own. The result goes into ``faults`` of a JSON
file. It ends with an AssertionError at the first one that harms.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import graph_faults
import process_faults
import torch
from made_up_model import save_tiny_model
from node_under_fault import Setting
from ros_domain import own_domain
from ros_graph import TRANSPORT

from s2r_depth_ros.benchmark.machine import machine
from s2r_depth_ros.files import read_json, write_json

# Name -> what does it, and how often.
FAULTS: dict[str, tuple[Callable[..., dict[str, Any]], int]] = {
    'camera stops and returns': (graph_faults.camera_returns, 10),
    'subscriber comes and goes': (graph_faults.subscriber_comes_and_goes, 1000),
    'transitions while frames come': (graph_faults.transitions, 250),  # of four
    'other and corrupt models': (graph_faults.models, 20),
    'clock jumps': (graph_faults.clock_jumps, 3),
    'signals while it starts': (process_faults.signals_at_start, 60),
    'signals while it works': (process_faults.signals_at_work, 10),
    'camera is killed': (process_faults.camera_is_killed, 5),
    'disk is full': (process_faults.disk_is_full, 6),
    'small shared memory': (process_faults.small_shared_memory, 5),
    'no multicast': (process_faults.no_multicast, 1),
}
# Whose number is no count that may be smaller.
_WHOLE = ('disk is full', 'small shared memory', 'no multicast')


def main() -> None:
    """Inject faults, print what came of them, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--only', nargs='+', choices=FAULTS, default=list(FAULTS), metavar='NAME')
    parser.add_argument('--share', type=float, default=1.0, help='of the number of times, 0 to 1')
    parser.add_argument('--json', type=Path, help='file that takes the result')
    options = parser.parse_args()
    os.environ.update(TRANSPORT)  # of this process's side of the graphs
    with own_domain() as domain, tempfile.TemporaryDirectory() as folder:
        model = save_tiny_model(Path(folder) / 'tiny.safetensors')
        for name in options.only:
            inject, times = FAULTS[name]
            if name not in _WHOLE:
                times = max(1, round(options.share * times))
            begin = time.monotonic()
            came = json.dumps(inject(Setting(domain, Path(folder), model), times))
            result = {
                'date': date.today().isoformat(),
                **json.loads(came.replace(f'{folder}/', '')),  # in what was said
                'seconds': round(time.monotonic() - begin, 1),
            }
            print(json.dumps({name: result}, indent=1), flush=True)
            if options.json:
                kept = read_json(options.json) if options.json.exists() else {}
                faults = kept.get('faults', {}) | {name: result}
                kept['faults'] = faults | {'machine': machine(torch.device('cpu'))}
                write_json(options.json, kept)


if __name__ == '__main__':
    main()
