"""``python -m scripted_child STEP...``: a process that does what a test tells it, in order.

Steps: a line to print; ``wait`` until interrupted; ``deaf``, which ignores interruptions from then
on; ``exit=N``.
"""

from __future__ import annotations

import signal
import sys
import threading

if __name__ == '__main__':
    interrupted = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: interrupted.set())
    for step in sys.argv[1:]:
        if step == 'wait':
            interrupted.wait()
        elif step == 'deaf':
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        elif step.startswith('exit='):
            sys.exit(int(step.removeprefix('exit=')))
        else:
            print(step, flush=True)
