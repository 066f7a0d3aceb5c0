"""Which kernels one inference on a GPU spends its time in: a table, as text and as JSON.

The run is not replayed from a graph, so that the kernels have their callers' names beside them;
their times are the same.

usage: python benchmarks/profile_inference.py --out DIR [--width 1.0] [--input-size 192x640]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from s2r_depth_ros.command_table import reported
from s2r_depth_ros.files import check_output, make_folder
from s2r_depth_ros.inference.devices import resolve_device
from s2r_depth_ros.network.optimized import OptimizedNetwork
from s2r_depth_ros.network.s2r_depthnet import WIDTHS, S2RDepthNet
from s2r_depth_ros.option_values import size
from s2r_depth_ros.size_rule import check_size

_ROWS = 25
_RUNS = 5


def main() -> int:
    """Run the command; return the exit status, see ``reported``."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--width', type=float, choices=WIDTHS, default=1.0)
    parser.add_argument('--input-size', type=size, default=(192, 640), help='default: 192x640')
    parser.add_argument('--device', default='cuda', help='auto, cpu, cuda or cuda:N')
    args = parser.parse_args()
    return reported(lambda: write_profile(args), 'profile_inference')


def write_profile(args: argparse.Namespace) -> None:
    """Profile, print, write. Raises UserError for a size or a device that there is not."""
    height, width = args.input_size
    check_size(height, width)
    device = resolve_device(args.device)
    make_folder(args.out)
    name = f'profile_w{args.width}_{height}x{width}'
    check_output(args.out / f'{name}.txt')
    table, rows = _profiled(device, args.width, args.input_size)
    (args.out / f'{name}.txt').write_text(table + '\n')
    (args.out / f'{name}.json').write_text(json.dumps(rows, indent=1) + '\n')
    print(table)
    if not any(row['device_us'] for row in rows):
        print('no kernel was seen: the profiler has no access to the GPU on this machine (CUPTI)')


@torch.inference_mode()
def _profiled(
    device: torch.device, width: float, input_size: tuple[int, int]
) -> tuple[str, list[dict[str, object]]]:
    """Return the table, and its rows in microseconds of the device for one run."""
    on_gpu = device.type == 'cuda'
    torch.manual_seed(0)
    network = OptimizedNetwork(S2RDepthNet(width))
    network.to(device, torch.float16 if on_gpu else torch.float32)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    image = torch.rand(1, 3, *input_size, device=device) * 2 - 1
    image = image.to(next(network.parameters()).dtype, memory_format=torch.channels_last)
    for _ in range(3):
        network(image)
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities) as seen:
        for _ in range(_RUNS):
            network(image)
        if on_gpu:
            torch.cuda.synchronize()
    averages = seen.key_averages()
    order = 'self_cuda_time_total' if on_gpu else 'self_cpu_time_total'
    table = averages.table(sort_by=order, row_limit=_ROWS, max_name_column_width=70)
    rows = [
        {'name': e.key, 'count': e.count / _RUNS, 'device_us': e.self_device_time_total / _RUNS}
        for e in sorted(averages, key=lambda e: -e.self_device_time_total)
    ]
    return table, rows[: 4 * _ROWS]


if __name__ == '__main__':
    sys.exit(main())
