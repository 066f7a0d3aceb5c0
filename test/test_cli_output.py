"""Standard output that is closed or full; the other cases are in test_cli.py."""

from __future__ import annotations

import subprocess
import sys

import pytest
from source_files import ROOT


@pytest.mark.parametrize(
    ('redirection', 'status', 'told'),
    [('>&-', 0, ''), ('> /dev/full', 2, 'error: standard output: No space left on device\n')],
)
def test_closed_or_full_output_gives_no_traceback(redirection, status, told):
    command = f'{sys.executable} -m s2r_depth_ros info indoor-s {redirection}'
    result = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (status, told)
