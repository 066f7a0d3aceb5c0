"""The export command, end to end on files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from s2r_depth_ros.cli import main
from s2r_depth_ros.commands import export
from s2r_depth_ros.inference.estimator import DepthEstimator

RUNTIMES = ('onnx', 'onnxruntime', 'openvino')


@pytest.fixture
def runtimes() -> None:
    for module in RUNTIMES:
        pytest.importorskip(module, reason=f'{module} is optional and not installed')


@pytest.fixture
def pictures(tmp_path: Path, photo: NDArray[np.uint8]) -> Path:
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
    photo: NDArray[np.uint8],
    capsys: pytest.CaptureFixture[str],
) -> None:
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
    monkeypatch.setattr(export, '_TOLERANCE', 0.0)
    out = tmp_path / 'x.onnx'
    assert main(['export', '--model', str(lively_model), '--out', str(out)]) == 1
    assert not out.exists()


def test_export_refuses_a_file_that_cannot_be_written_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'gone' / 'x.onnx'
    # The model does not exist: were it looked for first, that would be told.
    assert main(['export', '--model', 'none', '--out', str(out)]) == 2
    assert f'error: {out}: there is no folder {out.parent}' in capsys.readouterr().err


@pytest.mark.usefixtures('runtimes')
def test_export_mistakes(
    lively_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ['export', '--model', str(lively_model), '--out']
    assert main([*options, 'x.pb']) == 2
    assert 'must end in .onnx' in capsys.readouterr().err
    (tmp_path / 'empty').mkdir()
    out = tmp_path / 'x.onnx'
    assert main([*options, str(out), '--int8', str(tmp_path / 'empty')]) == 2
    assert not out.exists()
