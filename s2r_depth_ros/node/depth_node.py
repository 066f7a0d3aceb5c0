"""The lifecycle node: transitions, topics, and one worker that infers the newest frame."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNodeMixin, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.time import Time
from sensor_msgs.msg import CompressedImage, Image

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.inference.estimator import DepthEstimator, model_metadata
from s2r_depth_ros.node import diagnostics, topics
from s2r_depth_ros.node.camera import CameraInfoHistory
from s2r_depth_ros.node.diagnostics import ERROR, STALE, WARN
from s2r_depth_ros.node.parameters import NodeParameters, Values
from s2r_depth_ros.node.pipeline import FramePipeline, Result
from s2r_depth_ros.node.worker import NewestWorker

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE

# Seconds without an image after which an active node calls itself stale.
_STALE_AFTER = 2.0


class _Frame(NamedTuple):
    message: Image | CompressedImage
    activation: int


class DepthNode(LifecycleNodeMixin, Node):
    """Estimates depth for the newest image of a camera.

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
        self._worker: NewestWorker[_Frame] | None = None
        self._pipeline: FramePipeline | None = None
        self._retired: list[NewestWorker] = []
        self._outputs: dict[str, Any] = {}
        self._inputs: list[Any] = []
        self._camera_infos = CameraInfoHistory()
        self._throttle = diagnostics.Throttle()
        self._statistics = diagnostics.Statistics()
        self._configure_error = ''
        self._frame_error = ''
        self._last_result = Result()
        self.parameters = NodeParameters(
            self, lambda: self._pipeline is not None, self._values_changed
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
            self._pipeline = FramePipeline(self._load(values))
        except Exception as error:
            self._configure_error = _describe(error)
            self.get_logger().error(f'cannot configure: {self._configure_error}')
            return FAILURE
        self._configure_error = ''
        self._create_topics(values)
        self._worker = NewestWorker(self._process, self._failed)
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to infer and publish."""
        result = super().on_activate(state)
        self._statistics.reset()
        self._frame_error, self._last_result = '', Result()
        self._activation += 1
        self._active = True
        self.get_logger().info(f'active: waiting for images on {self._inputs[0].topic_name}')
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
        estimator.warm_up(480, 640)
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

    def _create_topics(self, values: Values) -> None:
        overrides = QoSOverridingOptions.with_default_policies()
        for topic in topics.OUTPUTS:
            self._outputs[topic.name] = self.create_lifecycle_publisher(
                topic.type, topic.name, topic.qos, qos_overriding_options=overrides
            )
        compressed = values.image_transport == 'compressed'
        image = topics.IMAGE_COMPRESSED if compressed else topics.IMAGE
        callbacks: dict[str, Callable[[Any], None]] = {
            image: self._image_arrived,
            topics.CAMERA_INFO: self._camera_infos.add,
        }
        self._inputs = [
            self.create_subscription(
                topic.type,
                topic.name,
                callbacks[topic.name],
                topic.qos,
                callback_group=MutuallyExclusiveCallbackGroup(),
                qos_overriding_options=overrides,
            )
            for topic in topics.INPUTS
            if topic.name in callbacks
        ]

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
        self._worker = self._pipeline = None
        for subscription in self._inputs:
            self.destroy_subscription(subscription)
        for publisher in self._outputs.values():
            self.destroy_lifecycle_publisher(publisher)
        self._inputs, self._outputs = [], {}
        self._camera_infos.clear()

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
            self.get_logger().warning(f'transition not possible: {_describe(error)}')
            return None
        finally:
            self._transition_lock.release()

    # ------------------------------------------------------------------ frames

    def _image_arrived(self, message: Image | CompressedImage) -> None:
        if self._active and self._worker:
            frame = _Frame(message, self._activation)
            self._statistics.received(dropped=self._worker.put(frame))

    def _process(self, frame: _Frame) -> None:
        """Infer and publish one frame; on the worker's thread."""
        message = frame.message
        pipeline, values = self._pipeline, self.parameters.values
        wanted = self._wanted(values)
        if pipeline is None or not wanted:
            self._statistics.skipped()
            return
        info, _ = self._camera_infos.find(message.header, values.camera_info_timeout)
        result = pipeline.process(message, info, wanted, values)
        if info is None:
            result.camera_problem = self._missing_camera_info(message.header.frame_id)
        with self._publish_lock:
            if not self._active or frame.activation != self._activation:
                return
            for name, output in result.messages.items():
                self._outputs[name].publish(output)
        # By nanoseconds: the two need not be on the same clock type.
        latency = (
            self.get_clock().now().nanoseconds - Time.from_msg(message.header.stamp).nanoseconds
        )
        self._statistics.published(latency / 1e9, result.inference)
        self._frame_error, self._last_result = '', result
        self._warn_about(result)

    def _wanted(self, values: Values) -> set[str]:
        return {
            name
            for name, publisher in list(self._outputs.items())
            if values.publish_always or publisher.get_subscription_count() > 0
        }

    def _failed(self, error: Exception) -> None:
        """Report an exception of _process and go on with the next frame."""
        if self._pipeline is None:
            return
        self._statistics.failed()
        self._frame_error = _describe(error)
        if self._throttle.is_due(f'frame: {type(error).__name__}'):
            self.get_logger().error(f'frame skipped: {self._frame_error}')

    def _missing_camera_info(self, frame_id: str) -> str:
        other = self._camera_infos.other_frame_id()
        topic = self.resolve_topic_name(topics.CAMERA_INFO)
        if other is None:
            return (
                f'no camera_info on {topic}: remap camera_info to the topic of your camera '
                f'(-r camera_info:=...)'
            )
        return (
            f'camera_info on {topic} has frame_id {other!r} but the image has {frame_id!r}: remap '
            'camera_info to the topic of the same camera'
        )

    def _warn_about(self, result: Result) -> None:
        logger = self.get_logger()
        if result.camera_problem and self._throttle.is_due('camera_info'):
            logger.warning(
                f'{result.camera_problem}. Until then depth is not corrected for the focal '
                'length, and no cloud and no camera_info are published'
            )
        image = self._inputs[0].topic_name if self._inputs else ''
        if (
            result.rectified
            and 'rect' in image.rsplit('/', 1)[-1]
            and self._throttle.is_due('rect')
        ):
            logger.warning(
                f'{image} looks rectified already, and is being rectified again: set rectify to off'
            )

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
        summary = self._statistics.summary()
        pipeline = self._pipeline
        values = diagnostics.summary_values(summary) if self._active else {}
        if pipeline is not None:
            values |= _estimator_values(pipeline.estimator) | self._frame_values()
        state = 'active' if self._active else 'inactive' if pipeline else 'unconfigured'
        status = diagnostics.status(
            name=f'{self.get_fully_qualified_name()}: depth',
            hardware_id=str(pipeline.estimator.device) if pipeline else '',
            problems=self._problems(summary, pipeline),
            otherwise=state,
            values={'state': state, **values},
        )
        message = DiagnosticArray(status=[status])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)

    def _frame_values(self) -> dict[str, str]:
        result = self._last_result
        factor = 'n/a' if result.focal_scale is None else f'{result.focal_scale:.4f}'
        return {
            'camera_info': result.camera_problem or 'ok',
            'focal length correction': factor,
            'depth_scale': f'{self.parameters.values.depth_scale:g}',
        }

    def _problems(
        self, summary: diagnostics.Summary, pipeline: FramePipeline | None
    ) -> list[tuple[bytes, str]]:
        problems = []
        if self._configure_error:
            problems.append((ERROR, f'cannot configure: {self._configure_error}'))
        if pipeline and pipeline.estimator.metadata.placeholder:
            problems.append((WARN, f'placeholder model: {pipeline.estimator.metadata.placeholder}'))
        if not self._active:
            return problems
        if summary.since_image > max(_STALE_AFTER, self.parameters.values.diagnostics_period):
            topic = self._inputs[0].topic_name
            problems.append(
                (STALE, f'no image on {topic} for {summary.since_image:.0f} s: check the camera, '
                 f'the remapping of image, and `ros2 topic info -v {topic}`')
            )  # fmt: skip
        if self._frame_error:
            problems.append((ERROR, self._frame_error))
        if self._last_result.camera_problem:
            problems.append((WARN, self._last_result.camera_problem))
        if summary.stamp_offset is not None:
            problems.append(
                (WARN, f"stamps are {summary.stamp_offset:.1f} s behind the node's clock: for a "
                 'bag, play it with --clock and set use_sim_time; else synchronise the clocks')
            )  # fmt: skip
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


def _describe(error: Exception) -> str:
    """Return an error for its user; what is a defect of this package keeps its traceback."""
    if isinstance(error, UserError):
        return str(error)
    return ''.join(traceback.format_exception(error)).rstrip()


def _steady_clock() -> Clock:
    return Clock(clock_type=ClockType.STEADY_TIME)
