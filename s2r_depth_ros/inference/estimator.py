"""RGB image in, metric depth out: the one class that robots and notebooks use."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2r_depth_ros.errors import UserError, brief
from s2r_depth_ros.inference.backends import BackendError, Source, choose_backend
from s2r_depth_ros.inference.backends.onnx_file import SUFFIX as ONNX_SUFFIX
from s2r_depth_ros.inference.backends.onnx_file import read_onnx_metadata
from s2r_depth_ros.inference.decoding import metric_depth, on_host, resized_map
from s2r_depth_ros.inference.devices import resolve_device, resolve_precision
from s2r_depth_ros.inference.finishing import (
    Finish,
    finish_on_device,
    finish_on_host,
    pack_cloud,
)
from s2r_depth_ros.inference.preprocessing import Preprocessor, check_image
from s2r_depth_ros.inference.transfer import Transfer
from s2r_depth_ros.network.checkpoint import load_model, read_metadata
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_ros.network.optimized import Maps
from s2r_depth_ros.network.registry import find_model
from s2r_depth_ros.size_rule import check_size

_LOG = logging.getLogger(__name__)
# What is raised while the network is set up or runs, by torch and the runtimes.
_OF_A_RUN = (RuntimeError, MemoryError)


class FocalLengthError(UserError, ValueError):
    """The camera's focal length is not a positive number of pixels."""


class InferenceError(UserError, RuntimeError):
    """The network cannot be run, though model and image are right: memory, device or runtime."""


class View(NamedTuple):
    """One image of a batch: the arguments of ``DepthEstimator.predict``, and more.

    finish: what is done to the depth, where the network runs.
    """

    rgb: NDArray[np.uint8]
    fx: float | None = None
    maps: bool = False
    finish: Finish = Finish()


class Prediction(NamedTuple):
    """What one image gives, all at the image's size.

    depth: float32 [H, W], metres along the optical axis (Z), NaN where invalid.
    structure, attention: float32 [H, W] in [0, 1] (the paper's maps), None unless asked for.
    focal_scale: the factor by which depth was corrected for the camera's focal length.
    cloud: uint8 [H * W * 16], the points of a ``finish`` with rays, if a GPU has made them; else
    None: on a CPU they are best packed into the message itself, by CloudPacker.
    """

    depth: NDArray[np.float32]
    structure: NDArray[np.float32] | None
    attention: NDArray[np.float32] | None
    focal_scale: float
    cloud: NDArray[np.uint8] | None = None


class DepthEstimator:
    """Estimates metric depth from single RGB images with one model on one device.

    model: a model's name (see registry.find_model) or a file.
    device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` or ``cuda:N``.
    precision: ``fp32``, ``fp16`` or ``bf16``; the depth heads always run in fp32. On a GPU fp32
        convolutions follow torch's own switch ``torch.backends.cudnn.allow_tf32``.
    input_size: (height, width) of the network's input instead of the model's own.
    backend: what runs the network, one of network_choices.BACKEND_NAMES; ``auto``: the fastest that
        is installed and computes what the network does. The ONNX files of the export command run in
        ``openvino`` and ``onnxruntime``, at their own size.

    Attributes: metadata, device (torch.device), precision, input_size, backend (the name of the one
    that runs), backend_reason (why it is that one), tried_again (how many runs failed and were
    tried once more). Not for several threads at once: ``sharing``. Raises CheckpointError,
    DeviceError, BackendError, InferenceError (no memory), or SizeError for an impossible input
    size.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        device: str = 'auto',
        precision: str = 'fp32',
        input_size: tuple[int, int] | None = None,
        backend: str = 'torch',
    ) -> None:
        self.device = resolve_device(device)
        self.precision = precision
        dtype = resolve_precision(precision, self.device)
        if input_size is not None:
            check_size(*input_size)
        source, self.metadata = _load(find_model(model), input_size)
        self.input_size = input_size or (self.metadata.input_height, self.metadata.input_width)
        self.tried_again = 0
        try:
            self.backend, self._backend, self.backend_reason = choose_backend(
                backend, source, self.input_size, self.device, dtype
            )
        except _OF_A_RUN as error:
            raise _explained(error) from error
        self._preprocess = Preprocessor(
            self.metadata, self.input_size, self.device, self._backend.input_dtype
        )
        self._transfer = Transfer(self.device)
        self._told_no_focal_length = False
        self._failing = False

    def predict(
        self, rgb: NDArray[np.uint8], *, fx: float | None = None, maps: bool = False
    ) -> Prediction:
        """Estimate the depth of ``rgb``, uint8 [H, W, 3], both sides >= 32 pixels.

        fx: the camera's horizontal focal length in pixels at the image's size. Depth scales with
        it (a longer lens shows the same thing larger); without it the factor is 1, and depth is
        right only for a camera with the field of view of the training images.
        maps: also return the structure and attention maps.
        Raises ImageError for what is not such an image, FocalLengthError for an impossible ``fx``.
        """
        return self.predict_batch([View(rgb, fx, maps)])[0]

    def predict_batch(self, views: Sequence[View]) -> list[Prediction]:
        """Estimate the depths of one or more images, of any sizes, in one run of the network.

        Backends built for one image (tap, openvino, onnxruntime) run once for each. What fails is
        tried once more, with all memory that can be spared. Raises as ``predict`` does if any of
        the images cannot be used, InferenceError if the second try fails, too.
        """
        return [finish() for finish in self.infer(views)]

    def infer(self, views: Sequence[View]) -> list[Callable[[], Prediction]]:
        """Run the network for one or more images; what is returned gives their predictions.

        Each is to be called once, on any thread and at any later time: on a CPU depth gets the
        image's size only then. Else as ``predict_batch``; what is left may raise InferenceError.
        """
        for view in views:
            check_view(view)
        try:
            return self._infer(views)
        except _OF_A_RUN as error:
            if not self._failing:  # once, not at the rate of a camera
                _LOG.warning('inference failed and is tried again: %s', _explained(error))
        self._failing, self.tried_again = True, self.tried_again + 1
        try:
            with suppress(RuntimeError):  # of a GPU that answers no more
                torch.cuda.empty_cache()
            unfinished = self._infer(views)
        except _OF_A_RUN as error:
            raise _explained(error) from error
        self._failing = False
        return unfinished

    def _infer(self, views: Sequence[View]) -> list[Callable[[], Prediction]]:
        with torch.inference_mode():
            output = self._backend(self._preprocess(*(view.rgb for view in views)))
            maps = [Maps(*parts) for parts in zip(*(m.split(1) for m in output))]
            if on_host(output.depth):
                # Copies, as backends write into the same memory again.
                return [
                    partial(self._on_host, view, Maps(*(part.clone() for part in parts)))
                    for view, parts in zip(views, maps)
                ]
            rgb = self._preprocess.images
            predictions = [self._on_device(*parts) for parts in zip(views, maps, rgb)]
            self._transfer.wait()
        return [partial(_same, prediction) for prediction in predictions]

    def warm_up(self, height: int, width: int, *, batch: int = 1) -> None:
        """Run once on black images of this size, so that the first real frame is not slow.

        batch: run every number of images from 1 to this one.
        """
        # With some focal length, so that a warning about a missing one waits for a real image.
        black = View(np.zeros((height, width, 3), np.uint8), fx=float(width))
        for count in range(1, batch + 1):
            self.predict_batch([black] * count)

    def summary(self) -> str:
        """Return in words which model runs, where and in what."""
        height, width = self.input_size
        return (
            f'model {self.metadata.name}, input {height}x{width} (height x width), range '
            f'{self.metadata.max_depth:g} m, on {self.device} in {self.precision} '
            f'(backend {self.backend}: {self.backend_reason})'
        )

    def _on_host(self, view: View, output: Maps) -> Prediction:
        """Return what the maps of one image, [1, 1, h, w], say about it; on any thread."""
        try:
            with torch.inference_mode():
                scale, depth, levels = self._at_its_size(view, output)
                structure, attention = (None if m is None else m.numpy() for m in levels)
                finished = finish_on_host(depth.numpy(), view.finish)
        except _OF_A_RUN as error:
            raise _explained(error) from error
        return Prediction(finished, structure, attention, scale)

    def _on_device(self, view: View, output: Maps, rgb: Tensor) -> Prediction:
        """Return the same; rgb: the image where the network runs.

        The arrays are on their way until ``self._transfer.wait``.
        """
        scale, depth, levels = self._at_its_size(view, output)
        depth = finish_on_device(depth, view.finish)
        cloud = None
        if view.finish.rays is not None:
            columns, rows = (ray.on(depth.device) for ray in view.finish.rays)
            cloud = pack_cloud(depth, rgb, columns, rows)
        structure, attention, points = (
            None if t is None else self._transfer.start_down(t).numpy() for t in (*levels, cloud)
        )
        return Prediction(
            self._transfer.start_down(depth).numpy(), structure, attention, scale, points
        )

    def _at_its_size(
        self, view: View, output: Maps
    ) -> tuple[float, Tensor, tuple[Tensor | None, Tensor | None]]:
        """Return the focal scale, depth, and the maps asked for, at the image's size."""
        size = (view.rgb.shape[0], view.rgb.shape[1])
        scale = self._focal_scale(view.fx, size[1])
        depth = metric_depth(output.depth, size, self.metadata.max_depth * scale)
        structure, attention = (
            resized_map(m, size) if view.maps else None
            for m in (output.structure, output.attention)
        )
        return scale, depth, (structure, attention)

    def _focal_scale(self, fx: float | None, image_width: int) -> float:
        """Return focal length at the network's input over the training one (1 if unknown)."""
        trained = self.metadata.focal_length
        if fx is not None and trained is not None:
            return fx * self.input_size[1] / image_width / trained
        if not self._told_no_focal_length:
            self._told_no_focal_length = True
            unknown = (
                f"model {self.metadata.name}'s training" if trained is None else "the camera's"
            )
            _LOG.warning(
                '%s focal length is unknown: depth is not corrected for it (factor 1) and its '
                'scale may be wrong',
                unknown,
            )
        return 1.0


def model_metadata(model: str | Path) -> ModelMetadata:
    """Read only the metadata of a model, given as to DepthEstimator. Raises CheckpointError."""
    path = find_model(model)
    return read_onnx_metadata(path) if path.suffix == ONNX_SUFFIX else read_metadata(path)


def _same(prediction: Prediction) -> Prediction:
    return prediction


def check_view(view: View) -> None:
    """Raise ImageError or FocalLengthError for what a batch must not contain."""
    check_image(view.rgb)
    fx = view.fx
    if fx is not None and not (math.isfinite(fx) and fx > 0):
        raise FocalLengthError(
            f'the focal length fx must be a positive number of pixels, not {fx}: take it from '
            'the camera calibration (K[0] of camera_info), or leave it out'
        )


def _explained(error: Exception) -> UserError:
    """Return an error of a run with its remedy; one that has one as it is."""
    if isinstance(error, UserError):
        return error
    text = brief(error)
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        remedy = (
            'end what else uses the memory, or use a smaller input size, precision fp16 on a GPU, '
            'fewer cameras in one node, or device cpu'
        )
        return InferenceError(f'no memory is left for the network ({text}): {remedy}')
    if 'CUDA' in text or 'cuDNN' in text or 'CUBLAS' in text:
        return InferenceError(
            f'the GPU failed ({text}): start the process again, as a GPU answers no more in a '
            'process in which it failed so; `dmesg | grep -i xid` tells of the driver; or use '
            'device cpu'
        )
    return InferenceError(f'the network cannot be run ({text}): use another backend or device')


def _load(path: Path, input_size: tuple[int, int] | None) -> tuple[Source, ModelMetadata]:
    """Return what a backend takes, and its metadata; an exported file has one size only."""
    if path.suffix != ONNX_SUFFIX:
        return load_model(path)
    metadata = read_onnx_metadata(path)
    own = (metadata.input_height, metadata.input_width)
    if input_size not in (None, own):
        raise BackendError(
            f'{path}: was exported for inputs of {own[0]}x{own[1]} (height x width); leave the '
            'input size out, or export the model again with another --input-size'
        )
    return path, metadata
