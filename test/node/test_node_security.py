"""The policy for SROS2 allows what the node does, and nothing else."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from patience import PATIENCE
from source_files import ROOT

if TYPE_CHECKING:
    from ros_graph import DepthProcess, Graph

_NAMESPACE = '/guarded'
# Subscribed to by tf2_ros, where it is installed.
_TF = {'/tf', '/tf_static'}
# Served by it, once somebody has asked for a transform.
_TF_SERVICE = {'tf2_frames'}


def allowed(kind: str, action: str) -> set[str]:
    """Return the names of the policy's ``kind`` ('topic', 'service') that allow ``action``."""
    tree = ElementTree.parse(ROOT / 'config' / 'sros2_policy.xml')
    names = [
        str(name.text)
        for rules in tree.iter(f'{kind}s')
        if rules.get(action) == 'ALLOW'
        for name in rules.iter(kind)
    ]
    assert len(set(names)) == len(names)
    return set(names)


def used(graph: Graph, endpoint: str) -> set[str]:
    """Return the names at which the node has an ``endpoint``, as the policy has them."""
    ask = getattr(graph.node, f'get_{endpoint}_names_and_types_by_node')
    return set(map(_relative, (name for name, _ in ask('depth', graph.namespace))))


def _relative(name: str) -> str:
    private = f'{_NAMESPACE}/depth/'
    if name.startswith(private):
        return f'~/{name.removeprefix(private)}'
    return name.removeprefix(f'{_NAMESPACE}/')


def is_there(graph: Graph) -> bool:
    return ('depth', graph.namespace) in graph.node.get_node_names_and_namespaces()


def test_the_policy_is_what_the_node_does(
    start_node: Callable[..., DepthProcess], make_graph: Callable[[str], Graph]
) -> None:
    graph = make_graph(_NAMESPACE)
    everything: dict[str, Any] = {
        'scale.source': '[lidar, range, depth]', 'gravity': 'imu', 'use_sim_time': True,
    }  # fmt: skip
    subscribed: set[str] = set()
    for transport in ('raw', 'compressed'):
        node = start_node(_NAMESPACE, autostart=True, image_transport=transport, **everything)
        graph.until(lambda: is_there(graph), 'the node')
        graph.until(
            lambda: (
                len(used(graph, 'subscriber')) >= len(allowed('topic', 'subscribe')) - 3
                and used(graph, 'publisher') >= allowed('topic', 'publish')
                and used(graph, 'service') >= allowed('service', 'reply') - _TF_SERVICE
            ),
            'all that the policy allows',
        )
        assert used(graph, 'publisher') == allowed('topic', 'publish')
        assert used(graph, 'service') | _TF_SERVICE == allowed('service', 'reply')
        assert used(graph, 'client') == allowed('service', 'request') == set()
        subscribed |= used(graph, 'subscriber')
        node.end()
        graph.until(lambda: not is_there(graph), 'the end of the node')
    assert subscribed | _TF == allowed('topic', 'subscribe')


@pytest.mark.parametrize('files', [(), ('governance.p7s',), ('cert.pem', 'key.pem')])
def test_an_enclave_that_is_not_whole_is_told_in_one_line(
    files: Iterable[str],
    start_node: Callable[..., DepthProcess],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    enclave = tmp_path / 'enclaves' / 'depth'
    enclave.mkdir(parents=True)
    for file in files:
        (enclave / file).touch()
    monkeypatch.setenv('ROS_SECURITY_ENABLE', 'true')
    monkeypatch.setenv('ROS_SECURITY_STRATEGY', 'Enforce')
    monkeypatch.setenv('ROS_SECURITY_KEYSTORE', str(tmp_path))
    node = start_node('/locked_out', '--enclave', '/depth')
    assert node.process.wait(PATIENCE) == 2
    errors = [line for line in node.log.splitlines() if line.startswith('error: ')]
    assert len(errors) == 1
    assert 'Traceback' not in node.log
