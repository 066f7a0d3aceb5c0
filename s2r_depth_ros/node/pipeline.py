"""What is made of one camera's images: read before the network, made into messages after it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.geometry import (
    Calibration,
    CalibrationError,
    CloudPacker,
    ImplausibleError,
    Rectifier,
    calibration_from,
)
from s2r_depth_ros.geometry.scale import UnscaledView
from s2r_depth_ros.inference.colorize import colorize_depth
from s2r_depth_ros.inference.estimator import Prediction, View, check_view
from s2r_depth_ros.inference.finishing import DeviceCopy, Finish, cloud_rays
from s2r_depth_ros.inference.postprocess import depth_to_millimetres
from s2r_depth_ros.media.bit_depth import BitDepth
from s2r_depth_ros.media.compressed_images import compressed_to_rgb
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.camera_info import ImageSize, camera_info_message
from s2r_depth_ros.node.compressed_depth import compressed_depth
from s2r_depth_ros.node.conversions import image_to_rgb, seconds
from s2r_depth_ros.node.frame_cleaning import Cleaned, DepthFrame, FrameCleaner, has_sky, is_cleaned
from s2r_depth_ros.node.frame_clouds import CloudImage, FrameClouds, is_reduced
from s2r_depth_ros.node.frame_level import (
    NOT_LEVELED,
    FrameLevel,
    Leveled,
    turned_back,
    turned_view,
)
from s2r_depth_ros.node.frame_navigation import FrameNavigator, NavigationFrame
from s2r_depth_ros.node.frame_scale import FrameScale
from s2r_depth_ros.node.gravity import Gravity
from s2r_depth_ros.node.log import describe
from s2r_depth_ros.node.messages import CloudBuffer, ImageBuffer
from s2r_depth_ros.node.parameters import Values
from s2r_depth_ros.node.scale_report import ScaleReport, scale_message
from s2r_depth_ros.node.transforms import Transforms

FindInfo = Callable[[Header, ImageSize], tuple[CameraInfo | None, str]]
"""From an image's header and size to its camera_info, or None and the problem to report."""

NOTHING_VALID = (
    'no pixel of the depth is valid: look at min_depth and max_depth, at the filters that are '
    'enabled, and at depth_scale'
)
# What takes no network.
_WITHOUT_NETWORK = frozenset({topics.DEPTH_INFO, topics.RECT_INFO, topics.RECT_COLOR})
_WITHOUT_DEPTH = _WITHOUT_NETWORK | {topics.STRUCTURE, topics.ATTENTION, topics.SCALE}


class _Calibrated:
    """Everything computed once per calibration."""

    def __init__(self, calibration: Calibration) -> None:
        self.calibration = calibration
        self.rectifier = Rectifier(calibration)
        self.rectifier.check_something_is_left()
        self.packer = CloudPacker(self.rectifier.intrinsics)
        self.rays = cloud_rays(self.rectifier.intrinsics)
        self.valid = DeviceCopy(self.rectifier.valid)


@dataclass(frozen=True)
class Prepared:
    """A frame that was read and waits for the network.

    wanted: names in topics.OUTPUTS. calibrated: None without usable intrinsics.
    camera_problem: why there are none, '' if there are. rectified: whether the image was
    undistorted. rgb: the image as it is shown. view: what the network is to see, None
    if no wanted output needs it. level: how that was levelled. finish: what is left to be done to
    depth once it is turned back, None if it is not turned.
    """

    header: Header
    wanted: Set[str]
    calibrated: _Calibrated | None
    camera_problem: str
    rectified: bool
    rgb: NDArray[np.uint8]
    view: View | None
    level: Leveled
    finish: Finish | None


class Inference(NamedTuple):
    """What the network gave for one frame.

    seconds: time in the network, of the whole batch. batch: how many images it saw at once.
    """

    prediction: Prediction
    seconds: float
    batch: int


@dataclass(frozen=True)
class Result:
    """What became of one frame.

    messages: name in topics.OUTPUTS -> message, in the order of publishing; valid until the next
    frame of the camera. camera_problem, rectified: as in ``Prepared``. focal_scale: the factor on
    depth for the focal length, inference: seconds in the network, of the whole batch; both None
    if it did not run. batch: how many images the network saw at once, 0 if it did not run.
    navigation_problem: why wanted clouds or the scan are missing, '' if none is. scale: by what
    depth was scaled, None if by depth_scale alone. unscaled: depth as depth_scale alone makes it,
    if topics.SCALE was wanted and there are intrinsics. level: as in ``Prepared``.
    """

    header: Header
    messages: Mapping[str, Any]
    camera_problem: str
    rectified: bool
    focal_scale: float | None
    inference: float | None
    batch: int
    navigation_problem: str = ''
    scale: ScaleReport | None = None
    unscaled: UnscaledView | None = None
    level: Leveled = NOT_LEVELED


class FramePipeline:
    """Makes output messages from the messages of one camera; one caller at a time.

    ``prepare`` comes before the network, which may see several cameras at once, ``finish`` after.
    scale: None if nothing but depth_scale scales depth.
    """

    def __init__(
        self,
        model: ModelMetadata,
        transforms: Transforms,
        gravity: Gravity,
        scale: FrameScale | None = None,
    ) -> None:
        self._model = model
        self._level = FrameLevel(gravity, model)
        self.scale = scale
        self._activation = 0
        self._calibrated: _Calibrated | None = None
        self._bits = BitDepth()
        self._images: defaultdict[str, ImageBuffer] = defaultdict(ImageBuffer)
        self._cloud = CloudBuffer()
        self._cleaner = FrameCleaner()
        self._clouds = FrameClouds(transforms)
        self._navigator = FrameNavigator(transforms, gravity, self._clouds)

    def begin(self, activation: int) -> None:
        """Forget earlier frames if those of another activation of the node come now."""
        if activation != self._activation:
            self._activation = activation
            self._cleaner.restart()
            if self.scale is not None:
                self.scale.restart()

    def prepare(
        self,
        message: Image | CompressedImage,
        find_info: FindInfo,
        wanted: Set[str],
        values: Values,
    ) -> Prepared:
        """Read a frame of which the messages ``wanted`` (names in topics.OUTPUTS) are to be made.

        Without usable intrinsics the messages that need them are left out and depth is not
        corrected for the focal length. Raises ConversionError or ImageError for an image that
        cannot be used, and ImplausibleError for intrinsics that would make all that is metric
        wrong: a placeholder says nothing of the scale, but looks as if it did.
        """
        read = compressed_to_rgb if isinstance(message, CompressedImage) else image_to_rgb
        rgb = read(message, self._bits, values.max_image_pixels)
        camera_info, problem = find_info(message.header, (rgb.shape[1], rgb.shape[0]))
        calibrated = None
        if camera_info is not None:
            calibrated, problem = self._calibrate(camera_info, rgb, values)
        rectified = calibrated is not None and not calibrated.rectifier.is_identity
        if calibrated and rectified:
            rgb = calibrated.rectifier.rectify(rgb)
        view, level, finish = None, NOT_LEVELED, None
        if set(wanted) - _WITHOUT_NETWORK:
            view = _view(rgb, calibrated, rectified, wanted, values)
            check_view(view)
            intrinsics = calibrated.rectifier.intrinsics if calibrated else None
            level = self._level.find(message.header, intrinsics, values)
            if level.turned is not None:
                view, finish = turned_view(view, level.turned), view.finish
        return Prepared(
            message.header, wanted, calibrated, problem, rectified, rgb, view, level, finish
        )

    def finish(self, frame: Prepared, inference: Inference | None, values: Values) -> Result:
        """Make the wanted messages; ``inference``: of ``frame.view``, None if it has none."""
        messages = self._camera_messages(frame)
        problems: list[str] = []
        if values.sky_filter.enable and not has_sky(self._model.scene, values):
            problems.append('sky_filter.enable has no effect: this model is for rooms; disable it')
        report = unscaled = None
        if frame.view is not None and inference is not None:
            prediction = inference.prediction
            if frame.level.turned is not None and frame.finish is not None:
                prediction = turned_back(prediction, frame.level.turned, frame.finish)
            unscaled = _unscaled(frame, prediction)
            if self.scale is not None:
                report = self.scale.measure(frame.header, unscaled, values)
                frame = _without_withheld(frame, report, values)
                prediction = prediction._replace(depth=report.apply(prediction.depth))
            cleaned = self._clean(frame, prediction, report, values)
            if not _shows_something(cleaned):
                problems.append(NOTHING_VALID)
            messages |= self._depth_messages(frame, prediction, cleaned, values)
            if topics.SCALE in frame.wanted:
                messages[topics.SCALE] = scale_message(frame.header, report)
            clouds, missing = self._cloud_messages(frame, prediction, cleaned, values)
            messages |= clouds
            problems += missing
        return Result(
            header=frame.header,
            messages={t.name: messages[t.name] for t in topics.OUTPUTS if t.name in messages},
            camera_problem=frame.camera_problem,
            rectified=frame.rectified,
            focal_scale=inference.prediction.focal_scale if inference else None,
            inference=inference.seconds if inference else None,
            batch=inference.batch if inference else 0,
            level=frame.level,
            navigation_problem='; '.join(problems),
            scale=report,
            unscaled=unscaled if topics.SCALE in frame.wanted else None,
        )

    def _calibrate(
        self, camera_info: CameraInfo, rgb: NDArray[np.uint8], values: Values
    ) -> tuple[_Calibrated | None, str]:
        """Return what belongs to the calibration of an image, or None and why it is unusable."""
        try:
            calibration = calibration_from(
                camera_info,
                rectified=values.rectify != 'auto',
                size=(rgb.shape[1], rgb.shape[0]),
            )
            if self._calibrated is None or self._calibrated.calibration != calibration:
                self._calibrated = _Calibrated(calibration)
        except ImplausibleError:
            raise
        except CalibrationError as error:
            return None, describe(error)
        return self._calibrated, ''

    def _camera_messages(self, frame: Prepared) -> dict[str, Any]:
        """Return the wanted messages that need a calibration and no network."""
        if frame.calibrated is None:
            return {}
        messages: dict[str, Any] = {}
        for name in (topics.DEPTH_INFO, topics.RECT_INFO):
            if name in frame.wanted:
                messages[name] = camera_info_message(
                    frame.calibrated.rectifier.calibration, frame.header
                )
        if topics.RECT_COLOR in frame.wanted:
            messages[topics.RECT_COLOR] = self._images[topics.RECT_COLOR].fill(
                frame.header, 'rgb8', frame.rgb
            )
        return messages

    def _clean(
        self,
        frame: Prepared,
        prediction: Prediction,
        report: ScaleReport | None,
        values: Values,
    ) -> Cleaned:
        """Return clean depth; as it is where nobody asks for more."""
        depth = prediction.depth
        shown = frame.wanted - _WITHOUT_DEPTH or values.temporal_filter.enable
        if not (shown and is_cleaned(frame.wanted, values)):
            self._cleaner.restart()
            return Cleaned(depth, depth)
        if report is None and topics.SCALE in frame.wanted:
            depth = depth.copy()  # that before filters is kept, too
        farthest = self._model.max_depth * prediction.focal_scale * values.depth_scale
        if report is not None:
            farthest = float(report.apply(np.array([farthest], np.float32))[0])
        return self._cleaner.clean(
            DepthFrame(
                depth,
                frame.rgb,
                seconds(frame.header.stamp),
                frame.calibrated.rectifier.intrinsics if frame.calibrated else None,
                self._model.scene,
                farthest,
            ),
            frame.wanted,
            values,
        )

    def _depth_messages(
        self, frame: Prepared, prediction: Prediction, cleaned: Cleaned, values: Values
    ) -> dict[str, Any]:
        """Return the wanted images that show what the network gave."""
        header, wanted = frame.header, frame.wanted
        messages: dict[str, Any] = {}
        if wanted & {topics.DEPTH, topics.DEPTH_COMPRESSED}:
            encoding = values.depth_encoding
            depth = cleaned.depth if values.out_of_range == 'infinite' else cleaned.finite
            pixels: NDArray[Any] = depth_to_millimetres(depth) if encoding == '16UC1' else depth
            if topics.DEPTH in wanted:
                messages[topics.DEPTH] = self._images[topics.DEPTH].fill(header, encoding, pixels)
            if topics.DEPTH_COMPRESSED in wanted:
                messages[topics.DEPTH_COMPRESSED] = compressed_depth(header, pixels)
        if topics.CONFIDENCE in wanted and cleaned.confidence is not None:
            messages[topics.CONFIDENCE] = self._images[topics.CONFIDENCE].fill(
                header, '32FC1', cleaned.confidence
            )
        if topics.DEPTH_COLOR in wanted:
            near, far = values.color_near or None, values.color_far or None
            colors = colorize_depth(cleaned.finite, near, far)
            messages[topics.DEPTH_COLOR] = self._images[topics.DEPTH_COLOR].fill(
                header, 'rgb8', colors
            )
        for name, levels in (
            (topics.STRUCTURE, prediction.structure),
            (topics.ATTENTION, prediction.attention),
        ):
            if name in wanted and levels is not None:
                pixels = np.rint(levels * 255).astype(np.uint8)
                messages[name] = self._images[name].fill(header, 'mono8', pixels)
        return messages

    def _cloud_messages(
        self, frame: Prepared, prediction: Prediction, cleaned: Cleaned, values: Values
    ) -> tuple[dict[str, Any], list[str]]:
        """Return the wanted messages that need intrinsics, and why others of them are missing."""
        if frame.calibrated is None:
            return {}, []
        header, wanted = frame.header, frame.wanted
        messages: dict[str, Any] = {}
        problems: list[str] = []
        intrinsics = frame.calibrated.rectifier.intrinsics
        if topics.POINTS in wanted and is_reduced(values):
            whole = CloudImage(cleaned.finite, frame.rgb, intrinsics)
            try:
                image = self._clouds.image(header, whole, values)
                messages[topics.POINTS] = self._clouds.points(header, image, values)
            except UserError as error:
                problems.append(f'no {topics.POINTS}: {error}')
        elif topics.POINTS in wanted:
            packer, points, depth = frame.calibrated.packer, prediction.cloud, cleaned.finite
            messages[topics.POINTS] = (
                self._cloud.fill(header, packer, depth, frame.rgb)
                if points is None
                else self._cloud.fill_packed(header, (depth.shape[0], depth.shape[1]), points)
            )
        if wanted & topics.OF_NAVIGATION:
            seen = NavigationFrame(header, cleaned.depth, frame.rgb, intrinsics)
            made, missing = self._navigator.messages(seen, wanted, values)
            messages |= made
            problems += missing
        return messages, problems


def _shows_something(cleaned: Cleaned) -> bool:
    """Return whether any pixel has a depth, or is known to be farther than max_depth."""
    return bool(np.isfinite(cleaned.finite).any() or np.isposinf(cleaned.depth).any())


def _unscaled(frame: Prepared, prediction: Prediction) -> UnscaledView | None:
    """Return depth as depth_scale alone makes it, with its camera; None without intrinsics."""
    if frame.calibrated is None:
        return None
    return UnscaledView(prediction.depth, frame.calibrated.rectifier.intrinsics)


def _without_withheld(frame: Prepared, report: ScaleReport, values: Values) -> Prepared:
    """Return the frame without the outputs that the scale of depth is too uncertain for."""
    if not report.withheld:
        return frame
    metric = topics.METRIC
    if values.color_near or values.color_far:  # colours stand for metres then
        metric |= {topics.DEPTH_COLOR}
    return replace(frame, wanted=frame.wanted - metric)


def _view(
    rgb: NDArray[np.uint8],
    calibrated: _Calibrated | None,
    rectified: bool,
    wanted: Set[str],
    values: Values,
) -> View:
    """Return what the network is to see, and what is to be done to the depth it gives."""
    # Scale and filters come before limits, and before the cloud.
    later = is_cleaned(wanted, values)
    packed = topics.POINTS in wanted and not later and not is_reduced(values)
    finish = Finish(
        values.depth_scale,
        calibrated.valid if calibrated and rectified else None,
        0.0 if later else values.min_depth,
        np.inf if later else values.max_depth or np.inf,
        calibrated.rays if calibrated and packed else None,
    )
    return View(
        rgb,
        fx=calibrated.rectifier.intrinsics.fx if calibrated else None,
        maps=topics.STRUCTURE in wanted or topics.ATTENTION in wanted,
        finish=finish,
    )
