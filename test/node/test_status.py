"""What /diagnostics says for given facts."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus
from std_msgs.msg import Header

from s2r_depth_ros.geometry.scale import FilterState, Freshness
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.node.camera_health import CameraFacts
from s2r_depth_ros.node.frame import Result
from s2r_depth_ros.node.frame_counts import FrameCounter, FrameCounts
from s2r_depth_ros.node.parameters import Values, with_changes
from s2r_depth_ros.node.scale_report import ScaleReport
from s2r_depth_ros.node.status import (
    ERROR,
    OK,
    STALE,
    WARN,
    NodeFacts,
    Problem,
    status_message,
    statuses,
)

_ESTIMATOR = cast(
    DepthEstimator,
    SimpleNamespace(
        metadata=SimpleNamespace(name='tiny', sha256='ab' * 32, placeholder=''),
        device=torch.device('cpu'),
        precision='fp32',
        backend='torch',
        input_size=(96, 128),
        tried_again=3,
    ),
)
_UNCONFIGURED = NodeFacts('/robot/depth', 'unconfigured', '', None, Values(), [])
_RESULT = Result(Header(stamp=Time(sec=5)), {}, '', False, 1.25, 0.5, 2)


def _counts(**changes: Any) -> FrameCounts:
    counter = FrameCounter()
    for dropped in (False, True, True):
        counter.count_received(dropped)
    counter.count_lost(2)
    counter.count_skipped()
    for milliseconds in range(1, 101):
        counter.count_published(milliseconds / 1e3, 0.5)
    return replace(counter.take(), **changes)


def _camera(name: str = '', **changes: Any) -> CameraFacts:
    topic = f'/robot/{name}/image' if name else '/robot/image'
    return replace(CameraFacts(name, topic, _counts(), _RESULT, ''), **changes)


def _active(*cameras: CameraFacts, **changes: Any) -> list[DiagnosticStatus]:
    facts = NodeFacts('/robot/depth', 'active', '', _ESTIMATOR, Values(), cameras)
    return statuses(replace(facts, **changes))


def _values(status: DiagnosticStatus) -> dict[str, str]:
    return {item.key: item.value for item in status.values}


def test_the_worst_problem_sets_the_level() -> None:
    problems = [Problem(WARN, 'a'), Problem(ERROR, 'b'), Problem(STALE, 'c')]
    message = status_message('n', 'h', problems, 'fine', {'k': 'v'})
    assert (message.level, message.message) == (ERROR, 'b; c; a')
    assert [(item.key, item.value) for item in message.values] == [('k', 'v')]
    assert status_message('n', 'h', [], 'fine', {}).message == 'fine'
    assert status_message('n', 'h', [], 'fine', {}).level == OK


def test_an_unconfigured_node() -> None:
    (status,) = statuses(_UNCONFIGURED)
    assert (status.name, status.hardware_id) == ('/robot/depth: depth', '')
    assert status.level == WARN
    assert status.message == (
        'unconfigured, so nothing is published: `ros2 lifecycle set /robot/depth configure`, then '
        'activate; or start it with autostart:=true'
    )
    starting = replace(_UNCONFIGURED, parameters=replace(Values(), autostart=True))
    assert (statuses(starting)[0].level, statuses(starting)[0].message) == (OK, 'unconfigured')
    assert _values(status) == {'state': 'unconfigured'}
    (status,) = statuses(replace(_UNCONFIGURED, configure_error='no such model'))
    assert (status.level, status.message) == (ERROR, 'cannot configure: no such model')


def test_a_single_camera_is_part_of_the_node() -> None:
    (status,) = _active(_camera())
    assert (status.name, status.hardware_id) == ('/robot/depth: depth', 'cpu')
    assert (status.level, status.message) == (OK, 'active')
    values = _values(status)
    assert {name: values[name] for name in list(values)[:9]} == {
        'state': 'active',
        'model': 'tiny',
        'model sha256': 'ab' * 32,
        'device': 'cpu',
        'precision': 'fp32',
        'backend': 'torch',
        'network input (height x width)': '96x128',
        'inferences tried again': '3',
        'depth_scale': '1',
    }
    assert values['images lost on the way'] == '2'
    assert values['images received'] == '3'
    assert values['images dropped for a newer one'] == '2'
    assert values['images skipped without a subscriber'] == '1'
    assert values['frames with an error'] == '0'
    assert values['frames published'] == '100'
    assert values['latency from stamp to publish p50 (ms)'] == '50.5'
    assert values['latency from stamp to publish p95 (ms)'] == '95.0'
    assert values['inference p95 (ms)'] == '500.0'
    assert values['camera_info'] == 'ok'
    assert values['focal length correction'] == '1.2500'
    assert values['images in the last batch'] == '2'


def test_several_cameras_have_a_status_each() -> None:
    failing = _camera('front', error='bad encoding', counts=_counts(recent=Counter(errors=1)))
    node, front, rear = _active(failing, _camera('rear'))
    assert [s.name.rsplit(': ')[-1] for s in (node, front, rear)] == [
        'depth', 'camera front', 'camera rear',
    ]  # fmt: skip
    assert [s.level for s in (node, front, rear)] == [OK, ERROR, OK]
    assert front.message == 'bad encoding'
    assert 'images received' not in _values(node)
    assert _values(rear)['state'] == 'active'
    assert _values(rear)['images received'] == '3'
    assert {s.hardware_id for s in (node, front, rear)} == {'cpu'}


def test_an_inactive_camera_has_neither_counts_nor_problems() -> None:
    camera = _camera(counts=None, last=None, error='of the last activation')
    (status,) = _active(camera, state='inactive')
    assert (status.level, status.message) == (OK, 'inactive')
    values = _values(status)
    assert 'images received' not in values
    assert values['camera_info'] == 'n/a'
    assert values['focal length correction'] == 'n/a'
    assert values['images in the last batch'] == '0'


def test_before_the_first_frame_there_are_no_times() -> None:
    (status,) = _active(_camera(counts=FrameCounter().take(), last=None))
    assert status.level == OK
    assert _values(status)['camera_info'] == 'n/a'  # it was ok before one had come
    assert _values(status)['inference p50 (ms)'] == 'n/a'
    assert _values(status)['latency from stamp to publish p95 (ms)'] == 'n/a'


@pytest.mark.parametrize(
    ('changes', 'level', 'message'),
    [
        (
            {'counts': _counts(since_image=3.0)},
            STALE,
            'no image on /robot/rear/image for 3 s: nobody publishes there; start the camera, or '
            'remap rear/image to its topic',
        ),
        (
            {'counts': _counts(since_image=3.0), 'publishers': 2},
            STALE,
            'no image on /robot/rear/image for 3 s: 2 publisher(s) there; check the camera (`ros2 '
            'topic hz /robot/rear/image`)',
        ),
        (
            {
                'counts': _counts(since_image=3.0),
                'publishers': 1,
                'graph_problems': ['/robot/rear/image: too weak'],
            },
            STALE,
            'no image on /robot/rear/image for 3 s; /robot/rear/image: too weak',
        ),
        (
            {'graph_problems': ['/robot/rear/points: too weak']},
            WARN,
            '/robot/rear/points: too weak',
        ),
        ({'counts': _counts(since_image=1.9)}, OK, 'active'),
        ({'counts': _counts(since_image=4.0, image_period=3.3), 'publishers': 1}, OK, 'active'),
        (
            {'counts': _counts(since_image=4.0, image_period=3.3)},
            STALE,
            'no image on /robot/rear/image for 4 s: nobody publishes there; start the camera, or '
            'remap rear/image to its topic',
        ),
        (
            {'counts': _counts(since_image=31.0, image_period=600.0), 'publishers': 1},
            STALE,
            'no image on /robot/rear/image for 31 s: 1 publisher(s) there; check the camera (`ros2 '
            'topic hz /robot/rear/image`)',
        ),
        ({'counts': _counts(since_image=90.0), 'publishers': 1, 'still': True}, OK, 'active'),
        (
            {'counts': _counts(since_image=90.0), 'still': True},
            STALE,
            'no image on /robot/rear/image for 90 s: nobody publishes there; start the camera, or '
            'remap rear/image to its topic',
        ),
        (
            {'counts': _counts(since_image=10.0, image_period=3.3), 'publishers': 1},
            STALE,
            'no image on /robot/rear/image for 10 s: 1 publisher(s) there; check the camera (`ros2 '
            'topic hz /robot/rear/image`)',
        ),
        (
            {
                'counts': _counts(since_image=4.0, image_period=3.3),
                'info_topic': '/rear/info',
                'info_silence': 33.0,
                'publishers': 1,
            },
            WARN,
            'no camera_info on /rear/info for 33 s, though images come: the last one is used; look '
            'at the camera driver',
        ),
        (
            {'info_topic': '/rear/info', 'info_silence': 8.0},
            WARN,
            'no camera_info on /rear/info for 8 s, though images come: the last one is used; look '
            'at the camera driver',
        ),
        ({'info_silence': 1.0}, OK, 'active'),
        (
            {'counts': _counts(recent=Counter(lost=6, received=6))},
            WARN,
            '6 of the last 12 images on /robot/rear/image were lost on the way: start the camera '
            'with the transport profile (config/fastdds.xml), and give /dev/shm more room; else '
            'the machine is too busy, or the network too slow',
        ),
        ({'counts': _counts(recent=Counter(lost=4))}, OK, 'active'),
        ({'counts': _counts(recent=Counter(lost=20, received=21))}, OK, 'active'),
        (
            {'counts': _counts(stamp_offset=3600.0)},
            WARN,
            "stamps are 3600.0 s behind the node's clock: for a bag, play it with --clock and set "
            'use_sim_time; else synchronise the clocks',
        ),
        (
            {'counts': _counts(stamp_offset=-3599.6)},
            WARN,
            "stamps are 3599.6 s ahead of the node's clock: synchronise the clocks; if "
            'use_sim_time is set, have /clock published (`ros2 bag play --clock`), or leave it out',
        ),
        (
            {'counts': _counts(since_image=3.0), 'elsewhere': '/robot/rear/image/compressed'},
            STALE,
            'no image on /robot/rear/image for 3 s: nobody publishes there, but somebody does on '
            '/robot/rear/image/compressed: set the parameter image_transport to compressed (clean '
            'the node up first)',
        ),
        (
            {
                'counts': _counts(recent=Counter(errors=10, published=8)),
                'last_error': 'bad encoding',
            },
            WARN,
            '10 of the last 18 frames failed: bad encoding',
        ),
        ({'error': 'bad', 'counts': _counts(recent=Counter(skipped=3))}, OK, 'active'),
        ({'error': 'bad', 'counts': _counts(recent=Counter(skipped=3, errors=1))}, ERROR, 'bad'),
        ({'error': 'bad', 'counts': _counts(recent=Counter())}, ERROR, 'bad'),
        ({'last': replace(_RESULT, camera_problem='no camera_info')}, WARN, 'no camera_info'),
        ({'last': replace(_RESULT, navigation_problem='no floor')}, WARN, 'no floor'),
        ({'foreign_info': 'of another'}, WARN, 'of another'),
        ({'repeated': 19}, OK, 'active'),
        (
            {'repeated': 20},
            WARN,
            'images come again and again with one stamp: the camera driver is stuck, or writes no '
            'new stamps; start it again',
        ),
        (
            {'last': replace(_RESULT, header=Header()), 'counts': _counts(stamp_offset=1e9)},
            WARN,
            'images have no stamp (it is 0): have the camera driver set it; TF and Nav2 find no '
            'transform without',
        ),
    ],
)
def test_problems_of_a_camera(changes: dict[str, Any], level: bytes, message: str) -> None:
    _, status = _active(_camera('rear', **changes))
    assert (status.level, status.message) == (level, message)


def test_of_frames_that_fail_no_camera_info_is_called_ok() -> None:
    for error, told in (('', 'ok'), ('d contains nan', 'n/a')):
        _, status = _active(_camera('rear', error=error))
        assert {v.key: v.value for v in status.values}['camera_info'] == told


def test_who_publishes_compressed_images_is_told_which_topic_to_remap() -> None:
    counts, topic = _counts(since_image=9.0), '/robot/image/compressed'
    (status,) = _active(_camera(image_topic=topic, counts=counts))
    assert status.message == (
        f'no image on {topic} for 9 s: nobody publishes there; start the camera, or remap image to '
        'its topic (without /compressed)'
    )


def test_a_camera_is_stale_after_a_diagnostics_period_at_least() -> None:
    slow = replace(Values(), diagnostics_period=5.0)
    _, status = _active(_camera('rear', counts=_counts(since_image=4.0)), parameters=slow)
    assert status.level == OK


def _report(freshness: Freshness, **changes: Any) -> ScaleReport:
    report = ScaleReport(FilterState.initial(1.25), freshness, 3.0, None, 'lidar: why', (), False)
    return replace(report, **changes)


@pytest.mark.parametrize(
    ('report', 'level', 'message'),
    [
        (_report(Freshness.FRESH), OK, 'active'),
        (
            _report(Freshness.HELD),
            WARN,
            'held: its reference is missing or not believed (for 3.0 s): lidar: why',
        ),
        (
            _report(Freshness.STALE, withheld=True),
            ERROR,
            'stale: its reference has been missing or not believed for too long (for 3.0 s): '
            'lidar: why; nothing in metres is published, as scale.on_timeout is stop',
        ),
        (
            _report(Freshness.UNSET, age=None),
            WARN,
            'no reference has been believed yet: lidar: why',
        ),
        (_report(Freshness.FRESH, notes=['a note']), WARN, 'measured by ; a note'),
    ],
)
def test_the_scale_of_a_camera_has_a_status(
    report: ScaleReport, level: bytes, message: str
) -> None:
    scaled = with_changes(Values(), {'scale.source': ['lidar']})
    last = replace(_RESULT, scale=report)
    for name in ('', 'rear'):
        status = _active(_camera(name, last=last), parameters=scaled)[-1]
        assert status.name == f'/robot/depth: {"camera rear: " if name else ""}scale'
        assert (status.level, status.message) == (level, message)
        assert _values(status)['scale'] == '1.25'
        assert _values(status)['sources'] == 'lidar: why'
        assert _values(status)['anchors_used'] == '0'
    # None before the first frame, nor where only depth_scale scales.
    status = _active(_camera(last=None), parameters=scaled)[-1]
    assert (status.name, status.level) == ('/robot/depth: scale', OK)
    assert len(_active(_camera(last=last))) == 1


def test_what_is_wrong_with_the_process_is_told_in_every_state() -> None:
    for facts in (_UNCONFIGURED, replace(_UNCONFIGURED, state='active', estimator=_ESTIMATOR)):
        (status,) = statuses(replace(facts, problem='no room'))
        assert status.level == WARN
        assert 'no room' in status.message


def test_a_placeholder_model_is_told() -> None:
    metadata = SimpleNamespace(name='tiny', sha256='', placeholder='random weights')
    estimator = SimpleNamespace(**{**vars(_ESTIMATOR), 'metadata': metadata})
    (status,) = _active(_camera(), estimator=estimator)
    assert (status.level, status.message) == (WARN, 'placeholder model: random weights')
