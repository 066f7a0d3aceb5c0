"""Every parameter of the node is declared, validated, documented and has an effect."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from patience import PATIENCE

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from floor_scenes import floor_plane, seen_depth
from frame_pipelines import OVER_FLOOR, Frames, content, model_of, pipeline_of
from rcl_interfaces.srv import DescribeParameters, ListParameters
from ros_graph import HEIGHT, ROOT, WIDTH, camera_info, pixels, values_of
from scale_messages import ROOM as SCALED_ROOM
from scale_messages import ScaledCamera, cloud

from s2r_depth_ros.inference.colorize import colorize_depth
from s2r_depth_ros.network.checkpoint import load_model, read_metadata, save_model
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.parameters import (
    PARAMETERS,
    ParameterError,
    Values,
    validate,
    value_of,
    with_changes,
)
from s2r_depth_ros.parameter_files import flat

DEFAULTS = Values()
TESTED: set[str] = set()


def shows(*names: str) -> Callable[[Any], Any]:
    """Mark a test as the one that shows the effect of parameters."""
    TESTED.update(names)
    return lambda test: test


def test_every_parameter_has_a_test_of_its_effect() -> None:
    assert {spec.name for spec in PARAMETERS} == TESTED


def test_record_and_table_agree() -> None:
    values = {spec.name: value_of(DEFAULTS, spec.name) for spec in PARAMETERS}
    # ROS has lists where the record, which cannot be changed, has tuples.
    as_ros = {n: list(v) if isinstance(v, tuple) else v for n, v in values.items()}
    assert as_ros == {spec.name: spec.default for spec in PARAMETERS}
    for number, spec in enumerate(PARAMETERS):  # none stands for another
        changed = with_changes(DEFAULTS, {spec.name: number})
        assert value_of(changed, spec.name) == number
        assert with_changes(changed, {spec.name: spec.default}) == DEFAULTS
    validate(DEFAULTS)


def test_parameter_file_documents_every_parameter() -> None:
    text = (ROOT / 'config' / 'depth.yaml').read_text()
    (section,) = yaml.safe_load(text).values()
    assert dict(flat(section['ros__parameters'])) == {s.name: s.default for s in PARAMETERS}
    # A comment stands above each key, or above the pair it belongs to.
    lines = text.splitlines()
    for spec in PARAMETERS:
        above = lines[: _line_of(spec.name, lines)]
        assert any(line.strip().startswith('#') for line in above[-2:]), spec.name


def _line_of(name: str, lines: list[str]) -> int:
    """Return the number of the line that sets a parameter beneath ros__parameters."""
    number, indent = 0, ' ' * 4
    for part in name.split('.'):
        number = next(
            i for i, line in enumerate(lines) if i > number and line.startswith(f'{indent}{part}:')
        )
        indent += '  '
    return number


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'model': ''}, 'model is empty'),
        ({'device': 'gpu'}, "not 'gpu'"),
        ({'precision': 'fp8'}, 'one of fp32, fp16, bf16'),
        ({'backend': 'tvm'}, 'one of auto, torch, eager, tap, openvino, onnxruntime'),
        ({'image_transport': 'theora'}, 'one of raw, compressed'),
        ({'rectify': 'on'}, 'one of auto, never'),
        ({'max_depth': float('nan')}, 'max_depth must be from 0 to 1000, not nan'),
        ({'depth_scale': 0.0}, 'depth_scale must be from 0.001 to 1000, not 0.0'),
        ({'depth_encoding': '64FC1'}, 'one of 32FC1, 16UC1'),
        ({'input_height': 100}, 'input_height is 100: it must be a multiple of 16'),
        ({'input_width': 80}, 'at least 96'),
        ({'cameras': ('front', 'front')}, "'front' is there twice"),
        ({'cameras': ('front', '2nd')}, "'2nd' cannot be part of a topic"),
        ({'cameras': ('a/b',)}, "'a/b' cannot be part of a topic"),
        ({'cameras': ('a__b',)}, "'a__b' cannot be part of a topic"),
        ({'cameras': ('a' * 65,)}, 'aaaa... has 65 characters, and topics of at most 255'),
        ({'cameras': ('',)}, "'' cannot be part of a topic"),
        ({'cameras': (5,)}, 'YAML reads it as int, text needs quotes'),
        ({'cameras': ('front-left',)}, "'front-left' cannot be part of a topic: use a letter, "),
        ({'cameras': ('front-left',)}, ', such as front_left'),
        ({'depth_scales': (1.0,)}, 'depth_scales has 1 factors for 0 cameras: give one for each'),
        ({'depth_scales': (1.0,), 'cameras': ('a', 'b')}, 'has 1 factors for 2 cameras'),
        ({'depth_scales': (0.0,), 'cameras': ('a',)}, 'depth_scales must be from 0.001 to 1000'),
        (
            {'depth_scales': (1.0, 50.0), 'cameras': ('a', 'b'), 'depth_scale': 100.0},
            'of camera b depth_scale times its own of depth_scales: depth_scale must be from',
        ),
        ({'cameras': 'front'}, "list of names such as [front], not 'front'"),
        ({'min_depth': 5.0, 'max_depth': 5.0}, 'min_depth (5.0 m) must be smaller'),
        ({'transforms': ('a b 0 0 0 0 0 90',)}, 'must be radians'),
        ({'transforms': ('a b 0 0 0 0 0 0', 'b a 0 0 0 0 0 0')}, 'closes a loop'),
        ({'base_frame': '/'}, 'base_frame is empty'),
        ({'gravity': 'auto'}, 'one of tf, imu, none'),
        ({'level': 'always'}, 'one of auto, never'),
        ({'color_near': 9.0, 'color_far': 5.0}, 'color_near (9.0 m) must be smaller'),
    ],
)
def test_impossible_values_are_named(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ParameterError) as caught:
        validate(with_changes(DEFAULTS, changes))
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ('name', 'value', 'reason'),
    [
        ('depth_scale', 0.0, 'depth_scale'),
        ('diagnostics_period', 0.0, 'diagnostics_period'),
        ('max_depth', '5 m', 'type'),
        ('depth_encoding', 'mono16', 'one of 32FC1, 16UC1'),
        ('autostart', True, 'read-only'),
        *(
            (name, value, 'deactivate and clean up')
            for name, value in {
                'model': 'other',
                'device': 'cuda:1',
                'precision': 'bf16',
                'backend': 'eager',
                'input_height': 192,
                'input_width': 192,
                'cameras': ['front'],
                'image_transport': 'compressed',
                'gravity': 'imu',
                'scale.source': ['lidar'],
            }.items()
        ),
    ],
)
def test_a_running_node_rejects_with_a_reason(
    live: Any, name: str, value: Any, reason: str
) -> None:
    before = live.graph.get(name)
    result = live.graph.set(name, value)
    assert not result.successful
    assert reason in result.reason
    assert live.graph.get(name) == before


def test_values_are_validated_together(live: Any) -> None:
    assert live.graph.set('max_depth', 5.0).successful
    result = live.graph.set('min_depth', 6.0)
    assert not result.successful
    assert result.reason == 'min_depth (6.0 m) must be smaller than max_depth (5.0 m)'


def test_reload_parameters_are_those_rejected_above() -> None:
    reload = {spec.name for spec in PARAMETERS if spec.reload}
    assert reload == {
        'model', 'device', 'precision', 'backend', 'input_height', 'input_width',
        'cameras', 'image_transport', 'gravity', 'scale.source',
    }  # fmt: skip


def test_descriptions_ranges_and_choices_are_told(live: Any) -> None:
    names = [spec.name for spec in PARAMETERS]
    request = DescribeParameters.Request(names=names)
    answer = live.graph.call(DescribeParameters, 'describe_parameters', request)
    for spec, descriptor in zip(PARAMETERS, answer.descriptors):
        assert descriptor.description == spec.description
        ranges = [*descriptor.floating_point_range, *descriptor.integer_range]
        one = [spec.bounds] if spec.bounds and not isinstance(spec.default, list) else []
        assert [(r.from_value, r.to_value) for r in ranges] == one
        if spec.bounds and not one:
            assert 'each from' in descriptor.additional_constraints
        assert all(choice in descriptor.additional_constraints for choice in spec.choices)


# ---------------------------------------------------------------- effects while active


def _depth(live: Any, seed: int = 1, info: Any = None) -> NDArray[Any]:
    frame = live.graph.send(live.graph.image(seed), info or camera_info())
    return pixels(live.graph.result(live.outputs[topics.DEPTH], frame))


@shows('depth_encoding')
def test_depth_encoding(live: Any) -> None:
    metres = _depth(live)
    assert live.graph.set('depth_encoding', '16UC1').successful
    millimetres = _depth(live)
    assert millimetres.dtype == np.uint16
    assert np.array_equal(millimetres > 0, metres < 65.535)
    inside = millimetres > 0
    assert np.abs(millimetres[inside] / 1000 - metres[inside]).max() <= 0.0006


@shows('depth_scale')
def test_depth_scale(live: Any) -> None:
    before = _depth(live)
    assert live.graph.set('depth_scale', 0.25).successful
    np.testing.assert_allclose(_depth(live), before / 4, rtol=1e-5)


@shows('depth_scales')
@given(
    scales=st.lists(st.floats(0.001, 1000), min_size=1, max_size=5),
    common=st.floats(0.001, 1000),
)
def test_each_camera_has_a_factor_besides_that_of_all(scales: list[float], common: float) -> None:
    """On a graph: test_node_cameras."""
    names = tuple(f'c{i}' for i in range(len(scales)))
    changes = {'cameras': names, 'depth_scales': tuple(scales), 'depth_scale': common}
    values = with_changes(DEFAULTS, changes)
    if all(0.001 <= common * scale <= 1000 for scale in scales):
        validate(values)
    else:
        with pytest.raises(ParameterError, match=r'depth_scale must be from 0\.001 to 1000'):
            validate(values)
    for name, scale in zip(names, scales):
        own = values.of_camera(name)
        assert own.depth_scale == common * scale
        assert replace(own, depth_scale=common) == values
    assert DEFAULTS.of_camera('') == DEFAULTS


@shows('min_depth', 'max_depth')
def test_depth_range(live: Any) -> None:
    before = _depth(live)
    low, high = (float(x) for x in np.percentile(before, (30, 70)))
    assert live.graph.set('max_depth', high).successful
    assert live.graph.set('min_depth', low).successful
    after = _depth(live)
    inside = (before >= low) & (before <= high)
    assert np.array_equal(np.isfinite(after), inside)
    assert np.array_equal(after[inside], before[inside])


@shows('transforms', 'base_frame', 'level')
def test_level_by_transforms(live: Any) -> None:
    """A camera upside down by its transform is turned upright for the network."""
    before = _depth(live)
    upside_down = ['base camera 0 0 0.5 1.5707963 0 1.5707963']
    refused = live.graph.set('transforms', ['base camera 0 0 0.5'])
    assert not refused.successful
    assert 'has 5 words; it must be' in refused.reason
    assert live.graph.set('transforms', upside_down).successful
    np.testing.assert_array_equal(_depth(live), before)  # of base_footprint nothing is known
    refused = live.graph.set('base_frame', '')
    assert not refused.successful
    assert 'base_frame is empty' in refused.reason
    assert live.graph.set('base_frame', 'base').successful
    turned = _depth(live)
    assert not np.allclose(turned, before, rtol=1e-3)
    live.graph.until_status(lambda _, v: 'turned by 180' in v['levelled'], 'a levelled frame')
    assert live.graph.set('level', 'never').successful
    np.testing.assert_array_equal(_depth(live), before)


@shows('gravity')
def test_gravity_is_fixed_while_configured(live: Any) -> None:
    """Its effect is shown in test_frame_level.py: an Imu levels the frames of a real node."""
    refused = live.graph.set('gravity', 'imu')
    assert not refused.successful
    assert 'gravity is read-only while the node is configured' in refused.reason


@shows('rectify')
def test_rectify(live: Any) -> None:
    # A strong pincushion: the corners of the rectified image come from outside the raw one.
    distorted = {'d': [0.6, 0.0, 0.0, 0.0, 0.0]}
    automatic = _depth(live, info=camera_info(**distorted))
    assert np.isnan(automatic[0, 0])
    assert np.isfinite(automatic[60, 80])
    assert live.graph.set('rectify', False).successful
    off = _depth(live, info=camera_info(**distorted))
    assert np.isfinite(off).all()
    np.testing.assert_array_equal(off, _depth(live, info=camera_info()))
    unknown = camera_info(distortion_model='omni', d=[1.3, float('nan')], r=[0.0, 1.0] * 4 + [0.0])
    np.testing.assert_array_equal(off, _depth(live, info=unknown))


@shows('color_near', 'color_far')
def test_color_range(live: Any) -> None:
    for name, value in (('color_far', 60.0), ('color_near', 30.0)):
        assert live.graph.set(name, value).successful
    frame = live.graph.send(live.graph.image(seed=1), camera_info())
    depth = pixels(live.graph.result(live.outputs[topics.DEPTH], frame))
    colours = pixels(live.graph.result(live.outputs[topics.DEPTH_COLOR], frame))
    assert np.array_equal(colours, colorize_depth(depth, 30.0, 60.0))
    assert not np.array_equal(colours, colorize_depth(depth))


@shows('camera_info_timeout')
def test_camera_info_timeout(live: Any) -> None:
    """A camera_info that comes after its image is waited for, if so set."""
    exact = live.graph.send(live.graph.image(), camera_info())
    live.graph.result(live.outputs[topics.DEPTH], exact)
    assert live.graph.set('camera_info_timeout', 10.0).successful
    late = live.graph.image(frame_id='late_camera')
    live.graph.send(late, None)
    live.graph.status()
    assert not live.outputs[topics.DEPTH].with_stamp(late)
    info = camera_info()
    info.header = late.header
    live.graph.publisher(type(info), 'camera_info').publish(info)
    live.graph.result(live.outputs[topics.DEPTH_INFO], late)
    assert live.graph.set('camera_info_timeout', 0.0).successful
    alone = live.graph.send(live.graph.image(frame_id='lonely_camera'), None)
    live.graph.result(live.outputs[topics.DEPTH], alone)


@shows('max_image_pixels')
def test_max_image_pixels(live: Any) -> None:
    _depth(live)
    pixel_count = WIDTH * HEIGHT
    assert live.graph.set('max_image_pixels', pixel_count - 1).successful
    frame = live.graph.send(live.graph.image(seed=1), camera_info())
    text = f'the image is too large: it states {WIDTH}x{HEIGHT} (width x height)'
    live.graph.until_status(lambda status, _: text in status.message, 'a refused image')
    assert not live.outputs[topics.DEPTH].with_stamp(frame)
    assert live.graph.set('max_image_pixels', pixel_count).successful
    _depth(live)


@shows('diagnostics_period')
def test_diagnostics_period(live: Any) -> None:
    def gaps() -> list[float]:
        times = []
        for _ in range(4):
            live.graph.status()
            stamp = live.graph.diagnostics.messages[-1].header.stamp
            times.append(stamp.sec + stamp.nanosec / 1e9)
        return list(np.diff(times))

    assert live.graph.set('diagnostics_period', 0.1).successful
    live.graph.status()
    assert min(gaps()) < 0.5
    assert live.graph.set('diagnostics_period', 0.8).successful
    live.graph.status()
    assert np.median(gaps()) > 0.6


# ---------------------------------------------------------------- effects at start and on configure


@pytest.fixture(scope='module')
def loader(start_node: Any, make_graph: Any) -> Any:
    """A node that tests configure, activate and clean up; it is unconfigured between them."""
    start_node('/loader')
    return make_graph('/loader')


def _loaded_values(graph: Any, **parameters: Any) -> dict[str, str]:
    """Configure with these parameters; return the diagnostics, and put all back."""
    before = graph.get(*parameters)
    for name, value in parameters.items():
        assert graph.set(name, value).successful
    assert graph.change('configure')
    status = graph.until_status(lambda _, v: 'model' in v, 'a loaded model')
    assert graph.change('cleanup')
    for name, value in zip(parameters, before):
        assert graph.set(name, value).successful
    return values_of(status)


@shows('model')
def test_model(loader: Any, tiny_model: Path, tmp_path: Path) -> None:
    other = tmp_path / 'other.safetensors'
    save_model(other, load_model(tiny_model)[0], replace(read_metadata(tiny_model), name='other'))
    assert _loaded_values(loader, model=str(other))['model'] == 'other'


@shows('input_height', 'input_width')
def test_input_size(loader: Any) -> None:
    key = 'network input (height x width)'
    assert _loaded_values(loader, input_height=112)[key] == '112x128'
    assert _loaded_values(loader, input_width=160)[key] == '96x160'


@shows('device')
def test_device(loader: Any) -> None:
    assert _loaded_values(loader, device='cpu')['device'] == 'cpu'
    assert loader.set('device', 'cuda:99').successful
    assert not loader.change('configure')
    status = loader.until_status(lambda s, _: s.message.startswith('cannot'), 'an error')
    assert "device 'cuda:99' was asked for" in status.message
    assert loader.set('device', 'auto').successful


@shows('precision')
def test_precision(loader: Any) -> None:
    assert _loaded_values(loader, precision='fp32', device='cpu')['precision'] == 'fp32'
    for name, value in (('precision', 'fp16'), ('device', 'cpu')):
        assert loader.set(name, value).successful
    assert not loader.change('configure')
    loader.until_status(lambda s, _: 'precision fp16 is for GPUs' in s.message, 'an error')
    for name, value in (('precision', 'fp32'), ('device', 'auto')):
        assert loader.set(name, value).successful


@shows('backend')
def test_backend(loader: Any) -> None:
    assert _loaded_values(loader, backend='eager')['backend'] == 'eager'
    assert _loaded_values(loader, backend='torch')['backend'] == 'torch'


@shows('image_transport')
def test_image_transport(loader: Any) -> None:
    node = loader.node
    for transport, used in (('raw', 'image'), ('compressed', 'image/compressed')):
        assert loader.set('image_transport', transport).successful
        assert loader.change('configure')
        other = {'image', 'image/compressed'} - {used}
        loader.until(lambda u=used: node.count_subscribers(u) == 1, f'a subscriber of {used}')
        loader.until(lambda o=other: node.count_subscribers(*o) == 0, 'no other subscriber')
        assert loader.change('cleanup')
    assert loader.set('image_transport', 'raw').successful


@shows('cameras')
def test_cameras(loader: Any) -> None:
    """Each camera has the topics of its own, and the next configuration other ones."""
    # References of scale are listened to for scale.source only.
    every = [topics.IMAGE, topics.CAMERA_INFO, *(topic.name for topic in topics.OUTPUTS)]

    def full(camera: str) -> set[str]:
        names = {topics.of_camera(name, camera) for name in every}
        return {'/loader/' + name.replace('~', 'depth') for name in names}

    def present() -> set[str]:
        node = loader.node
        found = {name for name, _ in node.get_topic_names_and_types()}
        known = set.union(*map(full, ('', 'front', 'rear')))
        return {n for n in found & known if node.count_subscribers(n) + node.count_publishers(n)}

    for cameras in (['front', 'rear'], ['rear'], []):
        assert loader.set('cameras', cameras).successful
        assert loader.change('configure')
        expected = set.union(*map(full, cameras or ['']))
        loader.until(lambda e=expected: present() == e, f'the topics of {cameras}')
        assert loader.change('cleanup')


@pytest.mark.parametrize('names', [['front', 'front'], ['not a name'], ['front', '/rear']])
def test_impossible_camera_names_are_rejected(loader: Any, names: list[str]) -> None:
    result = loader.set('cameras', names)
    assert not result.successful
    assert f'cameras: {names[-1]!r} ' in result.reason
    assert not loader.get('cameras')[0]


@shows('publish_always')
def test_publish_always(loader: Any) -> None:
    """Without a subscriber nothing is made, unless forced."""
    assert loader.change('configure')
    assert loader.change('activate')

    def count(label: str) -> int:
        return int(values_of(loader.status()).get(label, 0))

    skipped, published = 'images skipped without a subscriber', 'frames published'
    loader.send_until(lambda: count(skipped) > 0, 'a skipped frame')
    assert count(published) == 0
    assert 'n/a' in values_of(loader.status())['inference p50 (ms)']
    assert loader.set('publish_always', True).successful
    loader.send_until(lambda: count(published) > 0, 'a published frame')
    assert float(values_of(loader.status())['inference p50 (ms)']) > 0
    assert loader.set('publish_always', False).successful
    assert loader.change('deactivate')
    assert loader.change('cleanup')


# A parameter, a value that is not its default, an output that it changes, and what must be set too.
EFFECTS: tuple[tuple[str, Any, str, dict[str, Any]], ...] = (
    ('out_of_range', 'infinite', topics.DEPTH, {}),
    ('edge_filter.enable', True, topics.DEPTH, {}),
    ('edge_filter.max_incidence', 0.5, topics.DEPTH, {'edge_filter.enable': True}),
    ('edge_filter.max_step', 0.001, topics.DEPTH, {'edge_filter.enable': True}),
    ('temporal_filter.enable', True, topics.DEPTH, {}),
    ('temporal_filter.weight', 0.9, topics.DEPTH, {'temporal_filter.enable': True}),
    ('temporal_filter.max_change', 0.0, topics.DEPTH, {'temporal_filter.enable': True}),
    ('temporal_filter.max_difference', 0.0, topics.DEPTH, {'temporal_filter.enable': True}),
    ('temporal_filter.max_gap', 0.05, topics.DEPTH, {'temporal_filter.enable': True}),
    ('confidence.enable', True, topics.DEPTH, {'confidence.min': 0.9}),
    ('confidence.min', 0.9, topics.DEPTH, {'confidence.enable': True}),
    ('sky_filter.enable', True, topics.DEPTH, {}),
    ('cloud.stride', 3, topics.POINTS, {}),
    ('cloud.voxel_size', 0.1, topics.POINTS, {}),
    ('cloud.region', (-1.0, -1.0, 0.0, 1.0, 1.0, 2.5), topics.POINTS, {}),
    (
        'cloud.region_frame',
        'base_footprint',
        topics.POINTS,
        {'cloud.region': (-1.0, -1.0, 0.0, 9.0, 1.0, 2.5)},
    ),
    ('ground.max_height', 0.3, topics.GROUND, {}),
    ('ground.max_slope', 0.2, topics.OBSTACLES, {}),
    ('scan.frame', 'turned', topics.SCAN, {}),
    ('scan.min_height', 0.45, topics.SCAN, {}),
    ('scan.max_height', 0.2, topics.SCAN, {}),
    ('scan.max_slope', 0.3, topics.SCAN, {}),
    ('scan.angle_increment', 0.05, topics.SCAN, {}),
    ('scan.min_range', 4.0, topics.SCAN, {}),
    ('scan.max_range', 2.0, topics.SCAN, {}),
    ('transforms', ('base_footprint camera 0 0 2 -1.57 0 -1.57',), topics.GROUND, {}),
    ('base_frame', 'lower', topics.OBSTACLES, {}),
)


@shows(*(name for name, *_ in EFFECTS))
@pytest.mark.parametrize(('name', 'value', 'output', 'more'), EFFECTS)
def test_filters_clouds_and_navigation(
    name: str, value: Any, output: str, more: dict[str, Any]
) -> None:
    """What is made of the second frame of a flickering room with a box, and of nothing else."""
    base = {**more, 'max_depth': 8.0}
    assert value_of(with_changes(DEFAULTS, base), name) != value
    before, after = (
        _second_frame(with_changes(DEFAULTS, {**base, **change}), output)
        for change in ({}, {name: value})
    )
    assert before != after


def _second_frame(values: Values, output: str) -> dict[str, Any]:
    transforms = values.transforms or (
        OVER_FLOOR,
        'lower base_footprint 0 0 0.2 0 0 0',
        'base_footprint turned 0 0 0 0 0 0.3',
    )
    given = Frames(pipeline_of(model_of('outdoor'), *transforms), values)
    walls = [(2.2, 0.0, 0.3), (4.0, 0.0, 2.0)]
    room = np.fmin(seen_depth(floor_plane(), walls), np.linspace(6.0, 9.0, 160))
    for number in range(2):
        noise = np.random.default_rng(number).normal(0, 0.02, room.shape)
        depth = (room * np.exp(noise)).astype(np.float32)
        rgb = np.full((*depth.shape, 3), 100 + 4 * number, np.uint8)
        message = given.messages(depth, output, rgb=rgb)[output]
    return content(message)


BY_HEIGHT = {'scale.source': ('camera_height',)}
# A parameter, a value that is not its default, and what must be set too.
EFFECTS_ON_SCALE: tuple[tuple[str, Any, dict[str, Any]], ...] = (
    ('scale.source', ('camera_height',), {}),
    ('scale.max_age', 0.2, {}),
    ('scale.timeout', 20.0, {}),
    ('scale.on_timeout', 'stop', {}),
    ('scale.camera_height', 2.0, BY_HEIGHT),
    ('scale.rate_limit', 0.5, {}),
    ('scale.curve', False, {}),
)


@shows(*(name for name, *_ in EFFECTS_ON_SCALE))
@pytest.mark.parametrize(('name', 'value', 'more'), EFFECTS_ON_SCALE)
def test_scale(name: str, value: Any, more: dict[str, Any]) -> None:
    """What is told of the scale of four frames, of which the first two have a cloud."""
    default = {'scale.source': ('lidar',), **more}
    assert value_of(with_changes(DEFAULTS, default), name) != value
    before, after = (_scales({**default, **change}) for change in ({}, {name: value}))
    assert before != after


def _scales(changes: dict[str, Any]) -> list[tuple[Any, ...]]:
    sources = changes.pop('scale.source')
    camera = ScaledCamera(*sources)
    camera.values = with_changes(camera.values, changes)
    camera.view = SCALED_ROOM**0.8 if 'lidar' in sources else SCALED_ROOM
    told = []
    for now in (1.0, 1.3, 1.6, 9.0):
        camera.wrong = now
        if now < 1.5 and 'lidar' in sources:
            camera.take(topics.REFERENCE_POINTS, cloud(now))
        report = camera.frame(now)
        told.append((report.freshness, report.withheld, report.state.current, report.state.source))
    return told


@shows('autostart')
def test_autostart(live: Any, loader: Any) -> None:
    assert (live.graph.state(), loader.state()) == ('active', 'unconfigured')


def test_a_bad_camera_name_at_start_ends_the_process_with_its_reason(start_node: Any) -> None:
    process = start_node('/misnamed', cameras='[front, front]')
    assert process.process.wait(PATIENCE) == 2
    assert "error: cameras: 'front' is there twice" in process.log
    assert 'Traceback' not in process.log


def test_a_bad_value_at_start_ends_the_process_with_its_reason(start_node: Any) -> None:
    process = start_node('/broken', '-p', 'rectify:=sometimes')
    assert process.process.wait(PATIENCE) == 2
    assert "error: rectify must be one of auto, never, not 'sometimes'" in process.log
    assert 'Traceback' not in process.log


@pytest.mark.parametrize(
    ('arguments', 'told'),
    [
        (['-p', 'x'], '-p x: no parameter override rule that ROS can read'),
        (['--params-file', 'none.yaml'], 'there is no parameter file none.yaml: correct its path'),
        (['--log-level', 'warning'], "'warning' is no level, use one of debug, info, warn"),
        (['-p', 'device:=0'], 'YAML reads what was given as 0 (int): put text in quotes'),
        (['-p', 'use_sim_time:=maybe'], "'use_sim_time' to 'maybe' of type 'STRING'"),
    ],
)
def test_wrong_ros_arguments_end_the_process_in_one_line(
    start_node: Any, arguments: list[str], told: str
) -> None:
    process = start_node('/wrong', *arguments)
    assert process.process.wait(PATIENCE) == 2
    assert told in next(line for line in process.log.splitlines() if line.startswith('error: '))
    assert 'Traceback' not in process.log


# ---------------------------------------------------------------- what people write


@pytest.mark.parametrize(
    ('name', 'written', 'value'),
    [
        *(('rectify', text, 'never') for text in ('off', 'Off', 'false', 'no', "'off'", 'never')),
        *(('rectify', text, 'auto') for text in ('on', 'True', 'yes', 'auto')),
        *(('autostart', text, True) for text in ('true', 'True', '1', 'on', "'true'", '1.0')),
        *(('publish_always', text, False) for text in ('false', 'NO', '0', "'off'")),
        *(('max_depth', text, 10.0) for text in ('10', '10.0', '1e1', "'10'", '0xA')),
        *(('input_height', text, 192) for text in ('192', '192.0', "'192'", '1.92e2')),
        ('model', "'2024'", '2024'),
        *(('cameras', text, []) for text in ('[]', 'null', '~', "''")),
        ('cameras', '[yes_, "null", "on"]', ['yes_', 'null', 'on']),
    ],
)
def test_what_is_meant_is_taken(name: str, written: str, value: Any) -> None:
    spec = next(spec for spec in PARAMETERS if spec.name == name)
    result = spec.read(yaml.safe_load(written))
    assert (result, type(result)) == (value, type(value))


@given(
    name=st.sampled_from([spec.name for spec in PARAMETERS]),
    value=st.one_of(
        st.text(), st.integers(), st.floats(), st.booleans(), st.none(), st.lists(st.text())
    ),
)
def test_a_value_is_of_the_type_of_its_parameter_or_refused(name: str, value: Any) -> None:
    spec = next(spec for spec in PARAMETERS if spec.name == name)
    with suppress(ParameterError):  # and no other error
        values = with_changes(DEFAULTS, {name: spec.read(value)})
        validate(values)
        read = value_of(values, name)
        if isinstance(read, tuple):
            assert all(type(item) is spec.items for item in read)
        else:
            assert type(read) is type(spec.default)


def _dump(graph: Any) -> dict[str, Any]:
    """Return the parameters as `ros2 param dump` writes them: nested at the dots of their names."""
    names = graph.call(ListParameters, 'list_parameters', ListParameters.Request()).result.names
    result: dict[str, Any] = {}
    for name, value in zip(names, graph.get(*names)):
        section = result
        *above, last = name.split('.')
        for part in above:
            section = section.setdefault(part, {})
        # An array of bytes or numbers is a list of its own type, written as one.
        plain = value is None or isinstance(value, (str, int, float))
        section[last] = value if plain else list(value)
    return {graph.namespace + '/depth': {'ros__parameters': result}}


def test_the_command_line_wins_over_a_file_of_other_types(
    start_node: Any, make_graph: Any, tmp_path: Path
) -> None:
    file = tmp_path / 'mine.yaml'
    file.write_text('/**: {ros__parameters: {rectify: off, max_depth: 10, cameras: [a]}}')
    line = ['-p', 'rectify:=auto', '-p', 'max_depth:=8.5', '-p', 'cameras:=[]']
    start_node('/given_last', '--params-file', str(file), *line)
    values = make_graph('/given_last').get('rectify', 'max_depth', 'cameras')
    assert values == ['auto', 8.5, []]


@pytest.mark.parametrize('cameras', ['[]', '[front, rear]'])
def test_a_dump_of_all_parameters_loads_again(
    start_node: Any, make_graph: Any, tmp_path: Path, cameras: str
) -> None:
    namespace = f'/dumped_{len(cameras)}'
    file = tmp_path / 'parameters.yaml'
    written = f'{{rectify: off, max_depth: 7, autostart: 1, cameras: {cameras}}}'
    file.write_text(f'/**:\n  ros__parameters: {written}\n')
    dumps = []
    for _ in range(2):
        process = start_node(namespace, '--params-file', str(file))
        graph = make_graph(namespace)
        graph.until_status(lambda _, v: v['state'] == 'active', 'an active node')
        dumps.append(_dump(graph))
        assert process.end() == 0
        # Neither is anything of it unknown; start_node itself overrides a single camera's topic.
        own = f'qos_overrides.{namespace}/image.subscription.reliability is given, but'
        assert 'is given, but' not in process.log.replace(own, '')
        file.write_text(yaml.safe_dump(dumps[-1]))
    assert dumps[0] == dumps[1]
    values = dumps[0][f'{namespace}/depth']['ros__parameters']
    assert (values['rectify'], values['max_depth'], values['autostart']) == ('never', 7.0, True)
    assert values['cameras'] == yaml.safe_load(cameras)
    first = f'{namespace}/front/image' if values['cameras'] else f'{namespace}/image'
    assert values['qos_overrides'][first]['subscription']['durability'] == 'volatile'


def test_what_has_no_effect_is_told(start_node: Any, tmp_path: Path) -> None:
    foreign = tmp_path / 'foreign.yaml'
    foreign.write_text('/camera:\n  ros__parameters: {rate: 5}\n')
    process = start_node(
        '/effectless',
        '--params-file',
        str(foreign),
        **{
            'max_deph': 5.0,
            'qos_overrides./effectless/imge.subscription.depth': 5,
            'autostart': True,
        },
    )
    end = time.monotonic() + PATIENCE
    while 'active: ' not in process.log:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert process.end() == 0
    assert f'the parameter file {foreign} is for /camera and sets nothing here' in process.log
    assert 'none of that name; did you mean max_depth?' in process.log
    assert 'qos_overrides./effectless/imge.subscription.depth is given, but is no' in process.log
