"""The lifecycle node: its transitions, and what exists between configure and cleanup.

What happens to frames is in ``inference_loop``, what diagnostics say in ``status``. The package's
docstring (``node/__init__.py``) says which threads there are and which lock guards what.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from rcl_interfaces.msg import SetParametersResult
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import (
    LifecycleNode,
    LifecycleNodeMixin,
    LifecycleState,
    TransitionCallbackReturn,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from s2r_depth_ros.geometry.frame_tree import FixedTransforms
from s2r_depth_ros.launch_arguments import NODE
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.arguments import NodeArguments
from s2r_depth_ros.node.camera_stream import CameraStream
from s2r_depth_ros.node.camera_topics import OF_A_KILLED_ONE, refuse_loops
from s2r_depth_ros.node.diagnostics import DiagnosticsPublisher
from s2r_depth_ros.node.frame_references import FrameReferences
from s2r_depth_ros.node.frame_scale import FrameScale
from s2r_depth_ros.node.gravity import Gravity
from s2r_depth_ros.node.inference_loop import InferenceLoop
from s2r_depth_ros.node.log import Throttle, describe, forward_log
from s2r_depth_ros.node.model_loading import load_estimator
from s2r_depth_ros.node.parameters import QOS, NodeParameters, Values, unknown_names
from s2r_depth_ros.node.pipeline import FramePipeline
from s2r_depth_ros.node.status import NodeFacts
from s2r_depth_ros.node.transforms import NodeTransforms, make_transforms

T = TypeVar('T')

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class DepthNode(LifecycleNode):
    """Estimates depth for the newest images of one camera, or of several in one batch.

    Needs an executor with at least four threads: a transition that loads a model holds one, a
    calibration of the scale another, while parameters and diagnostics go on in the others. The
    network runs in none of them.
    """

    def __init__(self, given: NodeArguments, problem: str = '') -> None:
        """Declare the parameters. given: what the command line sets, some of it without effect.

        problem: what the process found wrong before, '' for nothing; told as long as the node runs.
        Raises ParameterError for values that cannot be used.
        """
        Node.__init__(self, NODE)
        # Reentrant, so that get_state answers during a transition; _exclusively keeps the
        # transitions themselves apart. LifecycleNode.__init__ does not take the group.
        self._transitions = ReentrantCallbackGroup()
        LifecycleNodeMixin.__init__(self, callback_group=self._transitions)
        self._transition_lock = threading.Lock()
        self._loop: InferenceLoop | None = None
        self._cameras: list[CameraStream] = []
        self._transforms: NodeTransforms | None = None
        self._gravity: Gravity | None = None
        # Loops that were stopped and may still be busy with their last frame.
        self._retired: list[InferenceLoop] = []
        self._configure_error = ''
        # From the beginning of a configure on, so that the model is what the parameters say.
        self._model_chosen = False
        # Held from the check of new parameters until they are in force.
        self._parameters_lock = threading.Lock()
        full_name = self.get_fully_qualified_name()
        self.parameters = NodeParameters(
            self, given.mixed(full_name), lambda: self._model_chosen, self._parameters_changed
        )
        forward_log(self.get_logger())
        self._given = given.names(full_name)
        strange = (*given.strangers(full_name), *unknown_names(self._given))
        self._problems = [text for text in (problem, *strange) if text]
        self._strange_qos: list[str] = []
        self._throttle = Throttle()
        for text in self._problems:
            self.get_logger().warning(text)
        self._guard_transitions()
        self._diagnostics = DiagnosticsPublisher(
            self, self.parameters.values.diagnostics_period, self._facts
        )

    def autostart(self) -> None:
        """Configure and activate, soon, on an executor thread; a failure is logged."""

        def start() -> None:
            timer.cancel()
            if self._exclusively(self.trigger_configure) == SUCCESS:
                self._exclusively(self.trigger_activate)

        timer = self.create_timer(
            0.0, start, self._transitions, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def set_parameters(self, parameter_list: list[Parameter]) -> list[SetParametersResult]:
        """Set parameters one by one, as rclpy does; see ``set_parameters_atomically``."""
        with self._parameters_lock:
            return super().set_parameters(parameter_list)

    def set_parameters_atomically(self, parameter_list: list[Parameter]) -> SetParametersResult:
        """Set parameters as rclpy does, services too; a configure begins before or after it.

        In between it would load a model by the old values, of which the new ones were accepted.
        """
        with self._parameters_lock:
            return super().set_parameters_atomically(parameter_list)

    # ------------------------------------------------------------------ transitions

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model and create the topics; FAILURE, with the reason logged, if impossible."""
        with self._parameters_lock:
            self._model_chosen, values = True, self.parameters.values
        try:
            self._configure(values)
        except Exception as error:
            self._release()
            self._configure_error = describe(error)
            self.get_logger().error(f'cannot configure: {self._configure_error}')
            return FAILURE
        self._configure_error = ''
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to infer and publish."""
        result = super().on_activate(state)
        for camera in self._cameras:
            camera.restart_counts()
        if self._loop:
            self._loop.activate()
        for camera in self._cameras:
            camera.repeat_still()
        images = ', '.join(camera.topics.image for camera in self._cameras)
        self.get_logger().info(f'active: waiting for images on {images}')
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop publishing at once; a frame that is being inferred is thrown away."""
        if self._loop:
            self._loop.pause()
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
        for loop in self._retired:
            loop.join()

    def _configure(self, values: Values) -> None:
        """Load the model, start the loop that infers and create the topics of every camera."""
        estimator = load_estimator(values, self.get_logger())
        compressed = values.image_transport == 'compressed'
        names = values.cameras or ('',)
        self._loop = InferenceLoop(
            estimator,
            lambda: self.parameters.values,
            self._log_defect,
            names,
        )
        self._transforms = make_transforms(self, values.transforms)
        self._gravity = Gravity(self, self._transforms, lambda: self.parameters.values)
        for name in names:
            references = FrameReferences(values.scale.names, partial(self._why_nothing, name))
            scale = FrameScale(references, self._transforms, self._gravity)
            self._cameras.append(
                CameraStream(
                    self,
                    name,
                    compressed,
                    FramePipeline(
                        estimator.metadata,
                        self._transforms,
                        self._gravity,
                        scale if values.scale.names else None,
                    ),
                    self._loop.image_arrived,
                    self._loop.info_arrived,
                )
            )
        refuse_loops([camera.topics for camera in self._cameras])
        example = f'{QOS}{self._cameras[0].topics.image}.subscription.reliability'
        self._strange_qos = [
            f'{name} is given, but is no policy of a topic of this node: topics have their full '
            f'names, as after remapping, such as {example}'
            for name in self._given
            if name.startswith(QOS) and not self.has_parameter(name)
        ]
        for text in self._strange_qos:
            self.get_logger().warning(text)

    def _release(self) -> None:
        """Let go of the loop, the model and the topics, whichever exist, without waiting."""
        if self._loop:
            self._loop.stop()
            self._retired = [loop for loop in self._retired if loop.is_alive()] + [self._loop]
        self._loop = None
        self._model_chosen = False
        cameras, self._cameras = self._cameras, []
        for camera in cameras:
            camera.destroy()
        for part in (self._gravity, self._transforms):
            if part:
                part.close()
        self._gravity = self._transforms = None

    def _guard_transitions(self) -> None:
        """Let the service answer that a transition is impossible.

        rclpy raises from the service's callback instead, which ends the executor, and has no hook.
        """
        service = next(s for s in self.services if s.srv_name.endswith('/change_state'))
        change_state = service.callback

        def guarded(request: Any, response: Any) -> Any:
            answer = self._exclusively(lambda: change_state(request, response))
            if answer is not None:
                return answer
            response.success = False
            return response

        service.callback = guarded

    def _exclusively(self, transition: Callable[[], T]) -> T | None:
        """Run a transition and return its answer; None, and a warning, if it was not possible."""
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

    # ------------------------------------------------------------------ what the parts ask for

    def report_defect(self, error: BaseException) -> None:
        """Report what a callback raised, of this package or of rclpy; the node goes on."""
        text = f'a message or request could not be handled, the node goes on: {describe(error)}'
        if self._throttle.is_due(text):
            self.get_logger().error(text)

    def _log_defect(self, error: BaseException) -> None:
        """Report a defect of the loop, which goes on with the next frames."""
        self.get_logger().error(f'frames skipped: {describe(error)}')

    def _why_nothing(self, camera: str, name: str) -> str:
        """Return why nothing comes on a topic of the table, with the remedy."""
        name = topics.of_camera(name, camera)
        topic = self.resolve_topic_name(name)
        if self.count_publishers(topic):
            return f'nothing on {topic} yet, though somebody publishes there: look at its QoS'
        return f'nobody publishes on {topic}: remap {name} to the topic of the sensor'

    def _parameters_changed(self, values: Values) -> None:
        self._diagnostics.set_period(values.diagnostics_period)
        if transforms := self._transforms:
            transforms.fixed = FixedTransforms(values.transforms)

    def _namesakes(self) -> str:
        """Return what to do about other nodes of this name, '' if there are none."""
        own = (self.get_name(), self.get_namespace())
        count = self.get_node_names_and_namespaces().count(own)
        if count < 2:
            return ''
        return (
            f'{count} nodes are called {self.get_fully_qualified_name()}: transitions and '
            'parameters reach any of them, and all publish; end the others, or give one a '
            f'namespace of its own (-r __ns:=/...){OF_A_KILLED_ONE}'
        )

    def _facts(self) -> NodeFacts:
        """Return what diagnostics are made of; another thread may be in a transition."""
        loop, cameras = self._loop, self._cameras
        estimator = loop.estimator if loop else None
        active = loop is not None and loop.is_active
        return NodeFacts(
            name=self.get_fully_qualified_name(),
            state='active' if active else 'inactive' if estimator else 'unconfigured',
            configure_error=self._configure_error,
            problem='; '.join(
                filter(None, (*self._problems, *self._strange_qos, self._namesakes()))
            ),
            estimator=estimator,
            parameters=self.parameters.values,
            cameras=[camera.facts(active) for camera in cameras],
        )
