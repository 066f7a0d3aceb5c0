"""Whether two trainings have come to the same."""

from __future__ import annotations

from typing import Any

import torch


def assert_same_state(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Check that two states of a TrainingStep are equal bit for bit."""
    assert first['number'] == second['number']
    assert first['stage'].keys() == second['stage'].keys()
    for key, value in first['stage'].items():
        assert torch.equal(value, second['stage'][key]), key
    assert first['optimizer'].keys() == second['optimizer'].keys()
    for index, moments in first['optimizer'].items():
        assert moments.keys() == second['optimizer'][index].keys()
        for key, value in moments.items():
            assert torch.equal(value, second['optimizer'][index][key]), (index, key)
