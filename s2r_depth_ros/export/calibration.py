"""Images to calibrate a quantisation on, as inputs of the network."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.inference.preprocessing import Preprocessor
from s2r_depth_ros.media.sources import SourceError, find_files, read_frames
from s2r_depth_ros.network.metadata import ModelMetadata

# More images change the ranges little and take longer.
_IMAGES = 96
# What numpy raises for a file that is cut short, of another kind, or without the array.
_UNREADABLE = (
    OSError, ValueError, EOFError, KeyError, TypeError, AttributeError, BadZipFile, zlib.error
)  # fmt: skip


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
        images = _images(shard)
        yield from images[:: max(1, len(images) // each)][:each]


def _images(shard: Path) -> NDArray[np.uint8]:
    """Return ``rgb`` of a shard, uint8 [N, H, W, 3]. Raises SourceError for another file."""
    try:
        # Opened here: numpy leaves a file open that it cannot read.
        with shard.open('rb') as stream, np.load(stream, allow_pickle=False) as arrays:
            images: NDArray[np.uint8] = arrays['rgb']
    except _UNREADABLE as error:
        raise SourceError(
            f'{shard} is not a shard with images; take it out of the folder'
        ) from error
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
        raise SourceError(f'{shard}: rgb is {images.dtype} {images.shape}, not uint8 [N, H, W, 3]')
    return images


def _from_files(folder: Path) -> Iterator[NDArray[np.uint8]]:
    files = find_files(folder)
    for file in _spread(files):
        for _, image in read_frames(file):
            yield image
            break


def _spread(files: Sequence[Path]) -> Sequence[Path]:
    """Return up to as many of ``files`` as images are wanted, evenly spread."""
    return files[:: -(-len(files) // _IMAGES) or 1]
