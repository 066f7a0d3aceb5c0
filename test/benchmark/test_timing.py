from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from s2r_depth_ros.benchmark import timing as benchmark
from s2r_depth_ros.benchmark.timing import Case
from s2r_depth_ros.cli import main

RUNTIMES = ('onnx', 'onnxruntime', 'openvino')


@pytest.fixture
def runtimes() -> None:
    for module in RUNTIMES:
        pytest.importorskip(module, reason=f'{module} is optional and not installed')


def test_cases_take_turns_and_every_run_counts() -> None:
    calls: list[str] = []
    synchronised: list[None] = []
    timed = {name: lambda name=name: calls.append(name) for name in 'ab'}
    times = benchmark.measure(timed, 7, lambda: synchronised.append(None))
    assert ''.join(calls) == 'aaaaaabbbbbb' * 2
    assert {name: values.shape for name, values in times.items()} == {'a': (10, 2), 'b': (10, 2)}
    assert len(synchronised) == 40
    assert all((values >= 0).all() for values in times.values())


def test_command_writes_what_the_times_depend_on(
    lively_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'times.json'
    options = ['--model', str(lively_model), '--image-size', '120x160', '--runs', '2']
    assert main(['benchmark', *options, '--cases', 'torch:fp32', '--json', str(out)]) == 0
    report = json.loads(out.read_text())
    settings = report['settings']
    assert settings['input_size'] == [96, 128]
    assert settings['image_size'] == [120, 160]
    assert settings['width'] == 0.125
    assert len(settings['model_sha256']) == 64
    assert report['machine']['versions']['torch'] == torch.__version__
    assert report['machine']['threads'] == torch.get_num_threads()
    rows = {(row['level'], row['case']): row for row in report['rows']}
    assert set(rows) == {
        (level, case)
        for level in ('a inference', 'b estimator')
        for case in ('reference', 'torch fp32')
    }
    for (level, case), row in rows.items():
        assert 0 < row['median_ms'] <= row['p95_ms'] <= row['p99_ms']
        reference = rows[level, 'reference']['median_ms']
        assert row['ratio'] == pytest.approx(reference / row['median_ms'], rel=0.01)
        assert (row['depth_change_p99'] is None) == (case == 'reference')
    assert rows['a inference', 'torch fp32']['depth_change_p99'] < 1e-3
    printed = capsys.readouterr().out
    assert 'torch fp32' in printed


def test_depth_change_is_relative() -> None:
    reference = torch.tensor([-0.5, 0.0, 0.5])  # depths of 0.5, 1 and 1.5 half ranges
    median, p99 = benchmark._change(torch.tensor([-0.45, 0.1, 0.65]), reference)
    assert (median, p99) == (pytest.approx(0.1), pytest.approx(0.1, rel=1e-3))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--cases', 'torch'], 'use BACKEND:PRECISION'),
        (['--cases', 'tvm:fp32'], 'use BACKEND:PRECISION'),
        (['--levels', 'abx'], "letters of 'abc'"),
        (['--cameras', '2'], 'c among the --levels'),
        (['--levels', 'c', '--cameras', '1'], 'at least 2 cameras'),
        (['--image', 'missing.png'], 'missing.png: cannot be read'),
    ],
)
def test_mistakes(
    options: list[str], message: str, lively_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['benchmark', '--model', str(lively_model), *options]) == 2
    assert message in capsys.readouterr().err


def test_random_weights_of_a_width(tmp_path: Path) -> None:
    out = tmp_path / 'times.json'
    options = ['--width', '0.125', '--input-size', '96x128', '--runs', '1', '--levels', 'a']
    assert main(['benchmark', *options, '--cases', 'eager:fp32', '--json', str(out)]) == 0
    assert json.loads(out.read_text())['settings']['width'] == 0.125


def test_int8_label() -> None:
    assert Case('openvino', 'bf16', Path('x.int8.onnx')).label == 'openvino bf16 int8'
    assert Case('torch', 'fp32', Path('x.safetensors')).label == 'torch fp32'


@pytest.fixture
def pictures(tmp_path: Path, photo: np.ndarray) -> Path:
    cv2 = pytest.importorskip('cv2')
    folder = tmp_path / 'pictures'
    folder.mkdir()
    for index in range(3):
        cv2.imwrite(str(folder / f'{index}.png'), np.roll(photo, 20 * index, 1))
    return folder


@pytest.mark.usefixtures('runtimes')
def test_export_and_int8(
    lively_model: Path,
    pictures: Path,
    tmp_path: Path,
    photo: np.ndarray,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from s2r_depth_ros.inference.estimator import DepthEstimator

    plain, small = tmp_path / 'plain.onnx', tmp_path / 'small.int8.onnx'
    options = ['export', '--model', str(lively_model), '--input-size', '112x208']
    assert main([*options, '--out', str(plain)]) == 0
    assert main([*options, '--out', str(small), '--int8', str(pictures)]) == 0
    assert 'calibrated on 3 images' in capsys.readouterr().out
    assert small.stat().st_size < 0.4 * plain.stat().st_size
    exact = DepthEstimator(plain, device='cpu', backend='openvino')
    assert exact.input_size == (112, 208)
    expected = exact.predict(photo).depth
    for backend in ('openvino', 'onnxruntime'):
        depth = DepthEstimator(small, device='cpu', backend=backend).predict(photo).depth
        # Random weights spread rounding far; a wrong scale would give the spread of depth itself.
        assert 0 < np.median(np.abs(depth - expected)) < 0.25 * expected.std()


@pytest.mark.usefixtures('runtimes')
def test_export_refuses_what_does_not_compute_the_same(
    lively_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from s2r_depth_ros.commands import export

    monkeypatch.setattr(export, '_TOLERANCE', 0.0)
    out = tmp_path / 'x.onnx'
    assert main(['export', '--model', str(lively_model), '--out', str(out)]) == 1
    assert not out.exists()


@pytest.mark.usefixtures('runtimes')
def test_shards_of_the_training_set_calibrate(metadata, tmp_path: Path) -> None:
    from s2r_depth_ros.export.quantization import calibration_inputs

    generator = np.random.default_rng(0)
    for index, count in enumerate((200, 3)):
        rgb = generator.integers(0, 256, (count, 96, 128, 3), np.uint8)
        np.savez(tmp_path / f'{index}.npz', rgb=rgb)
    inputs = calibration_inputs(tmp_path, metadata)
    assert len(inputs) == 51
    assert {array.shape for array in inputs} == {(1, 3, 96, 128)}


def test_export_mistakes(
    lively_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    runtimes: Callable[[], None],
) -> None:
    options = ['export', '--model', str(lively_model), '--out']
    assert main([*options, 'x.pb']) == 2
    assert 'must end in .onnx' in capsys.readouterr().err
    (tmp_path / 'empty').mkdir()
    out = tmp_path / 'x.onnx'
    assert main([*options, str(out), '--int8', str(tmp_path / 'empty')]) == 2
    assert not out.exists()
