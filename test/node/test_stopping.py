"""A process that is to end does so, whatever still runs in it."""

from __future__ import annotations

import subprocess
import sys
import time

from patience import PATIENCE
from source_files import ROOT

_BUSY = """
import threading, time
from s2r_depth_ros.node import stopping
threading.Thread(target=time.sleep, args=(600,)).start()
stopping.end_soon()
"""


def test_a_process_ends_with_code_0_though_a_thread_hangs() -> None:
    begin = time.monotonic()
    done = subprocess.run([sys.executable, '-c', _BUSY], cwd=ROOT, timeout=PATIENCE, check=False)
    assert done.returncode == 0
    assert time.monotonic() - begin > 4, 'it did not wait for what still ran'
