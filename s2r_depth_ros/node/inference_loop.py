"""The way of a frame, from the message of a camera to the messages that are made of it.

``InferenceLoop`` takes a frame all the way; this is the place to read it from top to bottom:

1. arrive: ``image_arrived``, on the thread of the camera's subscription. The image becomes the
   camera's newest; one that was still waiting is dropped. If it needs a camera_info that has not
   come yet it waits for it, but no longer than the parameter camera_info_timeout. Compressed images
   of one of several cameras are decoded before that, in ``_decode``, on a thread of each camera:
   large ones hold no other camera up.

All that follows is ``_process``, on the loop's own thread, which takes the newest image of every
camera that has one that is ready:

2. prepare: which outputs are wanted, which camera_info belongs to the image; RGB, undistorted.
3. infer: the network sees the images of all cameras in one batch.
4. finish: the wanted messages are made.
5. publish: unless the node was deactivated since the image arrived.
6. count: totals, rates and latency for diagnostics; warnings.

An image that cannot be used, or a batch that fails, is counted and reported by the cameras that it
belongs to (``CameraHealth.report_bad_frame``); other cameras' frames go on.

Threads and locks: transitions call ``activate``, ``pause`` and ``stop`` on their threads, one at a
time. The workers' locks guard the images that wait. ``_publish_lock`` guards ``_active`` and
``_activation``, and is held while a frame is published: after ``pause`` no message follows.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from typing import NamedTuple

from sensor_msgs.msg import CompressedImage, Image

from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.node.camera_stream import CameraStream
from s2r_depth_ros.node.frame import DecodedImage, Inference, Prepared, Result
from s2r_depth_ros.node.parameters import Values
from s2r_depth_ros.node.worker import NewestWorker


class ArrivedImage(NamedTuple):
    """An image that waits to be inferred, and the activation of the node that it arrived in."""

    message: Image | CompressedImage | DecodedImage
    activation: int


class InferenceLoop:
    """Infers the newest images of one camera, or of several in one batch, on its own thread.

    Not active at first. values: returns the parameters' present values. log_defect: called on the
    loop's thread with an exception that no camera's frame is to blame for; the loop goes on.
    decoded_apart: names of the cameras whose images, all compressed, are decoded on their own
    threads.

    estimator: None once the loop is stopped, so that the model's memory is free soon after.
    """

    def __init__(
        self,
        estimator: DepthEstimator,
        values: Callable[[], Values],
        log_defect: Callable[[Exception], None],
        decoded_apart: Sequence[str] = (),
    ) -> None:
        self.estimator: DepthEstimator | None = estimator
        self._values = values
        self._publish_lock = threading.Lock()
        self._active = False
        # Counts activations: a frame of an earlier one is not published in a later one.
        self._activation = 0
        self._worker = NewestWorker(self._process, log_defect, self._patience)
        self._decoders = {
            name: NewestWorker(self._decode, log_defect, name=f'decode {name}')
            for name in decoded_apart
        }
        self._workers = (*self._decoders.values(), self._worker)

    # ------------------------------------------------------------------ transitions

    @property
    def is_active(self) -> bool:
        """Return whether images are taken and frames published."""
        return self._active

    def activate(self) -> None:
        """Take images and publish frames from now on."""
        with self._publish_lock:
            self._activation += 1
            self._active = True

    def pause(self) -> None:
        """Publish nothing from now on; a frame that is being inferred is thrown away."""
        with self._publish_lock:
            self._active = False
        for worker in self._workers:
            worker.clear()

    def stop(self) -> None:
        """Let the threads end after the frames under way, and let go of the model; do not wait."""
        self.pause()
        for worker in self._workers:
            worker.stop()
        self.estimator = None

    def join(self) -> None:
        """Wait until the threads have ended; call ``stop`` first."""
        for worker in self._workers:
            worker.join()

    def is_alive(self) -> bool:
        """Return whether a thread still runs."""
        return any(worker.is_alive() for worker in self._workers)

    # ------------------------------------------------------------------ the way of a frame

    def image_arrived(self, camera: CameraStream, message: Image | CompressedImage) -> None:
        """Make an image the camera's next frame, unless the loop is not active."""
        if self._active:
            worker = self._decoders.get(camera.name, self._worker)
            dropped = worker.put(camera, ArrivedImage(message, self._activation))
            camera.health.counter.count_received(dropped)

    def info_arrived(self) -> None:
        """Look again whether an image that waits has its camera_info now."""
        self._worker.wake()

    def _patience(self, camera: CameraStream, image: ArrivedImage) -> float:
        """Return for how long an image should wait for its camera_info: seconds, 0 if ready."""
        worth_waiting = camera.infos.is_worth_waiting(image.message.header)
        return self._values().camera_info_timeout if worth_waiting else 0.0

    def _decode(self, arrived: Mapping[CameraStream, ArrivedImage]) -> None:
        """Decode the image of a camera, and make it the camera's next frame; on its own thread."""
        for camera, image in arrived.items():
            values = self._values()
            with self._isolated(camera):
                if _wanted(camera, values):
                    decoded = camera.pipeline.decode(image.message, values)
                    if self._active and self._worker.put(camera, image._replace(message=decoded)):
                        camera.health.counter.count_dropped()

    def _process(self, arrived: Mapping[CameraStream, ArrivedImage]) -> None:
        """Take images of different cameras all the way; on the loop's thread."""
        estimator, values = self.estimator, self._values()
        if estimator is None:
            return
        prepared: dict[CameraStream, Prepared] = {}
        for camera, image in arrived.items():
            with self._isolated(camera):
                camera.pipeline.begin(image.activation)
                own = values.of_camera(camera.name)
                if (frame := _prepare(camera, image, own)) is not None:
                    prepared[camera] = frame
        inferred = self._infer(estimator, prepared)
        for camera, frame in prepared.items():
            if frame.view is not None and camera not in inferred:
                continue
            with self._isolated(camera):
                own = values.of_camera(camera.name)
                result = camera.pipeline.finish(frame, inferred.get(camera), own)
                if result.inference is not None:
                    camera.calibration.see(result.unscaled, own.depth_scale, result.camera_problem)
                if self._publish(camera, arrived[camera], result):
                    camera.health.count_published(result)

    def _infer(
        self, estimator: DepthEstimator, prepared: Mapping[CameraStream, Prepared]
    ) -> dict[CameraStream, Inference]:
        """Run the network once for all frames that need it; none if that fails."""
        views = {camera: f.view for camera, f in prepared.items() if f.view is not None}
        if not views:
            return {}
        start = time.perf_counter()
        try:
            predictions = estimator.predict_batch(list(views.values()))
        except Exception as error:
            for camera in views:
                self._report_bad_frame(camera, error)
            return {}
        seconds = time.perf_counter() - start
        return {
            camera: Inference(prediction, seconds, len(views))
            for camera, prediction in zip(views, predictions)
        }

    def _publish(self, camera: CameraStream, image: ArrivedImage, result: Result) -> bool:
        """Return whether the frame was published, as the activation it arrived in goes on."""
        with self._publish_lock:
            if not self._active or image.activation != self._activation:
                return False
            camera.topics.publish(result.messages)
        return True

    @contextmanager
    def _isolated(self, camera: CameraStream) -> Iterator[None]:
        """Keep an error in one camera's frame from costing the other cameras theirs."""
        try:
            yield
        except Exception as error:
            self._report_bad_frame(camera, error)

    def _report_bad_frame(self, camera: CameraStream, error: Exception) -> None:
        # Once stopped, the publishers are gone: what fails then is no error of the frame.
        if self.estimator is not None:
            camera.health.report_bad_frame(error)


def _prepare(camera: CameraStream, image: ArrivedImage, values: Values) -> Prepared | None:
    """Read an image; None, and counted, if nobody wants anything of it."""
    wanted = _wanted(camera, values)
    if not wanted:
        return None
    return camera.pipeline.prepare(image.message, camera.find_info, wanted, values)


def _wanted(camera: CameraStream, values: Values) -> Set[str]:
    """Return the outputs that are to be made of an image; if none is, it is counted as skipped."""
    wanted = camera.topics.wanted(values.publish_always) | camera.calibration.wanted
    if not wanted:
        camera.health.counter.count_skipped()
    return wanted
