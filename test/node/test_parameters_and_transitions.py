"""Parameters that are set at the very moment of a transition; the node is in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

import rclpy
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter

from s2r_depth_ros.node.arguments import read_arguments
from s2r_depth_ros.node.depth_node import DepthNode


@pytest.fixture
def node(domain: int, tiny_model: Path) -> Iterator[DepthNode]:
    arguments = ['--ros-args', '-p', f'model:={tiny_model}']
    rclpy.init(args=arguments, domain_id=domain)
    node = DepthNode(read_arguments(arguments))
    yield node
    node.close()
    node.destroy_node()
    rclpy.shutdown()


@pytest.mark.parametrize('atomically', [True, False])
@pytest.mark.parametrize(('name', 'value'), [('input_width', 192), ('cameras', ['left', 'right'])])
def test_a_configure_waits_for_parameters_that_are_being_set(
    node: DepthNode, name: str, value: Any, atomically: bool
) -> None:
    """The setting is held between its check, which accepted it, and its being in force."""
    accepted, configured, results = threading.Event(), threading.Event(), []

    def hold(changes: list[Parameter]) -> None:
        if [change.name for change in changes] == [name]:
            accepted.set()
            # Not for ever: the configure waits for this.
            configured.wait(2.0)

    def set_parameter() -> None:
        change = [Parameter(name, value=value)]
        if atomically:
            results.append(node.set_parameters_atomically(change))
        else:
            results.extend(node.set_parameters(change))

    def configure() -> None:
        results.append(node.trigger_configure())
        configured.set()

    node.add_post_set_parameters_callback(hold)  # runs before the node's own
    setting, configuring = (threading.Thread(target=f) for f in (set_parameter, configure))
    setting.start()
    assert accepted.wait(PATIENCE)
    configuring.start()
    setting.join(PATIENCE)
    configuring.join(PATIENCE)
    assert results[0].successful
    assert results[1] is TransitionCallbackReturn.SUCCESS
    loop = node._loop
    assert loop is not None
    assert loop.estimator is not None
    assert loop.estimator.input_size == (96, node.parameters.values.input_width or 128)
    names = [camera.topics.image for camera in node._cameras]
    assert len(names) == len(node.parameters.values.cameras or [''])
    as_set = getattr(node.parameters.values, name)
    assert as_set == (tuple(value) if isinstance(value, list) else value)


def test_parameters_of_the_model_are_fixed_while_it_is_loaded(node: DepthNode) -> None:
    """From the first moment of the transition, also while the model is not there yet."""
    answers = []
    configure = node._configure

    def held_open(values: Any) -> None:
        answers.append(node.set_parameters_atomically([Parameter('input_width', value=192)]))
        answers.append(node.set_parameters_atomically([Parameter('depth_scale', value=2.0)]))
        configure(values)

    node._configure = held_open  # type: ignore[method-assign]  # to be in the midst of it
    assert node.trigger_configure() is TransitionCallbackReturn.SUCCESS
    refused, taken = answers
    assert not refused.successful
    assert 'input_width is read-only while the node is configured' in refused.reason
    assert taken.successful
    assert node.parameters.values.depth_scale == 2.0
    assert node.parameters.values.input_width == 0
