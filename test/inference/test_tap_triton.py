"""The Triton kernel: on a GPU where there is one, else in Triton's interpreter on the CPU."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from importlib import metadata
from types import ModuleType

import pytest
import torch
from torch import nn

from s2r_depth_ros.network.tap_first import TapConv

pytestmark = [pytest.mark.gpu] if torch.cuda.is_available() else []
DEVICE = torch.device('cuda' if torch.cuda.is_available() else 'cpu')


@pytest.fixture(scope='module')
def tap_triton() -> ModuleType:
    if importlib.util.find_spec('triton') is None:
        pytest.skip('triton (part of a CUDA build of torch) is not installed')
    if DEVICE.type == 'cpu':
        if 'triton' in sys.modules and not os.environ.get('TRITON_INTERPRET'):
            pytest.skip('triton was imported before its interpreter could be chosen')
        if int(metadata.version('triton').split('.')[0]) < 3:
            pytest.skip('triton before 3 has no interpreter for a machine without a GPU')
        os.environ['TRITON_INTERPRET'] = '1'
    return importlib.import_module('s2r_depth_ros.inference.backends.tap_triton')


@pytest.mark.parametrize(
    ('channels', 'low', 'size'),
    [((6, 4), (6, 7), (12, 14)), ((3, 5), (3, 9), (7, 18)), ((2, 8), (2, 20), (4, 40))],
)
def test_kernel_equals_plain_torch(
    tap_triton: ModuleType,
    channels: tuple[int, int],
    low: tuple[int, int],
    size: tuple[int, int],
) -> None:
    conv = nn.Conv2d(*channels, 5, padding=2).requires_grad_(False)
    features = torch.randn(1, channels[0], *low, generator=torch.Generator().manual_seed(0))
    expected = TapConv(conv)(features, size)
    module = tap_triton.TritonTapConv(conv).to(DEVICE)
    result = module(features.to(DEVICE), size).cpu()
    torch.testing.assert_close(result, expected, atol=1e-4, rtol=1e-4)
    half = module.half()(features.to(DEVICE).half(), size).cpu()
    assert half.dtype == torch.float16
    torch.testing.assert_close(half.float(), expected, atol=1e-2, rtol=1e-2)
