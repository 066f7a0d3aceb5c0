"""The authors' released checkpoints: four .pth files, one a sub-network (docs/network.md 6.2)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from s2r_depth_ros.dependencies import check_safe_torch
from s2r_depth_ros.network.metadata import CheckpointError, require_file
from s2r_depth_ros.network.s2r_depthnet import SUB_NETWORKS, WIDTHS, S2RDepthNet
from s2r_depth_ros.network.weights import (
    check_finite,
    check_fit,
    check_one_activation,
    empty_network,
    fill,
)

# What torch.load says of an object that is no tensor: since 2.5, and before.
_REFUSED_OBJECT = ('GLOBAL', 'Unsupported class')
_FULL_CHANNELS = 64  # of the structure encoder's first convolution at width 1


def load_released(
    struct_encoder: str | Path, struct_decoder: str | Path, dsa: str | Path, depth_net: str | Path
) -> S2RDepthNet:
    """Read the authors' four .pth files: bare state dicts, with or without 'module.' prefixes.

    Returns the network in evaluation mode on the CPU in float32, its width inferred from the
    structure encoder. Raises CheckpointError for a file that is missing, foreign, truncated,
    holds code, or is not exactly the sub-network it stands for, DependencyError with a torch that
    could run the code.
    """
    paths = dict(zip(SUB_NETWORKS, map(Path, (struct_encoder, struct_decoder, dsa, depth_net))))
    states = {name: read_state_dict(path) for name, path in paths.items()}
    width = _infer_width(paths['struct_encoder'], states['struct_encoder'])
    network = empty_network(width)
    tensors = {}
    for name, path in paths.items():
        state, expected = states[name], getattr(network, name).state_dict()
        check_fit(
            path, state, expected, f'{name} at width {width:g}', _remedy(network, name, state)
        )
        check_finite(path, state, 'its training failed, use an earlier checkpoint')
        tensors.update({f'{name}.{key}': value.clone() for key, value in state.items()})
    check_one_activation(paths['depth_net'], states['depth_net'], network.depth_net)
    return fill(network, tensors)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a bare state dict, keys without 'module.'. Raises CheckpointError as load_released."""
    require_file(path)
    check_safe_torch(path)
    try:
        content = torch.load(path, map_location='cpu', weights_only=True)
    # The unpickler raises whatever foreign bytes lead it to.
    except Exception as error:
        if any(words in str(error) for words in _REFUSED_OBJECT):
            raise CheckpointError(
                f'{path}: holds Python objects, not only tensors, and loading those could run '
                'code; where you trust it, save its bare weights: '
                'torch.save(network.state_dict(), file)'
            ) from error
        raise CheckpointError(
            f'{path}: not a whole PyTorch file; it is truncated or something else: fetch it again'
        ) from error
    return _bare(path, content)


def _bare(path: Path, content: object) -> dict[str, Tensor]:
    if not isinstance(content, Mapping) or not content:
        raise CheckpointError(
            f'{path}: holds an object of type {type(content).__name__}, not a filled state dict; '
            'save network.state_dict() of one sub-network'
        )
    for key, value in content.items():
        if isinstance(value, Mapping):
            raise CheckpointError(
                f'{path}: key {key!r} holds a dict, so this is a wrapped training checkpoint; save '
                f'only the weights: torch.save(checkpoint[{key!r}], file)'
            )
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise CheckpointError(
                f'{path}: key {key!r} holds an object of type {type(value).__name__}, not a '
                'tensor; save only the state dict of one sub-network'
            )
    prefix = 'module.' if all(key.startswith('module.') for key in content) else ''
    return {key.removeprefix(prefix): value for key, value in content.items()}


def _infer_width(path: Path, struct_encoder: Mapping[str, Tensor]) -> float:
    weight = struct_encoder.get('conv.conv.weight')
    if weight is None or weight.ndim == 0:
        return 1.0  # the key check that follows names what is wrong
    width = weight.shape[0] / _FULL_CHANNELS
    if width not in WIDTHS:
        raise CheckpointError(
            f"{path}: key 'conv.conv.weight' has {weight.shape[0]} channels, which is width "
            f'{width:g}; this network exists at widths {", ".join(f"{w:g}" for w in WIDTHS)}'
        )
    return width


def _remedy(network: S2RDepthNet, name: str, state: Mapping[str, Tensor]) -> str:
    for other in SUB_NETWORKS:
        if other != name and state.keys() == getattr(network, other).state_dict().keys():
            return f'this is a file of {other}: give each file to its own option'
    return f'give the released file of {name}'
