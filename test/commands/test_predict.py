"""The predict command, end to end on files."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from media_files import read_cloud, read_png, write_video
from numpy.typing import NDArray

from s2r_depth_ros.commands import predict
from s2r_depth_ros.files import OutputError
from s2r_depth_ros.inference.devices import DeviceError
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.media.figure import figure
from s2r_depth_ros.network.checkpoint import load_model, save_model
from s2r_depth_ros.network.metadata import CheckpointError
from s2r_depth_ros.size_rule import SizeError

Command = Callable[..., int]


@pytest.fixture
def command(lively_model: Path, tmp_path: Path) -> Command:
    """Return a function that runs the command on inputs, results in ``out``."""

    def run(*arguments: object, model: Path = lively_model, out: Path = tmp_path / 'out') -> int:
        parser = argparse.ArgumentParser()
        predict.add_arguments(parser)
        fixed = ['--model', str(model), '--out', str(out), '--device', 'cpu']
        return predict.run(parser.parse_args([*map(str, arguments), *fixed]))

    return run


@pytest.fixture
def image(tmp_path: Path, photo: NDArray[np.uint8]) -> Path:
    file = tmp_path / 'in' / 'scene.png'
    file.parent.mkdir()
    cv2.imwrite(str(file), photo[:, :, ::-1])
    return file


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_image(
    command: Command,
    image: Path,
    tmp_path: Path,
    photo: NDArray[np.uint8],
    estimator: DepthEstimator,
) -> None:
    assert command(image, '--fx', 200, '--npy', '--ply') == 0
    out = tmp_path / 'out'
    assert names(out) == ['scene.color.png', 'scene.depth.npy', 'scene.depth.png', 'scene.ply']
    depth = np.load(out / 'scene.depth.npy')
    # By the fastest backend that is there; the fixture's is torch.
    np.testing.assert_allclose(depth, estimator.predict(photo, fx=200.0).depth, rtol=1e-3)
    millimetres = read_png(out / 'scene.depth.png')
    near = depth < 65
    np.testing.assert_allclose(millimetres[near] / 1000, depth[near], atol=6e-4)
    assert read_png(out / 'scene.color.png').shape == photo.shape
    points, colours = read_cloud(out / 'scene.ply')
    x = (np.arange(208) - 103.5) / 200 * depth
    y = (np.arange(112)[:, None] - 55.5) / 200 * depth
    expected = np.stack([x, y, depth], -1).reshape(-1, 3)
    np.testing.assert_allclose(points, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(colours, photo.reshape(-1, 3))


def test_maps_are_written_as_they_are_and_in_a_figure(
    command: Command,
    image: Path,
    tmp_path: Path,
    photo: NDArray[np.uint8],
    estimator: DepthEstimator,
) -> None:
    assert command(image, '--maps', '--backend', 'torch') == 0
    out = tmp_path / 'out'
    assert names(out) == [
        f'scene.{name}.png'
        for name in ('attention', 'color', 'depth', 'figure', 'product', 'structure')
    ]
    prediction = estimator.predict(photo, maps=True)
    structure, attention = prediction.structure, prediction.attention
    assert structure is not None
    assert attention is not None
    expected = {
        'structure': structure,
        'attention': attention,
        'product': structure * attention,
    }
    for name, values in expected.items():
        picture = read_png(out / f'scene.{name}.png')
        assert picture.shape == photo.shape
        np.testing.assert_allclose(picture / 255, np.repeat(values[..., None], 3, 2), atol=0.003)
    height = round(320 * 112 / 208)
    drawn = read_png(out / 'scene.figure.png')[..., ::-1]
    assert drawn.shape == (height + 42, 5 * 332 + 12, 3)
    shown = cv2.resize(photo, (320, height), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(drawn[30:-12, 12:332], shown)
    panels = [drawn[30:-12, 12 + 332 * i : 332 + 332 * i] for i in range(5)]
    for first, second in pairwise(panels):
        assert np.abs(first.astype(int) - second).mean() > 5


def test_a_figure_of_maps_that_say_nothing_can_be_drawn() -> None:
    flat = np.full((40, 60), 0.5, np.float32)
    nothing = np.full((40, 60), np.nan, np.float32)
    maps = {'structure': flat, 'attention': flat, 'product': flat}
    assert figure(np.zeros((40, 60, 3), np.uint8), maps, nothing).dtype == np.uint8


def test_only_what_was_asked_and_overwriting(command: Command, image: Path, tmp_path: Path) -> None:
    assert command(image) == command(image) == 0
    assert names(tmp_path / 'out') == ['scene.color.png', 'scene.depth.png']


def test_folder_with_broken_files(
    command: Command, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = image.parent
    (folder / 'broken.png').write_bytes(image.read_bytes()[:-40])
    (folder / 'foreign.jpg').write_bytes(b'text')
    cv2.imwrite(str(folder / 'small.png'), np.zeros((20, 50, 3), np.uint8))
    (folder / f'{"l" * 246}ong.png').write_bytes(image.read_bytes())
    (folder / 'zlast.png').write_bytes(image.read_bytes())
    assert command(folder, tmp_path / 'gone.png') == 1
    assert [name for name in names(tmp_path / 'out') if 'depth' in name] == [
        'scene.depth.png',
        'zlast.depth.png',
    ]
    output = capsys.readouterr()
    assert '2 depth images written' in output.out
    assert re.search(r'model .*, on cpu in fp32 \(backend \w+: .*\)', output.out)
    assert '5 inputs failed' in output.err
    assert 'the name is too long for its results; rename it' in output.err
    for name, reason in {
        'broken.png': 'cut short',
        'foreign.jpg': 'not an image',
        'small.png': '20x50',
        'gone.png': 'no such file',
    }.items():
        [line] = [line for line in output.err.splitlines() if f'{name}: ' in line]
        assert reason in line


def test_video_and_shared_stems(
    command: Command, image: Path, tmp_path: Path, photo: NDArray[np.uint8]
) -> None:
    other = tmp_path / 'other'
    other.mkdir()
    cv2.imwrite(str(other / 'scene.jpg'), photo)
    video = other / 'clip.avi'
    write_video(video, [np.asarray(cv2.resize(photo, (64, 48)), np.uint8)] * 2)
    assert command(image, other) == 0
    assert [name for name in names(tmp_path / 'out') if 'depth' in name] == [
        'clip_000000.depth.png',
        'clip_000001.depth.png',
        'scene.depth.png',
        'scene_2.depth.png',
    ]


def test_options_reach_the_estimator(
    command: Command, image: Path, tmp_path: Path, photo: NDArray[np.uint8], lively_model: Path
) -> None:
    options = ('--input-size', '112x208', '--precision', 'bf16', '--backend', 'eager', '--npy')
    assert command(image, *options) == 0
    expected = DepthEstimator(
        lively_model, device='cpu', precision='bf16', input_size=(112, 208), backend='eager'
    ).predict(photo)
    np.testing.assert_array_equal(np.load(tmp_path / 'out' / 'scene.depth.npy'), expected.depth)


@pytest.mark.parametrize('fx', [0.9, 1e6])
def test_a_focal_length_that_no_camera_has_is_refused(
    command: Command, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], fx: float
) -> None:
    assert command(image, '--fx', fx) == 1
    assert f'--fx is {fx:g} px, a field of view of' in capsys.readouterr().err
    assert not names(tmp_path / 'out')


def test_cloud_without_fx_says_what_it_assumes(
    command: Command, image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(image, '--ply', '--npy') == 0
    output = capsys.readouterr().out
    # fx 100 at 128 px: 65.2 degrees.
    assert 'field of view of the training images, 65.2 degrees (fx = 0.781 x image width)' in output
    depth = np.load(tmp_path / 'out' / 'scene.depth.npy')
    points, _ = read_cloud(tmp_path / 'out' / 'scene.ply')
    expected = (0 - 103.5) / (100 * 208 / 128) * depth[0, 0]
    assert points[0, 0] == pytest.approx(expected, rel=1e-5)


def test_far_depth_is_announced(
    command: Command, image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(image)
    assert 'beyond 65.535 m' in capsys.readouterr().out


def test_cloud_of_a_model_without_focal_length(
    command: Command,
    image: Path,
    tmp_path: Path,
    lively_model: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    network, metadata = load_model(lively_model)
    model = tmp_path / 'unknown.safetensors'
    save_model(model, network, replace(metadata, focal_length=None, max_depth=10.0))
    with pytest.raises(OutputError, match='--ply needs --fx'):
        command(image, '--ply', model=model)
    assert command(image, '--ply', '--fx', 180, model=model) == 0
    assert 'beyond' not in capsys.readouterr().out


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--input-size', '96'], "'96' is not HEIGHTxWIDTH"),
        (['--fx', '0'], "'0' is not a positive number of pixels"),
        (['--fx', 'nan'], "'nan' is not a positive number"),
        (['--fx', 'wide'], "'wide' is not a positive number"),
        (['--precision', 'int8'], 'invalid choice'),
    ],
)
def test_usage_errors(
    command: Command,
    image: Path,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match='2'):
        command(image, *arguments)
    assert message in capsys.readouterr().err


def test_what_makes_everything_impossible(command: Command, image: Path, tmp_path: Path) -> None:
    with pytest.raises(SizeError, match='64x128'):
        command(image, '--input-size', '64x128')
    with pytest.raises(DeviceError, match='fp16'):
        command(image, '--precision', 'fp16')
    with pytest.raises(CheckpointError, match='gone'):
        command(image, model=tmp_path / 'gone.safetensors')
    with pytest.raises(OutputError, match='is also an input'):
        command(image.parent, out=image.parent)
    with pytest.raises(OutputError, match='cannot make the folder'):
        command(image, out=image / 'x')


def test_full_disk_stops_everything(
    command: Command, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(predict.writers, 'write_depth_png', fail)
    with pytest.raises(OutputError, match=r'cannot write to .*No space left'):
        command(image)
