from __future__ import annotations

import pytest
import torch

from s2r_depth_ros.benchmark.levels import relative_change


def test_depth_change_is_relative() -> None:
    reference = torch.tensor([0.5, 1.0, 1.5])
    median, p99 = relative_change(torch.tensor([0.55, 1.1, 1.65]), reference)
    assert (median, p99) == (pytest.approx(0.1), pytest.approx(0.1, rel=1e-3))
