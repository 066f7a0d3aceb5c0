"""The lifecycle node: transitions, cameras, and one worker that infers their newest frames."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNodeMixin, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CompressedImage, Image

from s2r_depth_ros.inference.estimator import DepthEstimator, Prediction, model_metadata
from s2r_depth_ros.node import diagnostics, topics
from s2r_depth_ros.node.camera_stream import CameraStream, describe
from s2r_depth_ros.node.diagnostics import ERROR, WARN
from s2r_depth_ros.node.parameters import NodeParameters, Values
from s2r_depth_ros.node.pipeline import Prepared
from s2r_depth_ros.node.worker import NewestWorker

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class _Frame(NamedTuple):
    message: Image | CompressedImage
    activation: int


class DepthNode(LifecycleNodeMixin, Node):
    """Estimates depth for the newest images of one camera, or of several in one batch.

    Needs an executor with at least three threads: a transition that loads a model holds one,
    while parameters and diagnostics go on in the others. The network runs in none of them.
    """

    def __init__(self) -> None:
        Node.__init__(self, 'depth')
        # Reentrant, so that get_state answers during a transition; _exclusively keeps the
        # transitions themselves apart. LifecycleNode would not take the group.
        self._transitions = ReentrantCallbackGroup()
        LifecycleNodeMixin.__init__(self, callback_group=self._transitions)
        self._transition_lock = threading.Lock()
        self._publish_lock = threading.Lock()
        self._active = False
        # Counts activations: a frame of an earlier one is not published in a later one.
        self._activation = 0
        self._worker: NewestWorker[CameraStream, _Frame] | None = None
        self._estimator: DepthEstimator | None = None
        self._retired: list[NewestWorker] = []
        self._cameras: list[CameraStream] = []
        self._configure_error = ''
        self.parameters = NodeParameters(
            self, lambda: self._estimator is not None, self._values_changed
        )
        self._forward_log()
        self._guard_transitions()
        self._start_diagnostics()

    # ------------------------------------------------------------------ transitions

    def autostart(self) -> None:
        """Configure and activate, soon, on an executor thread; a failure is logged."""

        def start() -> None:
            timer.cancel()
            if self._exclusively(self.trigger_configure) == SUCCESS:
                self._exclusively(self.trigger_activate)

        timer = self.create_timer(0.0, start, self._transitions, clock=_steady_clock())

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model and create the topics; FAILURE, with the reason logged, if impossible."""
        values = self.parameters.values
        try:
            self._estimator = self._load(values)
            self._add_cameras(values)
        except Exception as error:
            self._release()
            self._configure_error = describe(error)
            self.get_logger().error(f'cannot configure: {self._configure_error}')
            return FAILURE
        self._configure_error = ''
        self._worker = NewestWorker(self._process, self._failed, self._patience)
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to infer and publish."""
        result = super().on_activate(state)
        for camera in self._cameras:
            camera.reset()
        self._activation += 1
        self._active = True
        images = ', '.join(camera.image_topic for camera in self._cameras)
        self.get_logger().info(f'active: waiting for images on {images}')
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop publishing at once; a frame that is being inferred is thrown away."""
        self._pause()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let go of the model and the topics."""
        self._release()
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let go of everything, from any state."""
        self._release()
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Return to unconfigured after a transition that raised."""
        self._release()
        return super().on_error(state)

    def close(self) -> None:
        """Wait for the transition and the frame under way, and let go of everything.

        Call it between the end of the executor and destroy_node.
        """
        # Never released: a transition that is asked for from now on is refused.
        self._transition_lock.acquire()
        self._release()
        for worker in self._retired:
            worker.join()

    def _load(self, values: Values) -> DepthEstimator:
        """Load and warm up the model that the parameters name."""
        logger = self.get_logger()
        estimator = DepthEstimator(
            values.model,
            device=values.device,
            precision=values.precision,
            input_size=_input_size(values),
            backend=values.backend,
        )
        height, width = estimator.input_size
        estimator.warm_up(480, 640, batch=max(1, len(values.cameras)))
        metadata = estimator.metadata
        logger.info(
            f'model {metadata.name}, input {height}x{width} (height x width), range '
            f'{metadata.max_depth:g} m, on {estimator.device} in {estimator.precision} '
            f'(backend {estimator.backend}); '
            'depths are metres along the optical axis'
        )
        if metadata.placeholder:
            logger.warning(f'model {metadata.name} is a placeholder: {metadata.placeholder}')
        return estimator

    def _add_cameras(self, values: Values) -> None:
        """Create the topics of every camera."""
        compressed = values.image_transport == 'compressed'
        for name in values.cameras or ('',):
            self._cameras.append(
                CameraStream(self, name, compressed, self._image_arrived, self._info_arrived)
            )

    def _pause(self) -> None:
        # After the lock was held, no message of a frame follows.
        with self._publish_lock:
            self._active = False
        if self._worker:
            self._worker.clear()

    def _release(self) -> None:
        """Let go of model, worker and topics, whatever of them there is, without waiting."""
        self._pause()
        if self._worker:
            self._worker.stop()
            self._retired = [w for w in self._retired if w.is_alive()] + [self._worker]
        self._worker = self._estimator = None
        cameras, self._cameras = self._cameras, []
        for camera in cameras:
            camera.destroy()

    def _guard_transitions(self) -> None:
        """Make an impossible transition an answer; rclpy lets its exception end the executor."""
        service = next(s for s in self.services if s.srv_name.endswith('/change_state'))
        change_state = service.callback

        def guarded(request: Any, response: Any) -> Any:
            answer = self._exclusively(lambda: change_state(request, response))
            if answer is not None:
                return answer
            response.success = False
            return response

        service.callback = guarded

    def _exclusively(self, transition: Callable[[], Any]) -> Any:
        """Run a transition unless another runs; None, and a warning, if it was not possible."""
        if not self._transition_lock.acquire(blocking=False):
            self.get_logger().warning('transition refused: another one is still running')
            return None
        try:
            return transition()
        except Exception as error:
            self.get_logger().warning(f'transition not possible: {describe(error)}')
            return None
        finally:
            self._transition_lock.release()

    # ------------------------------------------------------------------ frames

    def _image_arrived(self, camera: CameraStream, message: Image | CompressedImage) -> None:
        worker = self._worker
        if self._active and worker:
            dropped = worker.put(camera, _Frame(message, self._activation))
            camera.statistics.received(dropped)

    def _info_arrived(self) -> None:
        if self._worker:
            self._worker.wake()

    def _patience(self, camera: CameraStream, frame: _Frame) -> float:
        return camera.patience(frame.message.header, self.parameters.values)

    def _process(self, frames: dict[CameraStream, _Frame]) -> None:
        """Infer frames of different cameras in one batch and publish; on the worker's thread."""
        estimator, values = self._estimator, self.parameters.values
        if estimator is None:
            return
        prepared: dict[CameraStream, Prepared] = {}
        for camera, frame in frames.items():
            try:
                ready = camera.prepare(frame.message, values)
            except Exception as error:  # one bad frame must not cost the other cameras theirs
                self._frame_failed(camera, error)
            else:
                if ready is not None:
                    prepared[camera] = ready
        predictions = self._predict(estimator, prepared)
        for camera, ready in prepared.items():
            if ready.view is None or camera in predictions:
                try:
                    self._publish(camera, frames[camera], ready, predictions.get(camera), values)
                except Exception as error:
                    self._frame_failed(camera, error)

    def _predict(
        self, estimator: DepthEstimator, prepared: dict[CameraStream, Prepared]
    ) -> dict[CameraStream, Prediction]:
        """Run the network once for all frames that need it; none if that fails."""
        views = {camera: f.view for camera, f in prepared.items() if f.view is not None}
        if not views:
            return {}
        start = time.perf_counter()
        try:
            predictions = estimator.predict_batch(list(views.values()))
        except Exception as error:
            for camera in views:
                self._frame_failed(camera, error)
            return {}
        seconds = time.perf_counter() - start
        for camera in views:
            result = prepared[camera].result
            result.inference, result.batch = seconds, len(views)
        return dict(zip(views, predictions))

    def _publish(
        self,
        camera: CameraStream,
        frame: _Frame,
        prepared: Prepared,
        prediction: Prediction | None,
        values: Values,
    ) -> None:
        """Publish what is made of a frame, unless the node was deactivated since it arrived."""
        result = camera.finish(prepared, prediction, values)
        with self._publish_lock:
            if not self._active or frame.activation != self._activation:
                return
            camera.publish(result)
        camera.published(prepared.header, result)

    def _frame_failed(self, camera: CameraStream, error: Exception) -> None:
        # After a cleanup the publishers are gone: what fails then is no error of the frame.
        if self._estimator is not None:
            camera.failed(error)

    def _failed(self, error: Exception) -> None:
        """Report a defect of _process; the worker goes on with the next frames."""
        self.get_logger().error(f'frames skipped: {describe(error)}')

    # ------------------------------------------------------------------ the rest

    def _values_changed(self, values: Values) -> None:
        self._timer.timer_period_ns = values.diagnostics_period * 1e9

    def _start_diagnostics(self) -> None:
        topic = topics.DIAGNOSTICS_TOPIC
        self._diagnostics = self.create_publisher(
            topic.type,
            topic.name,
            topic.qos,
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        self._timer = self.create_timer(
            self.parameters.values.diagnostics_period,
            self._publish_diagnostics,
            MutuallyExclusiveCallbackGroup(),
            clock=_steady_clock(),
        )

    def _publish_diagnostics(self) -> None:
        message = DiagnosticArray(status=self._statuses())
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)

    def _statuses(self) -> list[DiagnosticStatus]:
        """Return the node's status, which is also that of a single camera, then each camera's."""
        estimator, parameters, cameras = self._estimator, self.parameters.values, self._cameras
        state = 'active' if self._active else 'inactive' if estimator else 'unconfigured'
        problems, values = self._problems(), {'state': state}
        if estimator is not None:
            values |= _estimator_values(estimator)
            values['depth_scale'] = f'{parameters.depth_scale:g}'
        rows = [('depth', problems, values)]
        for camera in cameras:
            summary = camera.statistics.summary() if state == 'active' else None
            troubles = camera.problems(summary, parameters) if summary else []
            if camera.name:
                facts = {'state': state, **camera.values(summary)}
                rows.append((f'camera {camera.name}', troubles, facts))
            else:
                problems += troubles
                values |= camera.values(summary)
        return [
            diagnostics.status(
                name=f'{self.get_fully_qualified_name()}: {name}',
                hardware_id=str(estimator.device) if estimator else '',
                problems=troubles,
                otherwise=state,
                values=facts,
            )
            for name, troubles, facts in rows
        ]

    def _problems(self) -> list[tuple[bytes, str]]:
        """Return what is wrong with the node itself."""
        problems = []
        if self._configure_error:
            problems.append((ERROR, f'cannot configure: {self._configure_error}'))
        if self._estimator and self._estimator.metadata.placeholder:
            reason = self._estimator.metadata.placeholder
            problems.append((WARN, f'placeholder model: {reason}'))
        return problems

    def _forward_log(self) -> None:
        """Pass what the ROS-free layers log on to this node's logger."""
        handler = _LogForwarder(self.get_logger())
        logging.getLogger('s2r_depth_ros').addHandler(handler)


class _LogForwarder(logging.Handler):
    """Hands Python log records to a ROS logger."""

    def __init__(self, logger: Any) -> None:
        super().__init__(logging.INFO)
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        # One line each: rclpy allows one severity per calling line.
        if record.levelno >= logging.ERROR:
            self._logger.error(record.getMessage())
        elif record.levelno >= logging.WARNING:
            self._logger.warning(record.getMessage())
        else:
            self._logger.info(record.getMessage())


def _input_size(values: Values) -> tuple[int, int] | None:
    """Return the input size (height, width) asked for, None for the model's own."""
    height, width = values.input_height, values.input_width
    if not height and not width:
        return None
    metadata = model_metadata(values.model)
    return height or metadata.input_height, width or metadata.input_width


def _estimator_values(estimator: DepthEstimator) -> dict[str, str]:
    metadata = estimator.metadata
    values = {
        'model': metadata.name,
        'model sha256': metadata.sha256,
        'device': str(estimator.device),
        'precision': estimator.precision,
        'backend': estimator.backend,
        'network input (height x width)': '{}x{}'.format(*estimator.input_size),
    }
    if estimator.device.type == 'cuda':
        used = torch.cuda.memory_reserved(estimator.device)
        values['GPU'] = torch.cuda.get_device_name(estimator.device)
        values['GPU memory of this process (MiB)'] = f'{used / 2**20:.0f}'
    return values


def _steady_clock() -> Clock:
    return Clock(clock_type=ClockType.STEADY_TIME)
