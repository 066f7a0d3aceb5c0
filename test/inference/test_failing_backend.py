"""A run that fails is tried once more; a second failure is told with its remedy, ends nothing."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2r_depth_ros.inference.backends import torch_backend
from s2r_depth_ros.inference.estimator import DepthEstimator, InferenceError
from s2r_depth_ros.network.optimized import Maps

# What torch raises, and a part of what is told.
_FAULTS: dict[str, tuple[Exception, str]] = {
    'no memory on the GPU': (
        torch.cuda.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has'),
        'no memory is left for the network (CUDA out of memory. Tried to allocate 2.00 GiB.',
    ),
    'no memory': (MemoryError(), 'no memory is left for the network'),
    'a fault of the GPU': (
        RuntimeError('CUDA error: an illegal memory access was encountered\nCUDA kernel errors'),
        'start the process again, as a GPU answers no more in a process in which it failed so',
    ),
    'a fault of cuDNN': (RuntimeError('cuDNN error: CUDNN_STATUS_EXECUTION_FAILED'), 'GPU failed'),
    'anything else': (RuntimeError('could not create a primitive'), 'use another backend or'),
}


class _Failing:
    """Fails as often as it is told to, then computes."""

    def __init__(self, backend: Any) -> None:
        self.input_dtype, self._backend = backend.input_dtype, backend
        self.fails, self.error = 0, Exception()

    def __call__(self, images: Tensor) -> Maps:
        if self.fails:
            self.fails -= 1
            raise self.error
        maps: Maps = self._backend(images)
        return maps


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> list[_Failing]:
    """The backends that are made from now on."""
    made: list[_Failing] = []
    right = torch_backend.make

    def make(*arguments: Any) -> _Failing:
        made.append(_Failing(right(*arguments)))
        return made[-1]

    monkeypatch.setattr(torch_backend, 'make', make)
    return made


@pytest.mark.parametrize('fault', _FAULTS)
def test_one_failure_costs_no_frame_and_two_cost_one(
    fault: str,
    backend: list[_Failing],
    lively_model: Path,
    photo: NDArray[np.uint8],
    caplog: pytest.LogCaptureFixture,
) -> None:
    error, told = _FAULTS[fault]
    estimator = DepthEstimator(lively_model, device='cpu')
    expected = estimator.predict(photo, fx=150.0).depth
    backend[0].error = error
    for count, fails in enumerate((1, 2, 1), 1):
        backend[0].fails = fails
        if fails == 1:
            np.testing.assert_array_equal(estimator.predict(photo, fx=150.0).depth, expected)
        else:
            with pytest.raises(InferenceError) as caught:
                estimator.predict(photo, fx=150.0)
            assert told in str(caught.value)
            assert '\n' not in str(caught.value)
        assert estimator.tried_again == count
    np.testing.assert_array_equal(estimator.predict(photo, fx=150.0).depth, expected)
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    # The third one follows on a failure that was told.
    assert len(warnings) == 2
    assert all(told in text and 'is tried again' in text for text in warnings)


def test_a_failure_that_stays_is_raised_each_time_and_logged_once(
    backend: list[_Failing],
    lively_model: Path,
    photo: NDArray[np.uint8],
    caplog: pytest.LogCaptureFixture,
) -> None:
    estimator = DepthEstimator(lively_model, device='cpu')
    backend[0].error, backend[0].fails = _FAULTS['a fault of the GPU'][0], 10
    for _ in range(5):
        with pytest.raises(InferenceError):
            estimator.predict(photo, fx=150.0)
    assert len(caplog.records) == 1
    assert not backend[0].fails, 'more or less than one more try'
    estimator.predict(photo, fx=150.0)


@pytest.mark.parametrize('fault', _FAULTS)
def test_a_model_that_cannot_be_set_up_is_told_with_the_remedy(
    fault: str, lively_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error, told = _FAULTS[fault]

    def make(*arguments: Any) -> Any:
        raise error

    monkeypatch.setattr(torch_backend, 'make', make)
    with pytest.raises(InferenceError) as caught:
        DepthEstimator(lively_model, device='cpu')
    assert told in str(caught.value)
