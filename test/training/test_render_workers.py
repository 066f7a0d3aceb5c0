"""The processes that render end when the one that started them does, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from source_files import ROOT

# A parent whose worker tells its number, and then has work for a minute.
_WORK = """
import os, time
from s2r_depth_training.dataset.render_workers import CONTEXT, begin_worker

def work():
    begin_worker()
    print(os.getpid(), flush=True)
    time.sleep(60)

if __name__ == '__main__':
    process = CONTEXT.Process(target=work, daemon=True)
    process.start()
    process.join()
"""


@pytest.mark.parametrize('by', [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_who_started_them(by: signal.Signals, tmp_path) -> None:
    (tmp_path / 'parent.py').write_text(_WORK)
    path = os.pathsep.join([str(ROOT), str(ROOT / 'training')])
    parent = subprocess.Popen(
        [sys.executable, tmp_path / 'parent.py'],
        stdout=subprocess.PIPE,
        env={**os.environ, 'PYTHONPATH': path},
    )
    assert parent.stdout is not None
    with parent.stdout:
        worker = int(parent.stdout.readline())
    parent.send_signal(by)
    parent.wait(30)
    end = time.monotonic() + 30
    while _runs(worker):
        assert time.monotonic() < end
        time.sleep(0.05)


def _runs(process: int) -> bool:
    """Return whether a process is there and has not ended."""
    try:
        with open(f'/proc/{process}/stat') as file:
            return file.read().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False
