"""What a figure holds for: the code that was tried, on which day and machine."""

from __future__ import annotations

import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import torch

from s2r_depth_ros.benchmark.machine import machine

_ROOT = Path(__file__).resolve().parents[1]


def commit() -> str:
    """Return the commit of this checkout, with -dirty if files were changed since."""
    command = ['git', 'describe', '--always', '--dirty', '--exclude=*']
    return subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True).stdout.strip()


def tried(device: torch.device) -> dict[str, Any]:
    """Return the date, the commit and the machine, ready for JSON."""
    return {
        'date': date.today().isoformat(),
        'commit': commit(),
        'machine': machine(device),
    }
