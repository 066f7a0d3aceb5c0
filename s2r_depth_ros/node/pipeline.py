"""The way of one camera's frames: read before the network, scaled, cleaned and told after it."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from s2r_depth_ros.geometry import CalibrationError, ImplausibleError, calibration_from
from s2r_depth_ros.geometry.scale import UnscaledView
from s2r_depth_ros.inference.estimator import Prediction, View, check_view
from s2r_depth_ros.inference.finishing import Finish
from s2r_depth_ros.inference.sharing import Inference
from s2r_depth_ros.media.bit_depth import BitDepth
from s2r_depth_ros.media.compressed_images import compressed_to_rgb
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.camera_info import ImageSize
from s2r_depth_ros.node.conversions import image_to_rgb, seconds
from s2r_depth_ros.node.frame import Calibrated, Prepared, Result
from s2r_depth_ros.node.frame_cleaning import Cleaned, DepthFrame, FrameCleaner, has_sky, is_cleaned
from s2r_depth_ros.node.frame_clouds import is_reduced
from s2r_depth_ros.node.frame_level import NOT_LEVELED, FrameLevel, turned_back, turned_view
from s2r_depth_ros.node.frame_messages import FrameMessages
from s2r_depth_ros.node.frame_scale import FrameScale
from s2r_depth_ros.node.gravity import Gravity
from s2r_depth_ros.node.image_checks import image_problems
from s2r_depth_ros.node.log import describe
from s2r_depth_ros.node.parameters import Values
from s2r_depth_ros.node.scale_report import ScaleReport, scale_message
from s2r_depth_ros.node.transforms import Transforms

FindInfo = Callable[[Header, ImageSize], tuple[CameraInfo | None, str]]
"""From an image's header and size to its camera_info, or None and the problem to report."""

NOTHING_VALID = (
    'no pixel of the depth is valid: look at min_depth and max_depth, at the filters that are '
    'enabled, and at depth_scale'
)
_SPARSE = 16  # px
# What takes no network.
_WITHOUT_NETWORK = frozenset({topics.DEPTH_INFO, topics.RECT_INFO, topics.RECT_COLOR})
_WITHOUT_DEPTH = _WITHOUT_NETWORK | {topics.STRUCTURE, topics.ATTENTION, topics.SCALE}


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
        self._calibrated: Calibrated | None = None
        self._bits = BitDepth()
        self._cleaner = FrameCleaner()
        self._messages = FrameMessages(transforms, gravity)

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
        to_rgb = compressed_to_rgb if isinstance(message, CompressedImage) else image_to_rgb
        rgb = to_rgb(message, self._bits, values.max_image_pixels)
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
        messages = self._messages.of_camera(frame)
        problems = image_problems(frame.header, frame.rgb if frame.view is not None else None)
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
            messages |= self._messages.of_depth(frame, prediction, cleaned, values)
            if topics.SCALE in frame.wanted:
                messages[topics.SCALE] = scale_message(frame.header, report)
            clouds, missing = self._messages.of_points(frame, prediction, cleaned, values)
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
    ) -> tuple[Calibrated | None, str]:
        """Return what belongs to the calibration of an image, or None and why it is unusable."""
        try:
            calibration = calibration_from(
                camera_info,
                rectified=values.rectify != 'auto',
                size=(rgb.shape[1], rgb.shape[0]),
            )
            if self._calibrated is None or self._calibrated.calibration != calibration:
                self._calibrated = Calibrated(calibration)
        except ImplausibleError:
            raise
        except CalibrationError as error:
            return None, describe(error)
        return self._calibrated, ''

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
                self._model,
                farthest,
            ),
            frame.wanted,
            values,
        )


def _shows_something(cleaned: Cleaned) -> bool:
    """Return whether any pixel has a depth, or is known to be farther than max_depth."""
    # Mostly the first few tell; all are looked at only where none of these does.
    return any(
        np.isfinite(cleaned.finite[::step, ::step]).any()
        or np.isposinf(cleaned.depth[::step, ::step]).any()
        for step in (_SPARSE, 1)
    )


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
    calibrated: Calibrated | None,
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
