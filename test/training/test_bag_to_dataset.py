from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_training.cli import main
from s2r_depth_training.dataset.bag_pairs import PairRules, Topics
from s2r_depth_training.dataset.bags import bag_to_dataset
from s2r_depth_training.dataset.config import DataConfig
from s2r_depth_training.dataset.ray_lengths import ray_length_evidence
from s2r_depth_training.dataset.recorded_images import colour_image, depth_image
from s2r_depth_training.dataset.samples import TrainingSamples
from s2r_depth_training.dataset.store import FrameStore
from s2r_depth_training.errors import DataError

TYPES = get_typestore(Stores.ROS2_HUMBLE)
TOPICS = Topics('/camera/image', '/camera/depth', '/camera/camera_info')
HEIGHT, WIDTH, FX = 96, 128, 100.0
CAMERA = Intrinsics(FX, FX, 63.5, 47.5, WIDTH, HEIGHT)
# Stamps of colour and depth, s, and both images.
TimedPair = tuple[float, float, NDArray[np.uint8], NDArray[Any]]


def message(name: str, **fields: Any) -> Any:
    return TYPES.types[name](**fields)


def header(seconds: float) -> Any:
    stamp = message(
        'builtin_interfaces/msg/Time', sec=int(seconds), nanosec=round(seconds % 1 * 1e9)
    )
    return message('std_msgs/msg/Header', stamp=stamp, frame_id='camera')


def image(seconds: float, array: NDArray[Any], encoding: str) -> Any:
    """An image whose rows are padded, as some drivers do."""
    rows = np.ascontiguousarray(array).reshape(len(array), -1).view(np.uint8)
    rows = np.pad(rows, ((0, 0), (0, 8)))
    return message(
        'sensor_msgs/msg/Image',
        header=header(seconds),
        height=len(array),
        width=array.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=rows.shape[1],
        data=rows.ravel(),
    )


def camera_info(seconds: float, d: Sequence[float] = (0.0,) * 5, **changes: Any) -> Any:
    roi = message(
        'sensor_msgs/msg/RegionOfInterest',
        x_offset=0, y_offset=0, height=0, width=0, do_rectify=False,
    )  # fmt: skip
    ideal = np.diag([2 * FX, 2 * FX, 1, 1])[:3]
    ideal[:2, 2] = CAMERA.cx, CAMERA.cy
    fields = {
        'header': header(seconds),
        'height': HEIGHT,
        'width': WIDTH,
        'distortion_model': 'plumb_bob',
        'd': np.array(d),
        'k': CAMERA.matrix.ravel(),
        'r': np.eye(3).ravel(),
        'p': ideal.ravel(),
        'binning_x': 0,
        'binning_y': 0,
        'roi': roi,
    }
    return message('sensor_msgs/msg/CameraInfo', **{**fields, **changes})


def room(distance: float) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Z depth of a floor 1 m below the camera and a wall, and a picture of it."""
    y = np.arange(HEIGHT)[:, None] - CAMERA.cy
    depth = np.minimum(distance, np.where(y > 0, FX / np.maximum(y, 1e-6), np.inf))
    depth = np.broadcast_to(depth, (HEIGHT, WIDTH)).astype(np.float32)
    rgb = np.repeat((255 / depth)[..., None], 3, 2).clip(0, 255).astype(np.uint8)
    rgb[..., 0] = 200
    return rgb, depth


def compressed(seconds: float, data: bytes, described: str) -> Any:
    return message(
        'sensor_msgs/msg/CompressedImage',
        header=header(seconds),
        format=described,
        data=np.frombuffer(bytes(data), np.uint8),
    )


def jpeg(
    seconds: float, rgb: NDArray[np.uint8], described: str = 'bgr8; jpeg compressed bgr8'
) -> Any:
    data = cv2.imencode('.jpg', rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 98])[1]
    return compressed(seconds, data.tobytes(), described)


def compressed_depth(seconds: float, depth: NDArray[Any]) -> Any:
    """As compressed_depth_image_transport does: 12 bytes, then a PNG of 16 bits."""
    if depth.dtype == np.uint16:
        pixels, a, b, encoding = depth, 0.0, 0.0, '16UC1'
    else:
        a, b, encoding = 100.0 * 101.0, 1 - 100.0 * 101.0 / 10.0, '32FC1'  # quantum 100, to 10 m
        known = np.isfinite(depth) & (depth > 0)
        pixels = np.where(known, a / np.where(known, depth, 1) + b, 0).round().astype(np.uint16)
    png = cv2.imencode('.png', pixels)[1].tobytes()
    return compressed(
        seconds, struct.pack('<iff', 0, a, b) + png, f'{encoding}; compressedDepth png'
    )


def raw_colour(seconds: float, rgb: NDArray[np.uint8]) -> Any:
    return image(seconds, rgb[..., ::-1], 'bgr8')


def raw_depth(seconds: float, depth: NDArray[Any]) -> Any:
    return image(seconds, depth, '16UC1' if depth.dtype == np.uint16 else '32FC1')


def write_bag(
    path: Path,
    frames: Sequence[TimedPair],
    info: Any = None,
    colour: Callable[[float, NDArray[np.uint8]], Any] = raw_colour,
    depth: Callable[[float, NDArray[Any]], Any] = raw_depth,
) -> Path:
    """Write a recording; colour, depth: make messages of a stamp and an array."""
    names = {
        TOPICS.colour: colour(0.0, np.zeros((8, 8, 3), np.uint8)).__msgtype__,
        TOPICS.depth: depth(0.0, np.zeros((8, 8), np.uint16)).__msgtype__,
        TOPICS.info: 'sensor_msgs/msg/CameraInfo',
    }
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connections = {
            topic: writer.add_connection(topic, kind, typestore=TYPES)
            for topic, kind in names.items()
        }

        def put(topic: str, seconds: float, content: Any) -> None:
            data = TYPES.serialize_cdr(content, names[topic])
            writer.write(connections[topic], round(seconds * 1e9), data)

        put(TOPICS.info, 0.0, info or camera_info(0.0))
        for colour_time, depth_time, rgb, metres in frames:
            put(TOPICS.colour, colour_time, colour(colour_time, rgb))
            put(TOPICS.depth, depth_time, depth(depth_time, metres))
    return path


def run_of(distances: Sequence[float]) -> list[TimedPair]:
    return [(1.0 + i, 1.0 + i, *room(d)) for i, d in enumerate(distances)]


def test_recordings_become_samples(tmp_path):
    frames = run_of([4.0, 3.5, 3.0])
    rgb, depth = room(2.5)
    broken = depth.copy()
    broken[0, :4] = [np.nan, np.inf, 0, -1]
    frames += [
        (4.0, 4.002, rgb, broken),  # 2 ms apart: a pair
        (5.0, 5.4, *room(2.0)),  # not a pair
        (6.0, 6.0, rgb, broken),  # nothing moved since the last one kept
        (7.0, 7.0, rgb, (1000 * room(1.5)[1]).astype(np.uint16)),
    ]
    train = write_bag(tmp_path / 'a', frames)
    val = write_bag(tmp_path / 'b', run_of([5.0]))
    manifest = bag_to_dataset([train], [val], TOPICS, tmp_path / 'set', kind='mine')

    content = json.loads(manifest.read_text())
    assert [s['frames'] for s in content['shards']] == [5, 1]
    shard = np.load(manifest.parent / content['shards'][0]['file'])
    np.testing.assert_allclose(shard['depth'][1], room(3.5)[1], rtol=1e-3)
    np.testing.assert_array_equal(shard['rgb'][1], room(3.5)[0])
    np.testing.assert_array_equal(shard['depth'][3][0, :5], [0, 0, 0, 0, 2.5])
    np.testing.assert_allclose(shard['depth'][4], room(1.5)[1], atol=2e-3)
    np.testing.assert_allclose(shard['intrinsics'][0], [FX, FX, 63.5, 47.5])
    assert not set(shard['scene']) & {1}
    kinds = {key: (shard[key].dtype.name, shard[key].shape[1:]) for key in shard.files}
    assert kinds == {
        'rgb': ('uint8', (HEIGHT, WIDTH, 3)),
        'depth': ('float16', (HEIGHT, WIDTH)),
        'intrinsics': ('float32', (4,)),
        'scene': ('int64', ()),
    }
    names = {path.name for path in manifest.parent.iterdir()}  # no temporary files
    assert names == {'manifest.json', 'train_00000.npz', 'validation_00000.npz'}

    sample = TrainingSamples(FrameStore([manifest], 'train'), DataConfig(), 0)[0]
    assert sample.image.shape == (3, 96, 128)


def test_images_are_shrunk_with_their_camera(tmp_path):
    bag = write_bag(tmp_path / 'a', run_of([4.0]))
    other = write_bag(tmp_path / 'b', run_of([3.0]))
    manifest = bag_to_dataset(
        [bag], [other], TOPICS, tmp_path / 'set', kind='mine', rules=PairRules(width=64)
    )
    shard = np.load(manifest.parent / 'train_00000.npz')
    assert shard['rgb'].shape == (1, 48, 64, 3)
    np.testing.assert_allclose(shard['intrinsics'][0], [50, 50, 31.5, 23.5])


def test_rays_in_place_of_z_are_refused(tmp_path):
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    rays = np.sqrt(1 + ((x - CAMERA.cx) / FX) ** 2 + ((y - CAMERA.cy) / FX) ** 2)
    rgb, depth = room(3.0)
    assert ray_length_evidence(depth, CAMERA) < 0
    lengths = (depth * rays).astype(np.float32)
    assert ray_length_evidence(lengths, CAMERA) > 1
    bag = write_bag(tmp_path / 'a', [(1.0, 1.0, rgb, lengths)])
    with pytest.raises(DataError, match='length of the ray'):
        bag_to_dataset([bag], [], TOPICS, tmp_path / 'set', kind='mine')


def test_distorted_images_are_refused_and_rectified_ones_use_p(tmp_path):
    bag = write_bag(tmp_path / 'a', run_of([4.0]), camera_info(0.0, (0.1, 0, 0, 0, 0)))
    with pytest.raises(DataError, match='distortion'):
        bag_to_dataset([bag], [], TOPICS, tmp_path / 'set', kind='mine')
    manifest = bag_to_dataset(
        [bag], [], TOPICS, tmp_path / 'set', kind='mine', rules=PairRules(rectified=True)
    )
    assert np.load(manifest.parent / 'train_00000.npz')['intrinsics'][0, 0] == 2 * FX


@pytest.mark.parametrize(
    ('changes', 'told'),
    [
        ({'distortion_model': 'equidistant', 'd': np.zeros(4)}, r'lens distortion \(equidistant\)'),
        ({'distortion_model': 'fisheye', 'd': np.zeros(4)}, r'lens distortion \(equidistant\)'),
        ({'distortion_model': 'omni', 'd': np.zeros(4)}, "'omni' of camera_info is unknown"),
        ({'k': np.zeros(9)}, 'K of camera_info is all zero'),
        ({'k': np.eye(3).ravel()}, 'K of camera_info has fx=1'),
        ({'p': np.eye(3, 4).ravel()}, 'P of camera_info has fx=1'),
        ({'width': 0, 'height': 0}, 'the image size 0x0'),
        ({'k': np.array([FX, 3.0, 63.5, 0, FX, 47.5, 0, 0, 1])}, 'a skew of 3 pixels'),
    ],
)
def test_a_calibration_that_would_teach_wrong_depth_is_refused(tmp_path, changes, told):
    bag = write_bag(tmp_path / 'a', run_of([4.0]), camera_info(0.0, **changes))
    with pytest.raises(DataError, match=f'{bag}: .*{told}'):
        bag_to_dataset([bag], [], TOPICS, tmp_path / 'set', kind='mine')


@pytest.mark.parametrize(
    'changes',
    [
        {'distortion_model': 'None', 'd': np.zeros(0)},
        {'distortion_model': 'plumb_bob', 'd': np.zeros(8)},
        {
            'k': np.array([2 * FX, 0, 127.5, 0, 2 * FX, 95.5, 0, 0, 1]),
            'p': np.zeros(12),
            'width': 2 * WIDTH,
            'height': 2 * HEIGHT,
            'binning_x': 2,
            'binning_y': 2,
        },
    ],
)
def test_other_ways_to_write_the_same_camera(tmp_path, changes):
    bag = write_bag(tmp_path / 'a', run_of([4.0]), camera_info(0.0, **changes))
    manifest = bag_to_dataset([bag], [], TOPICS, tmp_path / 'set', kind='mine')
    intrinsics = np.load(manifest.parent / 'train_00000.npz')['intrinsics'][0]
    np.testing.assert_allclose(intrinsics, [FX, FX, 63.5, 47.5])


def test_of_rectified_images_the_lens_is_not_looked_at(tmp_path):
    info = camera_info(0.0, d=[0.1] * 3, distortion_model='omni', k=np.zeros(9))
    bag = write_bag(tmp_path / 'a', run_of([4.0]), info)
    manifest = bag_to_dataset(
        [bag], [], TOPICS, tmp_path / 'set', kind='mine', rules=PairRules(rectified=True)
    )
    assert np.load(manifest.parent / 'train_00000.npz')['intrinsics'][0, 0] == 2 * FX


@pytest.mark.parametrize(('train', 'val'), [('ab', 'a'), ('aa', 'b'), ('a', 'bb')])
def test_a_recording_that_is_given_twice_is_refused(tmp_path, train, val):
    for name in 'ab':
        (tmp_path / name).mkdir()
    (tmp_path / 'link').symlink_to(tmp_path)
    seen, held_out = [tmp_path / n for n in train], [tmp_path / 'link' / n for n in val]
    with pytest.raises(DataError, match='is given twice; give other runs'):
        bag_to_dataset(seen, held_out, TOPICS, tmp_path / 'set', kind='mine')
    assert not (tmp_path / 'set').exists()


@pytest.mark.parametrize(
    ('topics', 'message_part'),
    [
        (Topics('/none', TOPICS.depth, TOPICS.info), 'no topic /none; it has /camera/camera_info'),
        (Topics(TOPICS.depth, TOPICS.depth, TOPICS.info), 'three topics'),
    ],
)
def test_wrong_topics_are_named(tmp_path, topics, message_part):
    bag = write_bag(tmp_path / 'a', run_of([4.0]))
    with pytest.raises(DataError, match=message_part):
        bag_to_dataset([bag], [], topics, tmp_path / 'set', kind='mine')


def test_other_encodings_are_refused():
    with pytest.raises(DataError, match="'8UC1' is no depth"):
        depth_image(image(0.0, np.zeros((4, 4), np.uint8), '8UC1'))


@pytest.mark.parametrize('missing', [9, 200, 10**6])
@pytest.mark.parametrize('read', [colour_image, depth_image])
def test_images_of_too_few_bytes_are_named(read: Callable[[Any], Any], missing: int) -> None:
    """More than the padding of the last row, which drivers leave out."""
    colour, depth = (np.zeros((40, 40, 3), np.uint8), 'rgb8'), (np.zeros((40, 40), '<u2'), '16UC1')
    cut = image(0.0, *(colour if read is colour_image else depth))
    cut.data = cut.data[:-missing] if missing < len(cut.data) else cut.data[:0]
    with pytest.raises(DataError, match=r'image of 40x40 .* truncated'):
        read(cut)


def test_colour_is_read_as_the_node_reads_it() -> None:
    mosaic = np.tile(np.array([[200, 120], [120, 40]], np.uint8), (20, 20))
    for message in (
        image(0.0, mosaic, 'bayer_rggb8'),
        compressed(0.0, cv2.imencode('.png', mosaic)[1].tobytes(), 'bayer_rggb8; png compressed '),
    ):
        assert np.abs(colour_image(message).astype(int) - [200, 120, 40]).max() <= 1


def test_compressed_recordings_become_samples(tmp_path):
    rgb, depth = room(4.0)
    depth = depth.copy()
    depth[0, :3] = [np.nan, np.inf, 0]
    millimetres = (1000 * room(3.0)[1]).astype(np.uint16)
    frames: list[TimedPair] = [(1.0, 1.0, rgb, depth), (2.0, 2.0, room(3.0)[0], millimetres)]
    bag = write_bag(tmp_path / 'a', frames, colour=jpeg, depth=compressed_depth)
    manifest = bag_to_dataset([bag], [], TOPICS, tmp_path / 'set', kind='mine')
    shard = np.load(manifest.parent / 'train_00000.npz')
    assert np.abs(shard['rgb'][0].astype(int) - rgb).mean() < 3  # red is the first channel
    np.testing.assert_array_equal(shard['depth'][0][0, :3], 0)
    # The transport keeps 1 / depth in steps of 1 / 10100.
    np.testing.assert_allclose(shard['depth'][0][1:], depth[1:], rtol=1e-3)
    np.testing.assert_allclose(shard['depth'][1], room(3.0)[1], atol=2e-3)


@pytest.mark.parametrize(
    ('described', 'channels'),
    [
        ('png', [2, 1, 0]),
        ('rgb8; png compressed bgr8', [2, 1, 0]),
        ('rgb8; png compressed rgb8', [0, 1, 2]),
    ],
)
def test_png_colour_is_exact(described, channels):
    """OpenCV encodes the channels as blue, green and red, whatever image_transport gave it."""
    rgb, _ = room(4.0)
    data = cv2.imencode('.png', rgb[..., channels])[1].tobytes()
    np.testing.assert_array_equal(colour_image(compressed(0.0, data, described)), rgb)


@pytest.mark.parametrize(
    ('described', 'data', 'told'),
    [
        ('16UC1; jpeg compressed', b'', 'record the depth image uncompressed'),
        ('32FC1; png compressed', b'', 'record the depth image uncompressed'),
        ('16UC1; png compressed', b'', 'empty or damaged'),
        ('16UC1; compressedDepth rvl', b'', 'record the depth image uncompressed'),
        ('8UC1; compressedDepth png', b'', 'record the depth image uncompressed'),
        ('16UC1; compressedDepth png', b'', 'empty or damaged'),
        ('32FC1; compressedDepth png', b'123456789012no png', 'empty or damaged'),
    ],
)
def test_other_compressed_depth_is_refused(described, data, told):
    with pytest.raises(DataError, match=told):
        depth_image(compressed(0.0, data, described))


def test_a_broken_colour_image_is_named_with_its_recording(tmp_path):
    def broken(seconds: float, rgb: NDArray[np.uint8]) -> Any:
        return compressed(seconds, b'no jpeg', 'jpeg')

    bag = write_bag(tmp_path / 'a', run_of([4.0]), colour=broken)
    with pytest.raises(DataError, match=r"a: no pair .* format 'jpeg' .* cannot"):
        bag_to_dataset([bag], [], TOPICS, tmp_path / 'set', kind='mine')


def test_one_bad_message_costs_one_pair_and_is_told(tmp_path):
    def cut_at_three(seconds: float, rgb: NDArray[np.uint8]) -> Any:
        whole = raw_colour(seconds, rgb)
        if seconds == 3.0:
            whole.data = whole.data[:-500]
        return whole

    told: list[str] = []
    bag = write_bag(tmp_path / 'a', run_of([5.0, 4.5, 4.0, 3.5, 3.0]), colour=cut_at_three)
    manifest = bag_to_dataset([bag], [], TOPICS, tmp_path / 'set', kind='mine', report=told.append)
    assert json.loads(manifest.read_text())['shards'][0]['frames'] == 4
    (line,) = told
    assert 'left out 1 messages' in line
    assert 'truncated' in line


def test_stamps_too_far_apart_are_told_with_the_tolerance(tmp_path):
    frames = [(t, t + 0.016, rgb, depth) for t, _, rgb, depth in run_of([5.0, 4.0])]
    bag = write_bag(tmp_path / 'a', frames)
    with pytest.raises(DataError, match=r'are 0\.016 s apart; say --tolerance 0\.019'):
        bag_to_dataset([bag], [], TOPICS, tmp_path / 'set', kind='mine')
    bag_to_dataset(
        [bag], [], TOPICS, tmp_path / 'set', kind='mine', rules=PairRules(tolerance=0.019)
    )


@pytest.mark.parametrize('late', [0.4, 3.0, 28800.0, 1.79e9])
def test_clocks_that_differ_are_told_and_no_tolerance_for_them(tmp_path, late):
    """With so large a one any two frames would be a pair."""
    frames = [(t, t + late, rgb, depth) for t, _, rgb, depth in run_of([5.0])]
    bag = write_bag(tmp_path / 'a', frames)
    with pytest.raises(DataError, match='synchronise the clocks') as caught:
        bag_to_dataset([bag], [], TOPICS, tmp_path / 'set', kind='mine')
    assert '--tolerance' not in str(caught.value)


@pytest.mark.parametrize('stamp', [0.0, 7.0])
@pytest.mark.parametrize(('late', 'pairs'), [(0.0, 5), (0.5, 1)])
def test_stamps_that_stand_still_pair_nothing(tmp_path, stamp, late, pairs):
    frames = [(t, t + late, rgb, depth) for t, _, rgb, depth in run_of([5.0, 4.5, 4.0, 3.5, 3.0])]
    bag = write_bag(
        tmp_path / 'a',
        frames,
        colour=lambda _, rgb: raw_colour(stamp, rgb),
        depth=lambda _, metres: raw_depth(stamp, metres),
    )
    if late and not stamp:
        with pytest.raises(DataError, match=r'the closest stamps are 0\.5 s apart'):
            bag_to_dataset([bag], [], TOPICS, tmp_path / 'set', kind='mine')
        return
    manifest = bag_to_dataset([bag], [], TOPICS, tmp_path / 'set', kind='mine')
    assert json.loads(manifest.read_text())['shards'][0]['frames'] == pairs


@pytest.mark.parametrize('nothing', [0.0, np.nan, np.inf, -1.0])
def test_depth_that_says_nothing_is_left_out_and_told(tmp_path, nothing):
    def depth(seconds: float, metres: NDArray[Any]) -> Any:
        return raw_depth(seconds, metres if seconds != 2.0 else np.full_like(metres, nothing))

    told: list[str] = []
    bag = write_bag(tmp_path / 'a', run_of([5.0, 4.5, 4.0]), depth=depth)
    manifest = bag_to_dataset([bag], [], TOPICS, tmp_path / 'set', kind='mine', report=told.append)
    assert json.loads(manifest.read_text())['shards'][0]['frames'] == 2
    assert 'no pixel of the depth image is valid' in told[0]


def test_a_folder_without_a_recording_is_named(tmp_path):
    (tmp_path / 'pictures').mkdir()
    (tmp_path / 'pictures' / '1.png').touch()
    with pytest.raises(UserError, match='holds no recording of ROS'):
        bag_to_dataset([tmp_path / 'pictures'], [], TOPICS, tmp_path / 'set', kind='mine')


def test_depth_is_read_as_drivers_write_it(tmp_path):
    millimetres = (1000 * room(3.0)[1]).astype(np.uint16)
    as_mono16 = depth_image(image(0.0, millimetres, 'mono16'))
    np.testing.assert_array_equal(as_mono16, depth_image(image(0.0, millimetres, '16UC1')))
    png = cv2.imencode('.png', millimetres)[1].tobytes()
    as_png = depth_image(compressed(0.0, png, '16UC1; png compressed '))
    np.testing.assert_array_equal(as_png, as_mono16)


@pytest.mark.parametrize('frame', ['depth_optical', 'camera', '', '/camera'])
def test_depth_of_another_camera_is_refused(tmp_path, frame):
    """By the names of the frames, unless a transform says that they are one."""

    def own_depth(seconds: float, depth: NDArray[Any]) -> Any:
        message = raw_depth(seconds, depth)
        message.header.frame_id = frame
        return message

    runs = [write_bag(tmp_path / n, run_of([2.0, 3.0]), depth=own_depth) for n in 'ab']
    command = ['bag_to_dataset', '--train', str(runs[0]), '--val', str(runs[1]), '--kind', 'room']
    for role, topic in TOPICS.by_role().items():
        command += [f'--{role}', topic]
    same = frame.strip('/') in ('camera', '')
    assert main([*command, '--out', str(tmp_path / 'set')]) == (0 if same else 2)
    said = ['--transform', f'camera {frame} 0 0 0 0 0 0'] if not same else []
    assert main([*command, *said, '--out', str(tmp_path / 'said')]) == 0
    moved = ['--transform', f'camera {frame} 0.05 0 0 0 0 0'] if not same else []
    assert main([*command, *moved, '--out', str(tmp_path / 'moved')]) == (0 if same else 2)
    assert FrameStore([tmp_path / 'said' / 'manifest.json'], 'train').count('room') == 2
    before = (tmp_path / 'said' / 'manifest.json').read_bytes()
    assert main([*command, *said, '--out', str(tmp_path / 'said')]) == 2  # nothing is written over
    assert (tmp_path / 'said' / 'manifest.json').read_bytes() == before


def test_camera_info_of_another_camera_is_told(tmp_path):
    told: list[str] = []
    info = camera_info(0.0)
    info.header.frame_id = 'rear'
    runs = [write_bag(tmp_path / n, run_of([2.0, 3.0]), info) for n in 'ab']
    bag_to_dataset(runs[:1], runs[1:], TOPICS, tmp_path / 'set', kind='room', report=told.append)
    assert len(told) == 2  # once for each recording
    assert "/camera/camera_info is of the frame 'rear', /camera/image of 'camera'" in told[0]
