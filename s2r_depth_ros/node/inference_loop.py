"""The way of a frame, from the message of a camera to the messages that are made of it.

``InferenceLoop`` takes a frame all the way; this is the place to read it from top to bottom:

1. arrive: ``image_arrived``, on the thread of the camera's subscription. The image becomes the
   camera's newest; one that was still waiting is dropped. If it needs a camera_info that has not
   come yet it waits for it, but no longer than the parameter camera_info_timeout.

All that follows is ``_process``, on a thread of each camera, so that what is large or slow of one
holds no other up:

2. prepare: which outputs are wanted, which camera_info belongs to the image; RGB, undistorted.
3. infer: there is one network for all cameras; those that wait while it is busy are one batch.
4. finish: the wanted messages are made.
5. publish: unless the node was deactivated since the image arrived.
6. count: totals, rates and latency for diagnostics; warnings.

An image that cannot be used, or a batch that fails, is counted and reported by the cameras that it
belongs to (``CameraHealth.report_bad_frame``); other cameras' frames go on.

Threads and locks: transitions call ``activate``, ``pause`` and ``stop`` on their threads, one at a
time. The workers' locks guard the images that wait. A camera's lock in ``_publishing`` is held
while a frame of it is published, and all of them while ``_active`` and ``_activation`` change:
after ``pause`` no message follows.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from sensor_msgs.msg import CompressedImage, Image

from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.inference.sharing import Inference, SharedEstimator
from s2r_depth_ros.node.camera_stream import CameraStream
from s2r_depth_ros.node.frame import Prepared, Result
from s2r_depth_ros.node.parameters import Values
from s2r_depth_ros.node.worker import NewestWorker


class ArrivedImage(NamedTuple):
    """An image of a camera that waits, and the activation of the node that it arrived in."""

    camera: CameraStream
    message: Image | CompressedImage
    activation: int


class InferenceLoop:
    """Takes the newest images of cameras all the way, on a thread of each.

    Not active at first. values: returns the parameters' present values. log_defect: called on a
    camera's thread with an exception that no frame is to blame for; the thread goes on. cameras:
    their names.

    estimator: None once the loop is stopped, so that the model's memory is free soon after.
    """

    def __init__(
        self,
        estimator: DepthEstimator,
        values: Callable[[], Values],
        log_defect: Callable[[BaseException], None],
        cameras: Sequence[str],
    ) -> None:
        self.estimator: DepthEstimator | None = estimator
        self._shared: SharedEstimator | None = SharedEstimator(estimator)
        self._values = values
        self._publishing = {name: threading.Lock() for name in cameras}
        self._active = False
        # Counts activations: a frame of an earlier one is not published in a later one.
        self._activation = 0
        self._workers: dict[str, NewestWorker[ArrivedImage]] = {}
        try:
            for name in cameras:
                self._workers[name] = NewestWorker(
                    self._process, log_defect, self._patience, f'camera {name}'.strip()
                )
        except RuntimeError:  # the system has no thread left: those started are not to stay
            self.stop()
            raise

    # ------------------------------------------------------------------ transitions

    @property
    def is_active(self) -> bool:
        """Return whether images are taken and frames published."""
        return self._active

    def activate(self) -> None:
        """Take images and publish frames from now on."""
        with self._nothing_published():
            self._activation += 1
            self._active = True

    def pause(self) -> None:
        """Publish nothing from now on; a frame that is being inferred is thrown away."""
        with self._nothing_published():
            self._active = False
        for worker in self._workers.values():
            worker.clear()

    def stop(self) -> None:
        """Let the threads end after the frames under way, and let go of the model; do not wait."""
        self.pause()
        for worker in self._workers.values():
            worker.stop()
        self.estimator = self._shared = None

    def join(self) -> None:
        """Wait until the threads have ended; call ``stop`` first."""
        for worker in self._workers.values():
            worker.join()

    def is_alive(self) -> bool:
        """Return whether a thread still runs."""
        return any(worker.is_alive() for worker in self._workers.values())

    def _nothing_published(self) -> ExitStack:
        """Return what lets no camera publish while it is entered."""
        with ExitStack() as stack:
            for lock in self._publishing.values():
                stack.enter_context(lock)
            return stack.pop_all()

    # ------------------------------------------------------------------ the way of a frame

    def image_arrived(self, camera: CameraStream, message: Image | CompressedImage) -> None:
        """Make an image the camera's next frame, unless the loop is not active."""
        if self._active:
            image = ArrivedImage(camera, message, self._activation)
            camera.health.counter.count_received(self._workers[camera.name].put(image))

    def info_arrived(self, camera: CameraStream) -> None:
        """Look again whether an image of the camera that waits has its camera_info now."""
        self._workers[camera.name].wake()

    def _patience(self, image: ArrivedImage) -> float:
        """Return for how long an image should wait for its camera_info: seconds, 0 if ready."""
        worth_waiting = image.camera.infos.is_worth_waiting(image.message.header)
        return self._values().camera_info_timeout if worth_waiting else 0.0

    def _process(self, image: ArrivedImage) -> None:
        """Take an image all the way; on its camera's thread."""
        camera, shared = image.camera, self._shared
        values = self._values().of_camera(camera.name)
        if shared is None or not self._goes_on(image):
            return
        try:
            camera.pipeline.begin(image.activation)
            frame = _prepare(image, values)
            if frame is None:
                return
            inference = None if frame.view is None else shared.infer(frame.view)
            self._finish(image, frame, inference, values)
        except BaseException as error:
            # Once stopped, the publishers are gone: what fails then is no error of the frame. Nor
            # is it one of the next activation, which counts its own.
            if self._goes_on(image):
                camera.health.report_bad_frame(error)

    def _finish(
        self, image: ArrivedImage, frame: Prepared, inference: Inference | None, values: Values
    ) -> None:
        """Make the messages of a frame and publish them."""
        camera = image.camera
        result = camera.pipeline.finish(frame, inference, values)
        if result.inference is not None:
            camera.calibration.see(result.unscaled, values.depth_scale, result.camera_problem)
        if self._publish(image, result):
            camera.health.count_published(result)

    def _publish(self, image: ArrivedImage, result: Result) -> bool:
        """Return whether the frame was published, as the activation it arrived in goes on."""
        with self._publishing[image.camera.name]:
            if not self._goes_on(image):
                return False
            image.camera.topics.publish(result.messages)
        return True

    def _goes_on(self, image: ArrivedImage) -> bool:
        """Return whether the activation that an image arrived in still goes on."""
        return self._active and image.activation == self._activation


def _prepare(image: ArrivedImage, values: Values) -> Prepared | None:
    """Read an image; None, and counted as skipped, if nobody wants anything of it."""
    camera = image.camera
    wanted = camera.topics.wanted(values.publish_always) | camera.calibration.wanted
    if not wanted:
        camera.health.counter.count_skipped()
        return None
    return camera.pipeline.prepare(image.message, camera.find_info, wanted, values)
