"""Fixtures of the tests of the rig."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fake_managed_node import FakeClock

_SUPPORT = Path(__file__).resolve().parents[1] / 'support'


@pytest.fixture
def child_environment() -> dict[str, str]:
    """The environment in which ``python -m scripted_child`` is found."""
    return {**os.environ, 'PYTHONPATH': str(_SUPPORT)}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """A clock on which the wait for an answer of a service takes no time."""
    # Here: both need ROS 2 (rclpy), other tests of this folder do not.
    from fake_managed_node import FakeClock

    from s2r_depth_ros.rig import services

    clock = FakeClock()
    monkeypatch.setattr(services, 'time', clock)
    return clock
