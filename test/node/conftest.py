"""The depth node in processes of its own; rclpy is imported only where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ros_graph import DepthProcess, Graph, Recorder


@pytest.fixture(scope='module')
def start_node(
    domain: int, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., DepthProcess]]:
    """Start depth nodes with the tiny model; what still runs after the tests of a module is ended.

    So an idle node takes nothing from the tests of other modules.
    """
    from ros_graph import DepthProcess, reliable

    folder = tmp_path_factory.mktemp('node_logs')
    started: list[DepthProcess] = []

    def start(namespace: str, *arguments: str, **parameters: Any) -> DepthProcess:
        defaults = {'model': tiny_model, 'diagnostics_period': 0.2}
        parameters = {**defaults, **reliable(f'{namespace}/image'), **parameters}
        log = folder / f'{len(started)}.log'
        started.append(DepthProcess(domain, log, namespace, parameters, *arguments))
        return started[-1]

    yield start
    for process in started:
        process.end()


@pytest.fixture(scope='module')
def make_graph(domain: int) -> Iterator[Callable[[str], Graph]]:
    from ros_graph import TRANSPORT, Graph

    graphs: list[Graph] = []

    def make(namespace: str) -> Graph:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in TRANSPORT.items():
                patch.setenv(name, value)
            graphs.append(Graph(domain, namespace))
        return graphs[-1]

    yield make
    for graph in graphs:
        graph.close()


@dataclass
class Live:
    """A running, active node and what it publishes: topic name of the table -> recorder."""

    process: DepthProcess
    graph: Graph
    outputs: dict[str, Recorder]


@pytest.fixture(scope='module')
def live_node(start_node: Callable[..., DepthProcess], make_graph: Callable[[str], Graph]) -> Live:
    """One node for all tests of a module that only send frames and set parameters."""
    from s2r_depth_ros.node.topics import OF_CLEAN_DEPTH, OUTPUTS

    process = start_node('/live', autostart=True)
    graph = make_graph('/live')
    outputs = {
        t.name: graph.record(t.type, t.name.replace('~', 'depth'))
        for t in OUTPUTS
        if t.name not in OF_CLEAN_DEPTH  # they need a floor, and are in test_node_navigation
    }
    graph.send_until(lambda: all(r.messages for r in outputs.values()), 'every output')
    return Live(process, graph, outputs)


@pytest.fixture
def live(live_node: Live) -> Iterator[Live]:
    """The shared node with default parameters, which are put back afterwards."""
    from s2r_depth_ros.node.parameters import PARAMETERS

    names = [spec.name for spec in PARAMETERS if not (spec.reload or spec.read_only)]
    before = live_node.graph.get(*names)
    yield live_node
    for name, value in zip(names, before):
        assert live_node.graph.set(name, value).successful
