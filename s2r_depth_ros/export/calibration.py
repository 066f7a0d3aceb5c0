"""Images to calibrate a quantisation on, as inputs of the network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.inference.preprocessing import Preprocessor
from s2r_depth_ros.media.sources import find_files, read_frames
from s2r_depth_ros.network.metadata import ModelMetadata

# More images change the ranges little and take longer.
_IMAGES = 96


def calibration_inputs(folder: Path, metadata: ModelMetadata) -> list[NDArray[np.float32]]:
    """Return up to 96 network inputs [1, 3, H, W] of ``metadata``'s size, spread over ``folder``.

    folder: .npz shards of the synthetic training set (array ``rgb``, uint8 [N, H, W, 3]), or else
    pictures and videos. Raises UserError if there are none.
    """
    size = (metadata.input_height, metadata.input_width)
    preprocess = Preprocessor(metadata, size, torch.device('cpu'), torch.float32)
    shards = sorted(folder.rglob('*.npz'))
    images = _from_shards(shards) if shards else _from_files(folder)
    inputs = [preprocess(image).numpy() for image in islice(images, _IMAGES)]
    if not inputs:
        raise UserError(f'{folder}: no image to calibrate on; give a folder with pictures')
    return inputs


def _from_shards(shards: Sequence[Path]) -> Iterator[NDArray[np.uint8]]:
    chosen = _spread(shards)
    each = -(-_IMAGES // len(chosen))
    for shard in chosen:
        with np.load(shard) as arrays:
            images = arrays['rgb']
        yield from images[:: max(1, len(images) // each)][:each]


def _from_files(folder: Path) -> Iterator[NDArray[np.uint8]]:
    files = find_files(folder)
    for file in _spread(files):
        for _, image in read_frames(file):
            yield image
            break


def _spread(files: Sequence[Path]) -> Sequence[Path]:
    """Return up to as many of ``files`` as images are wanted, evenly spread."""
    return files[:: -(-len(files) // _IMAGES) or 1]
