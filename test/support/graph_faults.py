"""Faults in the graph around a node; each returns numbers, or raises AssertionError."""

from __future__ import annotations

import time
from typing import Any

from builtin_interfaces.msg import Time
from made_up_model import save_tiny_model
from node_under_fault import NodeUnderFault, ProcessUse, Setting, node_under_fault
from patience import PATIENCE
from ros_graph import camera_info, values_of
from rosgraph_msgs.msg import Clock

_ACTIVE = {'autostart': True}
# After a tenth of the repetitions all that is made once has been made.
_SETTLED = 0.1


def camera_returns(setting: Setting, count: int) -> dict[str, Any]:
    """The camera stops for longer than diagnostics wait, and returns."""
    with node_under_fault(setting, 'camera_returns', _ACTIVE) as node:
        node.until_depth('at first')
        seconds = []
        for _ in range(count):
            node.camera.running.clear()
            node.graph.until_status(lambda s, _: s.message.startswith('no image on'), 'its absence')
            node.camera.running.set()
            seconds.append(node.until_depth('of the camera that is back', 1))
            node.graph.until_status(lambda s, _: s.message == 'active', 'a good status')
        return {'times': count, 'seconds_to_depth_at_most': max(seconds), **node.end()}


def subscriber_comes_and_goes(setting: Setting, count: int) -> dict[str, Any]:
    """A subscriber takes one depth image and goes, over and over."""
    with node_under_fault(setting, 'subscriber', _ACTIVE) as node:
        node.until_depth('at first')
        node.unsubscribe()
        settled = None
        for index in range(count):
            node.subscribe()
            node.until_depth(f'for subscriber {index}', 1)
            node.unsubscribe()
            if settled is None and index >= _SETTLED * count:
                settled = ProcessUse.of(node.process.process.pid)
        assert settled is not None
        return {'times': count, **_flat(settled, node), **node.end()}


def transitions(setting: Setting, count: int, backend: str = 'torch') -> dict[str, Any]:
    """Configure, activate, deactivate, cleanup, over and over, while frames come."""
    with node_under_fault(setting, f'transitions_{backend}', {'backend': backend}) as node:
        settled = None
        for index in range(count):
            for label in ('configure', 'activate', 'deactivate', 'cleanup'):
                assert node.graph.change(label), (index, label, node.process.log[-2000:])
                if label == 'activate' and index % 10 == 0:
                    node.until_depth(f'of cycle {index}', 1)
            if settled is None and index >= _SETTLED * count:
                settled = ProcessUse.of(node.process.process.pid)
        assert settled is not None
        node.graph.change('configure')
        node.graph.change('activate')
        node.until_depth('after all of them')
        node.graph.change('deactivate')
        node.graph.change('cleanup')
        return {'cycles': count, 'transitions': 4 * count, **_flat(settled, node), **node.end()}


def models(setting: Setting, count: int) -> dict[str, Any]:
    """Another model, and one that is corrupt, while the node is active and after it is not."""
    other = save_tiny_model(setting.folder / 'other.safetensors')
    corrupt = setting.folder / 'corrupt.safetensors'
    corrupt.write_bytes(other.read_bytes()[:-1000])
    with node_under_fault(setting, 'models', _ACTIVE) as node:
        graph = node.graph
        node.until_depth('at first')
        for index in range(count):
            refused = graph.set('model', str(corrupt))
            assert not refused.successful, 'another model is set while one runs'
            node.until_depth('of the model that runs on')
            assert graph.change('deactivate')
            assert graph.change('cleanup')
            assert graph.set('model', str(corrupt)).successful
            assert not graph.change('configure'), 'a corrupt model was configured'
            text = graph.until_status(lambda s, _: s.message.startswith('cannot'), 'why').message
            assert corrupt.name in text, text
            assert graph.set('model', str((other, setting.model)[index % 2])).successful
            assert graph.change('configure')
            assert graph.change('activate')
            node.until_depth('of the other model')
        return {'times': count, 'refused_with': refused.reason, 'said': text, **node.end()}


def clock_jumps(setting: Setting, count: int) -> dict[str, Any]:
    """Simulated time goes on, stands, jumps ahead, back, to zero, and loops as a bag does."""
    seconds = (100, 100, 100_000, 50, 0, 2_000_000_000, 5)
    with node_under_fault(setting, 'clock', {**_ACTIVE, 'use_sim_time': True}) as node:
        node.camera.running.clear()
        graph, slowest = node.graph, 0.0
        clock = graph.node.create_publisher(Clock, '/clock', 10)
        for index, begin in enumerate(seconds * count):
            wanted, start = node.depths + 3, time.monotonic()
            tick = 0
            while node.depths < wanted:
                tick += 1
                now = Time(sec=begin, nanosec=10_000_000 * (tick % 90))
                clock.publish(Clock(clock=now))
                frame = graph.image()
                frame.header.stamp = now
                graph.send(frame, camera_info())
                graph.spin(0.05)
                assert time.monotonic() < start + PATIENCE, f'no depth at {begin} s'
            if index:  # the first waits for the node to start
                slowest = max(slowest, time.monotonic() - start)
        values = values_of(graph.status())
        return {
            'jumps': len(seconds) * count,
            'seconds_to_three_depths_at_most': round(slowest, 2),
            'frames_with_an_error': int(values['frames with an error']),
            **node.end(),
        }


def _flat(settled: ProcessUse, node: NodeUnderFault) -> dict[str, Any]:
    """Return what the node takes now beside what it took. Raises if there is more of it."""
    node.graph.spin(1.0)  # for threads that end
    now = ProcessUse.of(node.process.process.pid)
    # One thread or file more or less may be a frame, or a discovery, under way; and of its four
    # threads the executor starts each when it is first needed.
    assert now.threads <= settled.threads + 5, (settled, now)
    assert now.open_files <= settled.open_files + 2, (settled, now)
    return {'after_a_tenth_and_at_the_end': settled.grown_to(now)}
