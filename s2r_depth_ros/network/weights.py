"""Weights as a mapping of key to tensor: whether they fit the network, and putting them in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from s2r_depth_ros.network.metadata import CheckpointError
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_ros.network.safetensors_header import Entry

STORED_FLOATS = (torch.float32, torch.float16)


def empty_network(width: float) -> S2RDepthNet:
    """Build the topology without values: to initialise 87 million weights takes a second."""
    with torch.device('meta'):
        return S2RDepthNet(width)


def fill(network: S2RDepthNet, tensors: Mapping[str, Tensor]) -> S2RDepthNet:
    """Give an empty network its weights, checked before, in float32 and evaluation mode.

    Those that are float32 already become the network's own: nothing else may change them.
    """
    own = {
        key: value.to(torch.float32 if value.is_floating_point() else value.dtype)
        for key, value in tensors.items()
    }
    network.load_state_dict(own, assign=True)
    return network.eval()


def weights_sha256(tensors: Mapping[str, Tensor]) -> str:
    """Hash the sorted keys, each followed by its tensor's little-endian bytes."""
    digest = hashlib.sha256()
    for key in sorted(tensors):
        array = tensors[key].contiguous().numpy()
        digest.update(key.encode('ascii'))
        digest.update(array.astype(array.dtype.newbyteorder('<'), copy=False).tobytes())
    return digest.hexdigest()


def check_fit(
    path: Path,
    tensors: Mapping[str, Tensor | Entry],
    expected: Mapping[str, Tensor],
    what: str,
    remedy: str,
) -> None:
    """Raise CheckpointError at the first key, in the network's order, that does not fit.

    Missing, of a wrong shape or dtype; then any that is unexpected. ``tensors`` may be what the
    header of a file says of them.
    """
    for key, wanted in expected.items():
        if key not in tensors:
            raise CheckpointError(f'{path}: key {key!r} of {what} is missing; {remedy}')
        value = tensors[key]
        if value.shape != wanted.shape:
            raise CheckpointError(
                f'{path}: key {key!r} has shape {tuple(value.shape)}, {what} needs '
                f'{tuple(wanted.shape)}; {remedy}'
            )
        allowed = STORED_FLOATS if wanted.is_floating_point() else (torch.int64,)
        if value.dtype not in allowed:
            names = ' or '.join(map(str, allowed))
            raise CheckpointError(
                f'{path}: key {key!r} is {value.dtype}, it must be {names}; {remedy}'
            )
    for key in tensors:
        if key not in expected:
            raise CheckpointError(f'{path}: key {key!r} is unexpected in {what}; {remedy}')


def check_finite(path: Path, tensors: Mapping[str, Tensor], remedy: str) -> None:
    """Raise CheckpointError at the first key with NaN, infinity or a variance below 0."""
    for key, value in tensors.items():
        if not torch.isfinite(value).all():
            raise CheckpointError(f'{path}: key {key!r} holds NaN or infinity; {remedy}')
        if key.endswith('.running_var') and (value < 0).any():
            raise CheckpointError(f'{path}: key {key!r} holds variances below 0; {remedy}')


def check_one_activation(path: Path, tensors: Mapping[str, Tensor], network: nn.Module) -> None:
    """Raise CheckpointError unless all keys of the PReLU hold one number (docs/network.md 2.5)."""
    keys = [
        f'{name}.weight'
        for name, module in network.named_modules(remove_duplicate=False)
        if isinstance(module, nn.PReLU)
    ]
    slope = tensors[keys[0]].item()
    for key in keys:
        if tensors[key].item() != slope:
            raise CheckpointError(
                f'{path}: key {key!r} is {tensors[key].item():g} but {keys[0]!r} is {slope:g}; the '
                f'{len(keys)} PReLU keys are one shared scalar in this network: give weights that '
                'were trained with it shared'
            )
