"""Model files: one safetensors file a model, with all that its user must know (ModelMetadata)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors import torch as safetensors_torch
from torch import Tensor

from s2r_depth_ros.files import write_atomically
from s2r_depth_ros.network.metadata import CheckpointError, ModelMetadata, require_file
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
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
    # Copied, because safetensors refuses the PReLU's 18 keys while they share one storage.
    tensors = {
        key: value.detach().to('cpu', dtype if value.is_floating_point() else None, copy=True)
        for key, value in network.state_dict().items()
    }
    check_finite(path, tensors, f'nothing was written: training failed, or {dtype} is too small')
    metadata = replace(metadata, sha256=weights_sha256(tensors))
    header = {VERSION_KEY: str(FORMAT_VERSION), METADATA_KEY: metadata.to_json()}
    _write_whole(path, safetensors_torch.save(tensors, header))
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
    return _read(Path(path), weights=False)[0]


def stored_sha256(path: str | Path) -> str:
    """Return the sha256 of the weights that a model file really holds.

    Equal to ModelMetadata.sha256 unless the file was altered. Raises CheckpointError as
    load_model does, except for another sha256.
    """
    return weights_sha256(_read_fitting(Path(path))[2])


def _read_fitting(path: Path) -> tuple[S2RDepthNet, ModelMetadata, dict[str, Tensor]]:
    """Return the empty network that the metadata describes, the metadata, and fitting tensors."""
    metadata, tensors = _read(path)
    network = empty_network(metadata.width)
    check_fit(path, tensors, network.state_dict(), f'width {metadata.width:g}', _AGAIN)
    return network, metadata, tensors


def _write_whole(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise CheckpointError(
            f'{path}: cannot be written ({error.strerror}); choose a file in a folder with room '
            'that you may write to'
        ) from error


def _read(path: Path, weights: bool = True) -> tuple[ModelMetadata, dict[str, Tensor]]:
    require_file(path)
    try:
        with safe_open(path, framework='pt') as file:
            metadata = _parse_header(path, file.metadata() or {})
            keys = file.keys() if weights else []
            tensors = {key: file.get_tensor(key) for key in keys}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f'{path}: not a whole safetensors file ({error}); {_foreign_remedy(path)}'
        ) from error
    return metadata, tensors


def _foreign_remedy(path: Path) -> str:
    with path.open('rb') as file:
        start = file.read(2)
    if start in (b'PK', b'\x80\x02'):  # zip or pickle: what torch.save writes
        return 'it looks like a PyTorch file, turn it into a model file with the convert command'
    return 'it is truncated or something else: fetch it again, or write it with the convert command'


def _parse_header(path: Path, header: Mapping[str, str]) -> ModelMetadata:
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
