"""Weights that others have trained, for parts of the network (docs/paper.md)."""

from __future__ import annotations

import re
from pathlib import Path

from s2r_depth_ros.network.released import read_state_dict
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_ros.network.weights import check_finite, check_fit

_CLASSIFIER = ('fc.weight', 'fc.bias')
_COUNTER = '.num_batches_tracked'  # which files from before torch 0.4.1 do not have
_FAILED = 'it is damaged: fetch it again'


def load_struct_encoder(network: S2RDepthNet, path: Path) -> None:
    """Give the structure encoder the weights of the authors' file.

    Raises CheckpointError for a file that is missing, runs code, or does not fit.
    """
    state, encoder = read_state_dict(path), network.struct_encoder
    check_fit(
        path, state, encoder.state_dict(), 'the structure encoder',
        "give the authors' struct_encoder_vkitti.pth or _suncg.pth, and width: 1.0",
    )  # fmt: skip
    check_finite(path, state, _FAILED)
    encoder.load_state_dict(state)


def load_drn_d_22(network: S2RDepthNet, path: Path) -> None:
    """Give DSA's encoder the weights of DRN-D-22: ``layer{i}`` becomes ``base.{i}``.

    The classifier of the file is left out. Raises CheckpointError as load_struct_encoder does.
    """
    base = network.dsa.E.base
    expected = {f'layer{key}': value for key, value in base.state_dict().items()}
    state = {k: v for k, v in read_state_dict(path).items() if k not in _CLASSIFIER}
    counters = {key: value for key, value in expected.items() if key.endswith(_COUNTER)}
    whole = {**counters, **state}
    check_fit(
        path, whole, expected, 'DRN-D-22',
        'give drn_d_22-4bd2f8ea.pth of fyu/drn, and width: 1.0',
    )  # fmt: skip
    check_finite(path, state, _FAILED)
    base.load_state_dict({re.sub('^layer', '', key): value for key, value in whole.items()})
