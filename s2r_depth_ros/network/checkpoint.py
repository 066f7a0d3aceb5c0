"""Model files: this package's one-file format, and the authors' four released files."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors import torch as safetensors_torch
from torch import Tensor

from s2r_depth_ros.network.metadata import CheckpointError, ModelMetadata
from s2r_depth_ros.network.s2r_depthnet import SUB_NETWORKS, WIDTHS, S2RDepthNet

__all__ = [
    'CheckpointError',
    'ModelMetadata',
    'load_model',
    'load_released',
    'read_metadata',
    'save_model',
    'stored_sha256',
]

FORMAT_VERSION = 1
# A safetensors header holds strings only: the version, and all metadata as one JSON text.
_VERSION_KEY = 's2r_depth_ros.format_version'
_METADATA_KEY = 's2r_depth_ros.model'

_FLOAT_DTYPES = (torch.float32, torch.float16)
_ACTIVATION = 'depth_net.conv1.3.weight'  # the one PReLU, under the first of its 18 keys
_AGAIN = 'write the file again with the convert command or the training export'


def save_model(
    path: str | Path,
    network: S2RDepthNet,
    metadata: ModelMetadata,
    dtype: torch.dtype = torch.float32,
) -> ModelMetadata:
    """Write ``network`` and ``metadata`` as one safetensors file; all of it, or nothing.

    ``dtype`` is how floats are stored, torch.float32 or torch.float16. Returns the metadata as
    stored, with its sha256. Raises CheckpointError if network and metadata disagree on the width,
    a weight is not finite in ``dtype``, or the file cannot be written.
    """
    path = Path(path)
    if dtype not in _FLOAT_DTYPES:
        raise ValueError(f'dtype must be torch.float32 or torch.float16, it is {dtype}')
    if network.width != metadata.width:
        raise CheckpointError(
            f"{path}: metadata field 'width' is {metadata.width:g} but the network's width is "
            f'{network.width:g}; nothing was written, make them agree'
        )
    # Cloned, because safetensors refuses the PReLU's 18 keys with one storage.
    tensors = {
        key: (value.to('cpu', dtype) if value.is_floating_point() else value.cpu()).clone()
        for key, value in network.state_dict().items()
    }
    _check_finite(path, tensors, f'nothing was written; it does not fit {dtype} or training failed')
    metadata = replace(metadata, sha256=_sha256(tensors))
    header = {_VERSION_KEY: str(FORMAT_VERSION), _METADATA_KEY: metadata.to_json()}
    _write_whole(path, safetensors_torch.save(tensors, header))
    return metadata


def load_model(path: str | Path) -> tuple[S2RDepthNet, ModelMetadata]:
    """Read a model file of this package.

    Returns the network, in evaluation mode on the CPU in float32, and its metadata. Raises
    CheckpointError for a file that is missing, foreign, truncated, altered (sha256) or does not
    hold exactly the network that its metadata describes.
    """
    path = Path(path)
    metadata, tensors = _read(path)
    network = _empty_network(metadata.width)
    _check_tensors(path, tensors, network.state_dict(), f'width {metadata.width:g}', _AGAIN)
    if _sha256(tensors) != metadata.sha256:
        raise CheckpointError(
            f"{path}: the weights do not match metadata field 'sha256', the file was altered or "
            'damaged; fetch or write it again'
        )
    _check_values(path, tensors, _ACTIVATION.split('.', 1)[0] + '.')
    return _filled(network, tensors), metadata


def read_metadata(path: str | Path) -> ModelMetadata:
    """Read only the metadata of a model file; the weights are not checked.

    Raises CheckpointError for a file that is missing, foreign or truncated, or wrong metadata.
    """
    return _read(Path(path), weights=False)[0]


def stored_sha256(path: str | Path) -> str:
    """Return the sha256 of the weights that a model file really holds (ModelMetadata.sha256)."""
    return _sha256(_read(Path(path))[1])


def load_released(
    struct_encoder: str | Path, struct_decoder: str | Path, dsa: str | Path, depth_net: str | Path
) -> S2RDepthNet:
    """Read the authors' four .pth files (bare state dicts, with or without 'module.'; spec 2).

    Returns the network in evaluation mode on the CPU in float32, its width inferred from the
    structure encoder. Raises CheckpointError for a file that is missing, foreign, truncated,
    holds code, or is not exactly the sub-network it stands for.
    """
    paths = dict(zip(SUB_NETWORKS, map(Path, (struct_encoder, struct_decoder, dsa, depth_net))))
    states = {name: _read_state_dict(path) for name, path in paths.items()}
    width = _infer_width(paths['struct_encoder'], states['struct_encoder'])
    network = _empty_network(width)
    tensors = {}
    for name, path in paths.items():
        expected = getattr(network, name).state_dict()
        remedy = _released_remedy(network, name, states[name])
        _check_tensors(path, states[name], expected, f'{name} at width {width:g}', remedy)
        _check_values(path, states[name], '' if name == 'depth_net' else None)
        tensors.update({f'{name}.{key}': value for key, value in states[name].items()})
    return _filled(network, tensors)


def _empty_network(width: float) -> S2RDepthNet:
    """Build the topology without memory: initialising 87 million weights takes a second."""
    with torch.device('meta'):
        return S2RDepthNet(width)


def _filled(network: S2RDepthNet, tensors: Mapping[str, Tensor]) -> S2RDepthNet:
    floats = {
        key: value.float() if value.is_floating_point() else value for key, value in tensors.items()
    }
    network.load_state_dict(floats, assign=True)
    return network.eval()


def _sha256(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for key in sorted(tensors):
        array = tensors[key].contiguous().numpy()
        digest.update(key.encode('ascii'))
        digest.update(array.astype(array.dtype.newbyteorder('<'), copy=False).tobytes())
    return digest.hexdigest()


def _write_whole(path: Path, content: bytes) -> None:
    """Write beside the target and rename, so that a reader never sees half a file."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
        temporary.chmod(0o644)  # a temporary file is private, a model is not
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise CheckpointError(
            f'{path}: cannot be written ({error.strerror}); choose a file in a folder with room '
            'that you may write to'
        ) from error


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise CheckpointError(f'{path}: is a folder; give the model file inside it')
    if not path.exists():
        raise CheckpointError(f'{path}: no such file; check the path')
    if not os.access(path, os.R_OK):
        raise CheckpointError(f'{path}: may not be read; check its permissions')


def _read(path: Path, weights: bool = True) -> tuple[ModelMetadata, dict[str, Tensor]]:
    _require_file(path)
    try:
        with safe_open(path, framework='pt') as file:
            metadata = _parse_header(path, file.metadata() or {})
            tensors = {key: file.get_tensor(key) for key in file.keys()} if weights else {}  # noqa: SIM118
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
    for key in (_VERSION_KEY, _METADATA_KEY):
        if key not in header:
            raise CheckpointError(
                f'{path}: header key {key!r} is missing, so this is no model of this package; '
                f'{_AGAIN}'
            )
    version = header[_VERSION_KEY]
    if version != str(FORMAT_VERSION):
        raise CheckpointError(
            f'{path}: header key {_VERSION_KEY!r} is {version!r}, this package reads format '
            f'{FORMAT_VERSION}; update the package, or {_AGAIN}'
        )
    try:
        return ModelMetadata.from_json(header[_METADATA_KEY])
    except CheckpointError as error:
        raise CheckpointError(f'{path}: {error}; {_AGAIN}') from error


def _check_tensors(
    path: Path,
    tensors: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
    what: str,
    remedy: str,
) -> None:
    """Raise CheckpointError at the first key that is missing, unexpected or of a wrong shape."""
    for key in expected:
        if key not in tensors:
            raise CheckpointError(f'{path}: key {key!r} of {what} is missing; {remedy}')
    for key, value in tensors.items():
        if key not in expected:
            raise CheckpointError(f'{path}: key {key!r} is unexpected in {what}; {remedy}')
        shape, wanted = tuple(value.shape), tuple(expected[key].shape)
        if shape != wanted:
            raise CheckpointError(
                f'{path}: key {key!r} has shape {shape}, {what} needs {wanted}; {remedy}'
            )
        floating = expected[key].is_floating_point()
        allowed = _FLOAT_DTYPES if floating else (torch.int64,)
        if value.dtype not in allowed:
            names = ' or '.join(map(str, allowed))
            raise CheckpointError(
                f'{path}: key {key!r} is {value.dtype}, it must be {names}; {remedy}'
            )


def _check_values(path: Path, tensors: Mapping[str, Tensor], depth_prefix: str | None) -> None:
    """Raise CheckpointError at the first value that the network cannot have.

    ``depth_prefix`` is what the depth network's keys start with, None where there are none.
    """
    _check_finite(path, tensors, 'the training it came from failed, use an earlier checkpoint')
    if depth_prefix is None:
        return
    first = _ACTIVATION.split('.', 1)[1]
    aliases = [depth_prefix + key for key in _activation_keys()]
    slope = tensors[depth_prefix + first].item()
    for key in aliases:
        if tensors[key].item() != slope:
            raise CheckpointError(
                f'{path}: key {key!r} is {tensors[key].item():g} but {depth_prefix + first!r} is '
                f'{slope:g}; the {len(aliases)} PReLU keys are one shared scalar in this network: '
                'use weights trained with the shared activation'
            )


def _activation_keys() -> list[str]:
    """Return the keys of the depth network under which its one PReLU appears (spec 3.5)."""
    modules = _empty_network(min(WIDTHS)).depth_net.named_modules(remove_duplicate=False)
    return [f'{name}.weight' for name, module in modules if isinstance(module, torch.nn.PReLU)]


def _check_finite(path: Path, tensors: Mapping[str, Tensor], remedy: str) -> None:
    for key, value in tensors.items():
        if not torch.isfinite(value).all():
            raise CheckpointError(f'{path}: key {key!r} holds NaN or infinity; {remedy}')


def _read_state_dict(path: Path) -> dict[str, Tensor]:
    _require_file(path)
    try:
        content = torch.load(path, map_location='cpu', weights_only=True)
    # The unpickler raises whatever foreign bytes lead it to.
    except Exception as error:
        if 'Unsupported' in str(error) or 'GLOBAL' in str(error):
            raise CheckpointError(
                f'{path}: holds Python objects, not only tensors, and loading those could run '
                'code; where you trust it, save its bare state dict: '
                'torch.save(network.state_dict(), file)'
            ) from error
        raise CheckpointError(
            f'{path}: not a whole PyTorch file; it is truncated or something else: fetch it again'
        ) from error
    return _bare_state_dict(path, content)


def _bare_state_dict(path: Path, content: Any) -> dict[str, Tensor]:
    if not isinstance(content, Mapping) or not content:
        raise CheckpointError(
            f'{path}: holds a {type(content).__name__}, not a filled state dict; save '
            'network.state_dict() of one sub-network'
        )
    for key, value in content.items():
        if isinstance(value, Mapping):
            raise CheckpointError(
                f'{path}: key {key!r} holds a dict, this is a wrapped training checkpoint; save '
                f'only its weights: torch.save(checkpoint[{key!r}], file)'
            )
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise CheckpointError(
                f'{path}: key {key!r} holds a {type(value).__name__}, not a tensor; save only the '
                'state dict of one sub-network'
            )
    prefix = 'module.' if all(key.startswith('module.') for key in content) else ''
    return {key.removeprefix(prefix): value for key, value in content.items()}


def _infer_width(path: Path, struct_encoder: Mapping[str, Tensor]) -> float:
    """Return the width that the first convolution shows (64 channels at width 1)."""
    weight = struct_encoder.get('conv.conv.weight')
    if weight is None or weight.ndim == 0:
        return 1.0  # the key check that follows names what is wrong
    width = weight.shape[0] / 64
    if width not in WIDTHS:
        raise CheckpointError(
            f"{path}: key 'conv.conv.weight' has {weight.shape[0]} channels, which is width "
            f'{width:g}; this network exists at widths {", ".join(f"{w:g}" for w in WIDTHS)}'
        )
    return width


def _released_remedy(network: S2RDepthNet, name: str, state: Mapping[str, Tensor]) -> str:
    """Say which sub-network a file really holds, where it is one of the others."""
    for other in SUB_NETWORKS:
        if other != name and state.keys() == getattr(network, other).state_dict().keys():
            return f'this is the file of {other}: give each file to its own option'
    return f'give the released file of {name}'
