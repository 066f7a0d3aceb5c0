"""What STE and DSA are worth in a model: its errors without what either has learnt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2r_depth_ros.evaluation.manifest import GroundTruthFrame
from s2r_depth_ros.evaluation.protocols import EVAL, Protocol
from s2r_depth_ros.evaluation.scores import DepthMap, FrameScore, Predictor, evaluate_frame
from s2r_depth_ros.inference.decoding import metric_depth
from s2r_depth_ros.inference.preprocessing import Preprocessor
from s2r_depth_ros.network.checkpoint import load_model
from s2r_depth_ros.network.contrast import normalised_contrast
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet

FORMULA = 'structure map by formula'
CONSTANT = 'attention constant'


def score_parts(
    model: Path, frames: Sequence[GroundTruthFrame], protocol: Protocol = EVAL
) -> list[FrameScore]:
    """Return the errors of a model in which one part knows nothing, as predictors of two names.

    FORMULA: the structure map is ``normalised_contrast`` of the image. CONSTANT: the attention map
    is its own mean everywhere. On the CPU, in float32. Raises CheckpointError, ManifestError.
    """
    network, metadata = load_model(model)
    runs = {FORMULA: partly(network, FORMULA), CONSTANT: partly(network, CONSTANT)}
    scores: list[FrameScore] = []
    for name, run in runs.items():
        predictor = predictor_of(run, metadata)
        for frame in frames:
            scores += evaluate_frame(frame, predictor, {}, protocol, name)
    return scores


def partly(network: S2RDepthNet, name: str) -> Callable[[Tensor], Tensor]:
    """Return what gives the finest depth of an image [N, 3, H, W] without what a part has learnt.

    name: FORMULA or CONSTANT.
    """
    network.eval()

    @torch.inference_mode()
    def run(image: Tensor) -> Tensor:
        attention = network.dsa(image)
        if name == FORMULA:
            structure = normalised_contrast(image)
        else:
            structure = network.struct_decoder(network.struct_encoder(image))
            attention = attention.mean((2, 3), keepdim=True)
        depths: list[Tensor] = network.depth_net(structure * attention)
        return depths[-1]

    return run


def predictor_of(run: Callable[[Tensor], Tensor], metadata: ModelMetadata) -> Predictor:
    """Return what predicts metres of an image, as DepthEstimator does on a CPU.

    run: makes of an image, float32 [1, 3, H, W], the finest depth [1, 1, H, W], both in [-1, 1].
    """
    size = (metadata.input_height, metadata.input_width)
    prepare = Preprocessor(metadata, size, torch.device('cpu'), torch.float32)

    def predict(rgb: NDArray[np.uint8], fx: float) -> DepthMap:
        height, width = rgb.shape[:2]
        lens = 1.0
        if metadata.focal_length is not None:
            lens = fx * metadata.input_width / width / metadata.focal_length
        depth = metric_depth(run(prepare(rgb)), (height, width), metadata.max_depth * lens)
        return depth.numpy()

    return predict
