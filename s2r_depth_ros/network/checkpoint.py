"""Model files: one safetensors file a model, with all that its user must know (ModelMetadata)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from s2r_depth_ros.files import write_atomically
from s2r_depth_ros.network.metadata import CheckpointError, ModelMetadata
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_ros.network.safetensors_file import open_safetensors, to_safetensors
from s2r_depth_ros.network.weights import (
    STORED_FLOATS,
    check_finite,
    check_fit,
    check_one_activation,
    empty_network,
    fill,
    weights_sha256,
)

FORMAT_VERSION = 1
# A safetensors header holds strings only: the version, and all metadata as one JSON text.
VERSION_KEY = 's2r_depth_ros.format_version'
METADATA_KEY = 's2r_depth_ros.model'

_AGAIN = 'write the file again with the convert command or the training export'


def save_model(
    path: str | Path,
    network: S2RDepthNet,
    metadata: ModelMetadata,
    dtype: torch.dtype = torch.float32,
) -> ModelMetadata:
    """Write ``network`` and ``metadata`` as one safetensors file; all of it, or nothing.

    ``dtype`` is how floats are stored, torch.float32 or torch.float16 (ValueError for others).
    Returns the metadata as stored, with its sha256. Raises CheckpointError if network and metadata
    disagree on the width, a weight is not finite in ``dtype``, or the file cannot be written.
    """
    path = Path(path)
    if dtype not in STORED_FLOATS:
        raise ValueError(f'dtype must be torch.float32 or torch.float16, it is {dtype}')
    if network.width != metadata.width:
        raise CheckpointError(
            f"{path}: metadata field 'width' is {metadata.width:g} but the network's width is "
            f'{network.width:g}; nothing was written, make them agree'
        )
    tensors = {
        key: value.detach().to('cpu', dtype if value.is_floating_point() else None)
        for key, value in network.state_dict().items()
    }
    check_finite(path, tensors, f'nothing was written: training failed, or {dtype} is too small')
    metadata = replace(metadata, sha256=weights_sha256(tensors))
    header = {VERSION_KEY: str(FORMAT_VERSION), METADATA_KEY: metadata.to_json()}
    _write_whole(path, to_safetensors(tensors, header))
    return metadata


def load_model(path: str | Path) -> tuple[S2RDepthNet, ModelMetadata]:
    """Read a model file of this package.

    Returns the network, in evaluation mode on the CPU in float32, and its metadata. Raises
    CheckpointError for a file that is missing, foreign, truncated, altered (sha256) or does not
    hold exactly the network that its metadata describes.
    """
    path = Path(path)
    network, metadata, tensors = _read_fitting(path)
    if weights_sha256(tensors) != metadata.sha256:
        raise CheckpointError(
            f"{path}: the weights do not match metadata field 'sha256', the file was altered or "
            f'damaged; fetch it again, or {_AGAIN}'
        )
    check_finite(path, tensors, _AGAIN)
    check_one_activation(path, tensors, network)
    return fill(network, tensors), metadata


def read_metadata(path: str | Path) -> ModelMetadata:
    """Read only the metadata of a model file; the weights are not checked.

    Raises CheckpointError for a file that is missing, foreign or truncated, or wrong metadata.
    """
    with open_safetensors(Path(path)) as file:
        return _parse_metadata(Path(path), file.header.metadata)


def stored_float(path: str | Path) -> torch.dtype:
    """Return how a model file stores floats, torch.float32 or torch.float16.

    Raises CheckpointError for a file that is missing, foreign or truncated, or has no floats.
    """
    with open_safetensors(Path(path)) as file:
        for entry in file.header.entries.values():
            if entry.dtype in STORED_FLOATS:
                return entry.dtype
    raise CheckpointError(f'{path}: has no weights; {_AGAIN}')


def stored_sha256(path: str | Path) -> str:
    """Return the sha256 of the weights that a model file really holds.

    Equal to ModelMetadata.sha256 unless the file was altered. Raises CheckpointError as
    load_model does, except for another sha256.
    """
    return weights_sha256(_read_fitting(Path(path))[2])


def _read_fitting(path: Path) -> tuple[S2RDepthNet, ModelMetadata, dict[str, Tensor]]:
    """Return the empty network that the metadata describes, the metadata, and fitting tensors."""
    with open_safetensors(path) as file:
        metadata = _parse_metadata(path, file.header.metadata)
        network = empty_network(metadata.width)
        # Before a byte of them is read: a header may promise any size.
        check_fit(
            path,
            file.header.entries,
            network.state_dict(),
            f'width {metadata.width:g}',
            _AGAIN,
        )
        return network, metadata, file.tensors()


def _write_whole(path: Path, content: bytearray) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise CheckpointError(
            f'{path}: cannot be written ({error.strerror}); choose a file in a folder with room '
            'that you may write to'
        ) from error


def _parse_metadata(path: Path, header: Mapping[str, str]) -> ModelMetadata:
    version = header.get(VERSION_KEY)
    if version is None:
        raise CheckpointError(
            f'{path}: header key {VERSION_KEY!r} is missing, so this is no model of this package; '
            f'{_AGAIN}'
        )
    if version != str(FORMAT_VERSION):
        raise CheckpointError(
            f'{path}: header key {VERSION_KEY!r} is {version!r}, this package reads format '
            f'{FORMAT_VERSION}; update the package, or {_AGAIN}'
        )
    if METADATA_KEY not in header:
        raise CheckpointError(f'{path}: header key {METADATA_KEY!r} is missing; {_AGAIN}')
    try:
        return ModelMetadata.from_json(header[METADATA_KEY])
    except CheckpointError as error:
        raise CheckpointError(f'{path}: {error}; {_AGAIN}') from error
